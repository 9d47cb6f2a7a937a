"""Lots, offers and roll-outs: by hand, planted, refused."""

from __future__ import annotations

import numpy as np
import pytest

from features.errors import RefusedError
from training.impact.estimators.randomised import lin_effect, offer_effects
from training.impact.estimators.staggered import NEVER, Panel, refuse_unusable_panel, staggered_effects

NOTHING = np.zeros((6, 0))


def test_more_covariates_than_people_are_refused() -> None:
    rng = np.random.default_rng(7)
    with pytest.raises(RefusedError, match="so many covariates"):
        lin_effect(rng.normal(size=20), np.arange(20) < 10, rng.normal(size=(20, 12)))


def test_an_offer_that_moved_nobody_is_refused() -> None:
    rng = np.random.default_rng(7)
    with pytest.raises(RefusedError, match="did not move"):
        offer_effects(rng.normal(size=40), np.arange(40) < 20, np.zeros(40, bool), np.zeros((40, 0)))


def test_without_covariates_it_is_the_difference_in_means_with_the_usual_error() -> None:
    outcome = np.array([3.0, 5.0, 7.0, 1.0, 2.0, 3.0])
    trained = np.array([True, True, True, False, False, False])
    found = lin_effect(outcome, trained, NOTHING)
    assert found.value == pytest.approx(5 - 2)
    # HC2 without covariates is the unequal-variance error: 4/3 + 1/3
    assert found.standard_error == pytest.approx(np.sqrt(4 / 3 + 1 / 3))


def test_lin_is_two_regressions_read_at_the_common_mean() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=200)
    trained = rng.random(200) < 0.4
    outcome = 1 + 2 * x + trained * (3 + x) + rng.normal(size=200)
    lines = [np.polyfit(x[side], outcome[side], 1) for side in (trained, ~trained)]
    by_hand = np.polyval(lines[0], x.mean()) - np.polyval(lines[1], x.mean())
    assert lin_effect(outcome, trained, x[:, None]).value == pytest.approx(by_hand)


def test_taking_part_is_the_effect_of_the_offer_over_its_uptake() -> None:
    rng = np.random.default_rng(7)
    n = 4000
    offered = rng.random(n) < 0.5
    complier = rng.random(n) < 0.6
    took_part = offered & complier
    outcome = 5 + 1.0 * complier + 2.0 * took_part + rng.normal(size=n)
    found = offer_effects(outcome, offered, took_part, np.zeros((n, 0)))
    wald = (outcome[offered].mean() - outcome[~offered].mean()) / took_part[offered].mean()
    assert found.taking_part.value == pytest.approx(wald)
    assert found.taking_part.low < 2.0 < found.taking_part.high
    assert found.uptake.value == pytest.approx(0.6, abs=0.05)
    assert found.first_stage_f > 100


def roll_out(rng: np.random.Generator, n: int = 600) -> Panel:
    """Return 6 periods, groups trained from 2, 4 or never; the effect grows by 1 a period and differs by group."""
    first = rng.choice([2, 4, NEVER], n)
    level = rng.normal(size=n)[:, None]
    age = np.arange(6)[None, :] - np.where(first == NEVER, 99, first)[:, None]
    effect = np.where(age >= 0, (1.0 + age) * np.where(first == 2, 2.0, 1.0)[:, None], 0.0)
    outcome = level + 0.5 * np.arange(6)[None, :] + effect + rng.normal(0, 0.5, (n, 6))
    return Panel(outcome, np.arange(6.0), first.astype(np.int64))


def test_a_panel_in_which_all_are_trained_from_the_start_is_refused() -> None:
    panel = Panel(np.random.default_rng(7).normal(size=(40, 3)), np.arange(3.0), np.zeros(40, np.int64))
    with pytest.raises(RefusedError, match="Nobody starts being trained"):
        refuse_unusable_panel(panel)


def test_all_trained_at_once_leaves_nobody_to_compare_with() -> None:
    panel = Panel(np.random.default_rng(7).normal(size=(40, 3)), np.arange(3.0), np.ones(40, np.int64))
    with pytest.raises(RefusedError, match="not trained yet"):
        staggered_effects(panel)


def test_one_group_and_two_periods_is_the_difference_of_differences() -> None:
    outcome = np.array([[1.0, 4.0], [2.0, 6.0], [0.0, 1.0], [1.0, 1.0]])
    panel = Panel(outcome, np.arange(2.0), np.array([1, 1, NEVER, NEVER]))
    assert staggered_effects(panel).overall.value == pytest.approx(3.5 - 0.5)


def test_growing_effects_are_found_where_two_way_fixed_effects_are_not() -> None:
    panel = roll_out(np.random.default_rng(7))
    age = np.arange(6)[None, :] - np.where(panel.first == NEVER, 99, panel.first)[:, None]
    truth = np.where(age >= 0, (1.0 + age) * np.where(panel.first == 2, 2.0, 1.0)[:, None], np.nan)
    found = staggered_effects(panel)
    expected = np.nanmean(truth)
    assert found.overall.low < expected < found.overall.high
    assert abs(found.twfe - expected) > 5 * abs(found.overall.value - expected)


def test_trends_before_training_are_tested() -> None:
    fair = staggered_effects(roll_out(np.random.default_rng(7)))
    assert fair.pretrend_p_value is not None
    assert fair.pretrend_p_value > 0.01
    panel = roll_out(np.random.default_rng(7))
    rising = panel.outcome + np.where(panel.first == NEVER, 0, 1)[:, None] * np.arange(6)[None, :]
    unfair = staggered_effects(Panel(rising, panel.periods, panel.first))
    assert unfair.before is not None
    assert unfair.before.low > 0.5
