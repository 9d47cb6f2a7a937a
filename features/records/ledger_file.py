"""SQLite keeps what grows with every answer in a file of its own, beside the records: an answer reads no page that is being written.

Each connection has it attached as the schema ``ledger``; the tables keep their names, so that no statement knows of it.
In PostgreSQL, whose readers never meet a writer, all tables stand together.

Here the ledger only grows at its end. An index by person would have every answer write a page of its own somewhere in its
middle: four fifths of what keeping an answer costs. Whoever looks for one person (an export, an erasure) reads it through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.records.schema import METADATA

SCHEMA = "ledger"
TABLES = ("recommendations_shown",)
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-16384")
IN_MAIN = sa.text("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name = :name")
INDEXES = sa.text("SELECT name FROM ledger.sqlite_master WHERE type = 'index' AND sql IS NOT NULL")


def ledger_file(database: Path) -> Path:
    """Return the file that lies beside a database."""
    return database.with_name(f"{database.stem}.{SCHEMA}{database.suffix}")


def attach(connection: Any) -> None:
    """Attach the file to a new connection of SQLite's driver; to one in memory, another piece of memory."""
    database = connection.execute("PRAGMA database_list").fetchone()[2]
    connection.execute(
        f"ATTACH DATABASE ? AS {SCHEMA}", (str(ledger_file(Path(database))) if database else ":memory:",)
    )
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {SCHEMA}.{pragma}")


def bare(name: str) -> sa.Table:
    """Return a table of the ledger without its indexes; its key stays unique."""
    table = METADATA.tables[name].to_metadata(sa.MetaData(), schema=SCHEMA)
    table.indexes.clear()
    return table


def move_in(engine: sa.Engine) -> None:
    """Move the ledger's tables into its file where they stand among the records: new ones, a backup's, an older version's.

    First they are copied, durably, then removed: whatever happens in between, nothing is lost. Indexes that an older version
    made are removed too.
    """
    with engine.connect().execution_options(skillpath_deferred=True) as connection:
        standing = set(sa.inspect(connection).get_table_names(schema=SCHEMA))
        stray = [name for name in TABLES if connection.scalar(IN_MAIN, {"name": name})]
        indexes = connection.scalars(INDEXES).all()
    if standing.issuperset(TABLES) and not stray and not indexes:
        return
    with engine.begin() as connection:
        for name in TABLES:
            bare(name).create(connection, checkfirst=True)
        for index in indexes:
            connection.exec_driver_sql(f'DROP INDEX IF EXISTS {SCHEMA}."{index}"')
        for name in stray:
            columns = ", ".join(f'"{column.name}"' for column in METADATA.tables[name].columns)
            connection.exec_driver_sql(
                f"INSERT OR IGNORE INTO {SCHEMA}.{name} ({columns}) SELECT {columns} FROM main.{name}"  # noqa: S608 - names of our tables
            )
    with closing(engine.raw_connection()) as raw:
        raw.cursor().execute(f"PRAGMA {SCHEMA}.wal_checkpoint(FULL)")
    with engine.begin() as connection:
        for name in stray:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS main.{name}")


@contextmanager
def indexed_by_person(engine: sa.Engine) -> Iterator[None]:
    """Let the ledger be looked up by person for a while, for whoever looks for many; PostgreSQL's always can."""
    if engine.dialect.name != "sqlite":
        yield
        return
    (table,) = TABLES
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE INDEX IF NOT EXISTS {SCHEMA}.for_a_while ON {table} (employee_id)"
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {SCHEMA}.for_a_while")
