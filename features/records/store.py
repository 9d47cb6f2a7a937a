"""The store: records in SQLite (WAL) by default, in PostgreSQL by URL; the same code on both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.errors import BadInputError, UnavailableError
from features.records import ledger_file, row_security
from features.records.columns import Kind, Table
from features.records.readers import Readers
from features.records.schema import ALL_TABLES, METADATA
from features.records.tables import IMPORTABLE

FRAME_TYPES: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.INTEGER: pl.Int64,
    Kind.NUMBER: pl.Float64,
    Kind.FLAG: pl.Boolean,
    Kind.MOMENT: pl.Datetime("us", "UTC"),
    Kind.BYTES: pl.Binary,
}
POSTGRES_ARRAYS: dict[Kind, str] = {
    Kind.TEXT: "text[]",
    Kind.INTEGER: "bigint[]",
    Kind.NUMBER: "double precision[]",
    Kind.FLAG: "boolean[]",
    Kind.MOMENT: "bigint[]",
    Kind.BYTES: "bytea[]",
}
ARRAY_TYPES: dict[Kind, type[Any]] = {Kind.NUMBER: float, Kind.FLAG: bool}
ROWS_AT_ONCE = 64
FETCH_ROWS = 50_000
CONNECT_SECONDS = 3
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=FILE",
    "PRAGMA cache_size=-65536",
)

Row = Mapping[str, object]


class Store:
    """Records in one database; moments are integers inside and aware UTC times in frames.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Opened by `open_store`, the only place where a database is opened.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.is_postgres = engine.dialect.name == "postgresql"
        self.readers = Readers(engine)

    @contextmanager
    def transaction(self, *, is_deferred: bool = False) -> Iterator[sa.Connection]:
        """Open a writing transaction: all of it is kept, or nothing.

        Parameters
        ----------
        is_deferred : bool
            Take SQLite's write lock at the first write, of the file that it goes to alone; for what writes first and reads
            nothing, as the ledger does.
        """
        options = {"skillpath_deferred": is_deferred}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection for reading only; it takes no write lock."""
        with self.engine.connect().execution_options(skillpath_deferred=True) as connection:
            yield connection

    def rows(self, sql: str, values: Any) -> list[Any]:
        """Return what a statement finds, as the driver gives it: the shortest way, for what an answer reads each time.

        Raises
        ------
        Error
            The driver's own, of the engine's ``dialect.loaded_dbapi``.
        """
        return self.readers.rows(sql, values)

    def frame(
        self, name: str, columns: Sequence[str] | None = None, where: sa.ColumnElement[bool] | None = None
    ) -> pl.DataFrame:
        """Return rows of a table, in key order of insertion, as a polars frame.

        Parameters
        ----------
        name : str
            Table name.
        columns : sequence of str, optional
            Columns to read; all but the surrogate ``id`` by default.
        where : SQL expression, optional
            Over ``METADATA.tables[name].c``; moments there are integers (`to_micros`).

        Returns
        -------
        polars.DataFrame
            Moments as aware UTC ``Datetime("us")``.
        """
        table = ALL_TABLES[name]
        names = tuple(columns or table.names)
        sql = METADATA.tables[name]
        query = sa.select(*(sql.c[column] for column in names)).order_by(sql.c.id)
        if where is not None:
            query = query.where(where)
        with self.reading() as connection:
            result = connection.execution_options(yield_per=FETCH_ROWS).execute(query)
            parts = [
                plain_frame(table, names, [tuple(row) for row in block]) for block in result.partitions()
            ]
        return pl.concat(parts) if parts else plain_frame(table, names, [])

    def frames(
        self, names: Iterable[str] = IMPORTABLE, employee_ids: Sequence[str] | None = None
    ) -> dict[str, pl.DataFrame]:
        """Return several tables as frames; with `employee_ids`, tables about people hold only theirs.

        Protected attributes are never among them: `features.records.protected` reads those.
        """
        wanted = [name for name in names if name != "protected_attributes"]
        return {name: self.frame(name, where=of_people(name, employee_ids)) for name in wanted}

    def upsert(self, connection: sa.Connection, name: str, rows: Sequence[Row]) -> int:
        """Insert rows, or replace those with the same key; return how many were given."""
        if rows:
            sql, table = METADATA.tables[name], ALL_TABLES[name]
            insert = self.insert(sql)
            rest = [column for column in table.names if column not in table.unique]
            if rest:
                changes = {column: insert.excluded[column] for column in rest}
                insert = insert.on_conflict_do_update(index_elements=list(table.unique), set_=changes)
            else:
                insert = insert.on_conflict_do_nothing(index_elements=list(table.unique))
            connection.execute(insert, complete(table, rows))
        return len(rows)

    def append(self, connection: sa.Connection, name: str, rows: Sequence[Row]) -> int:
        """Insert rows whose key is new; return how many were (the others stood there already)."""
        if not rows:
            return 0
        table = ALL_TABLES[name]
        if self.is_postgres:
            return connection.exec_driver_sql(arrays_sql(name), columns_of(table, rows)).rowcount
        names = table.names
        values = [value for row in rows for value in map(row.get, names)]
        added = 0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, len(rows) - start)
            block = values[start * len(names) : (start + count) * len(names)]
            added += connection.exec_driver_sql(block_sql(name, count), tuple(block)).rowcount
        return added

    def insert(self, sql: sa.Table) -> Any:
        """Return the dialect's insert statement, which knows conflicts."""
        return postgresql.insert(sql) if self.is_postgres else sqlite.insert(sql)

    def count(self, name: str) -> int:
        """Return the number of rows of a table."""
        with self.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(METADATA.tables[name])) or 0

    def close(self) -> None:
        """Give every connection back."""
        self.readers.close()
        self.engine.dispose()


def open_store(url: str, *, upgrade: bool = True) -> Store:
    """Open the records at a SQLAlchemy URL, bringing the schema up to date.

    Raises
    ------
    BadInputError
        If the URL names neither SQLite nor PostgreSQL.
    UnavailableError
        If the database cannot be reached; nothing was changed.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    is_postgres = parsed.get_backend_name() == "postgresql"
    start: dict[str, Any] = {}
    if is_postgres:
        start = {"connect_timeout": CONNECT_SECONDS, "options": row_security.start_options(parsed)}
    engine = sa.create_engine(parsed, pool_pre_ping=is_postgres, connect_args=start)
    if is_postgres:
        row_security.narrow(engine)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", prepare_sqlite)
        sa.event.listen(engine, "begin", begin_sqlite)
    if upgrade:
        upgrade_schema(engine)
    return Store(engine)


def parse_url(url: str) -> sa.URL:
    """Return the parsed URL, PostgreSQL by psycopg; raise BadInputError for another database."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise BadInputError(
            "The store URL cannot be read.", allowed="sqlite:///FILE or postgresql://…"
        ) from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return parsed
    raise BadInputError(
        "The store URL names an unknown database.",
        found=parsed.get_backend_name(),
        allowed="sqlite or postgresql",
    )


def upgrade_schema(engine: sa.Engine) -> None:
    """Run the Alembic migrations that are missing; raise UnavailableError if the database cannot be reached."""
    from features.records.migrations import upgrade_to_head

    try:
        with engine.begin() as connection:
            upgrade_to_head(connection)
        if engine.dialect.name == "sqlite":
            ledger_file.move_in(engine)
    except sa.exc.OperationalError as error:
        raise UnavailableError("The store cannot be opened.", found=str(error.orig)) from error


def prepare_sqlite(connection: Any, _record: object) -> None:
    """Make a new SQLite connection durable, patient and ours to begin transactions on."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)
    ledger_file.attach(connection)


def begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at the start of a writing transaction, not in its middle."""
    is_deferred = connection.get_execution_options().get("skillpath_deferred", False)
    connection.exec_driver_sql("BEGIN" if is_deferred else "BEGIN IMMEDIATE")


@cache
def block_sql(name: str, count: int) -> str:
    """Return an insert of so many rows as SQLite's driver takes it.

    One statement for many rows: between rows of several statements the driver gives other threads the interpreter, and
    an answer under way pays for each change of hands.
    """
    table = ALL_TABLES[name]
    columns, unique = (", ".join(f'"{each}"' for each in some) for some in (table.names, table.unique))
    rows = ", ".join([f"({', '.join('?' * len(table.names))})"] * count)
    return f"INSERT INTO {name} ({columns}) VALUES {rows} ON CONFLICT ({unique}) DO NOTHING"  # noqa: S608


@cache
def arrays_sql(name: str) -> str:
    """Return PostgreSQL's insert of whole columns, one array each: one statement, however many rows."""
    table = ALL_TABLES[name]
    arrays = ", ".join(f"%s::{POSTGRES_ARRAYS[column.kind]}" for column in table.columns)
    columns, unique = (", ".join(f'"{each}"' for each in some) for some in (table.names, table.unique))
    return f"INSERT INTO {name} ({columns}) SELECT * FROM unnest({arrays}) ON CONFLICT ({unique}) DO NOTHING"  # noqa: S608


def columns_of(table: Table, rows: Sequence[Row]) -> tuple[list[Any], ...]:
    """Return rows as columns, each of one type, as an array must be."""
    columns: list[list[Any]] = []
    for column in table.columns:
        values: list[Any] = [row.get(column.name) for row in rows]
        as_one = ARRAY_TYPES.get(column.kind)
        columns.append([value if value is None else as_one(value) for value in values] if as_one else values)
    return tuple(columns)


def complete(table: Table, rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return the rows with every column present, so that one statement serves them all."""
    return [{name: row.get(name) for name in table.names} for row in rows]


def plain_frame(table: Table, names: Sequence[str], rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Return stored rows as a frame with the kinds of the table."""
    stored = {name: storage_type(table.column(name).kind) for name in names}
    frame = pl.DataFrame(rows, schema=stored, orient="row")
    return frame.cast({name: FRAME_TYPES[table.column(name).kind] for name in names})


def storage_type(kind: Kind) -> Any:
    """Return the polars type of a stored value, before moments become times."""
    return pl.Int64 if kind is Kind.MOMENT else FRAME_TYPES[kind]


def of_people(name: str, employee_ids: Sequence[str] | None) -> sa.ColumnElement[bool] | None:
    """Return the condition that keeps those people's rows, or None where nothing is to be left out."""
    if employee_ids is None or "employee_id" not in ALL_TABLES[name].names:
        return None
    return METADATA.tables[name].c.employee_id.in_(employee_ids)


def data_digest(frames: Mapping[str, pl.DataFrame]) -> str:
    """Return a SHA-256 over the contents of frames, independent of row order.

    The same records give the same digest on both databases.
    """
    total = hashlib.sha256()
    for name in sorted(frames):
        frame = frames[name]
        columns = sorted(frame.columns)
        hashes = frame.select(columns).hash_rows(seed=1).sort()
        total.update(f"{name}:{','.join(columns)}:{frame.height}".encode())
        total.update(hashes.to_numpy().tobytes())
    return total.hexdigest()
