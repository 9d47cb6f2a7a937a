"""Look up the people, courses and earlier statements that statements name, some thousands at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from features.records.reading.xapi_statement import Reading, names_of_course
from features.records.schema import METADATA
from features.records.store import Store

NAMES_AT_ONCE = 500


class SeenStatements:
    """The statements of one file that were taken already, in a temporary file of its own, so that memory stays flat."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect("")
        self.connection.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, digest TEXT) WITHOUT ROWID")

    def digest(self, name: str) -> str | None:
        """Return the digest of a name, or None where it has not been seen."""
        row = self.connection.execute("SELECT digest FROM seen WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def add(self, name: str, digest: str) -> None:
        """Remember a name."""
        self.connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (name, digest))

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()


@dataclass(frozen=True)
class Directory:
    """Who and what the names in some statements stand for.

    Parameters
    ----------
    identities : mapping of (str, str) to str
        Issuer and identifier → employee_id.
    employees : set of str
        Employees among the identifiers.
    courses : mapping of str to str
        Name or address → course_id.
    statements : mapping of str to str
        Statements that are stored → digest.
    aside : set of (str, str)
        Source and digest of what is in the quarantine.
    events : set of str
        Statements whose learning event is kept.
    """

    identities: Mapping[tuple[str, str], str]
    employees: frozenset[str]
    courses: Mapping[str, str]
    statements: Mapping[str, str]
    aside: frozenset[tuple[str, str]]
    events: frozenset[str]

    @staticmethod
    def of(store: Store, readings: Sequence[Reading], texts: Sequence[str]) -> Directory:
        """Look everything up that these readings name; `texts` are digests of the statements' texts."""
        with store.reading() as connection:
            return Directory.seen_by(connection, readings, texts)

    @staticmethod
    def seen_by(connection: sa.Connection, readings: Sequence[Reading], texts: Sequence[str]) -> Directory:
        """Look everything up in a transaction that is open."""
        people = {identifier for reading in readings for _, identifier in reading.people}
        courses = {name for reading in readings for one in reading.courses for name in names_of_course(one)}
        names = {
            name for reading in readings for name in (reading.statement_id, f"voids:{reading.statement_id}")
        }
        tables = METADATA.tables
        identity, employee, course = tables["identities"], tables["employees"], tables["courses"]
        statement, quarantine, event = tables["statements"], tables["quarantine"], tables["learning_events"]
        identities = {
            (row.issuer, row.identifier): row.employee_id
            for row in found(connection, identity, identity.c.identifier, people)
        }
        employees = {row.employee_id for row in found(connection, employee, employee.c.employee_id, people)}
        known = {
            row.course_id: row.course_id for row in found(connection, course, course.c.course_id, courses)
        }
        addresses = {row.url: row.course_id for row in found(connection, course, course.c.url, courses)}
        stored = {
            row.statement_id: row.content_digest
            for row in found(connection, statement, statement.c.statement_id, names)
        }
        aside = {
            (row.source, row.content_digest)
            for row in found(connection, quarantine, quarantine.c.content_digest, texts)
        }
        events = {row.event_id for row in found(connection, event, event.c.event_id, names)}
        return Directory(
            identities,
            frozenset(employees),
            {**addresses, **known},
            stored,
            frozenset(aside),
            frozenset(events),
        )

    def employee(self, people: Iterable[tuple[str, str]]) -> str | None:
        """Return the employee behind an actor: by identity, else by an identifier that is an employee_id."""
        for person in people:
            if person in self.identities:
                return self.identities[person]
        return next((identifier for _, identifier in people if identifier in self.employees), None)

    def course(self, activities: Iterable[str]) -> str | None:
        """Return the course among activities: by its name or address."""
        names = (name for activity in activities for name in names_of_course(activity))
        return next((self.courses[name] for name in names if name in self.courses), None)


def found(
    connection: sa.Connection, table: sa.Table, column: sa.ColumnElement[str], names: Iterable[str]
) -> Iterator[sa.Row[tuple[object, ...]]]:
    """Yield the rows whose column holds one of the names."""
    wanted = sorted(names)
    for start in range(0, len(wanted), NAMES_AT_ONCE):
        yield from connection.execute(
            sa.select(table).where(column.in_(wanted[start : start + NAMES_AT_ONCE]))
        )
