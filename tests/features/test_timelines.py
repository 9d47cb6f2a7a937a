"""What held at many moments, and what had added up by then, as a plain search of all facts finds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.numbering import groups
from features.timelines import latest_happened, state_at, timeline, totals_within

START, DAY = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=1)
MOMENT = pl.Datetime("us", "UTC")
SCHEMA: dict[str, Any] = {
    "who": pl.String,
    "spell": pl.Int64,
    "happened_at": MOMENT,
    "known_at": MOMENT,
    "value": pl.Float64,
}


@pytest.fixture
def facts() -> pl.DataFrame:
    """Return facts of few people on few days, so that many fall together, of nobody too."""
    rng = np.random.default_rng(5)
    rows = [
        {
            "who": str(rng.choice(["ann", "bob", "eve", ""])) if rng.random() > 0.1 else None,
            "spell": int(rng.integers(1, 3)),
            "happened_at": START + DAY * int(rng.integers(0, 30)),
            "known_at": START + DAY * int(rng.integers(0, 40)),
            "value": float(rng.normal()),
        }
        for _ in range(200)
    ]
    unique = ["who", "spell", "happened_at", "known_at"]
    return pl.DataFrame(rows, schema=SCHEMA).unique(unique, maintain_order=True)


@pytest.fixture
def asked() -> pl.DataFrame:
    """Return who is asked about when, one of whom no fact names."""
    people = ["eve", "zoe", "ann", None, "bob", ""]
    return pl.DataFrame(
        [{"who": who, "spell": spell, "as_of": START + DAY * day, "row": f"{who}{spell}{day}"}
         for day in (25, 3, 0, 44, 25) for who in people for spell in (1, 2, 3)],
        schema={"who": pl.String, "spell": pl.Int64, "as_of": MOMENT, "row": pl.String},
    )  # fmt: skip


def as_told(frame: pl.DataFrame, is_numbered: bool) -> pl.DataFrame:
    return frame.cast({"who": pl.Enum(["", "ann", "bob", "eve", "zoe"])}) if is_numbered else frame


def of_row(facts: list[dict[str, Any]], row: dict[str, Any], by: list[str]) -> list[dict[str, Any]]:
    """Return the facts of a row's own, none where a key is missing."""
    return [fact for fact in facts if all(row[name] is not None and fact[name] == row[name] for name in by)]


@pytest.mark.parametrize("is_numbered", [True, False])
@pytest.mark.parametrize("by", [["who"], ["who", "spell"]])
@pytest.mark.parametrize("lag", [timedelta(0), 7 * DAY])
def test_the_state_is_the_last_fact_that_was_the_latest_known(
    facts: pl.DataFrame, asked: pl.DataFrame, by: list[str], lag: timedelta, is_numbered: bool
) -> None:
    line = timeline(as_told(facts, is_numbered), by).select(*by, "entered_at", "happened_at", "value")
    found = state_at(as_told(asked, is_numbered), line, by, lag=lag)
    assert found["row"].to_list() == asked["row"].to_list()
    assert "entered_at" not in found.columns
    expected = []
    for row in asked.iter_rows(named=True):
        at = row["as_of"] - lag
        known = [fact for fact in of_row([*facts.iter_rows(named=True)], row, by)
                 if fact["happened_at"] < at and fact["known_at"] < at]  # fmt: skip
        last = max(known, key=lambda fact: (fact["happened_at"], fact["known_at"]), default=None)
        happened = [fact for fact in known if last and fact["happened_at"] == last["happened_at"]
                    and fact["known_at"] == last["known_at"]]  # fmt: skip
        expected.append({fact["value"] for fact in happened} or {None})
    assert sum(each != {None} for each in expected) > 10
    assert all(value in each for value, each in zip(found["value"].to_list(), expected, strict=True))


@pytest.mark.parametrize("is_numbered", [True, False])
def test_of_facts_that_entered_together_the_one_known_last_holds(is_numbered: bool) -> None:
    """Two versions of what was known before it happened enter when it happens; the later one corrects the other."""
    rows = [{"who": "ann", "spell": 1, "happened_at": START + 9 * DAY, "known_at": START + day * DAY, "value": day}
            for day in (3.0, 1.0, 2.0)]  # fmt: skip
    line = timeline(as_told(pl.DataFrame(rows, schema=SCHEMA), is_numbered), ["who"])
    asked = as_told(pl.DataFrame({"who": ["ann"], "as_of": [START + 10 * DAY]},
                                 schema={"who": pl.String, "as_of": MOMENT}), is_numbered)  # fmt: skip
    assert state_at(asked, line, ["who"])["value"].to_list() == [3.0]


@pytest.mark.parametrize("is_numbered", [True, False])
def test_totals_are_those_of_the_facts_inside_the_window(
    facts: pl.DataFrame, asked: pl.DataFrame, is_numbered: bool
) -> None:
    numbered = facts.with_row_index("event").with_columns(one=pl.lit(1.0))
    window = 10 * DAY
    both = totals_within(
        as_told(asked, is_numbered), as_told(numbered, is_numbered), ["who"], ["value", "one"], window, ["event"]
    )  # fmt: skip
    rows = [*facts.iter_rows(named=True)]
    expected = [
        [fact["value"] for fact in of_row(rows, row, ["who"])
         if row["as_of"] - window <= fact["happened_at"] < row["as_of"] and fact["known_at"] < row["as_of"]]
        for row in asked.iter_rows(named=True)
    ]  # fmt: skip
    assert both[0].to_list() == pytest.approx([sum(each) for each in expected])
    assert both[1].to_list() == [len(each) for each in expected]
    assert sum(map(len, expected)) > 20


def test_a_corrected_fact_counts_once_and_as_it_was_last_known(asked: pl.DataFrame) -> None:
    rows = [("e1", "ann", START + DAY, START + day * DAY, hours) for day, hours in ((2, 4.0), (20, 9.0))]
    facts = pl.DataFrame(
        rows, orient="row", schema={"event": pl.String, "who": pl.String, "happened_at": MOMENT, "known_at": MOMENT, "hours": pl.Float64}
    )  # fmt: skip
    (found,) = totals_within(asked, facts, ["who"], ["hours"], 365 * DAY, ["event"])
    told = {(row["as_of"] - START).days: hours for row, hours in zip(asked.iter_rows(named=True), found, strict=True)
            if row["who"] == "ann"}  # fmt: skip
    assert told == {0: 0.0, 3: 4.0, 25: 9.0, 44: 9.0}


def test_the_latest_known_fact_is_found_at_every_moment(facts: pl.DataFrame, asked: pl.DataFrame) -> None:
    found = latest_happened(asked, facts, ["who"])
    rows = [*facts.iter_rows(named=True)]
    expected = [
        max((fact["happened_at"] for fact in of_row(rows, row, ["who"])
             if fact["happened_at"] < row["as_of"] and fact["known_at"] < row["as_of"]), default=None)
        for row in asked.iter_rows(named=True)
    ]  # fmt: skip
    assert found.to_list() == expected
    assert 0 < found.null_count() < len(found)


def test_no_rows_and_no_facts_are_found_nothing(facts: pl.DataFrame, asked: pl.DataFrame) -> None:
    line = timeline(facts, ["who"])
    assert state_at(asked.clear(), line, ["who"]).is_empty()
    assert state_at(asked, line.clear(), ["who"])["value"].null_count() == len(asked)
    (total,) = totals_within(asked, facts.clear(), ["who"], ["value"], DAY, ["spell"])
    assert total.to_list() == [0.0] * len(asked)
    assert latest_happened(asked.clear(), facts, ["who"]).is_empty()


@pytest.mark.parametrize("far", [1, 10**12])
def test_groups_are_alike_where_all_columns_agree(far: int) -> None:
    left = pl.DataFrame({"a": ["x", "y", None, "x"], "b": [1, far, 1, None]})
    right = pl.DataFrame({"a": ["y", None, "x", "x"], "b": [far, 1, 1, None]})
    found = groups(left, right, ["a", "b"])
    same = found.left[:, None] == found.right[None, :]
    assert np.argwhere(same).tolist() == [[0, 2], [1, 0]]
    assert found.count <= 1_000 + 4 * 8 + 4
    assert max(found.left.max(), found.right.max()) < found.count
