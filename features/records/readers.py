"""Connections that are kept for reading: to be lent one, and to give it back, takes longer than to look up some rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import closing
from threading import Lock
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from features.records import row_security

if TYPE_CHECKING:
    from features.records.pipeline import Pipeline

MOST = 4


class Reader:
    """A connection in no transaction: each statement sees what was committed before it.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Opens it; its pool counts it no more.

    Attributes
    ----------
    info : dict
        What `features.records.row_security` told the session.
    """

    def __init__(self, engine: sa.Engine) -> None:
        taken = engine.raw_connection()
        self.info: dict[Any, Any] = dict(taken.record_info or {})
        self.connection = driver_connection(taken)
        taken.detach()
        self.is_postgres = engine.dialect.name == "postgresql"
        if self.is_postgres:
            self.connection.autocommit = True
            self.cursor: Any = self.connection.cursor(binary=True)
        else:
            self.cursor = self.connection.cursor()

    def rows(self, sql: str, values: Any) -> list[Any]:
        """Return what a statement finds; in PostgreSQL of those people alone who may be shown."""
        if self.is_postgres:
            row_security.show(self.connection, self, None)
        found: list[Any] = self.cursor.execute(sql, values).fetchall()
        return found

    @property
    def is_lost(self) -> bool:
        """True once the server has ended the session."""
        return self.is_postgres and bool(self.connection.closed)


def driver_connection(taken: sa.PoolProxiedConnection) -> Any:
    """Return the driver's own connection."""
    return taken.driver_connection


class Readers:
    """A few readers, each used by one thread at a time; who finds them all in use is lent a connection by the pool.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Whose database is read.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.error = engine.dialect.loaded_dbapi.Error
        self.idle: deque[Reader | None] = deque([None] * MOST)  # None: not open yet
        self.pipelines: dict[str, Pipeline] = {}
        self.watching = Lock()
        self.watcher: Reader | None = None  # SQLite counts for each connection apart what others wrote

    def rows(self, sql: str, values: Any) -> list[Any]:
        """Return what a statement finds, as the driver gives it; asked once more where the server went away since the last time.

        Raises
        ------
        Error
            The driver's own, of the engine's ``dialect.loaded_dbapi``.
        """
        try:
            reader = self.idle.pop()
        except IndexError:
            return self.lent(sql, values)
        try:
            if reader is not None:
                try:
                    return reader.rows(sql, values)
                except self.error:
                    if not reader.is_lost:
                        raise
            reader = None  # and stays so where none can be opened
            reader = Reader(self.engine)
            return reader.rows(sql, values)
        finally:
            self.idle.append(reader)

    def lent(self, sql: str, values: Any) -> list[Any]:
        """Return what a statement finds, through the pool."""
        with closing(self.engine.raw_connection()) as lent, closing(lent.cursor()) as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    async def row(self, sql: str, values: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return the one row that a statement finds in PostgreSQL, as the server sends it, while other things are done.

        Everybody's rows are shown: who may see only some people's asks `rows`.

        Parameters
        ----------
        sql : str
            With ``$1``, ``$2`` …; few different ones, for each has a session of its own.
        values : sequence of bytes
            As texts.

        Raises
        ------
        Error
            The driver's own.
        """
        from features.records.pipeline import Pipeline

        if sql not in self.pipelines:
            self.pipelines[sql] = Pipeline(lambda: Reader(self.engine), sql)
        return await self.pipelines[sql].row(values)

    def version(self) -> int | None:
        """Return a number that is another one once anybody else wrote to the records; None in PostgreSQL, which has none.

        The ledger's file, to which every answer writes, does not count.
        """
        if self.engine.dialect.name != "sqlite":
            return None
        with self.watching:
            if self.watcher is None:
                self.watcher = Reader(self.engine)
            found: int = self.watcher.rows("PRAGMA main.data_version", ())[0][0]
        return found

    def close(self) -> None:
        """End every session; the next statement opens another."""
        for pipeline in self.pipelines.values():
            pipeline.close()
        with self.watching:
            if self.watcher is not None:
                self.watcher.connection.close()
            self.watcher = None
        for _ in range(len(self.idle)):
            reader = self.idle.pop()
            if reader is not None:
                reader.connection.close()
            self.idle.appendleft(None)
