"""The store keeps rows the same way in both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from features.errors import BadInputError, UnavailableError
from features.records import row_security
from features.records.columns import Kind
from features.records.describe import describe_tables
from features.records.moments import from_micros, to_micros
from features.records.schema import ALL_TABLES, METADATA
from features.records.store import Store, data_digest, open_store

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def outcome(employee: str, value: float, known_at: datetime = NOON) -> dict[str, object]:
    return {
        "employee_id": employee, "kpi": "productivity", "value": value, "unit": "index",
        "happened_at": to_micros(NOON), "known_at": to_micros(known_at),
    }  # fmt: skip


def test_a_url_of_an_unknown_database_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"mysql.*sqlite or postgresql"):
        open_store("mysql://somewhere/records")


def test_a_store_that_cannot_be_reached_says_so() -> None:
    with pytest.raises(UnavailableError, match="cannot be opened"):
        open_store("postgresql://nobody@127.0.0.1:1/none")


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_micros(datetime(2025, 1, 1))  # noqa: DTZ001


def test_moments_come_back_exactly(store: Store) -> None:
    with store.transaction() as connection:
        store.append(connection, "outcomes", [outcome("E1", 1.0)])
    assert store.frame("outcomes")["happened_at"].to_list() == [NOON]
    assert from_micros(to_micros(NOON)) == NOON


def test_a_fact_appended_twice_stands_once(store: Store) -> None:
    with store.transaction() as connection:
        assert store.append(connection, "outcomes", [outcome("E1", 1.0), outcome("E2", 2.0)]) == 2
        assert store.append(connection, "outcomes", [outcome("E1", 1.0), outcome("E3", 3.0)]) == 1
    assert store.count("outcomes") == 3


def test_a_later_known_fact_stands_beside_the_one_it_corrects(store: Store) -> None:
    later = NOON + timedelta(days=3)
    with store.transaction() as connection:
        store.append(connection, "outcomes", [outcome("E1", 1.0), outcome("E1", 5.0, later)])
    assert store.frame("outcomes")["value"].to_list() == [1.0, 5.0]


def test_an_entity_written_again_replaces_the_first(store: Store) -> None:
    with store.transaction() as connection:
        store.upsert(connection, "jobs", [{"job_id": "J1", "title": "Baker", "family": "Food"}])
        store.upsert(connection, "jobs", [{"job_id": "J1", "title": "Head baker"}])
    assert store.frame("jobs", ("title", "family")).rows() == [("Head baker", None)]


def test_an_error_in_a_transaction_keeps_nothing_of_it(store: Store) -> None:
    def write_half() -> None:
        with store.transaction() as connection:
            store.append(connection, "outcomes", [outcome("E1", 1.0)])
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert store.count("outcomes") == 0


def test_every_kind_of_column_survives_the_round_trip(store: Store) -> None:
    row = {
        "employee_id": "E1", "spell": 2, "happened_at": to_micros(NOON), "known_at": to_micros(NOON),
        "reason_class": "voluntary", "reason_text": "ünïcode; 'quotes'", "is_regretted": True,
    }  # fmt: skip
    with store.transaction() as connection:
        store.append(connection, "exits", [row])
        store.upsert(
            connection, "embeddings", [{"model_id": "m", "content_hash": "h", "vector": b"\x00\xff"}]
        )
    exit_row = store.frame("exits").row(0, named=True)
    assert exit_row == {**row, "happened_at": NOON, "known_at": NOON}
    assert store.frame("embeddings")["vector"].to_list() == [b"\x00\xff"]


def test_frames_of_one_person_hold_nobody_else(store: Store) -> None:
    with store.transaction() as connection:
        store.append(connection, "outcomes", [outcome("E1", 1.0), outcome("E2", 2.0)])
        store.upsert(connection, "jobs", [{"job_id": "J1", "title": "Baker"}])
    frames = store.frames(["outcomes", "jobs"], employee_ids=["E2"])
    assert frames["outcomes"]["employee_id"].to_list() == ["E2"]
    assert frames["jobs"].height == 1


def test_protected_attributes_never_come_with_the_frames(store: Store) -> None:
    assert "protected_attributes" not in store.frames()


def test_the_digest_of_records_ignores_the_order_of_rows() -> None:
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    assert data_digest({"t": frame}) == data_digest({"t": frame.reverse()})
    assert data_digest({"t": frame}) != data_digest({"t": frame.head(2)})


def test_an_open_store_is_at_the_newest_schema(store: Store) -> None:
    found = sa.inspect(store.engine)
    present = set(found.get_table_names())
    if not store.is_postgres:
        present.update(found.get_table_names(schema="ledger"))
    assert present >= set(METADATA.tables)


def test_every_column_is_spelled_with_meaning_and_moments_in_utc() -> None:
    for table in ALL_TABLES.values():
        assert table.meaning.endswith("."), table.name
        assert set(table.unique) <= set(table.names), table.name
        for column in table.columns:
            assert column.meaning, f"{table.name}.{column.name}"
            if column.refers_to:
                owner, name = column.refers_to.split(".")
                assert ALL_TABLES[owner].column(name).kind is Kind.TEXT


def test_the_page_of_the_records_says_what_the_tables_say() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "records.md"
    assert page.read_text() == describe_tables()


def test_more_threads_than_the_pool_lends_to_read_at_once_and_closing_takes_all_back(store: Store) -> None:
    together = threading.Barrier(20 if not store.is_postgres else 4)  # threads of PostgreSQL's share the pool

    def read(_: int) -> list[Any]:
        together.wait(timeout=10)
        return [tuple(row) for row in store.rows("SELECT 1, 'a'", ())]

    with ThreadPoolExecutor(together.parties) as pool:
        assert list(pool.map(read, range(together.parties))) == [[(1, "a")]] * together.parties
    store.close()
    assert not any(store.readers.idle)
    assert [tuple(row) for row in store.rows("SELECT 2", ())] == [(2,)]


def test_what_is_kept_for_reading_sees_what_was_just_written(store: Store) -> None:
    asked = "SELECT count(*) FROM skills"
    for number in range(3):
        assert list(store.rows(asked, ())[0]) == [number]
        with store.transaction() as connection:
            store.append(connection, "skills", [{"skill_id": f"s{number}", "name": "a"}])


@pytest.mark.postgres
def test_a_session_that_the_server_ended_is_replaced(postgres_url: str) -> None:
    store = open_store(postgres_url, upgrade=False)
    asked = "SELECT pg_backend_pid()"
    before = store.rows(asked, ())[0][0]
    with store.transaction() as connection:
        connection.execute(sa.select(sa.func.pg_terminate_backend(before)))
    after = store.rows(asked, ())[0][0]
    assert after not in (before, None)
    assert store.rows(asked, ())[0][0] == after
    store.close()


@pytest.mark.postgres
def test_a_reader_shows_whom_its_asker_may_see(postgres_url: str) -> None:
    store = open_store(postgres_url, upgrade=False)
    with store.transaction() as connection:
        rows = [{"employee_id": name, "spell": 1, "hired_at": 0, "known_at": 0} for name in ("ann", "bob")]
        store.append(connection, "employees", rows)
    asked = "SELECT employee_id FROM employees ORDER BY 1"

    def seen() -> list[str]:
        return [name for (name,) in store.rows(asked, ())]

    assert seen() == ["ann", "bob"]
    with row_security.only(["bob"]):
        assert seen() == ["bob"]
    assert seen() == ["ann", "bob"]
    store.close()


def test_a_statement_that_fails_leaves_the_reader_as_it_was(store: Store) -> None:
    with pytest.raises(store.engine.dialect.loaded_dbapi.Error):
        store.rows("SELECT nothing FROM nowhere", ())
    assert [tuple(row) for row in store.rows("SELECT 2", ())] == [(2,)]
