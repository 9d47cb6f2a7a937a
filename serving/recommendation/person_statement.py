"""The statement that reads one person: everything that a recommendation needs to know right now, in one row.

Each table's rows come as one JSON text of arrays, which a decoder turns into what they are: a driver takes longer to hand over
a value than the database to look up its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from features.records.schema import METADATA

TABLES = METADATA.tables
LEVEL_UNIT = 2.0**60  # levels come as whole numbers of its inverse: SQLite writes fractions with 15 digits
WORDS = {"sqlite": ("json_group_array", "json_array"), "postgresql": ("json_agg", "json_build_array")}


class Fact(msgspec.Struct, array_like=True, order=True, gc=False):
    """A row about a person; in the order of when it happened, became known and was stored."""

    happened: int
    known: int
    row: int


class Work(Fact, array_like=True, order=True, gc=False):
    """What held for a spell from then on."""

    spell: int
    job_id: str | None
    department: str | None


class Exit(Fact, array_like=True, order=True, gc=False):
    """A spell ended."""

    spell: int


class Event(Fact, array_like=True, order=True, gc=False):
    """Something done with a course."""

    event_id: str
    course_id: str
    kind: str
    snoozed_until: int | None


class Evidence(Fact, array_like=True, order=True, gc=False):
    """Evidence of a level, in units of 1 / `LEVEL_UNIT`."""

    skill_id: str
    source: str
    level: int


class Request(Fact, array_like=True, order=True, gc=False):
    """Somebody asked the person to take a course."""

    course_id: str
    is_mandatory: int
    due_at: int | None


class Goal(Fact, array_like=True, order=True, gc=False):
    """A goal."""

    target_job_id: str | None
    due_at: int | None


FACTS: dict[str, type[Any]] = {
    "job_history": Work,
    "exits": Exit,
    "learning_events": Event,
    "held_skills": Evidence,
    "assignments": Request,
    "goals": Goal,
}
DECODERS = [msgspec.json.Decoder(list[kind]) for kind in FACTS.values()]  # type: ignore[valid-type]


def statement(dialect: sa.Dialect) -> str:
    """Return the statement, with named parameters as the dialect's driver takes them.

    It takes ``employee_id, now`` (microseconds since 1970 UTC: what happened or became known later does not count), ``question``
    and ``model_digest``; it finds when the scores were computed as of, their payload, and the rows of each of `FACTS`.
    """
    named = type(dialect)(paramstyle="named" if dialect.name == "sqlite" else "pyformat")  # type: ignore[call-arg]
    return str(query_of(WORDS[dialect.name]).compile(dialect=named))


def numbered(dialect: sa.Dialect) -> tuple[str, tuple[str, ...]]:
    """Return PostgreSQL's statement with numbered parameters, and their names in that order."""
    compiled = query_of(WORDS[dialect.name]).compile(dialect=type(dialect)(paramstyle="numeric_dollar"))  # type: ignore[call-arg]
    return str(compiled), tuple(compiled.positiontup or ())


def query_of(words: tuple[str, str]) -> sa.Select[Any]:
    """Return the query, in a database's words for many and for one."""
    kept, always = TABLES["kept_scores"], sa.select(sa.literal_column("1")).subquery("always")
    is_asked = sa.and_(
        kept.c.question == sa.bindparam("question"),
        kept.c.employee_id == sa.bindparam("employee_id"),
        kept.c.model_digest == sa.bindparam("model_digest"),
    )
    return sa.select(kept.c.as_of, kept.c.payload, *(rows_of(name, words) for name in FACTS)).select_from(
        always.outerjoin(kept, is_asked)
    )


def rows_of(name: str, words: tuple[str, str]) -> sa.ColumnElement[Any]:
    """Return a table's rows about the person, as one JSON text."""
    table = TABLES[name]
    many, one = (getattr(sa.func, word) for word in words)
    columns = [table.c.happened_at, table.c.known_at, table.c.id]
    columns += [told(table.c[column]) for column in FACTS[name].__struct_fields__[3:] if column in table.c]
    rows = sa.select(many(one(*columns))).where(
        table.c.employee_id == sa.bindparam("employee_id"),
        table.c.happened_at <= sa.bindparam("now"),
        table.c.known_at <= sa.bindparam("now"),
    )
    return sa.cast(rows.scalar_subquery(), sa.Text).label(name)


def told(column: sa.Column[Any]) -> Any:
    """Return a column as the text holds it: a flag as 1 or 0, a number without loss."""
    if isinstance(column.type, sa.Boolean):
        return sa.case((column.is_(sa.true()), sa.literal_column("1")), else_=sa.literal_column("0"))
    if isinstance(column.type, sa.Double):
        return sa.cast(column * sa.literal_column(repr(LEVEL_UNIT)), sa.BigInteger)
    return column


def decoded(texts: Sequence[str | bytes | None]) -> list[list[Any]]:
    """Return the rows of each of `FACTS`, in the order of time."""
    found = []
    for text, decoder in zip(texts, DECODERS, strict=True):
        facts: list[Any] = decoder.decode(text) if text and text != "[]" else []
        if len(facts) > 1:
            facts.sort()
        found.append(facts)
    return found
