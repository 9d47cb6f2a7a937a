"""Staging: rows wait in temporary tables until everything about them has been checked.

The temporary tables belong to one connection and vanish with it, so a crash leaves nothing behind; while they are
filled, nobody else is kept from writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.records.columns import Nature, Table
from features.records.reading.batches import LINE, Piece
from features.records.schema import ALL_TABLES, SQL_TYPES

# What becomes of a waiting row: kept, kept as a correction; left out as known, put aside in the quarantine.
NEW, CHANGED, KNOWN, ASIDE = 0, 1, 2, 3
COPY_BUFFER_ROWS = 10_000


class StagedTable:
    """The rows of one table that wait.

    Parameters
    ----------
    table : Table
        What they are rows of.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.count = 0
        self.given: set[str] = set()
        self.labels: dict[str, str] = {}
        self.keep_existing = False
        self.repeats = "refuse"
        self.orphans = "refuse"
        self.has_open_spells = False
        self.sql = sa.Table(
            f"staged_{table.name}",
            sa.MetaData(),
            sa.Column("staged_no", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("file_no", sa.Integer),
            sa.Column("file_line", sa.BigInteger),
            sa.Column("fate", sa.SmallInteger),
            sa.Column("is_derived", sa.Boolean),
            *(sa.Column(column.name, SQL_TYPES[column.kind]()) for column in table.columns),
            prefixes=["TEMPORARY"],
        )

    @property
    def is_fact(self) -> bool:
        """True where rows are append-only."""
        return self.table.nature is Nature.FACT

    @property
    def group(self) -> tuple[str, ...]:
        """Columns that say which fact (or which thing) a row is about."""
        return (*self.table.key, "happened_at") if self.is_fact else self.table.key

    @property
    def compared(self) -> list[str]:
        """Columns whose values make a difference, in stored order: those that the files gave."""
        left_out = {*self.group, "known_at"}
        return [name for name in self.table.names if name in self.given and name not in left_out]

    def file_label(self, name: str) -> str:
        """Return what the file calls a column."""
        return self.labels.get(name, name)


class Staging:
    """All waiting rows of one import.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Owns the temporary tables.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.is_postgres = connection.dialect.name == "postgresql"
        self.tables: dict[str, StagedTable] = {}
        self.files: list[str] = []

    def staged(self, name: str) -> StagedTable:
        """Return the waiting rows of a table, making room for them at first."""
        if name not in self.tables:
            self.tables[name] = StagedTable(ALL_TABLES[name])
            self.tables[name].sql.create(self.connection)
        return self.tables[name]

    def add(self, piece: Piece, frame: pl.DataFrame, known_at: int | None) -> None:
        """Let converted rows wait; `known_at` for those that do not say it, None: when they happened."""
        staged = self.staged(piece.table)
        staged.given |= set(frame.columns) - {LINE}
        staged.labels.update(piece.labels)
        staged.keep_existing, staged.repeats = piece.keep_existing, piece.repeats
        staged.orphans = piece.orphans
        if piece.file not in self.files:
            self.files.append(piece.file)
        full = completed(staged, frame, self.files.index(piece.file), known_at)
        if "spell" in full.columns:
            staged.has_open_spells |= full["spell"].null_count() > 0
        staged.count += full.height
        insert_rows(self.connection, staged.sql, full)

    def index(self) -> None:
        """Prepare the waiting rows for look-ups by what they are about."""
        for staged in self.tables.values():
            columns = [staged.sql.c[name] for name in staged.group]
            sa.Index(f"ix_{staged.sql.name}", *columns).create(self.connection)
            if self.is_postgres:
                self.connection.exec_driver_sql(f"ANALYZE {staged.sql.name}")


def completed(staged: StagedTable, frame: pl.DataFrame, file_no: int, known_at: int | None) -> pl.DataFrame:
    """Return the rows with every column of the table and the book-keeping of staging.

    Where the source does not say when something became known, `known_at` says it; None means when it happened.
    """
    height, table = frame.height, staged.table
    columns = {name: frame[name] if name in frame.columns else missing(name, height) for name in table.names}
    derived = pl.Series("is_derived", [False] * height, dtype=pl.Boolean)
    if "known_at" in columns:
        derived = columns["known_at"].is_null()
        happened = columns["happened_at" if staged.is_fact else "hired_at"]
        fallback = happened if known_at is None else pl.repeat(known_at, height, dtype=pl.Int64, eager=True)
        columns["known_at"] = columns["known_at"].cast(pl.Int64).fill_null(fallback)
    numbers = pl.int_range(staged.count, staged.count + height, dtype=pl.Int64, eager=True)
    bookkeeping = {
        "staged_no": numbers,
        "file_no": pl.repeat(file_no, height, dtype=pl.Int64, eager=True),
        "file_line": frame[LINE],
        "fate": pl.repeat(NEW, height, dtype=pl.Int64, eager=True),
        "is_derived": derived,
    }
    return pl.DataFrame({**bookkeeping, **columns})


def missing(name: str, height: int) -> pl.Series:
    """Return a column in which nothing stands."""
    return pl.Series(name, [None] * height, dtype=pl.Null)


def insert_rows(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    """Write rows by the fastest way each database has: COPY, or one prepared statement for all."""
    driver: Any = connection.connection.dbapi_connection
    names = ", ".join(frame.columns)
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in plain_rows(frame):
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(frame.columns))
    driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", plain_rows(frame))  # noqa: S608


def plain_rows(frame: pl.DataFrame) -> Iterator[Sequence[object]]:
    """Yield the rows as plain Python values."""
    return frame.iter_rows(buffer_size=COPY_BUFFER_ROWS)
