"""One person's rows, all read by one indexed statement: what a recommendation needs to know right now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from features.errors import UnavailableError
from features.recommendation.catalogue import Catalogue
from features.recommendation.person_state import LearningEvent, PersonState, SkillEvidence, person_state
from features.records.people import check_employee
from features.records.schema import METADATA
from serving.house import House

TABLES = METADATA.tables
IN_TIME = itemgetter(1, 2, 3)  # when a fact happened, became known, was stored
KEPT, CAREER, EXITS, EVENTS, EVIDENCE, ASSIGNED, GOALS = range(7)


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


def part(tag: int, name: str, texts: Sequence[str], whole: Sequence[str], number: str = "") -> sa.Select[Any]:
    """Return one table's part of the statement: a tag, when it happened and was known, and its columns in places.

    Parameters
    ----------
    tag : int
        Which part.
    name : str
        Table of facts.
    texts, whole : sequence of str
        Up to three columns of text, and up to two whole numbers (flags and moments are whole numbers).
    number : str
        A column of numbers.
    """
    table = TABLES[name]
    places = [
        sa.literal_column(str(tag)).label("tag"),
        table.c.happened_at.label("happened"),
        table.c.known_at.label("known"),
        table.c.id.label("row"),
        *padded(table, texts, 3, sa.Text),
        *padded(table, whole, 2, sa.BigInteger),
        *padded(table, [number] if number else [], 1, sa.Double),
        sa.cast(sa.null(), sa.LargeBinary).label("payload"),
    ]
    return sa.select(*places).where(
        table.c.employee_id == sa.bindparam("employee_id"),
        table.c.happened_at <= sa.bindparam("now"),
        table.c.known_at <= sa.bindparam("now"),
    )


def padded(table: sa.Table, names: Sequence[str], count: int, kind: Any) -> list[sa.ColumnElement[Any]]:
    """Return columns of one kind, filled up with nothing."""
    columns: list[sa.ColumnElement[Any]] = [sa.cast(plain(table.c[name]), kind) for name in names]
    columns += [sa.cast(sa.null(), kind) for _ in range(count - len(names))]
    return [column.label(f"{kind.__name__.lower()}_{place}") for place, column in enumerate(columns)]


def plain(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return a column; a flag as 1 or 0, which both databases can cast."""
    if not isinstance(column.type, sa.Boolean):
        return column
    return sa.case((column.is_(sa.true()), sa.literal_column("1")), else_=sa.literal_column("0"))


def kept_part() -> sa.Select[Any]:
    """Return the part of the statement that reads the kept scores."""
    table = TABLES["kept_scores"]
    return sa.select(
        sa.literal_column(str(KEPT)).label("tag"),
        table.c.as_of.label("happened"),
        table.c.computed_at.label("known"),
        table.c.id.label("row"),
        *padded(table, [], 3, sa.Text),
        *padded(table, [], 2, sa.BigInteger),
        *padded(table, [], 1, sa.Double),
        table.c.payload.label("payload"),
    ).where(
        table.c.question == sa.bindparam("question"),
        table.c.employee_id == sa.bindparam("employee_id"),
        table.c.model_digest == sa.bindparam("model_digest"),
    )


# Each part is looked up by an index on the person; one statement costs a fifth of seven.
EVERYTHING = sa.union_all(
    kept_part(),
    part(CAREER, "job_history", ("job_id", "department"), ("spell",)),
    part(EXITS, "exits", (), ("spell",)),
    part(EVENTS, "learning_events", ("event_id", "course_id", "kind"), ("snoozed_until",)),
    part(EVIDENCE, "held_skills", ("skill_id", "source"), (), "level"),
    part(ASSIGNED, "assignments", ("course_id",), ("is_mandatory", "due_at")),
    part(GOALS, "goals", ("target_job_id",), ("due_at",)),
)


def read_person(
    house: House, catalogue: Catalogue, employee_id: str, now: int, model_digest: str = ""
) -> Person:
    """Return a person as the records know them now, with the kept scores of a model.

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

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    """
    asked = {
        "employee_id": employee_id,
        "now": now,
        "question": "recommendation",
        "model_digest": model_digest,
    }
    parts: list[list[Any]] = [[] for _ in range(7)]
    for row in sorted(rows_of(house, asked), key=IN_TIME):
        parts[row[0]].append(row)
    if not parts[CAREER]:
        with house.store.reading() as connection:
            check_employee(connection, employee_id)
    state = person_state(
        catalogue, learning_events(catalogue, parts[EVENTS]), skill_evidence(catalogue, parts[EVIDENCE]), now
    )
    work = current_work(parts[CAREER], {row[7] for row in parts[EXITS]})
    goals = [row[4] for row in parts[GOALS] if row[4] and (row[7] is None or row[7] > now)]
    return Person(
        employee_id,
        state,
        work[0],
        work[1],
        goals[-1] if goals and work[0] else None,
        assignments(catalogue, parts[ASSIGNED], state),
        max((row[2] for row in parts[EVENTS]), default=0),
        Kept(parts[KEPT][0][1], parts[KEPT][0][10]) if parts[KEPT] else None,
    )


def rows_of(house: House, asked: dict[str, Any]) -> list[Any]:
    """Return the rows of the statement, compiled once.

    Raises
    ------
    UnavailableError
        If the store does not answer.
    """
    engine = house.store.engine
    statement: Any = house.cache.get("everything of a person")
    if statement is None:
        statement = house.cache["everything of a person"] = EVERYTHING.compile(dialect=engine.dialect)
    values: Any = asked if statement.positiontup is None else [asked[name] for name in statement.positiontup]
    try:
        return house.store.rows(statement.string, values)
    except engine.dialect.loaded_dbapi.Error as error:
        raise UnavailableError("The store does not answer.", found=type(error).__name__) from error


def current_work(career: Sequence[Any], left: set[int]) -> tuple[str | None, str | None]:
    """Return the job and department of the last spell; nothing where it ended."""
    if not career:
        return None, None
    spell = max(row[7] for row in career)
    last = [row for row in career if row[7] == spell][-1]
    return (None, None) if spell in left else (last[4], last[5])


def learning_events(catalogue: Catalogue, rows: Sequence[Any]) -> Iterable[LearningEvent]:
    """Return the events in the order in which they happened; of a corrected one the latest known version."""
    index = catalogue.course_index
    return {
        (row[4], row[1]): LearningEvent(index[row[5]], row[6], row[1], row[7])
        for row in rows
        if row[5] in index
    }.values()


def skill_evidence(catalogue: Catalogue, rows: Sequence[Any]) -> Iterable[SkillEvidence]:
    """Return the evidence in the order in which it was gained; of a corrected one the latest known version."""
    index = catalogue.skill_index
    return {
        (row[4], row[5], row[1]): SkillEvidence(index[row[4]], row[9], row[5], row[1])
        for row in rows
        if row[4] in index
    }.values()


def assignments(catalogue: Catalogue, rows: Sequence[Any], state: PersonState) -> tuple[Assignment, ...]:
    """Return the open assignments: the latest of each course, where it was not completed since or still counts."""
    last: Mapping[str, Any] = {row[4]: row for row in rows}
    found = []
    for course_id, row in last.items():
        course = catalogue.course_index.get(course_id)
        if course is None:
            continue
        done = state.completed.get(course)
        if done is None or course not in state.current or done < row[1]:
            found.append(Assignment(course, bool(row[7]), row[8]))
    return tuple(found)
