"""The world for load tests in PostgreSQL: a private cluster beside the SQLite store, filled from it once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from features.records.schema import METADATA
from features.records.store import open_store

OWNER, ROLE = "skillpath", "service"  # the service's role is no superuser: row-level security holds for it
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


@contextmanager
def cluster(folder: Path) -> Iterator[int]:
    """Run a private PostgreSQL as it comes, its data kept in a folder; give its port on loopback."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    owner = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder.mkdir(exist_ok=True)
    if owner:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]

    data = str(folder / "data")
    if not (folder / "data").exists():
        run("initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield port
    finally:
        run("pg_ctl", "-D", data, "-m", "fast", "stop")


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
