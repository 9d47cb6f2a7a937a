"""Whose rows a caller may see: a caller that acts for a person sees that person and their reports, as of now, in SQL.

One predicate decides: a row of ``job_history`` is *current*. A person is a manager's report where a chain of current rows
leads from them to the manager. Whoever does not work here at present has no current row: they see nobody and are nobody's
report, so that an access ends with the employment. `is_visible` climbs from one person to the caller (a step a level);
`visible_people` is the whole closure downwards, as a subquery for lists. Both use the same predicate.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store

JOBS, PEOPLE, EXITS = (METADATA.tables[name] for name in ("job_history", "employees", "exits"))
ENDED = METADATA.tables["ended_access"]
NOW = sa.bindparam("rows_now", type_=sa.BigInteger())
MOST_LEVELS = 64  # deeper than any organisation; ends the climb in a circle of managers


def had_happened(table: Any, moment: str = "happened_at") -> sa.ColumnElement[bool]:
    """Return the condition that a row had happened and was known before now."""
    return sa.and_(table.c[moment] < NOW, table.c.known_at < NOW)


def is_current(job: Any) -> sa.ColumnElement[bool]:
    """Return the predicate: this row says what holds now of a person who works here now.

    Parameters
    ----------
    job : table or alias of ``job_history``
        Whose row is judged.
    """
    later, spell, newer, gone = JOBS.alias(), PEOPLE.alias(), PEOPLE.alias(), EXITS.alias()
    same_person = later.c.employee_id == job.c.employee_id
    is_later = sa.tuple_(later.c.happened_at, later.c.known_at) > sa.tuple_(job.c.happened_at, job.c.known_at)
    replaced = sa.exists().where(same_person, later.c.spell == job.c.spell, is_later, had_happened(later))
    of_spell = (spell.c.employee_id == job.c.employee_id) & (spell.c.spell == job.c.spell)
    hired = sa.exists().where(of_spell, had_happened(spell, "hired_at"))
    of_later_spell = (newer.c.employee_id == job.c.employee_id) & (newer.c.spell > job.c.spell)
    hired_again = sa.exists().where(of_later_spell, had_happened(newer, "hired_at"))
    of_exit = (gone.c.employee_id == job.c.employee_id) & (gone.c.spell == job.c.spell)
    left = sa.exists().where(of_exit, had_happened(gone))
    return sa.and_(had_happened(job), ~replaced, hired, ~hired_again, ~left)


def may_still_ask(viewer: Any) -> sa.ColumnElement[bool]:
    """Return the condition that a viewer's account has not been deactivated."""
    return ~sa.exists().where(ENDED.c.employee_id == viewer)


def visible_people(manager_id: str, now: datetime) -> sa.Select[tuple[str]]:
    """Return the subquery of everybody a manager may see: themselves and their reports, as of now.

    Use it as ``table.c.employee_id.in_(visible_people(…))``.
    """
    job = JOBS.alias()
    at = {"rows_now": to_micros(now)}
    top = sa.select(job.c.employee_id.label("person")).where(
        job.c.employee_id == manager_id, is_current(job), may_still_ask(manager_id)
    )
    closure = top.params(at).cte("visible", recursive=True)
    report = JOBS.alias()
    below = sa.select(report.c.employee_id).where(report.c.manager_id == closure.c.person, is_current(report))
    closure = closure.union(below.params(at))
    return sa.select(closure.c.person)


def climb() -> sa.Select[Any]:
    """Return the statement that climbs from a person, one manager a step, and says whether it meets the caller."""
    job = JOBS.alias()
    first = sa.select(
        job.c.employee_id.label("person"), job.c.manager_id.label("manager"), sa.literal(0).label("level")
    )
    up = first.where(job.c.employee_id == sa.bindparam("person"), is_current(job)).cte("up", recursive=True)
    above = JOBS.alias()
    step = sa.select(above.c.employee_id, above.c.manager_id, up.c.level + 1)
    up = up.union(
        step.where(
            above.c.employee_id == up.c.manager,
            up.c.person != sa.bindparam("viewer"),
            up.c.level < MOST_LEVELS,
            is_current(above),
        )
    )
    met = up.c.person == sa.bindparam("viewer")
    return sa.select(sa.literal(1)).where(met, may_still_ask(sa.bindparam("viewer"))).limit(1)


CLIMB = climb()


def is_visible(store: Store, viewer: str, person: str, now: datetime) -> bool:
    """Say whether a person is the viewer, or reports to the viewer at any level, and both work here now."""
    given = {"viewer": viewer, "person": person, "rows_now": to_micros(now)}
    with store.reading() as connection:
        return connection.execute(CLIMB, given).first() is not None


def visible_among(store: Store, viewer: str, people: Iterable[str], now: datetime) -> set[str]:
    """Return those of some people whom the viewer may see."""
    return {person for person in people if is_visible(store, viewer, person, now)}


def everybody_visible(store: Store, viewer: str, now: datetime) -> set[str]:
    """Return everybody the viewer may see."""
    with store.reading() as connection:
        return set(connection.scalars(visible_people(viewer, now)))


def people_shown(
    store: Store, viewer: str, person: str | None, now: datetime, *, with_reports: bool
) -> set[str]:
    """Return whose rows a request may touch that acts for a viewer: the second lock, beside what the guard decided.

    Parameters
    ----------
    store : Store
        The records.
    viewer : str
        For whom the caller acts.
    person : str, optional
        Whom the request names.
    now : datetime
        As of when.
    with_reports : bool
        Whether it is about everybody below: of the person named, or of the viewer where nobody is.
    """
    if person is not None and not is_visible(store, viewer, person, now):
        return set()
    if with_reports:
        return everybody_visible(store, person or viewer, now)
    return {person} if person is not None else set()
