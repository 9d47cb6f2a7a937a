"""Learning events: kept once each, however often they are sent; durable before the answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.dialects import postgresql

from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.tables import IMPORTABLE
from serving.house import House, HouseDependency, in_thread
from serving.http.problems import Problem, invalid_fields, shown
from serving.records.derived import Strict, derive, stored

router = APIRouter(tags=["LMS"])

TABLE = IMPORTABLE["learning_events"]
SQL = METADATA.tables["learning_events"]
WRITE_LOCK = 0x5C111_E7E47
MOST_EVENTS = 1_000
KNOWN_THINGS = {"employee_id": "employees", "course_id": "courses"}
EXAMPLE = {
    "event_id": "lms-2026-000017",
    "employee_id": "E0001",
    "course_id": "C0001",
    "kind": "completed",
    "happened_at": "2026-01-31T09:00:00Z",
    "score_share": 0.9,
}
LearningEvent = derive("LearningEvent", TABLE, without={"known_at"}, example=EXAMPLE)


class RejectedEvent(BaseModel):
    """An event that was not kept, and why."""

    index: int = Field(description="Its place in the request, from 0.", examples=[3])
    event_id: str | None = Field(None, examples=["lms-2026-000020"])
    reason: str = Field(examples=["There is no such course."])
    field: str = Field("", examples=["course_id"])
    found: str = Field("", examples=["C9999"])
    allowed: str = ""
    status: int = Field(422, description="422 cannot be used; 409 another event has this id.")


class EventReceipt(BaseModel):
    """What became of the events of a request."""

    accepted: int = Field(description="Kept now.", examples=[2])
    duplicates: int = Field(description="Kept before, with the same content.", examples=[1])
    rejected: list[RejectedEvent] = Field(default_factory=list)


@dataclass
class Sorting:
    """The events of one request, on their way to being kept or rejected."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    rejected: list[RejectedEvent] = field(default_factory=list)
    accepted: int = 0
    duplicates: int = 0

    def reject(self, index: int, **why: Any) -> None:
        """Put one event aside with its reason."""
        row = self.rows.pop(index, {})
        event_id = why.pop("event_id", None) or row.get("event_id")
        self.rejected.append(RejectedEvent(index=index, event_id=event_id, **why))


def request_body() -> dict[str, Any]:
    """Return the contract of the body: one event, a list, or an object with a list."""
    event = LearningEvent.model_json_schema()
    many = {"type": "array", "items": event, "maxItems": MOST_EVENTS}
    wrapped = {"type": "object", "properties": {"events": many}, "required": ["events"]}
    schema = {"oneOf": [event, wrapped, many]}
    content = {"application/json": {"schema": schema, "example": EXAMPLE}}
    return {"requestBody": {"required": True, "content": content}}


@router.post("/v1/events", openapi_extra=request_body())
async def post_events(request: Request, house: HouseDependency) -> EventReceipt:
    """Keep learning events, up to 1,000 at once: each once, the good ones even where others are rejected."""
    given, is_single = events_of(await request.body())
    sorting = await in_thread(receive, house, given)
    if is_single and sorting.rejected:
        raise as_problem(sorting.rejected[0])
    return EventReceipt(
        accepted=sorting.accepted,
        duplicates=sorting.duplicates,
        rejected=sorted(sorting.rejected, key=lambda rejected: rejected.index),
    )


def events_of(body: bytes) -> tuple[list[Any], bool]:
    """Return the events of a body, and whether it is a single one; raise Problem where it is neither."""
    try:
        said = json.loads(body)
    except ValueError as error:
        raise Problem(400, f"The body is not JSON: {error}.") from error
    if isinstance(said, dict) and "events" not in said:
        return [said], True
    if isinstance(said, dict) and set(said) - {"events"}:
        unknown = ", ".join(sorted(set(said) - {"events"}))
        raise Problem(422, "Beside `events` nothing may stand.", found=shown(unknown), allowed="events")
    events = said["events"] if isinstance(said, dict) else said
    if not isinstance(events, list) or not events or len(events) > MOST_EVENTS:
        found = f"{len(events)} events" if isinstance(events, list) else type(events).__name__
        raise Problem(
            422, "Send one event, or 1 to 1,000.", field="events", found=found, allowed="1-1000 events"
        )
    return events, False


def as_problem(rejected: RejectedEvent) -> Problem:
    """Return the rejection of a single event as a problem."""
    return Problem(
        rejected.status, rejected.reason, field=rejected.field, found=rejected.found, allowed=rejected.allowed
    )


def receive(house: House, given: Sequence[Any]) -> Sorting:
    """Keep what can be kept, in one transaction that is durable before this returns."""
    sorting = Sorting()
    for index, event in enumerate(given):
        validate(sorting, index, event)
    with house.store.transaction() as connection:
        if house.store.is_postgres:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITE_LOCK})
        received_at = house.clock()  # inside the lock, so that receipts are ordered like commits
        refuse_future(sorting, received_at, house.settings.future_tolerance_seconds)
        refuse_unknown(sorting, connection)
        refuse_other_content(sorting, connection, to_micros(received_at))
        rows = [{**row, "known_at": to_micros(received_at)} for row in sorting.rows.values()]
        sorting.accepted = house.store.append(connection, "learning_events", rows)
    house.changes.add(row["employee_id"] for row in rows)
    return sorting


def validate(sorting: Sorting, index: int, event: Any) -> None:
    """Take up an event that is as the contract says, or reject it with the first thing that is not."""
    try:
        model: Strict = LearningEvent.model_validate(event)
    except ValidationError as error:
        first = invalid_fields([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])[0]
        event_id = event.get("event_id") if isinstance(event, dict) else None
        event_id = shown(event_id) if isinstance(event_id, str) else None
        reason = f"{first['field']}: {first['allowed']}" if first["field"] else first["allowed"]
        why = {name: first[name] for name in ("field", "found", "allowed")}
        sorting.reject(index, event_id=event_id, reason=reason, **why)
    else:
        sorting.rows[index] = stored(TABLE, dict(model))


def refuse_future(sorting: Sorting, now: datetime, tolerance_seconds: float) -> None:
    """Reject what has not happened yet; a clock a little ahead is taken back to the receipt."""
    latest = to_micros(now + timedelta(seconds=tolerance_seconds))
    for index, row in list(sorting.rows.items()):
        if row["happened_at"] > latest:
            found = from_micros(row["happened_at"]).isoformat()
            allowed = f"until {now.isoformat(timespec='seconds')}"
            sorting.reject(
                index, reason="It lies in the future.", field="happened_at", found=found, allowed=allowed
            )
        else:
            row["happened_at"] = min(row["happened_at"], to_micros(now))


def refuse_unknown(sorting: Sorting, connection: sa.Connection) -> None:
    """Reject events about people or courses that are not in the records."""
    for name, table in KNOWN_THINGS.items():
        column = METADATA.tables[table].c[name]
        wanted = {row[name] for row in sorting.rows.values()}
        known = (
            set(connection.scalars(sa.select(column).where(among(connection, column, wanted))))
            if wanted
            else set()
        )
        for index, row in list(sorting.rows.items()):
            if row[name] not in known:
                reason = f"There is no such {name.removesuffix('_id')}."
                sorting.reject(index, reason=reason, field=name, found=shown(row[name]))


def refuse_other_content(sorting: Sorting, connection: sa.Connection, received: int) -> None:
    """Count second copies as duplicates; reject another content under a known id."""
    kept = kept_events(connection, [row["event_id"] for row in sorting.rows.values()])
    for index, row in list(sorting.rows.items()):
        before = kept.get(row["event_id"])
        if before is None:
            kept[row["event_id"]] = {**row, "known_at": received}
        elif is_same(before, row):
            del sorting.rows[index]
            sorting.duplicates += 1
        else:
            reason = "Another event has this id; an event is kept as it was first sent."
            sorting.reject(index, reason=reason, field="event_id", found=shown(row["event_id"]), status=409)


def among(
    connection: sa.Connection, column: sa.ColumnElement[str], names: Iterable[str]
) -> sa.ColumnElement[bool]:
    """Return the condition that a column holds one of the names; on PostgreSQL they travel as one array."""
    listed = list(names)
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.literal(listed, postgresql.ARRAY(sa.Text)))
    return column.in_(listed)


def kept_events(connection: sa.Connection, event_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the events kept under these ids, each as it was last known."""
    query = sa.select(*(SQL.c[name] for name in TABLE.names)).where(
        among(connection, SQL.c.event_id, event_ids)
    )
    rows = connection.execute(query.order_by(SQL.c.known_at)).mappings()
    return {row["event_id"]: dict(row) for row in rows}


def is_same(before: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether an event is a second copy of a kept one."""
    other = {name for name in TABLE.names if before[name] != row.get(name)} - {"known_at"}
    was_taken_back = before["happened_at"] == before["known_at"] <= row["happened_at"]
    return not other or (other == {"happened_at"} and was_taken_back)
