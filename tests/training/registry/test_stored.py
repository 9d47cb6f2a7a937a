"""Training reads a table when somebody asks for it, and finds the end of the data without reading any."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from features.records import row_security
from features.records.columnar import columns_of_table
from features.records.schema import METADATA
from features.records.store import Store, open_store
from training.runs import end_of
from training.stored import NAMES, StoredTables, side_by_side, some

STATM = Path("/proc/self/statm")


def test_a_table_is_read_when_it_is_asked_for_and_once(small_store: Store) -> None:
    tables = StoredTables(small_store)
    assert end_of(tables) == end_of(small_store.frames())
    assert tables.read == {}
    assert tables["exits"].equals(small_store.frame("exits"))
    assert tables["exits"] is tables["exits"]
    assert list(tables.read) == ["exits"]
    assert set(tables) == set(small_store.frames())


def test_the_first_moments_are_those_of_the_tables(small_store: Store) -> None:
    firsts = [
        frame["happened_at"].min()
        for frame in small_store.frames().values()
        if "happened_at" in frame.columns
    ]
    assert min(StoredTables(small_store).extremes("min", "happened_at")) == min(
        one for one in firsts if one is not None
    )


def test_some_columns_of_what_was_known_at_a_moment_are_those_of_the_whole_table(small_store: Store) -> None:
    whole = small_store.frame("job_history")
    moment = whole["happened_at"].sort()[len(whole) // 2]
    columns = ("employee_id", "happened_at", "known_at", "no such column")
    early = (pl.col("happened_at") < moment) & (pl.col("known_at") < moment)
    expected = whole.filter(early).select(columns[:3])
    unread = StoredTables(small_store)
    assert 0 < expected.height < whole.height
    assert unread.some("job_history", columns, moment).equals(expected)
    assert unread.read == {}
    assert some({"job_history": whole}, "job_history", columns, moment).equals(expected)
    assert "surveys" in unread
    assert unread.read == {}
    with pytest.raises(KeyError):
        unread.some("protected_attributes", ("employee_id",))


def test_a_table_read_by_column_is_the_table_read_by_row(small_store: Store) -> None:
    for name in (*NAMES, "protected_attributes"):
        found = columns_of_table(small_store, name)
        assert found.equals(small_store.frame(name)), name
        assert found.schema == small_store.frame(name).schema, name


@pytest.mark.skipif(not STATM.exists(), reason="this system does not tell a process's address space in /proc")
def test_a_table_read_by_column_reserves_memory_for_its_rows_and_no_more(small_store: Store) -> None:
    """A process whose address space outgrows the machine's memory can start no other by fork."""
    before = address_space()
    held = [columns_of_table(small_store, name) for name in NAMES]
    assert sum(frame.height for frame in held) > 0
    assert address_space() - before < 1 << 30


def address_space() -> int:
    """Return how many bytes of addresses this process holds."""
    return int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def test_tables_are_read_side_by_side_wherever_the_records_are(small_store: Store, store: Store) -> None:
    memory = open_store("sqlite://")
    row = {"employee_id": "ann", "spell": 1, "hired_at": 0, "known_at": 0}
    for each in (memory, store):
        with each.transaction() as connection:
            each.append(connection, "employees", [row])
    names = ("employees", "exits", "surveys", "jobs")
    for records in (small_store, memory, store):
        tables = StoredTables(records)
        found = side_by_side(
            tables, {name: partial(tables.some, name, ("employee_id", "job_id")) for name in names}
        )
        assert tuple(found) == names
        assert all(found[name].equals(tables.some(name, ("employee_id", "job_id"))) for name in names)
        assert found["employees"].height > 0
    frames = small_store.frames()
    assert side_by_side(frames, {"exits": partial(frames.__getitem__, "exits")})["exits"] is frames["exits"]


def test_whose_rows_may_be_seen_holds_for_what_is_read_side_by_side(store: Store) -> None:
    rows = [{"employee_id": person, "spell": 1, "hired_at": 0, "known_at": 0} for person in ("ann", "bob")]
    with store.transaction() as connection:
        store.append(connection, "employees", rows)
    tables = StoredTables(store)
    with row_security.only(["bob"]):
        found = side_by_side(tables, {"employees": partial(tables.some, "employees", ("employee_id",))})
    assert found["employees"]["employee_id"].to_list() == (["bob"] if store.is_postgres else ["ann", "bob"])


@pytest.mark.parametrize("name", ["protected_attributes", "audit", "courses "])
def test_what_is_no_table_of_the_records_is_not_found(small_store: Store, name: str) -> None:
    assert name not in StoredTables(small_store)
    with pytest.raises(KeyError):
        StoredTables(small_store)[name]


def test_a_table_read_by_column_is_the_same_on_both_databases(store: Store) -> None:
    shown = {"moment": 1_767_225_600_000_001, "odd": "50 % of 'it': ö\\n \U0001f600"}
    rows = [
        {"employee_id": person, "spell": 1, "hired_at": shown["moment"], "known_at": shown["moment"],
         "display_name": name}
        for person, name in (("ann", shown["odd"]), ("bob", ""), ("eve", None))
    ]  # fmt: skip
    with store.transaction() as connection:
        store.append(connection, "employees", rows)
    assert columns_of_table(store, "employees").equals(store.frame("employees"))
    assert columns_of_table(store, "exits").equals(store.frame("exits"))
    people = METADATA.tables["employees"].c
    is_odd = people.display_name == shown["odd"]
    found = columns_of_table(store, "employees", ("employee_id", "hired_at"), is_odd)
    assert found.equals(store.frame("employees", ("employee_id", "hired_at"), is_odd))
    assert found["employee_id"].to_list() == ["ann"]


def test_row_level_security_holds_for_what_is_read_by_column(store: Store) -> None:
    rows = [{"employee_id": person, "spell": 1, "hired_at": 0, "known_at": 0} for person in ("ann", "b'b")]
    with store.transaction() as connection:
        store.append(connection, "employees", rows)
    with row_security.only(["b'b"]):
        seen = columns_of_table(store, "employees")["employee_id"].to_list()
    assert seen == (["b'b"] if store.is_postgres else ["ann", "b'b"])
