"""A SCIM user is a person of the records: their employment, department, manager and mail address; their access."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from features.records.identities import Identity, map_people, mapped, name_key
from features.records.schema import METADATA
from features.records.store import Store

EMPLOYEES, HISTORY = METADATA.tables["employees"], METADATA.tables["job_history"]
JOBS, RESOURCES, ENDED = (
    METADATA.tables["jobs"],
    METADATA.tables["scim_resources"],
    METADATA.tables["ended_access"],
)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ACCOUNT = "scim:userName"  # issuer of the names by which accounts without a number are known again
NO_TITLE = "not given"  # an identity provider may not know what somebody works as

Row = dict[str, Any]


class Projection:
    """Writes what a user says into the records, as facts from now on; what the HRIS said of the past stays.

    Parameters
    ----------
    store : Store
        The records.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changed: set[str] = set()
        self.named: dict[
            Identity, str
        ] = {}  # who is newly known by which name: events may have waited for it

    def keep(
        self, connection: sa.Connection, user: Any, now: int, before: Any = None, was: str | None = None
    ) -> str:
        """Keep what a user says of a person; return who it is.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            The operation's transaction.
        user : User
            With the enterprise extension, or without.
        now : int
            Microseconds since 1970; from then on it holds.
        before : User, optional
            What it said until now: what it said of their work and says no more, holds no more.
        was : str, optional
            Who it was until now.

        Returns
        -------
        str
            The employee number, else the external id, else whoever has or had the user name, however it is spelled.
        """
        said, number = enterprise_of(user), number_of(user)
        employee_id = number or self.person_named(connection, user.user_name, before, was)
        self.changed.add(employee_id)
        spell = self.keep_employment(connection, user, employee_id, now)
        said_before = self.job_row(connection, before, enterprise_of(before)) if before is not None else {}
        dropped: Row = dict.fromkeys(name for name in said_before if name != "title")
        work = dropped | self.job_row(connection, user, said)
        self.keep_job(connection, work, employee_id, spell, now)
        mails = {("mbox", str(mail.value)): employee_id for mail in user.emails or () if mail.value}
        self.named |= map_people(self.store, connection, mails)
        if user.active is False:
            self.end_access(connection, employee_id, now)
        else:
            connection.execute(sa.delete(ENDED).where(ENDED.c.employee_id == employee_id))
        return employee_id

    def person_named(
        self, connection: sa.Connection, user_name: str, before: Any = None, was: str | None = None
    ) -> str:
        """Return whom an account without a number stands for: who it was, whoever had the name, else a new person of it."""
        account = (ACCOUNT, name_key(user_name))
        is_same = was is not None and number_of(before) is None
        person = was if is_same else mapped(connection, [account]).get(account)
        map_people(self.store, connection, {account: person or user_name})
        return person or user_name

    def end_access(self, connection: sa.Connection, employee_id: str, now: int) -> None:
        """Refuse from now on whatever acts for a person."""
        self.store.append(connection, "ended_access", [{"employee_id": employee_id, "at": now}])

    def keep_employment(self, connection: sa.Connection, user: Any, employee_id: str, now: int) -> int:
        """Keep a person's newest employment with the name shown; return which one it is."""
        query = sa.select(EMPLOYEES).where(EMPLOYEES.c.employee_id == employee_id)
        before = connection.execute(query.order_by(EMPLOYEES.c.spell.desc()).limit(1)).mappings().first()
        formatted = user.name.formatted if user.name is not None else None
        shown = user.display_name or formatted or (before["display_name"] if before else None)
        row: Row = dict(before) if before else {"employee_id": employee_id, "spell": 1, "hired_at": now, "known_at": now}  # fmt: skip
        if before is None:
            self.named["employee_id", employee_id] = employee_id
        if before is None or before["display_name"] != shown:
            row = {name: value for name, value in row.items() if name != "id"}
            self.store.upsert(connection, "employees", [{**row, "display_name": shown}])
        return int(row["spell"])

    def job_row(self, connection: sa.Connection, user: Any, said: Any) -> Row:
        """Return what a user says of their work: only what is given."""
        manager = getattr(said, "manager", None)
        given: Row = {
            "title": user.title,
            "department": getattr(said, "department", None),
            "manager_id": self.manager_of(connection, getattr(manager, "value", None)),
        }
        return {name: value for name, value in given.items() if value is not None}

    def manager_of(self, connection: sa.Connection, value: str | None) -> str | None:
        """Return the employee behind a manager: a user's id here, or an employee's own number."""
        if not value:
            return None
        user = sa.select(RESOURCES.c.employee_id).where(
            RESOURCES.c.resource_type == "User", RESOURCES.c.resource_id == value
        )
        employee = sa.select(EMPLOYEES.c.employee_id).where(EMPLOYEES.c.employee_id == value)
        return connection.scalar(user) or connection.scalar(employee.limit(1))

    def keep_job(self, connection: sa.Connection, given: Row, employee_id: str, spell: int, now: int) -> None:
        """Add what holds from now on, where it is something else than before."""
        of_spell = (HISTORY.c.employee_id == employee_id) & (HISTORY.c.spell == spell)
        newest = (HISTORY.c.happened_at.desc(), HISTORY.c.known_at.desc())
        query = sa.select(HISTORY).where(of_spell).order_by(*newest).limit(1)
        before = connection.execute(query).mappings().first()
        title = given.pop("title", None)
        if title is not None or before is None:
            given["job_id"] = self.job_of(connection, title or NO_TITLE)
        if before is not None and all(before[name] == value for name, value in given.items()):
            return
        if before is None and set(given) == {"job_id"} and title is None:
            return  # nothing is said of their work
        row = {**(before or {}), **given, "employee_id": employee_id, "spell": spell}
        fact = {name: value for name, value in row.items() if name != "id"}
        self.store.append(connection, "job_history", [{**fact, "happened_at": now, "known_at": now}])

    def job_of(self, connection: sa.Connection, title: str) -> str:
        """Return the job of that title, making one where there is none."""
        query = sa.select(JOBS.c.job_id).where(sa.func.lower(JOBS.c.title) == title.lower())
        found = connection.scalar(
            query.order_by(JOBS.c.taxonomy.is_distinct_from("organisation"), JOBS.c.id).limit(1)
        )
        if found is None:
            job = {"job_id": title, "title": title, "taxonomy": "organisation"}
            self.store.append(connection, "jobs", [job])
        return found or title


def enterprise_of(user: Any) -> Any:
    """Return the enterprise extension of a user, or None."""
    extensions = type(user).get_extension_models()
    model = extensions.get(ENTERPRISE)
    return user[model] if model is not None else None


def number_of(user: Any) -> str | None:
    """Return what a user says that its person is called in the organisation, or None."""
    found = getattr(enterprise_of(user), "employee_number", None) or user.external_id
    return str(found) if found else None
