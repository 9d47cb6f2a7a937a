"""Overlap-weighted and trimmed effects: by hand, planted, and each with its own estimand."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.doubts.sensitivity import explained_away, robustness_value
from training.impact.doubts.variants import overlap_weighted, trimmed, variants
from training.impact.estimators.aipw import Nuisances
from training.impact.table import ComparisonTable


def test_the_overlap_weighted_effect_is_as_computed_by_hand() -> None:
    trained = np.array([True, True, False, False])
    chance = np.array([0.8, 0.5, 0.5, 0.2])
    outcome, if_not = np.array([5.0, 4.0, 3.0, 2.0]), np.array([2.0, 2.0, 2.0, 2.0])
    # trained: residuals 3 and 2 with weights .2 and .5; compared: 1 and 0 with .5 and .2
    found = overlap_weighted(outcome, trained, Nuisances(chance, if_not))
    assert found.effect.value == pytest.approx((0.6 + 1.0) / 0.7 - 0.5 / 0.7)
    assert "gone either way" in found.estimand


def uneven(rng: np.random.Generator, n: int = 20_000) -> tuple[ComparisonTable, Nuisances]:
    """Return people whose gain is larger the surer they were to be trained: 1 + 2e."""
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-2 * x))
    trained = rng.random(n) < chance
    outcome = x + trained * (1 + 2 * chance) + rng.normal(size=n)
    return ComparisonTable(x[:, None], ("x",), trained, outcome), Nuisances(chance, x)


def test_each_variant_speaks_of_its_own_people() -> None:
    table, nuisances = uneven(np.random.default_rng(11))
    chance = nuisances.propensity
    found = {one.name: one for one in variants(table, table.covariates, nuisances)}
    either_way = float(np.average(1 + 2 * chance, weights=chance * (1 - chance)))
    kept = table.trained & (chance >= 0.05) & (chance <= 0.95)
    within = float((1 + 2 * chance)[kept].mean())
    on_trained = float((1 + 2 * chance)[table.trained].mean())
    assert found["overlap_weighted"].effect.low < either_way < found["overlap_weighted"].effect.high
    assert found["trimmed"].effect.low < within < found["trimmed"].effect.high
    assert found["trimmed"].n_trained == int(kept.sum())
    assert either_way < within < on_trained
    assert "entropy_balanced" in found


def test_nothing_is_trimmed_where_hardly_anybody_would_be_left() -> None:
    table, nuisances = uneven(np.random.default_rng(7), 60)
    assert trimmed(table, Nuisances(np.full(60, 0.99), nuisances.if_not)) is None


def test_a_hidden_cause_as_strong_as_the_robustness_value_leaves_nothing() -> None:
    value = robustness_value(4.184, 783)
    left = explained_away((2.0, 2.0 / 4.184), 783, np.array([value, 0.0]), np.array([value, 0.0]))
    assert left == pytest.approx([0.0, 2.0], abs=1e-9)
