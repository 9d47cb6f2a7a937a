"""The door: what kind of source it is, and who reads it."""

from __future__ import annotations

from pathlib import Path

from features.errors import BadInputError
from features.records.reading.options import KNOWN_AT_RULES, ImportOptions, ImportReport
from features.records.reading.problems import near_match, shown
from features.records.reading.tabular import import_canonical
from features.records.store import Store
from features.records.tables import IMPORTABLE


def kinds() -> tuple[str, ...]:
    """Return every kind of source that can be imported."""
    return tuple(IMPORTABLE)


def import_file(store: Store, path: Path, kind: str, options: ImportOptions | None = None) -> ImportReport:
    """Import one source: all of it is kept, or nothing.

    Parameters
    ----------
    store : Store
        Where to.
    path : Path
        A file, or the folder of a taxonomy.
    kind : str
        A table name, or one of the sources in `kinds`.
    options : ImportOptions, optional
        Mapping, encoding, rule for ``known_at``, clock.

    Returns
    -------
    ImportReport
        What was new, what stood there already, what was put aside.

    Raises
    ------
    RefusedFileError
        If anything in it is wrong; the message names file, line, column, what was found and what is allowed.
    """
    options = options or ImportOptions()
    if kind not in kinds():
        raise BadInputError(
            "Unknown kind of source.",
            found=shown(kind),
            allowed=", ".join(kinds()),
            hint=near_match(kind, kinds()),
        )
    if options.known_at not in KNOWN_AT_RULES:
        raise BadInputError(
            "Unknown rule for known_at.", found=shown(options.known_at), allowed=" or ".join(KNOWN_AT_RULES)
        )
    return import_canonical(store, Path(path), kind, options)
