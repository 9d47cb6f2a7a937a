"""Read kept statements: as they were sent, with what a record store adds; a client reads those that it sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from features.records.moments import from_micros
from features.records.reading.xapi_statement import VOIDS, NotUnderstoodError, parse
from features.records.schema import METADATA
from serving.house import House
from serving.xapi.asking import Asked
from serving.xapi.matching import in_form, is_asked_for

TABLE = METADATA.tables["statements"]
ROWS_AT_ONCE = 500
MOST_SEARCHED = 10_000  # rows that one request looks through; `more` goes on from there
UNSEEN = timedelta(seconds=10)  # no write that began is longer on its way

Row = sa.RowMapping
RawObject = msgspec.json.Decoder(dict[str, msgspec.Raw])


def consistent_through(house: House) -> datetime:
    """Return until when every statement that was stored can be read: receipts are ordered like commits."""
    with house.store.reading() as connection:
        newest = connection.scalar(sa.select(sa.func.max(TABLE.c.received_at)))
    surely = house.clock() - UNSEEN
    return max(surely, from_micros(newest)) if newest is not None else surely


def one(house: House, statement_id: str, authority: str, *, voided: bool) -> Row | None:
    """Return a statement, or None; one that was voided is found only where such a one is asked for."""
    query = sa.select(TABLE).where(TABLE.c.statement_id == statement_id, TABLE.c.authority == authority)
    with house.store.reading() as connection:
        row = connection.execute(query).mappings().first()
        is_void = bool(voided_among(connection, [statement_id]))
    return row if row is not None and is_void == voided else None


def voided_among(connection: sa.Connection, names: Sequence[str]) -> set[str]:
    """Return those of the statements that were taken back."""
    marks = [f"{VOIDS}{name}" for name in names]
    query = sa.select(TABLE.c.statement_id).where(TABLE.c.statement_id.in_(marks))
    return {name.removeprefix(VOIDS) for name in connection.scalars(query)}


def some(house: House, asked: Asked, authority: str) -> tuple[list[Row], tuple[int, int] | None]:
    """Return the statements asked for, and where to go on, or None at the end."""
    found: list[Row] = []
    last: tuple[int, int] | None = asked.cursor
    with house.store.reading() as connection:
        for number, (row, is_void) in enumerate(searched(connection, asked, authority)):
            if len(found) == asked.limit or number == MOST_SEARCHED:
                return found, last
            last = (row["received_at"], row["id"])
            if not is_void and matches(row, asked):
                found.append(row)
    return found, None


def searched(connection: sa.Connection, asked: Asked, authority: str) -> Iterator[tuple[Row, bool]]:
    """Yield a client's statements in the order asked for, and whether each was taken back."""
    cursor = asked.cursor
    while True:
        rows = connection.execute(page(asked, authority, cursor)).mappings().all()
        voided = voided_among(connection, [row["statement_id"] for row in rows])
        yield from ((row, row["statement_id"] in voided) for row in rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        cursor = (rows[-1]["received_at"], rows[-1]["id"])


def page(asked: Asked, authority: str, cursor: tuple[int, int] | None) -> sa.Select[Any]:
    """Return the query of the next rows."""
    stored, number = TABLE.c.received_at, TABLE.c.id
    query = sa.select(TABLE).where(TABLE.c.authority == authority, ~TABLE.c.statement_id.startswith(VOIDS))
    if asked.since is not None:
        query = query.where(stored > asked.since)
    if asked.until is not None:
        query = query.where(stored <= asked.until)
    if cursor is not None:
        at, last = cursor
        beyond = (stored > at) if asked.ascending else (stored < at)
        beside = (number > last) if asked.ascending else (number < last)
        query = query.where(sa.or_(beyond, sa.and_(stored == at, beside)))
    order = (stored, number) if asked.ascending else (stored.desc(), number.desc())
    return query.order_by(*order).limit(ROWS_AT_ONCE)


def matches(row: Row, asked: Asked) -> bool:
    """Say whether a kept statement is one of those asked for."""
    try:
        return is_asked_for(parse(row["payload"]), asked)
    except NotUnderstoodError:
        return False


def answered(row: Row, version: str, home_page: str, form: str) -> msgspec.Raw:
    """Return a statement as it was sent, member for member, with its id, when it was stored, and from whom."""
    said: dict[str, Any] = dict(RawObject.decode(row["payload"]))
    if form == "ids":
        said = in_form(parse(row["payload"]))
    stored = moment_text(row["received_at"])
    account = {"homePage": home_page, "name": row["authority"]}
    return msgspec.Raw(
        msgspec.json.encode(
            {
                "id": row["statement_id"],
                **said,
                "timestamp": said.get("timestamp", stored),
                "stored": stored,
                "authority": {"objectType": "Agent", "account": account},
                "version": said.get("version", "1.0.0" if version.startswith("1") else version),
            }
        )
    )


def moment_text(micros: int) -> str:
    """Return a moment as RFC 3339 text."""
    return from_micros(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")


def http_date(row: Row) -> str:
    """Return when a statement was stored, as HTTP writes it."""
    return format_datetime(from_micros(row["received_at"]), usegmt=True)
