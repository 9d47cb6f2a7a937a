"""Periods of a panel stand in the order of time, not of the alphabet."""

from __future__ import annotations

import pandas as pd
import pytest

from features.errors import BadInputError
from training.attrition.plain.periods import periods_in_order


@pytest.mark.parametrize(
    "texts",
    [
        ["Q1/2025 x", "Q2/2025 x"], ["2025-03", "March"], ["2025-03", "202504"],
        ["soon", "later"],
    ],
)  # fmt: skip
def test_periods_in_no_known_form_or_in_two_are_refused(texts: list[str]) -> None:
    with pytest.raises(BadInputError) as refused:
        periods_in_order(pd.Series(texts, name="month"))
    assert "order is not known" in str(refused.value)
    assert "2025-Q1" in str(refused.value)


def test_a_day_that_could_be_a_month_is_refused() -> None:
    with pytest.raises(BadInputError, match="day first or with the month first"):
        periods_in_order(pd.Series(["01/02/2025", "02/01/2025"], name="on"))


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(BadInputError, match="empty in some rows"):
        periods_in_order(pd.Series(["2025-03", None], name="month"))


@pytest.mark.parametrize(
    "in_time",
    [
        ["Q3 2024", "Q4 2024", "Q1 2025"], ["2024-Q4", "2025-Q1"], ["12/2024", "01/2025", "10/2025"], ["11.2024", "02.2025"],
        ["Dec 2024", "Jan 2025", "Apr 2025"], ["31.12.2024", "01.01.2025"], ["12/31/2024", "01/01/2025"], ["2024-12", "2025-01"],
        ["2024-12-01", "2025-01-01"], ["202412", "202501"],
    ],
)  # fmt: skip
def test_later_periods_have_higher_numbers(in_time: list[str]) -> None:
    numbers = periods_in_order(pd.Series(in_time[::-1], name="month"))
    assert numbers.tolist() == list(range(len(in_time)))[::-1]


def test_blanks_around_a_period_make_no_other_one() -> None:
    assert periods_in_order(pd.Series(["Mar 2025", "Apr 2025", "Mar 2025 "])).tolist() == [0, 1, 0]


def test_numbers_and_dates_are_taken_as_they_are() -> None:
    assert periods_in_order(pd.Series([10, 9, 10])).tolist() == [1, 0, 1]
    assert periods_in_order(pd.to_datetime(pd.Series(["2025-10-01", "2025-09-01"]))).tolist() == [1, 0]
