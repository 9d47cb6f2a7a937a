"""Fixtures that every test may use: both databases, the sample organisation, the real data."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.records.store import Store, open_store

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("SKILLPATH_REAL_DATA", ROOT.parent / "shared" / "data"))
IN_CI = os.environ.get("CI") == "true"
SERVICE_ROLE = "service"
POSTGRES_OPTIONS = "-c fsync=off -c full_page_writes=off -c max_connections=40 -c listen_addresses=127.0.0.1"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of the real data sets, or skip, saying so."""
    if not REAL_DATA.is_dir():
        skip_or_fail(f"the real data sets are not at {REAL_DATA}; set SKILLPATH_REAL_DATA to their folder")
    return REAL_DATA


def skip_or_fail(reason: str) -> None:
    """Skip where a part is absent; in CI, where it must be present, fail."""
    (pytest.fail if IN_CI else pytest.skip)(reason)


def postgres_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server programs, or None."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(on_path).parent if on_path else found[-1].parent if found else None


class PostgresCluster:
    """A private PostgreSQL cluster on a loopback port; as root it belongs to the postgres user."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server programs as the cluster's owner."""
        owner = {"user": self.user} if os.geteuid() == 0 else {}
        command = [str(self.programs / program), *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]

    def start(self) -> None:
        """Create and start the cluster."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-U", "skillpath", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"{POSTGRES_OPTIONS} -p {self.port} -k {self.folder}"
        self.run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(self.folder / "log"), "start")
        administer(
            self, f"CREATE ROLE {SERVICE_ROLE} LOGIN CREATEDB"
        )  # no superuser: row-level security holds for it

    def stop(self) -> None:
        """Stop the cluster at once."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def url(self, database: str, role: str | None = None) -> str:
        """Return the URL of one of its databases, as the service's role unless another is named."""
        return f"postgresql://{role or SERVICE_ROLE}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """Start a private PostgreSQL, with a migrated template, and remove it afterwards."""
    programs = postgres_programs()
    if programs is None:
        skip_or_fail("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        raise AssertionError
    folder = Path(tempfile.mkdtemp(prefix="skillpath-postgres-"))
    cluster = PostgresCluster(programs, folder)
    cluster.start()
    try:
        administer(cluster, f"CREATE DATABASE migrated OWNER {SERVICE_ROLE}")
        open_store(cluster.url("migrated")).close()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def administer(cluster: PostgresCluster, statement: str) -> None:
    """Run one administrative statement."""
    import psycopg

    with psycopg.connect(cluster.url("postgres", "skillpath"), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


_numbers = itertools.count()


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """Return the URL of an empty, migrated PostgreSQL database of this test's own."""
    name = f"test_{next(_numbers)}"
    administer(postgres_cluster, f"CREATE DATABASE {name} TEMPLATE migrated OWNER {SERVICE_ROLE}")
    yield postgres_cluster.url(name)
    administer(postgres_cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty, migrated SQLite store."""
    store = open_store(f"sqlite:///{tmp_path / 'records.db'}")
    yield store
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Return an empty, migrated store: the test runs on both databases."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_store")
        return
    opened = open_store(request.getfixturevalue("postgres_url"), upgrade=False)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def small_organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a sample organisation of 200 employees over 3 years, once."""
    from features.records.sample import write_sample

    folder = tmp_path_factory.mktemp("organisation")
    write_sample(folder, employees=200, years=3, seed=7)
    return folder


@pytest.fixture(scope="session")
def small_store(small_organisation: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a SQLite store that holds the small organisation; for reading only."""
    from features.records.reading import import_organisation

    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'records.db'}")
    import_organisation(opened, small_organisation)
    yield opened
    opened.close()
