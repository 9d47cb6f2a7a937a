"""One person as the records know them now: what a recommendation needs to know, read by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from features.errors import UnavailableError
from features.recommendation.catalogue import Catalogue
from features.recommendation.person_state import LearningEvent, PersonState, SkillEvidence, person_state
from features.records.people import check_employee
from serving.house import House
from serving.recommendation.person_statement import (
    LEVEL_UNIT,
    Event,
    Evidence,
    Exit,
    Goal,
    Request,
    Work,
    decoded,
    numbered,
    statement,
)

STATEMENT = "the statement that reads a person"
NUMBERED = "the same with numbered parameters"


class Assignment(msgspec.Struct, frozen=True, gc=False):
    """Somebody asked the person to take a course; times are microseconds since 1970 UTC."""

    course: int
    is_mandatory: bool
    due: int | None


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A person's kept scores: what they saw (microseconds since 1970 UTC), and their packing."""

    as_of: int
    payload: bytes


class Person(msgspec.Struct, frozen=True, gc=False):
    """A person as the records know them now.

    Parameters
    ----------
    employee_id : str
        Who.
    state : PersonState
        What they did, hold and do not want.
    job_id, department : str, optional
        Current job and department; None where they are not employed.
    goal_job_id : str, optional
        Job of the latest open goal.
    assignments : tuple of Assignment
        Open ones.
    newest_known : int
        When the newest learning event became known, microseconds since 1970 UTC; 0 without any.
    kept : Kept, optional
        The model's scores of the person.
    """

    employee_id: str
    state: PersonState
    job_id: str | None = None
    department: str | None = None
    goal_job_id: str | None = None
    assignments: tuple[Assignment, ...] = ()
    newest_known: int = 0
    kept: Kept | None = None

    @property
    def target_job_id(self) -> str | None:
        """The job to grow into: the goal's, else the current one."""
        return self.goal_job_id or self.job_id


def read_person(
    house: House, catalogue: Catalogue, employee_id: str, now: int, model_digest: str = ""
) -> Person:
    """Return a person as the records know them now, with the kept scores of a model (`person_of`).

    Parameters
    ----------
    house : House
        Its store is read.
    catalogue : Catalogue
        Gives courses and skills their indices; what it does not know is left out.
    employee_id : str
        Who.
    now : int
        Microseconds since 1970 UTC; what happened or became known later does not count.
    model_digest : str
        Whose scores are read.
    """
    row = row_of(house, asked_of(employee_id, now, model_digest))
    return person_of(house, catalogue, employee_id, now, row)


def asked_of(employee_id: str, now: int, model_digest: str) -> dict[str, Any]:
    """Return the parameters of the statement."""
    return {
        "employee_id": employee_id,
        "now": now,
        "question": "recommendation",
        "model_digest": model_digest,
    }


def person_of(house: House, catalogue: Catalogue, employee_id: str, now: int, row: Sequence[Any]) -> Person:
    """Return a person from the row of the statement.

    Parameters
    ----------
    house : House
        Its store is asked whether there is such a person, where the row holds nothing.
    catalogue : Catalogue
        Gives courses and skills their indices; what it does not know is left out.
    employee_id : str
        Who.
    now : int
        Microseconds since 1970 UTC.
    row : sequence
        When the scores were computed as of, their payload, and the texts of the facts.

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    """
    as_of, payload, *texts = row
    career, exits, events, evidence, requests, goals = decoded(texts)
    if not career:
        with house.store.reading() as connection:
            check_employee(connection, employee_id)
    state = person_state(
        catalogue, learning_events(catalogue, events), skill_evidence(catalogue, evidence), now
    )
    job_id, department = current_work(career, exits)
    return Person(
        employee_id,
        state,
        job_id,
        department,
        goal_job(goals, now) if job_id else None,
        assignments(catalogue, requests, state) if requests else (),
        max([event.known for event in events], default=0),
        None if payload is None else Kept(as_of, payload),
    )


def row_of(house: House, asked: dict[str, Any]) -> Sequence[Any]:
    """Return the row of the statement, which is compiled once.

    Raises
    ------
    UnavailableError
        If the store does not answer.
    """
    dialect = house.store.engine.dialect
    sql: str | None = house.cache.get(STATEMENT)
    if sql is None:
        sql = house.cache[STATEMENT] = statement(dialect)
    try:
        found: Sequence[Any] = house.store.rows(sql, asked)[0]
    except dialect.loaded_dbapi.Error as error:
        raise UnavailableError("The store does not answer.", found=type(error).__name__) from error
    return found


async def row_meanwhile(house: House, asked: Mapping[str, Any]) -> Sequence[Any]:
    """Return the row of the statement from PostgreSQL; others are answered until it comes.

    Raises
    ------
    UnavailableError
        If the store does not answer.
    """
    dialect = house.store.engine.dialect
    if NUMBERED not in house.cache:
        house.cache[NUMBERED] = numbered(dialect)
    sql, names = house.cache[NUMBERED]
    try:
        as_of, *rest = await house.store.readers.row(sql, [str(asked[name]).encode() for name in names])
    except (dialect.loaded_dbapi.Error, sa.exc.SQLAlchemyError) as error:
        raise UnavailableError("The store does not answer.", found=type(error).__name__) from error
    return [None if as_of is None else int.from_bytes(as_of, "big", signed=True), *rest]


def current_work(career: Sequence[Work], exits: Sequence[Exit]) -> tuple[str | None, str | None]:
    """Return the job and department of the last spell; nothing where it ended."""
    if not career:
        return None, None
    spell = max([work.spell for work in career])
    if any(left.spell == spell for left in exits):
        return None, None
    last = [work for work in career if work.spell == spell][-1]
    return last.job_id, last.department


def goal_job(goals: Sequence[Goal], now: int) -> str | None:
    """Return the job of the latest open goal that names one."""
    aimed = [
        goal.target_job_id
        for goal in goals
        if goal.target_job_id and (goal.due_at is None or goal.due_at > now)
    ]
    return aimed[-1] if aimed else None


def learning_events(catalogue: Catalogue, facts: Sequence[Event]) -> Iterable[LearningEvent]:
    """Return the events in the order in which they happened; of a corrected one the latest known version."""
    place_of = catalogue.course_index.get
    return {
        (one.event_id, happened := one.happened): LearningEvent(course, one.kind, happened, one.snoozed_until)
        for one in facts
        if (course := place_of(one.course_id)) is not None
    }.values()


def skill_evidence(catalogue: Catalogue, facts: Sequence[Evidence]) -> Iterable[SkillEvidence]:
    """Return the evidence in the order in which it was gained; of a corrected one the latest known version."""
    place_of = catalogue.skill_index.get
    return {
        (skill, source := one.source, happened := one.happened): SkillEvidence(
            skill, one.level / LEVEL_UNIT, source, happened
        )
        for one in facts
        if (skill := place_of(one.skill_id)) is not None
    }.values()


def assignments(
    catalogue: Catalogue, requests: Sequence[Request], state: PersonState
) -> tuple[Assignment, ...]:
    """Return the open assignments: the latest of each course, where it was not completed since or still counts."""
    last: Mapping[str, Request] = {request.course_id: request for request in requests}
    found = []
    for course_id, request in last.items():
        course = catalogue.course_index.get(course_id)
        if course is None:
            continue
        done = state.completed.get(course)
        if done is None or course not in state.current or done < request.happened:
            found.append(Assignment(course, bool(request.is_mandatory), request.due_at))
    return tuple(found)
