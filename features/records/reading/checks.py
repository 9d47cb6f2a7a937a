"""What must hold between rows: whatever is named exists, and nobody leaves before they came."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from features.records.circles import any_circle, in_words
from features.records.moments import from_micros
from features.records.reading.problems import MAX_PROBLEMS, Problem, Problems, shown
from features.records.reading.staging import KNOWN, StagedTable, Staging
from features.records.schema import METADATA

HINTS = {
    "employees": "Import the employees first.",
    "jobs": "Import the jobs first.",
    "courses": "Import the course catalogue first.",
    "skills": "Import the skills first.",
    "programmes": "Import the programmes first.",
}


def check(staging: Staging, problems: Problems) -> None:
    """Gather every waiting row that names what does not exist, or ends before it began."""
    for staged in staging.tables.values():
        for column in staged.table.columns:
            if column.refers_to and column.name in staged.given and staged.orphans == "refuse":
                check_reference(staging, staged, column.name, problems)
        if {"employee_id", "spell"} <= set(staged.table.names) and staged.is_fact and not problems.are_full:
            check_spell(staging, staged, problems)
    for name, check_table in (
        ("learning_events", check_event_dates),
        ("exits", check_exits),
        ("employees", check_hires),
        ("course_prerequisites", check_circles),
    ):
        if name in staging.tables:
            check_table(staging, problems)


def check_circles(staging: Staging, problems: Problems) -> None:
    """Gather a waiting prerequisite through which courses, with those stored, ask for each other in a circle."""
    staged = staging.tables["course_prerequisites"]
    waiting = staged.sql
    asks: dict[str, set[str]] = {}
    for place in places(staging, "course_prerequisites"):
        pairs = sa.select(place.c.course_id, place.c.prerequisite_id)
        for course, first in staging.connection.execute(pairs):
            asks.setdefault(course, set()).add(first)
    circle = any_circle(asks)
    for course, first in pairwise(circle):
        where = (waiting.c.course_id == course) & (waiting.c.prerequisite_id == first)
        row = staging.connection.execute(
            sa.select(waiting.c.file_no, waiting.c.file_line).where(where)
        ).first()
        if row is not None:
            problems.add(Problem(
                staging.files[row.file_no], "courses ask for each other as prerequisites, so that nobody can begin",
                row.file_line, staged.file_label("prerequisite_id"), in_words(circle),
                "prerequisites without a circle", "Take one of these prerequisites out.",
            ))  # fmt: skip
            return


def places(staging: Staging, table: str) -> list[sa.Table]:
    """Return where rows of a table may be found: stored, and waiting."""
    staged = staging.tables.get(table)
    return [METADATA.tables[table], *([staged.sql] if staged else [])]


def check_reference(staging: Staging, staged: StagedTable, name: str, problems: Problems) -> None:
    """Gather rows that name something unknown."""
    table, target = staged.table.column(name).refers_to.split(".")
    thing = target.removesuffix("_id").replace("_", " ")
    for row in bad_rows(staging, staged, [name], names_unknown(staging, staged, name)):
        problems.add(Problem(
            staging.files[row.file_no], f"unknown {thing}", row.file_line, staged.file_label(name), shown(row[-1]),
            f"a value of {table}.{target}", HINTS.get(table, ""),
        ))  # fmt: skip


def names_unknown(staging: Staging, staged: StagedTable, name: str) -> sa.ColumnElement[bool]:
    """Return the condition that a row's column names something that neither stands nor waits."""
    table, target = staged.table.column(name).refers_to.split(".")
    value = staged.sql.c[name]
    unknown = [~sa.exists().where(place.c[target] == value) for place in places(staging, table)]
    return sa.and_(value.is_not(None), *unknown)


def check_spell(staging: Staging, staged: StagedTable, problems: Problems) -> None:
    """Gather rows about an employment that a known person does not have."""
    waiting = staged.sql
    people = [place.c.employee_id == waiting.c.employee_id for place in places(staging, "employees")]
    spells = [
        sa.and_(person, place.c.spell == waiting.c.spell)
        for person, place in zip(people, places(staging, "employees"), strict=True)
    ]
    is_unknown = sa.and_(
        sa.or_(*(sa.exists().where(person) for person in people)),
        *(~sa.exists().where(spell) for spell in spells),
    )
    for row in bad_rows(staging, staged, ["employee_id", "spell"], is_unknown):
        problems.add(Problem(
            staging.files[row.file_no], "unknown spell", row.file_line, staged.file_label("spell"),
            f"spell {row[-1]} of {shown(row[-2])}", "a spell among the employees", HINTS["employees"],
        ))  # fmt: skip


def check_event_dates(staging: Staging, problems: Problems) -> None:
    """Gather events whose name stands already for something at another time."""
    staged = staging.tables["learning_events"]
    waiting = staged.sql
    others: list[Any] = [METADATA.tables["learning_events"], waiting.alias("other")]
    for other in others:
        elsewhen = sa.and_(
            other.c.event_id == waiting.c.event_id, other.c.happened_at != waiting.c.happened_at
        )
        for row in bad_rows(staging, staged, ["event_id"], sa.exists().where(elsewhen)):
            problems.add(Problem(
                staging.files[row.file_no], "another event has this name, at another time", row.file_line,
                staged.file_label("event_id"), shown(row[-1]), "an event_id for each event",
            ))  # fmt: skip


def check_exits(staging: Staging, problems: Problems) -> None:
    """Gather exits before the hire."""
    staged = staging.tables["exits"]
    waiting = staged.sql
    hired = hire_dates(staging, waiting)
    for row in bad_rows(staging, staged, ["happened_at"], waiting.c.happened_at < hired, hired):
        problems.add(Problem(
            staging.files[row.file_no], "the exit lies before the hire", row.file_line, staged.file_label("happened_at"),
            day(row[-2]), f"{day(row[-1])} or later",
        ))  # fmt: skip


def hire_dates(staging: Staging, waiting: sa.Table) -> Any:
    """Return the hire date of each row's spell; one that waits goes before the stored one."""
    dates = [
        sa.select(sa.func.min(place.c.hired_at))
        .where(place.c.employee_id == waiting.c.employee_id, place.c.spell == waiting.c.spell)
        .scalar_subquery()
        for place in reversed(places(staging, "employees"))
    ]
    return sa.func.coalesce(*dates) if len(dates) > 1 else dates[0]


def check_hires(staging: Staging, problems: Problems) -> None:
    """Gather hire dates after a stored exit of the same spell."""
    staged = staging.tables["employees"]
    waiting, exits = staged.sql, METADATA.tables["exits"]
    left = (
        sa.select(sa.func.min(exits.c.happened_at))
        .where(exits.c.employee_id == waiting.c.employee_id, exits.c.spell == waiting.c.spell)
        .scalar_subquery()
    )
    for row in bad_rows(staging, staged, ["hired_at"], waiting.c.hired_at > left, left):
        problems.add(Problem(
            staging.files[row.file_no], "the hire lies after the exit that is stored", row.file_line,
            staged.file_label("hired_at"), day(row[-2]), f"{day(row[-1])} or earlier",
            "After a rehire count another spell.",
        ))  # fmt: skip


def bad_rows(
    staging: Staging, staged: StagedTable, names: list[str], is_bad: sa.ColumnElement[bool], *more: Any
) -> list[Any]:
    """Return file, line and the named values of waiting rows for which a condition holds."""
    waiting = staged.sql
    query = (
        sa.select(waiting.c.file_no, waiting.c.file_line, *(waiting.c[name] for name in names), *more)
        .where(waiting.c.fate < KNOWN, is_bad)
        .order_by(waiting.c.staged_no)
        .limit(MAX_PROBLEMS)
    )
    return list(staging.connection.execute(query))


def day(micros: int) -> str:
    """Return the date of a stored moment."""
    return from_micros(micros).date().isoformat()
