"""SQLite's records as files: the database, the ledger beside it, and what each leaves beside itself while it is open."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from features.errors import UnavailableError
from features.records.ledger_file import ledger_file
from features.records.schema import METADATA

PAGES = 4_096  # copied between two breaths of the writers
BESIDE = ("-wal", "-shm")
TABLES_OF = "SELECT name, sql FROM {0}.sqlite_master WHERE type = 'table'"
INDEXES_OF = "SELECT sql FROM {0}.sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


def copy(source: Path, target: Path) -> None:
    """Copy records that may be written meanwhile into one file, those of the ledger among them, and check the copy.

    Raises
    ------
    UnavailableError
        If the copy is not sound.
    """
    with closing(sqlite3.connect(source, timeout=30)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing, pages=PAGES)
        writing.execute("PRAGMA journal_mode=DELETE")
        with beside(writing, source) as schemas:
            if "ledger" in schemas:
                take_in_ledger(writing)
        check(writing)
    with target.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def beside(connection: sqlite3.Connection, database: Path) -> Iterator[tuple[str, ...]]:
    """Attach the ledger that lies beside a database, where one does; give the schemas that there are then."""
    ledger = ledger_file(database)
    if not ledger.is_file():
        yield ("main",)
        return
    connection.execute("ATTACH DATABASE ? AS ledger", (str(ledger),))
    try:
        yield ("main", "ledger")
    finally:
        connection.execute("DETACH DATABASE ledger")


def take_in_ledger(connection: sqlite3.Connection) -> None:
    """Copy the tables of the attached ledger into the database."""
    with connection:
        for name, made in connection.execute(TABLES_OF.format("ledger")).fetchall():
            connection.execute(made)
            connection.execute(f'INSERT INTO main."{name}" SELECT * FROM ledger."{name}"')  # noqa: S608 - names of our tables
        for (made,) in connection.execute(INDEXES_OF.format("ledger")).fetchall():
            connection.execute(made)


def check(connection: sqlite3.Connection) -> None:
    """Raise UnavailableError where a database is not sound."""
    try:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise UnavailableError("The file is no sound database.", found=str(error)) from error
    if said != "ok":
        raise UnavailableError("The database is not sound.", found=str(said)[:200])


def contents(database: Path) -> tuple[str, Mapping[str, int]]:
    """Return the version of the schema, and how many rows each table has."""
    rows: dict[str, int] = {}
    with closing(sqlite3.connect(database)) as connection, beside(connection, database) as schemas:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        for schema in schemas:
            for name, _ in connection.execute(TABLES_OF.format(schema)).fetchall():
                if name in METADATA.tables:
                    count = f'SELECT count(*) FROM {schema}."{name}"'  # noqa: S608 - names of our tables
                    rows[name] = connection.execute(count).fetchone()[0]
    return str(version), dict(sorted(rows.items()))


def set_aside(database: Path) -> Path | None:
    """Move a database aside, whole, with its ledger; return where it is now."""
    if not database.is_file():
        return None
    aside = database.with_name(f"{database.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    put_in_place(database, aside)
    return aside


def put_in_place(database: Path, target: Path) -> None:
    """Move a database that nobody has open to another name, its ledger first: records without theirs would begin a new one."""
    for one, to in ((ledger_file(database), ledger_file(target)), (database, target)):
        if one.is_file():
            write_back(one)
            one.replace(to)
        for tail in BESIDE:
            one.with_name(one.name + tail).unlink(missing_ok=True)


def write_back(database: Path) -> None:
    """Bring what waits beside a database into it."""
    with closing(sqlite3.connect(database)) as connection, suppress(sqlite3.DatabaseError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def discard(database: Path) -> None:
    """Remove a database and what lies beside it."""
    for one in (database, ledger_file(database)):
        for tail in ("", *BESIDE):
            one.with_name(one.name + tail).unlink(missing_ok=True)
