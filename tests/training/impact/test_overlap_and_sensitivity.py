"""Effective sample, balance, entropy balancing, robustness value, E-value: facts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from features.errors import RefusedError
from training.impact.doubts.overlap import balance_report, effective_sample, overlap_report
from training.impact.doubts.placebos import error_alone, furthest
from training.impact.doubts.sensitivity import covariate_strengths, e_value, robustness_value, seen_in_placebo
from training.impact.estimators.aipw import Effect
from training.impact.estimators.entropy_balancing import balanced_effect, balancing_weights
from training.impact.table import pooled


def test_entropy_balancing_refuses_groups_that_do_not_overlap() -> None:
    covariates = np.concatenate([np.linspace(5, 6, 30), np.linspace(0, 1, 30)])[:, None]
    with pytest.raises(RefusedError, match="do not overlap"):
        balancing_weights(covariates, np.arange(60) < 30)


def test_entropy_balancing_matches_the_means_exactly() -> None:
    rng = np.random.default_rng(7)
    covariates = rng.normal(size=(500, 3))
    trained = rng.random(500) < 1 / (1 + np.exp(1 - covariates[:, 0]))
    weights = balancing_weights(covariates, trained)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights @ covariates[~trained], covariates[trained].mean(axis=0), atol=1e-6)
    found = balanced_effect(covariates[:, 0] + 2.0 * trained, trained, weights)
    assert found.value == pytest.approx(2.0, abs=1e-5)


def test_equal_weights_count_for_everybody_and_one_weight_for_one() -> None:
    assert effective_sample(np.ones(7)) == pytest.approx(7)
    assert effective_sample(np.array([1.0, 0.0, 0.0])) == pytest.approx(1)


def test_the_overlap_report_is_as_computed_by_hand() -> None:
    propensity = np.array([0.5, 0.96, 0.5, 0.75, 0.04])
    trained = np.array([True, True, False, False, False])
    found = overlap_report(propensity, trained)
    # odds of the compared: 1, 3, 1/24
    odds = np.array([1, 3, 1 / 24])
    assert found.effective_sample == pytest.approx(odds.sum() ** 2 / (odds**2).sum())
    assert found.outside_share == pytest.approx(2 / 5)
    assert found.trained_outside_share == pytest.approx(1 / 2)
    assert found.largest_weight_share == pytest.approx(3 / odds.sum())


def test_balance_is_in_standard_deviations_of_the_trained() -> None:
    covariates = np.array([[0.0], [2.0], [3.0], [5.0]])
    trained = np.array([True, True, False, False])
    # trained mean 1, sd 1; compared mean 4; weights 1 and 0 leave 3
    found = balance_report(covariates, ["x"], trained, np.array([1.0, 1.0, 1.0, 0.0]))
    assert found.before == pytest.approx((-3.0,))
    assert found.after == pytest.approx((-2.0,))


def test_the_robustness_value_of_the_published_example() -> None:
    # Cinelli and Hazlett (2020), Darfur: t = 4.18, 783 degrees of freedom, RV 13.9 %
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=0.001)


def test_the_e_value_of_the_published_example() -> None:
    # VanderWeele and Ding (2017): risk ratio 3.9, E-value 7.26
    assert e_value(0.39, 0.10) == pytest.approx(7.26, abs=0.01)
    assert e_value(0.10, 0.39) == pytest.approx(7.26, abs=0.01)
    assert e_value(0.2, 0.2) == 1.0


def test_a_covariate_that_moves_only_one_side_is_no_strong_confounder() -> None:
    rng = np.random.default_rng(7)
    both, only_outcome = rng.normal(size=(2, 4000))
    trained = rng.random(4000) < 1 / (1 + np.exp(-both))
    outcome = both + only_outcome + rng.normal(size=4000)
    strengths = covariate_strengths(np.column_stack([both, only_outcome]), trained, outcome)
    assert strengths[0] > 0.2
    assert strengths[1] < 0.05


def effect_of(value: float, error: float) -> Effect:
    return Effect(value, value - 1.96 * error, value + 1.96 * error, error, np.zeros(0))


def test_a_placebo_of_so_many_errors_takes_as_many_off_the_effect() -> None:
    # placebo of 5 errors: 3 − 5 · 0.2 = 2 is left, ± 1.96 · 0.2 · √2; its sure part is 5 − 1.96 errors at ν = 400
    hidden = seen_in_placebo(effect_of(3.0, 0.2), effect_of(0.5, 0.1), 400)
    assert hidden is not None
    assert hidden.left == pytest.approx(2.0)
    assert hidden.high - hidden.left == pytest.approx(1.96 * 0.2 * 2**0.5, abs=1e-3)
    assert hidden.strength == pytest.approx(robustness_value(5 - 1.96, 400), abs=1e-4)


def test_several_placebos_take_off_no_more_than_one_of_the_same_size() -> None:
    # 0.5 ± 0.05 in the mean of four, ± 0.1 each: the same 5 errors of one come off, less uncertain; more of them is sure
    hidden = seen_in_placebo(effect_of(3.0, 0.2), effect_of(0.5, 0.05), 400, 0.1)
    assert hidden is not None
    assert hidden.left == pytest.approx(2.0)
    assert hidden.high - hidden.left == pytest.approx(1.96 * 0.2 * 1.25**0.5, abs=1e-3)
    assert hidden.strength == pytest.approx(robustness_value(5 - 0.98, 400), abs=1e-4)


def test_the_placebo_furthest_from_nought_is_judged_by_how_many_there_are() -> None:
    span = furthest([effect_of(0.1, 0.1), effect_of(-0.3, 0.1), effect_of(0.0, 0.0)])
    assert span == pytest.approx((-0.3 - 0.2241, -0.3 + 0.2241), abs=1e-3)  # 97.5 %, two of them vary
    assert furthest([effect_of(0.5, 0.1)]) is None
    assert error_alone(None, []) == 0
    assert error_alone(effect_of(0.5, 0.1), []) == 0.1
    assert error_alone(effect_of(0.5, 0.1), [effect_of(0, 0.2), effect_of(0, 0.4)]) == pytest.approx(0.3)


def test_pooled_outcomes_stand_on_the_scale_of_the_first() -> None:
    first = np.array([1.0, 2.0, 3.0, np.nan])
    earlier = np.column_stack([first, 100 * first + 7, [5.0, 5, 5, 5]])
    np.testing.assert_allclose(pooled(earlier), [1.0, 2.0, 3.0, np.nan])
    np.testing.assert_allclose(pooled(np.column_stack([first, -first])), [2.0, 2.0, 2.0, np.nan])
    one_known = np.column_stack([[0.0, 2.0, np.nan], [0.0, 2.0, 2.0]])
    assert pooled(one_known)[2] == pytest.approx(1 + 2 / 3 / (8 / 9) ** 0.5)
    np.testing.assert_allclose(pooled(np.full((2, 2), 3.0)), [3.0, 3.0])


def test_a_placebo_that_passes_shows_no_hidden_cause_and_none_shows_nothing() -> None:
    passed = seen_in_placebo(effect_of(3.0, 0.2), effect_of(0.1, 0.1), 400)
    assert passed is not None
    assert passed.strength == 0
    assert seen_in_placebo(effect_of(3.0, 0.2), None, 400) is None
    assert seen_in_placebo(effect_of(3.0, 0.2), effect_of(0.0, 0.0), 400) is None
