"""Rows of a Parquet file, streamed; a row is named by its number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.records.reading.batches import BATCH_ROWS, LINE, Batch
from features.records.reading.problems import refuse


def parquet_header(path: Path) -> tuple[str, ...]:
    """Return the column names; refuse a damaged file, or columns that hold more than one value."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise refuse(path.name, f"is no readable Parquet file ({error})", hint="Write it again.") from error
    for field in schema:
        if pa.types.is_nested(field.type):
            raise refuse(path.name, "a column holds lists or structures", column=field.name, found=str(field.type),
                         allowed="one value in each cell")  # fmt: skip
    return tuple(schema.names)


def parquet_batches(path: Path) -> Iterator[Batch]:
    """Yield the rows in batches, in the file's own types."""
    try:
        with pq.ParquetFile(path) as file:
            total, done = max(1, file.metadata.num_rows), 0
            for block in file.iter_batches(batch_size=BATCH_ROWS):
                frame = pl.DataFrame(pl.from_arrow(block))
                lines = pl.int_range(done + 1, done + frame.height + 1, dtype=pl.Int64, eager=True)
                done += frame.height
                yield Batch(path.name, frame.with_columns(lines.alias(LINE)), done / total)
    except (pa.ArrowException, OSError) as error:
        raise refuse(path.name, f"is no readable Parquet file ({error})", hint="Write it again.") from error
