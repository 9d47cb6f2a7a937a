"""A fact counts when it had happened and was known strictly before the moment asked about."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.history import history, latest

KEYS = {"outcomes": ["employee_id", "kpi"]}


def day(number: int) -> datetime:
    return datetime(2025, 1, number, tzinfo=UTC)


def outcomes(*rows: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [("E1", "quality", day(happened), day(known), value) for happened, known, value in rows],
        schema=["employee_id", "kpi", "happened_at", "known_at", "value"],
        orient="row",
    )


def test_a_fact_of_that_very_moment_does_not_count() -> None:
    frame = outcomes((3, 4, 1.0))
    assert history({"outcomes": frame}, day(4), KEYS)["outcomes"].is_empty()
    assert history({"outcomes": frame}, day(5), KEYS)["outcomes"].height == 1


def test_a_correction_counts_from_the_day_it_was_known() -> None:
    frame = outcomes((3, 4, 1.0), (3, 10, 9.0))
    assert history({"outcomes": frame}, day(8), KEYS)["outcomes"]["value"].to_list() == [1.0]
    assert history({"outcomes": frame}, day(11), KEYS)["outcomes"]["value"].to_list() == [9.0]


def test_tables_without_times_pass_as_they_are() -> None:
    jobs = pl.DataFrame({"job_id": ["J1"]})
    assert history({"jobs": jobs}, day(1), KEYS)["jobs"].equals(jobs)


def test_the_latest_fact_is_what_holds() -> None:
    frame = outcomes((5, 5, 2.0), (3, 3, 1.0))
    assert latest(frame, ["employee_id"])["value"].to_list() == [2.0]


@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(1, 28), st.floats(0, 9)), max_size=30),
    st.integers(1, 28),
)
def test_no_fact_from_the_future_is_ever_seen(rows: list[tuple[int, int, float]], moment: int) -> None:
    if not rows:
        return
    seen = history({"outcomes": outcomes(*rows)}, day(moment), KEYS)["outcomes"]
    assert all(time < day(moment) for time in seen["happened_at"].to_list() + seen["known_at"].to_list())
    assert seen.select("employee_id", "kpi", "happened_at").is_duplicated().sum() == 0
