"""How records that came over HTTP are kept: references checked, lists replaced, facts added, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa

from features.errors import BadInputError
from features.records.circles import circle_through, in_words
from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store
from features.records.tables import IMPORTABLE
from serving.house import House
from serving.records.derived import Strict, shown_row, stored


@dataclass(frozen=True)
class Nested:
    """A list inside a body, kept as rows of its own.

    Parameters
    ----------
    member : str
        Name of the list in the body.
    table : str
        Table of its rows.
    column : str
        Where plain identifiers are kept; empty where the list holds objects.
    """

    member: str
    table: str
    column: str = ""

    def rows(self, body: Strict) -> list[dict[str, Any]] | None:
        """Return the list's rows as stored, without their owner's key; None where the list is absent."""
        given = getattr(body, self.member)
        if given is None:
            return None
        if self.column:
            return [{self.column: each} for each in given]
        return [stored(IMPORTABLE[self.table], dict(each)) for each in given]


@dataclass(frozen=True)
class Noun:
    """A thing with one key and lists."""

    singular: str
    table: str
    key: str
    lists: tuple[Nested, ...]
    defaults: Mapping[str, str] = field(default_factory=dict)


COURSES = Noun(
    "course",
    "courses",
    "course_id",
    (Nested("skills", "course_skills"), Nested("prerequisites", "course_prerequisites", "prerequisite_id")),
)
JOBS = Noun("job", "jobs", "job_id", (Nested("skills", "job_skills"),), {"taxonomy": "organisation"})


def put_noun(house: House, noun: Noun, key: str, body: Strict) -> bool:
    """Keep a course or a job whole; return whether it was new.

    Raises
    ------
    BadInputError
        If it names what does not exist, or itself; nothing was kept.
    """
    check_own_key(body, noun.key, key)
    row = {
        **noun.defaults,
        **stored(IMPORTABLE[noun.table], body.model_dump(exclude_none=True)),
        noun.key: key,
    }
    with house.store.transaction() as connection:
        is_new = not exists(connection, noun.table, noun.key, [key])
        house.store.upsert(connection, noun.table, [row])
        for nested in noun.lists:
            rows = nested.rows(body)
            if rows is not None:
                replace(
                    house.store, connection, nested, [{**each, noun.key: key} for each in rows], noun, key
                )
    return is_new


def check_own_key(body: Strict, name: str, key: str) -> None:
    """Raise BadInputError where a body names another key than its path."""
    given = getattr(body, name)
    if given not in (None, key):
        raise BadInputError(f"The body's {name} is another one than the path's.", found=given, allowed=key)


def replace(
    store: Store,
    connection: sa.Connection,
    nested: Nested,
    rows: Sequence[dict[str, Any]],
    noun: Noun,
    key: str,
) -> None:
    """Replace the rows of a list."""
    table, unique = IMPORTABLE[nested.table], IMPORTABLE[nested.table].unique
    keys = [tuple(row[name] for name in unique) for row in rows]
    if len(set(keys)) < len(keys):
        raise BadInputError(f"{nested.member} names the same twice.", hint="Each may stand once.")
    check_references(connection, nested.table, rows, nested.member)
    if any(row.get("prerequisite_id") == key for row in rows):
        raise BadInputError("A course cannot be its own prerequisite.", found=key)
    sql = METADATA.tables[table.name]
    connection.execute(sa.delete(sql).where(sql.c[noun.key] == key))
    store.upsert(connection, table.name, rows)
    if nested.table == "course_prerequisites" and rows:
        check_circle(connection, key)


def check_circle(connection: sa.Connection, course_id: str) -> None:
    """Raise BadInputError where a course, through its prerequisites, asks for itself."""
    pairs = METADATA.tables["course_prerequisites"]
    asks: dict[str, list[str]] = {}
    for course, first in connection.execute(sa.select(pairs.c.course_id, pairs.c.prerequisite_id)):
        asks.setdefault(course, []).append(first)
    circle = circle_through(asks, course_id)
    if circle:
        raise BadInputError(
            "Courses ask for each other as prerequisites, so that nobody can begin.",
            found=in_words(circle),
            allowed="prerequisites without a circle",
            hint="Take one of these prerequisites out.",
        )


def check_references(
    connection: sa.Connection, table: str, rows: Iterable[dict[str, Any]], member: str
) -> None:
    """Raise BadInputError where rows name what is not in the records."""
    listed = list(rows)
    for column in IMPORTABLE[table].columns:
        wanted = {row[column.name] for row in listed if row.get(column.name) is not None}
        if not column.refers_to or not wanted:
            continue
        other, name = column.refers_to.split(".")
        unknown = sorted(wanted - exists(connection, other, name, wanted))
        if unknown:
            raise BadInputError(
                f"{member} names a {name.removesuffix('_id')} that does not exist.",
                found=", ".join(unknown[:10]),
                allowed=f"a {name} of the records",
            )


def exists(connection: sa.Connection, table: str, name: str, keys: Iterable[str]) -> set[str]:
    """Return those of the keys that stand in a table."""
    column = METADATA.tables[table].c[name]
    return set(connection.scalars(sa.select(column).where(column.in_(list(keys)))))


def read_noun(connection: sa.Connection, noun: Noun, key: str) -> dict[str, Any] | None:
    """Return a course or job with its lists, or None."""
    row = first(connection, noun.table, {noun.key: key})
    if row is None:
        return None
    for nested in noun.lists:
        query = rows_where(nested.table, (noun.key,), ("id",))
        found = connection.execute(query, {noun.key: key}).mappings()
        rows = [shown_row(IMPORTABLE[nested.table], dict(each)) for each in found]
        row[nested.member] = [
            each[nested.column]
            if nested.column
            else {name: value for name, value in each.items() if name != noun.key}
            for each in rows
        ]
    return row


def first(
    connection: sa.Connection, table: str, where: dict[str, Any], order: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Return the first row of a table, descending by the given columns, as a body shows it."""
    query = rows_where(table, tuple(where), tuple(order), is_descending=True)
    found = connection.execute(query, where).mappings().first()
    return shown_row(IMPORTABLE[table], dict(found)) if found else None


@cache
def rows_where(
    table: str, names: tuple[str, ...], order: tuple[str, ...], *, is_descending: bool = False
) -> sa.Select[Any]:
    """Return the query of rows by the values of some columns; with `is_descending`, of the first alone.

    Made once: to build a query takes eight times as long as to run it.
    """
    sql = METADATA.tables[table]
    query = sa.select(sql).where(*(sql.c[name] == sa.bindparam(name) for name in names))
    if not is_descending:
        return query.order_by(*(sql.c[name] for name in order))
    return query.order_by(*(sql.c[name].desc() for name in order)).limit(1)


def write_employee(house: House, employee_id: str, body: Strict) -> bool:
    """Keep an employment and the facts that came with it; return whether it was new.

    Raises
    ------
    BadInputError
        If it names what does not exist, or a fact lies in the future; nothing was kept.
    """
    check_own_key(body, "employee_id", employee_id)
    now = to_micros(house.clock())
    values = dict(body)
    spell = values["spell"]
    row = stored(IMPORTABLE["employees"], values) | {"employee_id": employee_id, "known_at": now}
    facts = facts_of(values, {"employee_id": employee_id, "known_at": now})
    for fact in (each for _, rows in facts for each in rows):
        if fact["happened_at"] > now:
            raise BadInputError("A fact lies in the future.", allowed="happened_at until now")
    with house.store.transaction() as connection:
        before = first(connection, "employees", {"employee_id": employee_id, "spell": spell})
        if before is not None:
            row["known_at"] = to_micros(before["known_at"])
        house.store.upsert(connection, "employees", [row])
        for table, rows in facts:
            check_references(connection, table, rows, table)
            house.store.append(connection, table, changed(connection, table, rows))
    house.changes.add([employee_id])
    return before is None


def facts_of(values: dict[str, Any], stamp: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the facts inside an employee's body, as stored."""
    job, skills = values["job"], values["skills"] or []
    jobs = [stored(IMPORTABLE["job_history"], dict(job)) | stamp | {"spell": values["spell"]}] if job else []
    held = [stored(IMPORTABLE["held_skills"], dict(skill)) | stamp for skill in skills]
    return [("job_history", jobs), ("held_skills", held)]


def changed(connection: sa.Connection, table: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the facts that say something new: an unchanged one, sent again, adds nothing."""
    sql, spelled = METADATA.tables[table], IMPORTABLE[table]
    names = [name for name in spelled.names if name != "known_at"]
    new = []
    for row in rows:
        same_fact = [sql.c[name] == row[name] for name in (*spelled.key, "happened_at")]
        query = sa.select(sql).where(*same_fact).order_by(sql.c.known_at.desc()).limit(1)
        before = connection.execute(query).mappings().first()
        if before is None or any(before[name] != row.get(name) for name in names):
            new.append(row)
    return new


def read_employee(connection: sa.Connection, employee_id: str) -> dict[str, Any] | None:
    """Return an employee's newest employment, what holds in it, and the newest evidence of each skill."""
    row = first(connection, "employees", {"employee_id": employee_id}, ["spell"])
    if row is None:
        return None
    of_spell = {"employee_id": employee_id, "spell": row["spell"]}
    job = first(connection, "job_history", of_spell, ["happened_at", "known_at"])
    query = rows_where("held_skills", ("employee_id",), ("happened_at", "known_at"))
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for found in connection.execute(query, {"employee_id": employee_id}).mappings():
        newest[found["skill_id"], found["source"]] = shown_row(IMPORTABLE["held_skills"], dict(found))
    hidden = {"employee_id", "spell", "known_at"}
    return {
        **{name: value for name, value in row.items() if name != "known_at"},
        "job": job and {name: value for name, value in job.items() if name not in hidden},
        "skills": [
            {name: value for name, value in skill.items() if name not in hidden} for skill in newest.values()
        ],
    }
