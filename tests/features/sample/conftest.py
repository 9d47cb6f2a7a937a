"""Read the sample's files as their tables say, quickly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from features.records.columns import Kind
from features.records.tables import IMPORTABLE

TYPES = {Kind.NUMBER: pl.Float64, Kind.INTEGER: pl.Int64, Kind.FLAG: pl.Boolean}

ReadTable = Callable[[Path, str], pl.DataFrame]


def read(folder: Path, name: str) -> pl.DataFrame:
    """Return one file; days become dates, and times of day datetimes."""
    path = folder / f"{name}.csv"
    with path.open(encoding="utf-8") as file:
        names = file.readline().strip().split(",")
    columns = {one: IMPORTABLE[name].column(one) for one in names}
    schema = {one: TYPES.get(column.kind, pl.String) for one, column in columns.items()}
    frame = pl.read_csv(path, schema=schema)
    moments = [one for one, column in columns.items() if column.kind is Kind.MOMENT]
    return frame.with_columns(parsed(frame[one]) for one in moments)


def parsed(texts: pl.Series) -> pl.Series:
    """Return texts as dates, or as datetimes where they have an hour."""
    lengths = texts.drop_nulls().str.len_chars()
    if lengths.is_empty() or lengths.max() == 10:
        return texts.str.to_date("%Y-%m-%d")
    return texts.str.to_datetime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="session")
def read_table() -> ReadTable:
    """Return the function that reads one file of a sample."""
    return read
