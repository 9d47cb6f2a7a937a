"""Training reads a table when somebody asks for it, and finds the end of the data without reading any."""

from __future__ import annotations

import pytest

from features.records.store import Store
from training.runs import end_of
from training.stored import StoredTables


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
    assert min(StoredTables(small_store).extremes("happened_at", "min")) == min(
        one for one in firsts if one is not None
    )


@pytest.mark.parametrize("name", ["protected_attributes", "audit", "courses "])
def test_what_is_no_table_of_the_records_is_not_found(small_store: Store, name: str) -> None:
    assert name not in StoredTables(small_store)
    with pytest.raises(KeyError):
        StoredTables(small_store)[name]
