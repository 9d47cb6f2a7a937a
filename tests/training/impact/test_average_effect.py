"""The doubly robust average effect: by hand, planted, and refused."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.estimators.aipw import (
    Effect,
    Nuisances,
    OverlapError,
    average_effect,
    median_effect,
    odds_weights,
    sides_freedom,
    standard_error,
)

TRAINED = np.array([True, True, False, False, False])
OUTCOME = np.array([5.0, 7.0, 4.0, 1.0, 2.0])
PROPENSITY = np.array([0.6, 0.4, 0.5, 0.5, 0.2])
IF_NOT = np.array([3.0, 4.0, 3.0, 1.0, 1.0])
IF_TRAINED = np.array([5.0, 6.0, 5.0, 2.0, 2.0])


def test_a_compared_person_certain_to_be_trained_is_refused() -> None:
    certain = np.array([0.6, 0.4, 1.0, 0.5, 0.2])
    with pytest.raises(OverlapError, match="nobody to compare with"):
        average_effect(OUTCOME, TRAINED, Nuisances(certain, IF_NOT))


def test_a_trained_person_certain_not_to_be_trained_is_refused_for_everybody_only() -> None:
    impossible = np.array([0.0, 0.4, 0.5, 0.5, 0.2])
    average_effect(OUTCOME, TRAINED, Nuisances(impossible, IF_NOT))
    with pytest.raises(OverlapError):
        average_effect(OUTCOME, TRAINED, Nuisances(impossible, IF_NOT, IF_TRAINED), "ate")


def test_the_effect_on_the_trained_is_as_computed_by_hand() -> None:
    # residuals of the trained: 5-3 and 7-4, mean 2.5
    # residuals of the compared: 1, 0, 1 with odds 1, 1, 0.25: 1.25 / 2.25
    found = average_effect(OUTCOME, TRAINED, Nuisances(PROPENSITY, IF_NOT))
    assert found.value == pytest.approx(2.5 - 1.25 / 2.25)


def test_the_effect_on_everybody_is_as_computed_by_hand() -> None:
    # m1 - m0: 2, 2, 2, 1, 1, mean 1.6
    # trained: residuals 0 and 1 with weights 1/0.6 and 1/0.4; compared: 1, 0, 1 with 2, 2, 1.25
    up = (1 / 0.4) / (1 / 0.6 + 1 / 0.4)
    down = (2 + 1.25) / (2 + 2 + 1.25)
    found = average_effect(OUTCOME, TRAINED, Nuisances(PROPENSITY, IF_NOT, IF_TRAINED), "ate")
    assert found.value == pytest.approx(1.6 + up - down)


def test_hajek_weights_do_not_care_about_the_scale_of_the_odds() -> None:
    # odds three times as large for every compared person leave the normalised mean where it was
    odds = odds_weights(PROPENSITY, TRAINED) * 3
    scaled = np.where(TRAINED, PROPENSITY, odds / (1 + odds))
    one = average_effect(OUTCOME, TRAINED, Nuisances(PROPENSITY, IF_NOT))
    other = average_effect(OUTCOME, TRAINED, Nuisances(scaled, IF_NOT))
    assert other.value == pytest.approx(one.value)


def test_influences_average_to_zero() -> None:
    for estimand in ("att", "ate"):
        found = average_effect(OUTCOME, TRAINED, Nuisances(PROPENSITY, IF_NOT, IF_TRAINED), estimand)
        assert found.influence.mean() == pytest.approx(0, abs=1e-12)


def test_copies_of_everybody_in_one_cluster_each_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(7)
    influence = rng.normal(size=400)
    alone = standard_error(influence)
    doubled = standard_error(np.tile(influence, 2), np.tile(np.arange(400), 2))
    assert doubled == pytest.approx(alone, rel=1e-3)
    assert standard_error(np.tile(influence, 2)) == pytest.approx(alone / np.sqrt(2), rel=1e-2)


def test_two_ways_of_clustering_that_are_one_give_the_error_of_one() -> None:
    rng = np.random.default_rng(7)
    team = rng.integers(0, 30, 300)
    influence = rng.normal(size=300) + rng.normal(size=30)[team]
    one_way = standard_error(influence, team)
    assert standard_error(influence, np.column_stack([team, team])) == pytest.approx(one_way)
    assert standard_error(influence, np.column_stack([np.arange(300), team])) == pytest.approx(one_way)
    assert one_way > 2 * standard_error(influence)


def test_forty_trained_have_the_freedom_of_forty_however_many_are_compared() -> None:
    trained = np.arange(4_040) < 40
    influence = np.where(trained, 101.0, 1.0) * np.tile([1.0, -1.0], 2_020)
    assert 39 <= sides_freedom(influence, trained, None) < 41
    rng = np.random.default_rng(7)
    found = average_effect(rng.normal(size=4_040), trained, Nuisances(np.full(4_040, 0.01), np.zeros(4_040)))
    reach = (found.high - found.value) / found.standard_error
    assert reach == pytest.approx(2.02, abs=0.01)  # Student's law with about 39 degrees of freedom


def test_where_the_trained_sit_in_three_teams_their_interval_has_the_freedom_of_three() -> None:
    trained = np.arange(600) < 300
    team = np.where(trained, np.arange(600) % 3, 3 + np.arange(600) % 100)
    influence = np.where(trained, np.arange(600) % 3 - 1.0, 0.0)
    assert sides_freedom(influence, trained, team) == pytest.approx(2)
    both = np.column_stack([np.arange(600), team])
    assert sides_freedom(influence, trained, both) == pytest.approx(2)
    one_team = np.column_stack([np.arange(600), np.zeros(600, np.int64)])
    assert sides_freedom(influence, trained, one_team) == pytest.approx(299)


def test_the_median_over_seeds_counts_how_far_the_seeds_lie_apart() -> None:
    effects = [Effect(value, 0, 0, 1.0, np.zeros(2)) for value in (1.0, 2.0, 6.0)]
    found = median_effect(effects)
    assert found.value == 2.0
    # variances 1 + 1, 1 + 0, 1 + 16: the median is 2
    assert found.standard_error == pytest.approx(np.sqrt(2))


def planted(rng: np.random.Generator, n: int = 20_000) -> tuple[np.ndarray, ...]:
    """Return outcome, trained, true propensity, true expected outcome; the effect on the trained is 2."""
    x = rng.normal(size=n)
    propensity = 1 / (1 + np.exp(-x))
    trained = rng.random(n) < propensity
    if_not = 10 + 3 * x
    return if_not + 2 * trained + rng.normal(size=n), trained, propensity, if_not


def test_right_propensities_rescue_wrong_expected_outcomes() -> None:
    outcome, trained, propensity, if_not = planted(np.random.default_rng(7))
    found = average_effect(outcome, trained, Nuisances(propensity, np.zeros_like(if_not)))
    assert found.low < 2 < found.high
    assert abs(found.value - 2) < 0.2


def test_right_expected_outcomes_rescue_wrong_propensities() -> None:
    outcome, trained, propensity, if_not = planted(np.random.default_rng(7))
    found = average_effect(outcome, trained, Nuisances(np.full_like(propensity, 0.5), if_not))
    assert found.low < 2 < found.high
    assert abs(found.value - 2) < 0.1


def test_both_wrong_is_wrong() -> None:
    outcome, trained, propensity, if_not = planted(np.random.default_rng(7))
    wrong = Nuisances(np.full_like(propensity, 0.5), np.zeros_like(if_not))
    assert average_effect(outcome, trained, wrong).low > 3
