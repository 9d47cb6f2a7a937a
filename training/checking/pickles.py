"""Files that execute when they are opened: found by name and by their first bytes, opened by nobody."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".pkl", ".pickle", ".joblib", ".skops", ".pt", ".pth", ".dill", ".cloudpickle", ".npy.pkl")
FIRST_OF_PICKLE = b"\x80"
PROTOCOLS = (2, 3, 4, 5)


def pickles(folder: Path) -> list[str]:
    """Return the files below a folder that are pickles, by POSIX path.

    Notes
    -----
    A pickle of protocol 2 and later begins with 0x80 and its protocol, whatever it is called. Older ones are text and
    are found by their name alone.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                first = file.read(2)
            is_pickle = len(first) == 2 and first[:1] == FIRST_OF_PICKLE and first[1] in PROTOCOLS
            if is_pickle or path.name.endswith(SUFFIXES):
                found.append(path.relative_to(folder).as_posix())
    return found
