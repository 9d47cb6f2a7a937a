"""Everybody's evaluations as one list: what is due, of whom, about which course, in pages and as CSV.

One statement finds them, so that a page costs one pass over two years of completions and no person's history is read.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from features.errors import BadInputError
from features.impact.evaluations import AT_WORK_DAYS, DUE_DAYS
from features.records.columns import Kind
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA, SQL_TYPES
from features.records.tables import EVALUATION_RATERS
from serving.access import Caller
from serving.access_rows import NOW, had_happened, is_current, visible_people
from serving.house import House
from serving.http.cells import harmless
from serving.impact.evaluation_answers import DueList, DueRow
from serving.impact.evaluations import LOOKED_BACK_DAYS, catalogue_of

DAY = 86_400_000_000
EVENTS, JOBS, ASSIGNMENTS, EVALUATIONS = (
    METADATA.tables[name] for name in ("learning_events", "job_history", "assignments", "evaluations")
)
HEADER = (
    "employee_id", "ask_id", "rater", "course_id", "title", "skill_ids", "completed_at", "due_at", "state", "answered_at",
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """What was asked of the list; nothing named lets everything through."""

    state: Sequence[str]
    rater: Sequence[str]
    course_id: Sequence[str]
    manager_id: Sequence[str]
    cursor: str | None
    limit: int


class Place(NamedTuple):
    """Where a row stands in the list: due longest first, then by name."""

    completed_at: int
    employee_id: str
    course_id: str
    rater: str


def due_list(house: House, caller: Caller, filters: Filters) -> DueList:
    """Return one page of the list: of everybody who works here now, or of whom the caller may see.

    Raises
    ------
    BadInputError
        If the cursor is not of this list.
    """
    now = house.clock()
    query = statement(filters, caller.employee_id, now)
    with house.store.reading() as connection:
        rows = connection.execute(query, {"rows_now": to_micros(now)}).all()
    page = rows[: filters.limit]
    titles, taught = catalogue_of(house, sorted({row.course_id for row in page}))
    items = [row_of(row, titles, taught) for row in page]
    last = cursor_of(page[-1]) if len(rows) > filters.limit else None
    return DueList(items=items, next_cursor=last, as_of=now)


def statement(filters: Filters, viewer: str | None, now: datetime) -> sa.Select[Any]:
    """Return the statement of one page, one row more than it holds."""
    after = read_cursor(filters.cursor) if filters.cursor else None
    since = to_micros(now - timedelta(days=LOOKED_BACK_DAYS))
    done = finished(max(since, after.completed_at) if after else since, filters)
    job, raters = JOBS.alias("job"), rater_names()
    answered = answered_at(done, raters)
    state = sa.case(
        (answered.is_not(None), "answered"), (done.c.completed_at <= NOW - DUE_DAYS * DAY, "due"), else_="waiting"
    )  # fmt: skip
    place = (done.c.completed_at, done.c.employee_id, done.c.course_id, raters.c.rater)
    query = (
        sa.select(*place, job.c.manager_id, answered.label("answered_at"), state.label("state"))
        .join_from(done, job, (job.c.employee_id == done.c.employee_id) & is_current(job))
        .join(raters, sa.true())
        .where(~is_imposed(done))
    )
    for wanted, column in (
        (filters.state, state),
        (filters.rater, raters.c.rater),
        (filters.manager_id, job.c.manager_id),
    ):
        query = query.where(column.in_(wanted)) if wanted else query
    if viewer is not None:
        query = query.where(done.c.employee_id.in_(visible_people(viewer, now)))
    if after is not None:
        query = query.where(sa.tuple_(*place) > sa.tuple_(*(sa.literal(value) for value in after)))
    return query.order_by(*place).limit(filters.limit + 1)


def finished(since: int, filters: Filters) -> sa.Subquery:
    """Return when each person last completed each course, from a moment on; of a corrected event what is known last."""
    event, newer = EVENTS.alias(), EVENTS.alias()
    same = (newer.c.event_id == event.c.event_id) & (newer.c.happened_at == event.c.happened_at)
    corrected = sa.exists().where(same, newer.c.known_at > event.c.known_at, newer.c.known_at < NOW)
    done = event.c.kind.in_(("completed", "passed")) & (event.c.happened_at >= since)
    query = sa.select(
        event.c.employee_id, event.c.course_id, sa.func.max(event.c.happened_at).label("completed_at")
    ).where(done, had_happened(event), ~corrected)
    if filters.course_id:
        query = query.where(event.c.course_id.in_(filters.course_id))
    return query.group_by(event.c.employee_id, event.c.course_id).subquery("done")


def rater_names() -> sa.Subquery:
    """Return the two sides that are asked, as rows."""
    text = SQL_TYPES[Kind.TEXT]()
    each = [sa.select(sa.literal(name, text).label("rater")) for name in EVALUATION_RATERS]
    return sa.union_all(*each).subquery("raters")


def answered_at(done: sa.Subquery, raters: sa.Subquery) -> sa.ScalarSelect[int]:
    """Return when a side last said whether the skill shows at work; too early an answer is none."""
    said = EVALUATIONS.alias()
    about = (said.c.employee_id == done.c.employee_id) & (said.c.course_id == done.c.course_id)
    behaviour = (said.c.stage == "behaviour") & (said.c.rater == raters.c.rater)
    late = said.c.happened_at >= done.c.completed_at + AT_WORK_DAYS * DAY
    last = sa.select(sa.func.max(said.c.happened_at)).where(about, behaviour, late, had_happened(said))
    return last.correlate(done, raters).scalar_subquery()


def is_imposed(done: sa.Subquery) -> sa.ColumnElement[bool]:
    """Return the condition that somebody had to take a course: of a corrected assignment what is known last."""
    bound, newer = ASSIGNMENTS.alias(), ASSIGNMENTS.alias()
    about = (bound.c.employee_id == done.c.employee_id) & (bound.c.course_id == done.c.course_id)
    same = sa.and_(*(newer.c[name] == bound.c[name] for name in ("employee_id", "course_id", "happened_at")))
    corrected = sa.exists().where(same, newer.c.known_at > bound.c.known_at, newer.c.known_at < NOW)
    return sa.exists().where(about, bound.c.is_mandatory, had_happened(bound), ~corrected)


def row_of(row: Any, titles: dict[str, str], taught: dict[str, list[str]]) -> DueRow:
    """Return one row of the list."""
    done = from_micros(row.completed_at)
    return DueRow(
        employee_id=row.employee_id,
        ask_id=row.employee_id if row.rater == "employee" else row.manager_id,
        course_id=row.course_id,
        title=titles.get(row.course_id),
        skill_ids=taught.get(row.course_id, []),
        rater=row.rater,
        completed_at=done,
        due_at=done + timedelta(days=DUE_DAYS),
        state=row.state,
        answered_at=None if row.answered_at is None else from_micros(row.answered_at),
    )


def cursor_of(row: Any) -> str:
    """Return where the next page begins."""
    last = Place(row.completed_at, row.employee_id, row.course_id, row.rater)
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode()


def read_cursor(cursor: str) -> Place:
    """Return what a cursor says; raise BadInputError for one that is not of this list."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=Place)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise BadInputError("The cursor cannot be read.", allowed="next_cursor of the page before") from error


def as_csv(found: DueList) -> str:
    """Return a page of the list as CSV with a header; nothing in it becomes a formula."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEADER)
    for item in found.items:
        moments = [at.isoformat() if at else "" for at in (item.completed_at, item.due_at, item.answered_at)]
        writer.writerow(
            [harmless(item.employee_id), harmless(item.ask_id or ""), item.rater, harmless(item.course_id),
             harmless(item.title or ""), harmless(" ".join(item.skill_ids)), *moments[:2], item.state, moments[2]]
        )  # fmt: skip
    return written.getvalue()
