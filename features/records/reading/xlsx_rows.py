"""Rows of a spreadsheet's first sheet, streamed; a row is named by its number in the sheet."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
import polars as pl

from features.records.reading.batches import BATCH_ROWS, LINE, Batch
from features.records.reading.csv_rows import header_names
from features.records.reading.problems import refuse
from features.records.reading.zips import open_zip

Cells = tuple[Any, ...]


@contextmanager
def open_sheet(path: Path) -> Iterator[Any]:
    """Open the first sheet for reading row by row."""
    with open_zip(path):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (KeyError, ValueError, OSError, ParseError) as error:
            raise refuse(
                path.name, f"is no readable spreadsheet ({error})", hint="Save it again as .xlsx."
            ) from error
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            yield sheet
        finally:
            book.close()


def numbered_rows(sheet: Any) -> Iterator[tuple[int, Cells]]:
    """Yield the rows in which something stands, each with its number."""
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(value is not None and value != "" for value in row):
            yield number, row


def xlsx_header(path: Path) -> tuple[str, ...]:
    """Return the names in the first row that holds anything."""
    with open_sheet(path) as sheet:
        _, first = next(numbered_rows(sheet), (0, ()))
    names = header_names([str(value) if value is not None else "" for value in first], path.name)
    if not names:
        raise refuse(path.name, "the sheet is empty", allowed="a header row, then rows")
    return names


def xlsx_batches(path: Path, header: Sequence[str]) -> Iterator[Batch]:
    """Yield the rows below the header, in batches of bounded size."""
    with open_sheet(path) as sheet:
        rows = numbered_rows(sheet)
        next(rows)
        kept: list[Cells] = []
        numbers: list[int] = []
        for number, row in rows:
            kept.append(fitted(row, len(header), path.name, number))
            numbers.append(number)
            if len(kept) >= BATCH_ROWS:
                yield Batch(path.name, sheet_frame(header, kept, numbers))
                kept, numbers = [], []
        if kept:
            yield Batch(path.name, sheet_frame(header, kept, numbers), 1.0)


def fitted(row: Cells, width: int, file: str, number: int) -> Cells:
    """Return a row of the header's width; refuse values beyond it."""
    if any(value is not None for value in row[width:]):
        raise refuse(file, "a value stands where the header has no name", number, allowed=f"{width} columns")
    return (*row[:width], *([None] * (width - len(row))))


def sheet_frame(header: Sequence[str], rows: list[Cells], numbers: list[int]) -> pl.DataFrame:
    """Return rows as a frame: numbers and dates where a column holds nothing else, texts otherwise."""
    columns = zip(*rows, strict=True)
    data = {name: cell_series(name, values) for name, values in zip(header, columns, strict=True)}
    return pl.DataFrame({**data, LINE: pl.Series(LINE, numbers, dtype=pl.Int64)})


def cell_series(name: str, values: Sequence[Any]) -> pl.Series:
    """Return the cells of one column in the narrowest type that holds them all."""
    found = {type(value) for value in values if value is not None}
    if found and found <= {dt.datetime, dt.date}:
        moments = [
            value if value is None or isinstance(value, dt.datetime) else midnight(value) for value in values
        ]
        return pl.Series(name, moments, dtype=pl.Datetime("us"))
    if found == {int}:
        return pl.Series(name, values, dtype=pl.Int64, strict=False)
    if found and found <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    return pl.Series(name, [cell_text(value) for value in values], dtype=pl.String)


def midnight(day: dt.date) -> dt.datetime:
    """Return the beginning of a day."""
    return dt.datetime(day.year, day.month, day.day)  # noqa: DTZ001  (a sheet knows no zones; UTC follows)


def cell_text(value: Any) -> str | None:
    """Return a cell as text: dates in ISO form, whole numbers without a point."""
    if value is None:
        return None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
