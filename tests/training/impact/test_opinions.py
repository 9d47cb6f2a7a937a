"""Opinions on individual effects: how much of each stands is computed by hand, and planted."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.estimators.individual import individual_effects
from training.impact.estimators.opinions import Crossed, combined, stacked
from training.impact.table import ComparisonTable

TRAINED = np.array([True, True, False, False])


def table(outcome: np.ndarray, trained: np.ndarray = TRAINED) -> ComparisonTable:
    """Return a table whose covariates play no part."""
    return ComparisonTable(np.zeros((outcome.size, 1)), ("a",), trained, outcome)


def test_scores_are_as_computed_by_hand() -> None:
    half = np.full(4, 0.5)
    known = Crossed(half, np.array([1.0, 1, 1, 1]), np.array([2.0, 2, 2, 2]))
    # m1 - m0 = 1; trained: (3 - 2)/.5 = 2 and (2 - 2)/.5 = 0; compared: -(1 - 1)/.5 = 0 and -(0 - 1)/.5 = 2
    assert known.scores(table(np.array([3.0, 2, 1, 0]))).tolist() == [3, 1, 1, 3]


def test_an_opinion_that_is_right_counts_whole_and_one_that_is_wrong_not_at_all() -> None:
    rng = np.random.default_rng(7)
    trained = rng.random(4_000) < 0.5
    effect = rng.normal(1, 1, 4_000)
    none = np.zeros(4_000)
    outcome = effect * trained + rng.normal(0, 0.1, 4_000)
    crossed = Crossed(np.full(4_000, 0.5), none, effect)
    found = stacked(table(outcome, trained), crossed, np.column_stack([effect, -effect]))
    assert found.weights == pytest.approx([1, 0], abs=0.05)
    assert combined(found, np.array([[3.0, 0.0]])) == pytest.approx([3], abs=0.1)


def test_opinions_that_explain_nothing_leave_the_average() -> None:
    rng = np.random.default_rng(7)
    trained = rng.random(4_000) < 0.5
    outcome = 2.0 * trained + rng.normal(size=4_000)
    crossed = Crossed(np.full(4_000, 0.5), np.zeros(4_000), np.full(4_000, 2.0))
    found = stacked(table(outcome, trained), crossed, rng.normal(size=(4_000, 2)))
    assert found.average == pytest.approx(2, abs=0.1)
    assert found.weights.sum() < 0.1


def test_weights_never_sum_to_more_than_one() -> None:
    trained = np.tile([True, False], 500)
    effect = np.repeat([0.0, 2.0], 500)
    crossed = Crossed(np.full(1_000, 0.5), np.zeros(1_000), effect)
    opinions = np.column_stack([effect / 10, effect / 10])
    assert stacked(table(effect * trained, trained), crossed, opinions).weights.sum() <= 1 + 1e-9


def test_where_choice_hides_the_effect_both_opinions_together_are_no_worse_than_the_average() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(1_500, 5))
    trained = rng.random(1_500) < 1 / (1 + np.exp(-x[:, 0]))
    effect = 1 + x[:, 1]
    outcome = 2 * x[:, 0] + effect * trained + rng.normal(size=1_500)
    found = individual_effects(ComparisonTable(x, tuple("abcde"), trained, outcome), x)
    assert np.sqrt(np.mean((found.predicted - effect) ** 2)) < 0.4 * effect.std()
