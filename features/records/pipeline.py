"""Statements under way on one PostgreSQL session while their callers do other things: a worker waits for none of them alone.

The session is in libpq's pipeline mode: what is asked while an earlier statement runs is sent at once, and the answers come in
order. Each statement is a transaction of its own and only reads.

References
----------
PostgreSQL documentation, "libpq: Pipeline Mode".
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import DatabaseError, OperationalError
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format

from features.records import row_security

if TYPE_CHECKING:
    from features.records.readers import Reader

NAME = b"asked"
REST_SECONDS = 0.5  # after a session could not be had
MOST_SECONDS = 3.0  # that the server may owe an answer; then it counts as lost

Row = Sequence[bytes | None]
Asked = tuple[asyncio.Future[Row], list[Row]]


class Session:
    """One session, used by one event loop; it shows everybody's rows, so only who may see everybody asks it.

    Parameters
    ----------
    reader : Reader
        Its connection, opened for this alone, on which the statement was prepared (`prepared`).
    """

    def __init__(self, reader: Reader) -> None:
        self.reader, self.connection = reader, reader.connection.pgconn
        self.connection.nonblocking = 1
        self.connection.enter_pipeline_mode()
        self.loop, self.socket = asyncio.get_running_loop(), self.connection.socket
        self.waiting: deque[Asked] = deque()
        self.is_sending = False
        self.timer: asyncio.TimerHandle | None = None
        self.loop.add_reader(self.socket, self.answered)

    @property
    def is_lost(self) -> bool:
        """True once the session can answer nothing any more."""
        return bool(self.connection.status != ConnStatus.OK)

    def ask(self, values: Sequence[bytes]) -> asyncio.Future[Row]:
        """Send the statement with values as texts; the future gives its one row, each value as the server sends it (binary)."""
        future: asyncio.Future[Row] = self.loop.create_future()
        self.connection.send_query_prepared(NAME, values, result_format=Format.BINARY)
        self.connection.pipeline_sync()
        self.waiting.append((future, []))
        self.send()
        if self.timer is None:
            self.watch()
        return future

    def send(self) -> None:
        """Send what waits to be sent; the rest as soon as the server takes it."""
        try:
            is_left = self.connection.flush()
        except OperationalError as error:
            self.end(error)
            return
        if is_left:
            self.loop.add_writer(self.socket, self.send)
            self.is_sending = True
        elif self.is_sending:
            self.loop.remove_writer(self.socket)
            self.is_sending = False

    def answered(self) -> None:
        """Take what has come."""
        try:
            self.connection.consume_input()
            while self.waiting and not self.connection.is_busy():
                self.take(self.connection.get_result())
        except OperationalError as error:
            self.end(error)

    def take(self, result: Any) -> None:
        """Take a result: a row, an error, or the end of a statement."""
        if result is None:
            return
        future, rows = self.waiting[0]
        if result.status == ExecStatus.TUPLES_OK:
            rows.append([result.get_value(0, place) for place in range(result.nfields)])
        elif result.status == ExecStatus.PIPELINE_SYNC:
            self.waiting.popleft()
            if not future.done():
                future.set_result(rows[0])
        elif result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) in (b"FATAL", b"PANIC"):
            self.end(OperationalError(said_by(result)))
        elif not future.done():
            future.set_exception(DatabaseError(said_by(result)))

    def watch(self) -> None:
        """Look in a while whether the oldest statement is still owed an answer."""
        oldest = self.waiting[0][0] if self.waiting else None
        self.timer = self.loop.call_later(MOST_SECONDS, self.look, oldest) if oldest else None

    def look(self, oldest: asyncio.Future[Row]) -> None:
        """Give up where nothing has come since."""
        if self.waiting and self.waiting[0][0] is oldest:
            self.end(OperationalError("the server does not answer"))
        else:
            self.watch()

    def end(self, error: Exception) -> None:
        """Close the session, and tell whoever waits."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if not self.is_lost and not self.loop.is_closed():
            self.loop.remove_reader(self.socket)
            self.loop.remove_writer(self.socket)
        self.reader.connection.close()
        while self.waiting:
            future, _ = self.waiting.popleft()
            if not future.done():
                future.set_exception(error)


def said_by(result: Any) -> str:
    """Return the message of an error."""
    return str(result.error_message.decode("utf-8", "replace").strip())


def prepared(connect: Callable[[], Reader], sql: str) -> Reader:
    """Return a new connection that shows everybody's rows, a statement prepared on it."""
    with row_security.everybody():
        reader = connect()
    result = reader.connection.pgconn.prepare(NAME, sql.encode())
    if result.status != ExecStatus.COMMAND_OK:
        raise DatabaseError(said_by(result))
    return reader


class Pipeline:
    """A statement that is asked again and again, on a session that is opened when it is needed.

    Parameters
    ----------
    connect : callable
        Opens a connection to a PostgreSQL database for this alone.
    sql : str
        The statement: it finds one row.
    """

    def __init__(self, connect: Callable[[], Reader], sql: str) -> None:
        self.connect, self.sql = connect, sql
        self.session: Session | None = None
        self.resting_until = 0.0
        self.opening = asyncio.Lock()

    async def row(self, values: Sequence[bytes]) -> Row:
        """Return what the statement finds; asked once more where the server went away since the last time.

        Raises
        ------
        Error
            The driver's own.
        """
        session = self.session
        if session is not None and self.is_usable(session):
            try:
                return await session.ask(values)
            except OperationalError:
                if not session.is_lost:
                    raise
        opening = asyncio.ensure_future(self.opened())  # goes on where its caller leaves meanwhile
        return await (await asyncio.shield(opening)).ask(values)

    async def opened(self) -> Session:
        """Return a session, another one where the last is lost."""
        async with self.opening:
            if self.session is None or not self.is_usable(self.session):
                self.close()
                self.session = await self.another()
            return self.session

    async def another(self) -> Session:
        """Return a new session; where none could be had just now, whoever comes next is told so without trying."""
        if time.monotonic() < self.resting_until:
            raise OperationalError("no session could be had a moment ago")
        try:
            return Session(await asyncio.to_thread(prepared, self.connect, self.sql))
        except Exception:
            self.resting_until = time.monotonic() + REST_SECONDS
            raise

    def is_usable(self, session: Session) -> bool:
        """Say whether a session stands, and belongs to the loop that runs."""
        return not session.is_lost and session.loop is asyncio.get_running_loop()

    def close(self) -> None:
        """End the session; the next statement opens another."""
        if self.session is not None:
            self.session.end(OperationalError("the store was closed"))
        self.session = None
