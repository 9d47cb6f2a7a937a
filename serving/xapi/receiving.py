"""Keep statements: as sent, with the learning events they tell of, and aside with its reason what is not understood."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.reading.quarantine import NOT_CONFORMANT
from features.records.reading.xapi import RECEIVER, chunks
from features.records.reading.xapi_event import event_of
from features.records.reading.xapi_lookup import Directory
from features.records.reading.xapi_maps import plain_iri, shipped_maps
from features.records.reading.xapi_statement import VOIDS, NotUnderstoodError, parse
from features.records.schema import METADATA
from serving.house import House
from serving.http.problems import Problem, shown
from serving.records.events import WRITE_LOCK
from serving.xapi.sent import SHOWN_BREACHES, Sent

STATEMENTS, EVENTS = METADATA.tables["statements"], METADATA.tables["learning_events"]

Row = dict[str, Any]


@dataclass
class Keeping:
    """What is to be kept of one request."""

    received_at: datetime
    statements: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    aside: list[Row] = field(default_factory=list)
    voided: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def receive(house: House, sent: Sequence[Sent], authority: str) -> None:
    """Keep statements in one transaction that is durable before this returns; a second copy changes nothing.

    Parameters
    ----------
    house : House
        Where they are kept.
    sent : sequence of Sent
        Read and judged already.
    authority : str
        Name of the client they come from.

    Raises
    ------
    Problem
        400 where a voiding statement is to be voided: nothing was kept. 409 where another statement has one's id:
        a strict service kept nothing; else that one waits in the quarantine, and the others were kept.
    """
    with house.store.transaction() as connection:
        if house.store.is_postgres:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITE_LOCK})
        readings = [one.reading for one in sent]
        directory = Directory.seen_by(connection, readings, [one.text_digest for one in sent])
        others = [one for one in sent if says_something_else(one, directory)]
        if others and house.settings.xapi_strict:
            raise conflict(others[0])
        new = [one for one in sent if one.reading.statement_id not in directory.statements]
        refuse_void_of_void(connection, new)
        keeping = Keeping(house.clock())
        tolerance = timedelta(seconds=house.settings.future_tolerance_seconds)
        for one in new:
            take(keeping, one, directory, authority, tolerance)
        for one in others:
            put_aside(keeping, one, "another statement has the same id and says something else")
        changed = write(house, connection, keeping)
    house.changes.add(changed)
    if others:
        raise conflict(others[0])


def says_something_else(one: Sent, directory: Directory) -> bool:
    """Say whether another statement stands under one's id."""
    before = directory.statements.get(one.reading.statement_id)
    return before is not None and before != one.reading.digest


def conflict(one: Sent) -> Problem:
    """Return the refusal of a statement whose id another one has."""
    reason = "Another statement has this id and says something else; the first one stands."
    return Problem(409, reason, field="id", found=shown(one.answered_id))


def refuse_void_of_void(connection: sa.Connection, new: Sequence[Sent]) -> None:
    """Raise Problem (400) where a statement takes back one that itself takes back another."""
    targets = {one.reading.voids for one in new if one.reading.voids}
    own = {one.reading.statement_id for one in new if one.reading.voids}
    query = sa.select(STATEMENTS.c.payload).where(STATEMENTS.c.statement_id.in_(targets))
    payloads = connection.scalars(query).all() if targets else []
    if targets & own or any(is_voiding(payload) for payload in payloads):
        raise Problem(400, "A statement that voids another one cannot be voided itself.", field="object.id")


def is_voiding(payload: str) -> bool:
    """Say whether a kept statement takes another one back."""
    verb = None
    with contextlib.suppress(NotUnderstoodError):
        verb = parse(payload).get("verb")
    name = verb.get("id") if isinstance(verb, dict) else None
    return isinstance(name, str) and plain_iri(name) == shipped_maps().voided


def take(keeping: Keeping, one: Sent, directory: Directory, authority: str, tolerance: timedelta) -> None:
    """Sort one statement that is new into what is kept."""
    reading, now = one.reading, keeping.received_at
    row: Row = {
        "statement_id": reading.statement_id, "content_digest": reading.digest, "payload": one.text,
        "received_at": to_micros(now), "authority": authority,
    }  # fmt: skip
    if reading.statement_id in keeping.names:
        return  # the same content twice in one request
    keeping.names.add(reading.statement_id)
    keeping.statements.append(row)
    if reading.voids:
        keeping.statements.append({**row, "statement_id": f"{VOIDS}{reading.voids}"})
        keeping.voided.append(reading.voids)
    reason = one.reason
    is_kept = (
        reading.statement_id in directory.events or f"{VOIDS}{reading.statement_id}" in directory.statements
    )
    if not (reason or reading.voids or is_kept):
        try:
            event = event_of(reading, directory, now, now, tolerance)
        except NotUnderstoodError as error:
            reason = str(error)
        else:
            keeping.events.append({**event, "known_at": to_micros(now)})
    put_aside(keeping, one, reason)


def put_aside(keeping: Keeping, one: Sent, reason: str) -> None:
    """Note why a statement waits, or what its platform does wrong."""
    wrong = "; ".join(one.breaches[:SHOWN_BREACHES])
    reasons = [reason, f"{NOT_CONFORMANT}{wrong}" if wrong else ""]
    if any(reasons):
        keeping.aside.append({
            "source": RECEIVER, "content_digest": one.text_digest, "payload": one.text,
            "reason": "; ".join(each for each in reasons if each), "received_at": to_micros(keeping.received_at),
        })  # fmt: skip


def write(house: House, connection: sa.Connection, keeping: Keeping) -> set[str]:
    """Write what is kept; return whose records changed."""
    store = house.store
    store.append(connection, "statements", keeping.statements)
    store.append(connection, "learning_events", keeping.events)
    store.append(connection, "quarantine", keeping.aside)
    changed = {row["employee_id"] for row in keeping.events}
    for names in chunks(keeping.voided):
        is_voided = EVENTS.c.event_id.in_(names)
        changed |= set(connection.scalars(sa.select(EVENTS.c.employee_id).where(is_voided)))
        connection.execute(sa.delete(EVENTS).where(is_voided))
    return changed
