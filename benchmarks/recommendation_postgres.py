"""The world for load tests in PostgreSQL: a private cluster beside the SQLite store, filled from it once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.postgres import OWNER, cluster
from features.records.schema import METADATA
from features.records.store import open_store

ROLE = "service"  # the service's role is no superuser: row-level security holds for it
LEFT_OUT = ("alembic_version", "recommendations_shown", "api_keys")
ROWS = 10_000


@contextmanager
def in_postgres(place: Path) -> Iterator[str]:
    """Run the cluster of a world; give the URL of its records, copied where they do not stand yet."""
    folder = place / "postgres"
    with cluster(folder) as port:
        url = f"postgresql://{ROLE}@127.0.0.1:{port}/records"
        if not (folder / "filled").is_file():
            started = time.perf_counter()
            fill(place / "skillpath.db", port, url)
            (folder / "filled").touch()
            print(f"copied into PostgreSQL in {time.perf_counter() - started:.0f} s")
        yield url


def fill(source: Path, port: int, url: str) -> None:
    """Make the role, its database and its tables anew, and copy every record."""
    with psycopg.connect(f"postgresql://{OWNER}@127.0.0.1:{port}/postgres", autocommit=True) as first:
        for statement in (
            "DROP DATABASE IF EXISTS records",
            f"DROP ROLE IF EXISTS {ROLE}",
            f"CREATE ROLE {ROLE} LOGIN",
            f"CREATE DATABASE records OWNER {ROLE}",
        ):
            first.execute(sql.SQL(statement))
    open_store(url).close()
    store = open_store(f"sqlite:///{source}")
    with psycopg.connect(f"postgresql://{OWNER}@127.0.0.1:{port}/records", autocommit=True) as target:
        for name in METADATA.tables:
            if name not in LEFT_OUT:
                with closing(store.engine.raw_connection()) as lent:
                    copy(lent.driver_connection, target, name)
        target.execute("ANALYZE")
    store.close()


def copy(source: object, target: psycopg.Connection, name: str) -> None:
    """Copy one table's rows in the order in which they were stored."""
    columns = [column.name for column in METADATA.tables[name].columns if column.name != "id"]
    listed = ", ".join(f'"{column}"' for column in columns)
    found = source.execute(f"SELECT {listed} FROM {name} ORDER BY id")  # type: ignore[attr-defined]
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with target.cursor() as cursor, cursor.copy(into) as copying:
        while rows := found.fetchmany(ROWS):
            for row in rows:
                copying.write_row(row)
