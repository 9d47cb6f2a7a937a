"""Plain tables as people have them: delimited text, Parquet, Stata, Excel, packed or not."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.errors import BadInputError

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".dta", ".xlsx")
DELIMITERS = (",", ";", "\t", "|")
DECIMAL_COMMA = re.compile(r"-?\d{1,3}(\.\d{3})*,\d+|-?\d+,\d+")
HEAD_LINES = 50
GZIP_MAGIC = b"\x1f\x8b"
LARGEST = 4 << 30  # bytes after unpacking: more is a bomb, or belongs into the records


def read_table(
    path: Path | str, encoding: str | None = None, *, header: bool = True, as_text: bool = False
) -> pd.DataFrame:
    """Read a plain table.

    Parameters
    ----------
    path : path
        ``.csv``, ``.tsv``, ``.txt``, ``.parquet``, ``.dta`` or ``.xlsx``, plain or ``.gz``.
    encoding : str, optional
        Of a text file; without it UTF-16 (with BOM), UTF-8 (with or without), then Windows-1252.
    header : bool
        False where a text file starts with data: columns are then ``0``, ``1``, ``2`` …
    as_text : bool
        True: cells of a text file stay as they are written; ``007`` is no number then, nor is a number of thirty digits.

    Returns
    -------
    pandas.DataFrame
        Column names are text without blanks around them.

    Raises
    ------
    BadInputError
        If the file is missing, empty, damaged, of an unknown kind or of another encoding.

    Notes
    -----
    In text, the delimiter is the one of ``, ; TAB |`` that splits the first lines alike; a ``.txt`` with none of them
    is split at blanks. With ``;`` or TAB, numbers like ``1.234,5`` are read as decimal commas.
    """
    path = Path(path)
    content = unpacked(path)
    suffix = kind_of(path)
    try:
        reader = READERS.get(suffix, partial(read_text, as_text=as_text))
        frame = reader(content, suffix, encoding, header)
    except BadInputError:
        raise
    except Exception as error:  # every reader has errors of its own; all mean that the file is damaged
        raise BadInputError(f"The table {path.name} cannot be read.", found=first_line(str(error))) from error
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    if frame.empty:
        raise BadInputError(f"The table {path.name} has no rows.")
    return frame


def kind_of(path: Path) -> str:
    """Return the suffix that says what a file is, without ``.gz``; raise BadInputError for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if kind not in SUFFIXES:
        allowed = f"{', '.join(SUFFIXES)}, plain or .gz"
        raise BadInputError(
            f"The table {path.name} is of an unknown kind.", found=kind or "no suffix", allowed=allowed
        )
    return kind


def unpacked(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where it is gzip."""
    if not path.is_file():
        raise BadInputError("The table is not there.", found=str(path), allowed="the path of a file")
    content = path.read_bytes()
    if not content:
        raise BadInputError(f"The table {path.name} is empty.")
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            plain = file.read(LARGEST + 1)
    except (OSError, EOFError) as error:
        raise BadInputError(f"The packed table {path.name} is damaged.", found=str(error)) from error
    if len(plain) > LARGEST:
        raise BadInputError(
            f"The packed table {path.name} is too large.", allowed=f"{LARGEST:,} bytes unpacked"
        )
    return plain


def decoded(content: bytes, encoding: str | None) -> str:
    """Return text, in the encoding given, the one that its first bytes name, or the first that fits."""
    marked = ["utf-16"] if content.startswith(UTF_16_MARKS) else ENCODINGS
    for name in [encoding] if encoding else marked:
        try:
            return content.decode(name).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
        except LookupError as error:
            raise BadInputError("There is no such encoding.", found=str(encoding)) from error
    raise BadInputError(
        "The text has another encoding.", found=f"bytes that are not {encoding}", hint="Give --encoding."
    )


def read_text(
    content: bytes, suffix: str, encoding: str | None, header: bool, as_text: bool = False
) -> pd.DataFrame:
    """Read delimited text."""
    text = decoded(content, encoding)
    if "\0" in text:
        raise BadInputError("The table holds zero bytes: it is no text.", hint="Give --encoding for UTF-16.")
    head = text.split("\n", HEAD_LINES)[:HEAD_LINES]
    delimiter = "\t" if suffix == ".tsv" else delimiter_of([line for line in head if line.strip()], suffix)
    options: dict[str, Any] = {"sep": delimiter, "header": 0 if header else None, "low_memory": False}
    if as_text:
        options |= {"dtype": str}
    elif delimiter in (";", "\t") and has_decimal_comma(head, delimiter):
        options |= {"decimal": ",", "thousands": "."}
    frame: pd.DataFrame = pd.read_csv(io.StringIO(text), **options)
    return frame


def delimiter_of(lines: list[str], suffix: str) -> str:
    """Return the delimiter that splits the first lines into the most columns, alike in all of them."""
    counts = {mark: [line.count(mark) for line in unquoted(lines)] for mark in DELIMITERS}
    alike = [mark for mark, found in counts.items() if found and min(found) > 0 and min(found) == max(found)]
    if alike:
        return max(alike, key=lambda mark: counts[mark][0])
    first = {mark: found[0] for mark, found in counts.items() if found and found[0]}
    if first:
        return max(first, key=lambda mark: first[mark])
    return r"\s+" if suffix == ".txt" else ","


def unquoted(lines: list[str]) -> list[str]:
    """Return lines without what stands between quotes, so that delimiters in text do not count."""
    return [re.sub(r'"[^"]*"', "", line) for line in lines]


def has_decimal_comma(head: list[str], delimiter: str) -> bool:
    """Say whether the cells below the first line hold decimal commas and no decimal points."""
    cells = [cell.strip().strip('"') for line in head[1:] for cell in line.split(delimiter)]
    return any(DECIMAL_COMMA.fullmatch(cell) for cell in cells) and not any(
        re.fullmatch(r"-?\d+\.\d+", cell) and not re.fullmatch(r"-?\d{1,3}\.\d{3}", cell) for cell in cells
    )


def read_parquet(content: bytes, *_: object) -> pd.DataFrame:
    """Read Parquet."""
    return pd.read_parquet(io.BytesIO(content))


def read_stata(content: bytes, *_: object) -> pd.DataFrame:
    """Read Stata; labelled values are read as their labels."""
    return pd.read_stata(io.BytesIO(content))


def read_excel(content: bytes, _suffix: str, _encoding: str | None, header: bool) -> pd.DataFrame:
    """Read the first sheet of an Excel workbook."""
    return pd.read_excel(io.BytesIO(content), header=0 if header else None)


READERS: dict[str, Callable[[bytes, str, str | None, bool], pd.DataFrame]] = {
    ".parquet": read_parquet,
    ".dta": read_stata,
    ".xlsx": read_excel,
}


def first_line(text: str) -> str:
    """Return the first line of a message, shortened."""
    return text.strip().split("\n", 1)[0][:200]


def data_digest_of_table(frame: pd.DataFrame) -> str:
    """Return a SHA-256 over the contents of a table, independent of the order of rows and columns."""
    total = hashlib.sha256()
    for part in sorted(frame.columns.map(str)):
        total.update(f"{part}\0".encode())
    ordered = frame[sorted(frame.columns, key=str)]
    hashes = np.sort(pd.util.hash_pandas_object(ordered, index=False).to_numpy())
    total.update(f"{len(frame)}".encode())
    total.update(hashes.tobytes())
    return total.hexdigest()
