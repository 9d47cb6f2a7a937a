"""Alarms: silent where nothing moved, raised within a period where something did; the back-test hides small cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

from training.attrition.dataset import Dataset
from training.attrition.fitting.time_range import coverage, fit_levels
from training.attrition.judging.alarms import level_alarms, two_sided
from training.attrition.judging.backtest import back_test, by_band, drawing


def test_twice_the_smaller_tail_is_the_one_worked_out_by_hand() -> None:
    # three or more of a Poisson of mean 1: 1 − e⁻¹(1 + 1 + ½)
    assert two_sided(3, 1.0) == pytest.approx(2 * (1 - np.exp(-1) * 2.5))
    assert two_sided(0, 0.0) == 1.0


@pytest.mark.parametrize("mean", [5.0, 30.0, 400.0])
def test_over_two_years_a_level_that_stays_is_alarmed_with_a_chance_below_one_in_twenty(mean: float) -> None:
    # the chance of every count that would be alarmed among 23 quiet months, added up exactly
    quiet = [int(mean)] * 23
    counts = np.arange(int(mean + 12 * np.sqrt(mean)) + 12)
    raised = [level_alarms([*quiet, int(count)], [mean] * 24)[-1].is_raised for count in counts]
    a_month = float(poisson.pmf(counts, mean)[raised].sum())
    assert 0 < 1 - (1 - a_month) ** 24 <= 0.05


def test_a_planted_shift_is_noticed_in_its_first_period() -> None:
    rng, noticed = np.random.default_rng(2), 0
    for _ in range(100):
        observed = [*rng.poisson(40, 12).tolist(), int(rng.poisson(80))]
        noticed += level_alarms(observed, [40.0] * 13)[-1].is_raised
    assert noticed >= 95
    assert poisson.sf(79, 40) < 1e-7


def test_a_tiny_shift_of_very_many_exits_is_no_alarm() -> None:
    (alarm,) = level_alarms([105_000], [100_000.0])
    assert alarm.p_value < 1e-9
    assert not alarm.is_raised


def test_bands_hold_shares_of_a_periods_people_and_hide_small_cells() -> None:
    said, left = np.linspace(0.01, 0.4, 60), np.arange(60) >= 55
    found = by_band(said, left, ["low", "moderate", "high"], (0.5, 0.9))
    assert [cell["people"] for cell in found] == [30, 24, None]
    assert found[0]["actual"] == 0
    assert found[2]["actual"] is None


def test_the_models_back_test_tells_what_was_expected_of_months_before_they_began(
    scorer: Any, planted: Dataset
) -> None:
    rows = scorer.model["back_test"]
    assert [row["period"] for row in rows] == ["9", "10", "11"]
    for row in rows:
        here = planted.panel.period == int(row["period"])
        assert row["people"] == here.sum()
        assert row["actual"] == (planted.panel.cause[here] == 1).sum()
        assert row["o_e"] == pytest.approx(row["actual"] / row["predicted"], rel=0.01)
    assert drawing(rows)().axes


def test_a_planted_shift_of_the_level_is_in_the_back_test(make_planted: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    from training.attrition.fitting.hazard import Choice

    dataset = make_planted(1_500, seed=3)
    rows = np.flatnonzero(dataset.panel.period >= 9)
    said = np.full(len(rows), float(np.log(0.02 / 0.98)))
    shifted = dataset.panel.period[rows] == 11
    cause = dataset.panel.cause.copy()
    rng = np.random.default_rng(4)
    cause[rows] = (rng.random(len(rows)) < np.where(shifted, 0.06, 0.02)).astype(int)
    moved = replace(dataset, panel=replace(dataset.panel, cause=cause))
    choice = Choice("none", 0.0, 10.0, rows, said, {}, said)
    assert [row["level_has_moved"] for row in back_test(moved, choice, ["all"], ())] == [False, False, True]


def test_nine_of_ten_people_held_out_lie_inside_the_range() -> None:
    rng = np.random.default_rng(5)
    reached = rng.beta(2, 3, 600)  # whatever the model said, calibrated or not
    found = coverage(reached, np.ones(600), rng)
    assert found is not None
    assert 0.88 <= found["value"] <= 0.92
    low, high = fit_levels(np.linspace(0, 1, 101), np.ones(101))
    assert (round(low, 2), round(high, 2)) == (
        0.04,
        0.96,
    )  # one more person, of whom nothing is known, widens it
