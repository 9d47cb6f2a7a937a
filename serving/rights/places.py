"""Where the records speak of a person: derived from the tables, so that a new table with a person is found by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from features.records.columns import Kind
from features.records.schema import ALL_TABLES, METADATA

OWN_HANDLING = frozenset({"audit", "erasures"})  # the chain stays; tombstones hold a digest alone
# Columns that name another person than the row is about; a row of somebody else outlives the one it mentions.
MENTIONS: Mapping[str, str] = {
    "job_history": "manager_id",
    "assignments": "assigned_by_id",
    "evaluations": "rated_by_id",
}
# Texts as they were received: a row that names the person in them goes whole.
PAYLOADS: Mapping[str, str] = {
    "statements": "payload",
    "quarantine": "payload",
    "scim_resources": "payload",
    "idempotent_answers": "answer",
}
CELLS = re.compile(r"[\s,;|\"']+")
BATCH = 5_000


def tables_about_people() -> list[str]:
    """Return the tables whose rows are about one person, named by ``employee_id``."""
    return sorted(
        name
        for name, table in ALL_TABLES.items()
        if "employee_id" in table.names and name not in OWN_HANDLING
    )


def exported_columns(name: str) -> list[str]:
    """Return the columns of a table that a person is shown of themselves: all but secrets and packed bytes."""
    table = ALL_TABLES[name]
    return [
        column.name for column in table.columns if column.kind is not Kind.BYTES and column.name != "key_hash"
    ]


@dataclass(frozen=True)
class Names:
    """Every identifier of one person: the organisation's own, and those of other systems."""

    employee_id: str
    others: tuple[str, ...] = ()

    def are_in(self, text: str) -> bool:
        """Say whether a received text names the person: as a whole value, never as part of a longer one or of a number."""
        every = {self.employee_id, *self.others}
        wanted = every | {f"mailto:{name}" for name in every}
        try:
            return any(value in wanted for value in texts(json.loads(text)))
        except ValueError:  # a line of a table
            return not wanted.isdisjoint(CELLS.split(text))


def texts(value: object) -> Iterator[str]:
    """Yield every text of a JSON value, and numbers where a member's name says that they identify something."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        name, found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting += found.items()
        elif isinstance(found, list):
            waiting += [(name, each) for each in found]
        elif isinstance(found, int) and name.lower().endswith("id"):
            yield str(found)


def names_of(connection: sa.Connection, employee_id: str) -> Names:
    """Return a person's identifiers."""
    table = METADATA.tables["identities"].c
    others = connection.scalars(sa.select(table.identifier).where(table.employee_id == employee_id))
    return Names(employee_id, tuple(sorted(set(others) - {employee_id})))


def payloads_naming(connection: sa.Connection, name: str, names: Names) -> Iterator[int]:
    """Yield the surrogate ids of the rows of a table whose text names the person."""
    table = METADATA.tables[name]
    text = table.c[PAYLOADS[name]]
    escaped = [
        each.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        for each in (names.employee_id, *names.others)
    ]
    near = sa.or_(*(text.like(f"%{each}%", escape="\\") for each in escaped))
    # An option of this query alone: on the connection it would turn the deletions that follow into cursors (PostgreSQL).
    rows = connection.execute(sa.select(table.c.id, text).where(near), execution_options={"yield_per": BATCH})
    for row_id, said in rows:
        if names.are_in(said or ""):
            yield row_id
