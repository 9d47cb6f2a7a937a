"""The second lock on people's rows: PostgreSQL shows a connection only the people that it was told to show.

Every table with a personal column carries one policy, forced on its owner too. It compares with the session's variable
``skillpath.people``: ``*`` for everybody, else a JSON array of identifiers. A session that never said anything sees nobody.
A row belongs to the person in its ``employee_id``, of the audit in its ``subject``. What was received as it came (statements,
the quarantine) and answers kept for repetition may name several people inside a text: only a session that sees everybody
sees those.

`open_store` says ``*``, for most of the work is about everybody; whoever answers a caller that acts for one person says
`only` first, and every connection that is then taken from the pool shows those people alone, whatever is asked of it.

Roles that are superusers or have BYPASSRLS pass over policies: the service should connect as neither.

References
----------
PostgreSQL documentation, "Row Security Policies".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa

from features.records.columns import Sensitivity, Table
from features.records.schema import ALL_TABLES

VARIABLE = "skillpath.people"
EVERYBODY = "*"
POLICY = "people_of_the_session"
PROTECT_LOCK = 0x5C111_20E5
SHOWN: ContextVar[str] = ContextVar("people_shown", default=EVERYBODY)
PERSON_COLUMNS = {"audit": "subject"}  # elsewhere employee_id


def is_about_people(table: Table) -> bool:
    """Say whether a table holds anything personal."""
    return any(column.sensitivity is Sensitivity.PERSONAL for column in table.columns)


PERSONAL_TABLES = tuple(name for name, table in ALL_TABLES.items() if is_about_people(table))

SAID = f"(SELECT coalesce(current_setting('{VARIABLE}', true), ''))"
LISTED = f"SELECT jsonb_array_elements_text(CASE WHEN {SAID} IN ('', '{EVERYBODY}') THEN '[]' ELSE {SAID} END::jsonb)"
SHOWS_ALL = f"{SAID} = '{EVERYBODY}'"
UNPROTECTED = sa.text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
)


def protect(connection: sa.Connection) -> list[str]:
    """Put the policy on every personal table that has none yet; return which. Nothing is done on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    if not bare_tables(connection):
        return []
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(PROTECT_LOCK)))  # another may be about it
    bare = bare_tables(connection)
    for name in bare:
        connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
        shows = condition_of(name)
        connection.exec_driver_sql(f"CREATE POLICY {POLICY} ON {name} USING ({shows}) WITH CHECK ({shows})")
    return bare


def condition_of(name: str) -> str:
    """Return which rows of a table a session is shown."""
    column = PERSON_COLUMNS.get(name, "employee_id")
    return f"{SHOWS_ALL} OR {column} IN ({LISTED})" if column in ALL_TABLES[name].names else SHOWS_ALL


def bare_tables(connection: sa.Connection) -> list[str]:
    """Return the personal tables without row-level security."""
    return sorted(set(connection.scalars(UNPROTECTED)).intersection(PERSONAL_TABLES))


@contextmanager
def only(employee_ids: Iterable[str]) -> Iterator[None]:
    """Show these people's rows alone, on every connection taken until the context is left."""
    token = SHOWN.set(json.dumps(sorted(employee_ids)))
    try:
        yield
    finally:
        SHOWN.reset(token)


@contextmanager
def everybody() -> Iterator[None]:
    """Show everybody's rows: for what is read about the organisation and kept for all callers."""
    token = SHOWN.set(EVERYBODY)
    try:
        yield
    finally:
        SHOWN.reset(token)


def start_options(url: sa.URL) -> str:
    """Return the options a session starts with: those of the URL, and everybody."""
    given = url.query.get("options", "")
    return " ".join([*([given] if isinstance(given, str) else given), f"-c {VARIABLE}={EVERYBODY}"]).strip()


def narrow(engine: sa.Engine) -> None:
    """Let each connection that is taken from the pool show whom its taker may show."""
    sa.event.listen(engine, "checkout", show)


def show(connection: Any, record: Any, _proxy: object) -> None:
    """Tell a session whom to show, where it was told otherwise before."""
    wanted = SHOWN.get()
    if record.info.get(VARIABLE, EVERYBODY) == wanted:
        return
    connection.execute("SELECT set_config(%s, %s, false)", (VARIABLE, wanted))
    connection.commit()
    record.info[VARIABLE] = wanted


def is_passed_over(connection: sa.Connection) -> bool:
    """Say whether the role of a connection sees every row whatever the policies say."""
    asked = sa.text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    return connection.dialect.name == "postgresql" and bool(connection.scalar(asked))
