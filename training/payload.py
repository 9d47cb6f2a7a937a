"""A model's payload: plain files and one scorer, written the same way every time."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import BadInputError
from training.loading import load_scorer

Arrays = Mapping[str, NDArray[Any]]

PLAIN_SUFFIXES = (".txt", ".npz", ".json")
SCORER, GOLDEN, SCHEMA = "scorer.py", "golden.npz", "feature_schema.json"
RESERVED = (SCORER, GOLDEN, SCHEMA)
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Payload:
    """What a fit returns: everything the scorer reads, and nothing else.

    Parameters
    ----------
    question : str
        skills, recommendation, attrition or impact.
    files : mapping of str to bytes
        Relative path to content: LightGBM text (``.txt``), arrays (``.npz``, by `npz_bytes`) or JSON
        (``.json``, by `json_bytes`).
    golden_inputs : mapping of str to array
        Keyword arrays for ``Scorer.scores(**golden_inputs)``; synthetic, nobody's data.
    feature_schema : mapping of str to str
        Feature name to kind and unit; its digest is signed.
    input_example : mapping of str to array
        Columns of the data frame that ``model.py`` takes; synthetic. A two-dimensional array is a column of lists.
    """

    question: str
    files: Mapping[str, bytes]
    golden_inputs: Arrays
    feature_schema: Mapping[str, str]
    input_example: Arrays


def write_payload(payload: Payload, folder: Path, *, scorer: Path | None = None) -> str:
    """Write a payload with its scorer and its golden answer, and return its digest.

    Parameters
    ----------
    payload : Payload
        What the fit returned.
    folder : Path
        New or empty.
    scorer : Path, optional
        Source of the scorer; by default ``training/<question>/scorer.py``.

    Returns
    -------
    str
        The payload digest.

    Raises
    ------
    BadInputError
        If the folder holds something, or a file is not plain.
    """
    check_files(payload)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BadInputError("A payload is written into an empty folder.", found=str(folder))
    for name, content in payload.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    source = scorer or scorer_source(payload.question)
    (folder / SCORER).write_bytes(source.read_bytes())
    (folder / SCHEMA).write_bytes(json_bytes(payload.feature_schema))
    output = np.asarray(load_scorer(folder).scores(**payload.golden_inputs))
    golden = {f"input_{name}": np.asarray(value) for name, value in payload.golden_inputs.items()}
    (folder / GOLDEN).write_bytes(npz_bytes({**golden, "output": output}))
    return payload_digest(folder)


def scorer_source(question: str) -> Path:
    """Return the path of a question's scorer."""
    return Path(__file__).parent / question / SCORER


def check_files(payload: Payload) -> None:
    """Raise BadInputError for a file that is not plain, or whose name could leave the folder."""
    for name in payload.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or name in RESERVED or "\\" in name:
            raise BadInputError("A payload file has an impossible name.", found=name)
        if path.suffix not in PLAIN_SUFFIXES:
            raise BadInputError(
                "A payload holds plain files only.", found=name, allowed=", ".join(PLAIN_SUFFIXES)
            )


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by POSIX path, sorted.

    Raises
    ------
    BadInputError
        If there is a link, a socket or anything else that is neither a file nor a folder.
    """
    digests: dict[str, str] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BadInputError("A payload holds files only.", found=path.name)
        if path.is_file():
            digests[path.relative_to(folder).as_posix()] = file_digest(path)
    return digests


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def payload_digest(folder: Path) -> str:
    """Return the digest of a whole payload: SHA-256 over its files' paths and digests, sorted by path."""
    return digest_of(file_digests(folder))


def digest_of(files: Mapping[str, str]) -> str:
    """Return the payload digest of files' digests: SHA-256 over lines ``path NUL sha256 LF``, sorted by path."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path}\0{files[path]}\n".encode())
    return total.hexdigest()


def npz_bytes(arrays: Arrays) -> bytes:
    """Return arrays as an ``.npz`` archive whose bytes depend on nothing but the arrays.

    Raises
    ------
    ValueError
        If an array holds Python objects: those would need pickle.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            info = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as file:
                array = (
                    np.ascontiguousarray(arrays[name]) if np.ndim(arrays[name]) else np.asarray(arrays[name])
                )
                np.lib.format.write_array(file, array, allow_pickle=False)
    return buffer.getvalue()


def json_bytes(value: object) -> bytes:
    """Return JSON whose bytes depend on nothing but the value: sorted keys, no blanks, UTF-8.

    Raises
    ------
    ValueError
        If a number is infinite or not a number: write ``None`` for what is missing.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=plain_number,
    ).encode()


def plain_number(value: object) -> object:
    """Return numpy scalars and arrays as Python's own numbers and lists."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in a payload's JSON")


def number_or_none(value: float) -> float | None:
    """Return a finite number as it is and everything else as None, as JSON has no other word."""
    return float(value) if math.isfinite(value) else None
