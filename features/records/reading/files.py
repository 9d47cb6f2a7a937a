"""A file of rows, whatever its format: header, batches, digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from features.records.reading.batches import Batch
from features.records.reading.csv_rows import open_csv
from features.records.reading.options import ImportOptions
from features.records.reading.problems import refuse
from features.records.reading.streams import open_bytes, scan

SUFFIXES = (".csv.gz", ".tsv.gz", ".txt.gz", ".csv", ".tsv", ".txt", ".parquet", ".xlsx")

MAGIC = {
    b"PK\x03\x04": "an archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"PAR1": "a Parquet file",
}
ENDINGS: dict[str, tuple[str, ...]] = {
    "an archive or spreadsheet": (".xlsx", ".xlsm"),
    "an old spreadsheet": (),
    "a Parquet file": (".parquet",),
}


@dataclass(frozen=True)
class RowFile:
    """A file whose header is known and whose rows can be read.

    Parameters
    ----------
    name : str
        File name, for messages.
    header : tuple of str
        Column names.
    digest : str
        SHA-256 of the bytes.
    delimiter : str
        Of a delimited text; empty for other formats.
    batches : callable
        Yields the rows, from the beginning at every call.
    """

    name: str
    header: tuple[str, ...]
    digest: str
    delimiter: str
    batches: Callable[[], Iterator[Batch]]


def open_rows(path: Path, options: ImportOptions, delimiter: str | None = None) -> RowFile:
    """Open a CSV, Parquet or XLSX file by its suffix; a text may be gzipped.

    Raises
    ------
    RefusedFileError
        If there is no such file, or it is empty, damaged or without a header.
    """
    suffix = path.suffix.lower()
    check_format(path, suffix)
    if suffix == ".parquet":
        from features.records.reading.parquet_rows import parquet_batches, parquet_header

        digest = scan(lambda: open_bytes(path), path.name, "utf-8").digest
        return RowFile(path.name, parquet_header(path), digest, "", lambda: parquet_batches(path))
    if suffix in (".xlsx", ".xlsm"):
        from features.records.reading.xlsx_rows import xlsx_batches, xlsx_header

        digest = scan(lambda: open_bytes(path), path.name, "utf-8").digest
        header = xlsx_header(path)
        return RowFile(path.name, header, digest, "", lambda: xlsx_batches(path, header))
    table = open_csv(path, options.encoding, delimiter)
    return RowFile(path.name, table.header, table.scan.digest, table.delimiter, table.batches)


def check_format(path: Path, suffix: str) -> None:
    """Refuse a file that is of another format than its name says."""
    if not path.is_file():
        return
    with path.open("rb") as stream:
        head = stream.read(4)
    found = next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")
    if found and suffix not in ENDINGS[found]:
        raise refuse(path.name, f"is {found}, which its name does not say", found=suffix, allowed=", ".join(SUFFIXES),
                     hint="Save it as .xlsx or .csv, or give it its right name.")  # fmt: skip
