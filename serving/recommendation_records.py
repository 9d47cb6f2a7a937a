"""One person's rows, read in a few indexed queries: what a recommendation needs to know right now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.catalogue import Catalogue
from features.errors import UnknownRecordError
from features.person_state import LearningEvent, PersonState, SkillEvidence, person_state
from features.records.schema import METADATA
from serving.house import House

TABLES = METADATA.tables


@dataclass(frozen=True)
class Assignment:
    """Somebody asked the person to take a course; times are microseconds since 1970 UTC."""

    course: int
    is_mandatory: bool
    due: int | None


@dataclass(frozen=True)
class Person:
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
        When the newest of these records became known, microseconds since 1970 UTC; 0 without any.
    """

    employee_id: str
    state: PersonState
    job_id: str | None = None
    department: str | None = None
    goal_job_id: str | None = None
    assignments: tuple[Assignment, ...] = ()
    newest_known: int = 0

    @property
    def target_job_id(self) -> str | None:
        """The job to grow into: the goal's, else the current one."""
        return self.goal_job_id or self.job_id


def of_person(name: str, *columns: str) -> sa.Select[Any]:
    """Return the query of a fact table's rows about one person, as known now, in the order of time."""
    table = TABLES[name]
    return (
        sa.select(*(table.c[column] for column in columns))
        .where(
            table.c.employee_id == sa.bindparam("employee_id"),
            table.c.happened_at <= sa.bindparam("now"),
            table.c.known_at <= sa.bindparam("now"),
        )
        .order_by(table.c.happened_at, table.c.known_at, table.c.id)
    )


EVENTS = of_person(
    "learning_events", "event_id", "happened_at", "course_id", "kind", "snoozed_until", "known_at"
)
EVIDENCE = of_person("held_skills", "skill_id", "source", "happened_at", "level")
CAREER = of_person("job_history", "spell", "happened_at", "job_id", "department", "known_at")
EXITS = of_person("exits", "spell")
ASSIGNED = of_person("assignments", "course_id", "is_mandatory", "due_at", "happened_at")
GOALS = of_person("goals", "target_job_id", "due_at")
EXISTS = sa.select(TABLES["employees"].c.spell).where(
    TABLES["employees"].c.employee_id == sa.bindparam("employee_id")
).limit(1)  # fmt: skip


def read_person(house: House, catalogue: Catalogue, employee_id: str, now: int) -> Person:
    """Return a person as the records know them now.

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

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    """
    asked = {"employee_id": employee_id, "now": now}
    with house.store.reading() as connection:
        career = connection.execute(CAREER, asked).all()
        if not career and connection.execute(EXISTS, {"employee_id": employee_id}).first() is None:
            raise UnknownRecordError("There is no such employee.", found=employee_id)
        events = connection.execute(EVENTS, asked).all()
        evidence = connection.execute(EVIDENCE, asked).all()
        assigned = connection.execute(ASSIGNED, asked).all()
        goals = connection.execute(GOALS, asked).all()
        left = {row[0] for row in connection.execute(EXITS, asked)}
    state = person_state(
        catalogue, learning_events(catalogue, events), skill_evidence(catalogue, evidence), now
    )
    job = max(career, key=lambda row: row[0]) if career else None
    last = [row for row in career if job is not None and row[0] == job[0]][-1] if career else None
    is_employed = last is not None and last[0] not in left
    open_goals = [goal[0] for goal in goals if goal[0] and (goal[1] is None or goal[1] > now)]
    return Person(
        employee_id,
        state,
        last[2] if last is not None and is_employed else None,
        last[3] if last is not None and is_employed else None,
        open_goals[-1] if open_goals and is_employed else None,
        assignments(catalogue, assigned, state),
        max((row[5] for row in events), default=0),
    )


def learning_events(catalogue: Catalogue, rows: Sequence[Any]) -> list[LearningEvent]:
    """Return the events in the order in which they happened; of a corrected one the latest known version."""
    index = catalogue.course_index
    found: dict[tuple[str, int], LearningEvent] = {}
    for event_id, happened, course_id, kind, snoozed_until, _ in rows:
        course = index.get(course_id)
        if course is not None:
            found[event_id, happened] = LearningEvent(course, kind, happened, snoozed_until)
    return list(found.values())


def skill_evidence(catalogue: Catalogue, rows: Sequence[Any]) -> list[SkillEvidence]:
    """Return the evidence in the order in which it was gained; of a corrected one the latest known version."""
    index = catalogue.skill_index
    found: dict[tuple[str, str, int], SkillEvidence] = {}
    for skill_id, source, happened, level in rows:
        skill = index.get(skill_id)
        if skill is not None:
            found[skill_id, source, happened] = SkillEvidence(skill, level, source, happened)
    return list(found.values())


def assignments(catalogue: Catalogue, rows: Sequence[Any], state: PersonState) -> tuple[Assignment, ...]:
    """Return the open assignments: the latest of each course, where it was not completed since or still counts."""
    last: Mapping[str, Any] = {row[0]: row for row in rows}
    found = []
    for course_id, is_mandatory, due, asked in last.values():
        course = catalogue.course_index.get(course_id)
        if course is None:
            continue
        done = state.completed.get(course)
        if done is None or course not in state.current or done < asked:
            found.append(Assignment(course, bool(is_mandatory), due))
    return tuple(found)
