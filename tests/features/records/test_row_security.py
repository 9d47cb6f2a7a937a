"""PostgreSQL shows a session only the people that it was told to show, whatever is asked of it."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa

from features.records.row_security import PERSONAL_TABLES, everybody, is_passed_over, only
from features.records.schema import METADATA
from features.records.store import Store, open_store

pytestmark = pytest.mark.postgres
PEOPLE = ("ann", "bob", "cem")


@pytest.fixture
def peopled(postgres_url: str) -> Store:
    """Return a store with three people, opened by the service's role."""
    opened = open_store(postgres_url)
    rows = [{"employee_id": name, "spell": 1, "hired_at": 0, "known_at": 0} for name in PEOPLE]
    with opened.transaction() as connection:
        opened.upsert(connection, "employees", rows)
    return opened


def seen(store: Store) -> set[str]:
    """Return whom a query without any condition finds."""
    with store.reading() as connection:
        return set(connection.scalars(sa.select(METADATA.tables["employees"].c.employee_id)))


def test_a_session_that_was_told_nothing_sees_nobody(peopled: Store, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as bare:
        assert bare.execute("SELECT * FROM employees").fetchall() == []
        bare.execute("SET skillpath.people = '*'")
        assert len(bare.execute("SELECT * FROM employees").fetchall()) == 3
    peopled.close()


def test_a_query_without_a_condition_finds_only_who_is_shown(peopled: Store) -> None:
    with only(["ann", 'b"o,b\\', "*"]):
        assert seen(peopled) == {"ann"}
        with everybody():
            assert seen(peopled) == set(PEOPLE)
        raw = peopled.engine.raw_connection()
        assert [row[0] for row in raw.cursor().execute("SELECT employee_id FROM employees")] == ["ann"]
        raw.rollback()
        assert [row[0] for row in raw.cursor().execute("SELECT employee_id FROM employees")] == ["ann"]
        raw.close()
    with only([]):
        assert seen(peopled) == set()
    assert seen(peopled) == set(PEOPLE)
    peopled.close()


def test_nobody_elses_row_is_written_changed_or_removed(peopled: Store) -> None:
    table = METADATA.tables["employees"]
    with only(["ann"]):
        with peopled.transaction() as connection:
            assert connection.execute(sa.update(table).values(spell=2)).rowcount == 1
            assert connection.execute(sa.delete(table)).rowcount == 1
        other = {"employee_id": "dan", "spell": 1, "hired_at": 0, "known_at": 0}
        with (
            pytest.raises(sa.exc.ProgrammingError, match="row-level security"),
            peopled.transaction() as connection,
        ):
            peopled.upsert(connection, "employees", [other])
    assert seen(peopled) == {"bob", "cem"}
    peopled.close()


def test_every_personal_table_is_behind_the_policy_also_one_made_later(
    peopled: Store, postgres_url: str
) -> None:
    protected = sa.text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    with peopled.transaction() as connection:
        METADATA.tables["opt_outs"].drop(connection)
        METADATA.tables["opt_outs"].create(connection)
        assert set(connection.scalars(protected)) == {*PERSONAL_TABLES} - {"opt_outs"}
    peopled.close()
    again = open_store(postgres_url)
    with again.reading() as connection:
        assert set(connection.scalars(protected)) == {*PERSONAL_TABLES}
        assert not is_passed_over(connection)
    again.close()


def test_the_urls_own_options_are_kept_beside_ours(postgres_url: str) -> None:
    opened = open_store(f"{postgres_url}?options=-c%20statement_timeout%3D4321")
    with opened.reading() as connection:
        said = connection.execute(
            sa.text("SELECT current_setting('statement_timeout'), current_setting('skillpath.people')")
        )
        assert tuple(said.one()) == ("4321ms", "*")
    opened.close()


def counted(store: Store) -> dict[str, int]:
    """Return how many rows a query without any condition finds of what names people otherwise than by `employee_id`."""
    return {name: store.count(name) for name in ("audit", "statements", "quarantine", "idempotent_answers")}


def test_the_audit_is_shown_by_its_subject_and_received_texts_only_to_who_sees_everybody(
    peopled: Store,
) -> None:
    text = '{"actor": {"name": "ann and bob"}}'
    row = {"actor": "sk_1", "action": "a", "purpose": "", "previous_hash": "", "row_hash": "", "at": 0}
    with peopled.transaction() as connection:
        looks = [{**row, "sequence": place, "subject": who} for place, who in enumerate(PEOPLE)]
        peopled.append(connection, "audit", looks)
        sent = {"content_digest": "d", "payload": text, "received_at": 0}
        peopled.append(connection, "statements", [{**sent, "statement_id": "1"}])
        peopled.append(connection, "quarantine", [{**sent, "source": "xapi", "reason": "?"}])
        kept = {"idempotency_key": "k", "actor": "sk_1", "request_digest": "", "status": 200, "at": 0}
        peopled.append(connection, "idempotent_answers", [{**kept, "answer": text}])
    assert counted(peopled) == {"audit": 3, "statements": 1, "quarantine": 1, "idempotent_answers": 1}
    with only(["ann", "bob"]):
        assert counted(peopled) == {"audit": 2, "statements": 0, "quarantine": 0, "idempotent_answers": 0}
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
            add_statement(peopled, {**sent, "statement_id": "2"})
    peopled.close()


def add_statement(store: Store, row: dict[str, object]) -> None:
    with store.transaction() as connection:
        store.append(connection, "statements", [row])
