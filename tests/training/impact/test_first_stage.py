"""The error of the outcome regressions is part of the interval: by finite differences, and over planted draws."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from training.impact.estimators.aipw import average_effect
from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import Pipeline, cross_fit, fit_effect
from training.impact.estimators.first_stage import leaning, taught_weights, with_first_stage
from training.impact.estimators.linear import fold_numbers, logit, ridge
from training.impact.table import Bools, ComparisonTable, Floats


@dataclass(frozen=True)
class Linear:
    """Ridge and logit alone: what the correction counts, and nothing else."""

    def propensity(self, columns: Part, trained: Bools, held: Floats, seed: int) -> Floats:
        return logit(columns.values, trained, float(columns.values.shape[1]))(held)

    def outcome(self, columns: Part, target: Floats, held: Floats, seed: int) -> Floats:
        return ridge(columns.values, target)(held)


def world(seed: int, n: int = 240, p: int = 25) -> ComparisonTable:
    """Return a few people with many covariates, a quarter of them trained; the training raises the outcome by 1."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, p))
    trained = rng.random(n) < 1 / (1 + np.exp(1.2 - 0.5 * columns[:, 0]))
    outcome = columns[:, :6].sum(axis=1) + trained + rng.normal(size=n)
    return ComparisonTable(columns, tuple(map(str, range(p))), trained, outcome, is_filled=True)


@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_each_outcome_weighs_by_itself_and_through_what_it_taught(estimand: str) -> None:
    table, part = world(3), Part.of(world(3).covariates)
    folds = fold_numbers(table.trained, 2, np.random.default_rng(0))

    def value(outcome: Floats) -> float:
        moved = replace(table, outcome=outcome)
        found = cross_fit(moved, part, folds, (Linear(), 0, estimand))
        return average_effect(outcome, table.trained, found, estimand).value

    nuisances = cross_fit(table, part, folds, (Linear(), 0, estimand))
    lean = leaning(table.trained, nuisances.propensity, estimand)
    through = taught_weights(part.values, table.outcome, ~table.trained, folds, lean.on_if_not).weight
    if estimand == "ate":
        through += taught_weights(part.values, table.outcome, table.trained, folds, lean.on_if_trained).weight
    own = -lean.on_if_not * ~table.trained
    if estimand == "att":
        own = own + table.trained / table.trained.sum()
    else:  # ∂τ/∂Y is D u/Σ D u for the trained, −(1−D) v/Σ (1−D) v for the compared
        up, down = table.trained / nuisances.propensity, ~table.trained / (1 - nuisances.propensity)
        own = up / up.sum() - down / down.sum()
    for row in (int(np.flatnonzero(table.trained)[4]), int(np.flatnonzero(~table.trained)[7])):
        step = np.zeros(table.n)
        step[row] = 1e-5
        slope = (value(table.outcome + step) - value(table.outcome - step)) / 2e-5
        assert own[row] + through[row] == pytest.approx(slope, abs=1e-6)


def test_the_stated_error_is_the_spread_where_covariates_are_many_and_people_few() -> None:
    plain, counted, off = [], [], []
    for seed in range(250):
        table = world(seed)
        folds = fold_numbers(table.trained, 2, np.random.default_rng(0))
        nuisances = cross_fit(table, Part.of(table.covariates), folds, (Linear(), 0, "att"))
        effect = average_effect(table.outcome, table.trained, nuisances, "att")
        wider = with_first_stage(effect, table, table.covariates, folds, (nuisances, "att"))
        assert wider.value == effect.value
        plain.append(effect.standard_error)
        counted.append(wider.standard_error)
        off.append(effect.value - 1)
    assert np.mean(plain) < 0.95 * np.std(off)
    assert np.mean(counted) == pytest.approx(np.std(off), rel=0.1)
    covered = np.mean(np.abs(off) <= 1.96 * np.array(counted))
    assert 0.91 < covered < 0.98


def test_the_estimate_of_a_pipeline_carries_it() -> None:
    table = world(5)
    pipeline = Pipeline("screening", Linear(), 2, (0,))
    folds = fold_numbers(table.trained, 2, np.random.default_rng(0))
    nuisances = cross_fit(table, Part.of(table.covariates), folds, (Linear(), 0, "att"))
    effect = average_effect(table.outcome, table.trained, nuisances, "att")
    wider = with_first_stage(effect, table, table.covariates, folds, (nuisances, "att"))
    assert fit_effect(table, table.covariates, pipeline).effect.standard_error == pytest.approx(
        wider.standard_error
    )
