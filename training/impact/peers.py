"""What others would print on the same rows: the difference in means, linear regression, entropy balancing."""

from __future__ import annotations

import numpy as np

from features.errors import RefusedError
from training.evaluation import Interval
from training.impact.doubts.overlap import effective_sample
from training.impact.estimators.aipw import NORMAL_95, Effect
from training.impact.estimators.entropy_balancing import balanced_effect, balancing_weights
from training.impact.estimators.randomised import lin_effect
from training.impact.table import Bools, ComparisonTable, Floats

Peers = dict[str, dict[str, Interval]]


def observational(columns: Floats, table: ComparisonTable, estimand: str) -> Peers:
    """Return the peers of an observational estimate; `table` holds measured outcomes only."""
    found = randomised(columns, table)
    if columns.shape[1] and estimand == "att":
        found["entropy_balancing"] = entropy_balancing(columns, table)
    return found


def randomised(columns: Floats, table: ComparisonTable) -> Peers:
    """Return the difference in means and, where there are covariates, linear regression."""
    none = np.zeros((table.n, 0))
    found = {"difference_in_means": told(lin_effect(table.outcome, table.trained, none, table.cluster))}
    if columns.shape[1]:
        found["ols"] = {"estimate": linear_regression(table.outcome, table.trained, columns)}
    return found


def told(effect: Effect) -> dict[str, Interval]:
    """Return an effect as a peer's metrics."""
    return {"estimate": Interval(effect.value, effect.low, effect.high)}


def linear_regression(outcome: Floats, trained: Bools, columns: Floats) -> Interval:
    """Return the coefficient of training beside the covariates, with a robust (HC1) interval."""
    design = np.column_stack([np.ones(outcome.size), trained.astype(float), columns - columns.mean(axis=0)])
    spread = np.maximum(np.abs(design).max(axis=0), 1e-12)
    scaled = design / spread
    inverse = np.linalg.pinv(scaled.T @ scaled)
    weights = inverse @ (scaled.T @ outcome)
    rest = outcome - scaled @ weights
    row = (scaled @ inverse[1]) * rest
    freedom = max(outcome.size - design.shape[1], 1)
    error = float(np.sqrt((row**2).sum() * outcome.size / freedom)) / spread[1]
    value = float(weights[1] / spread[1])
    return Interval(value, value - NORMAL_95 * error, value + NORMAL_95 * error)


def entropy_balancing(columns: Floats, table: ComparisonTable) -> dict[str, Interval]:
    """Return the entropy-balanced effect and its effective sample; ``nan`` where no weights match."""
    try:
        weights = balancing_weights(columns, table.trained)
    except RefusedError:
        return {"estimate": Interval(float("nan")), "effective_sample": Interval(0.0)}
    effect = balanced_effect(table.outcome, table.trained, weights, table.cluster)
    return {**told(effect), "effective_sample": Interval(effective_sample(weights))}
