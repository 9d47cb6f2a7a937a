"""Entropy balancing: weights of the compared that match the means of the trained exactly.

References
----------
Hainmueller, Political Analysis 20 (2012) 25, doi:10.1093/pan/mpr025.
"""

from __future__ import annotations

import numpy as np

from features.errors import RefusedError
from training.impact.estimators.aipw import Effect, interval_effect
from training.impact.table import Bools, Floats, Ints

STEPS = 300
TOLERANCE = 1e-8


def balancing_weights(covariates: Floats, trained: Bools) -> Floats:
    """Return the weights of the compared, summing to 1, nearest to equal among those that match the means.

    Raises
    ------
    RefusedError
        If no weights match: the trained lie outside what the compared span.

    Notes
    -----
    Newton's method on the dual: minimise log Σ exp(−λᵀ(xᵢ − x̄)).
    """
    centre = covariates[trained].mean(axis=0)
    spread = np.maximum(covariates.std(axis=0), 1e-12)
    gap = (covariates[~trained] - centre) / spread
    dual = np.zeros(gap.shape[1])
    value, weights = dual_value(gap, dual)
    for _ in range(STEPS):
        gradient = -(weights @ gap)
        if np.abs(gradient).max(initial=0.0) < TOLERANCE:
            return weights
        hessian = (gap * weights[:, None]).T @ gap - np.outer(gradient, gradient)
        step = np.linalg.lstsq(hessian + 1e-10 * np.eye(len(dual)), gradient, rcond=None)[0]
        size = 1.0
        while size > 1e-8:
            trial, moved = dual_value(gap, dual - size * step)
            if trial <= value - 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        dual, value, weights = dual - size * step, trial, moved
    raise RefusedError(
        "No weights of the compared match the means of the trained: the groups do not overlap."
    )


def dual_value(gap: Floats, dual: Floats) -> tuple[float, Floats]:
    """Return log Σ exp(−λᵀ gap) and the weights that belong to it."""
    exponent = -(gap @ dual)
    top = exponent.max()
    weights = np.exp(exponent - top)
    total = weights.sum()
    return float(top + np.log(total)), weights / total


def balanced_effect(outcome: Floats, trained: Bools, weights: Floats, cluster: Ints | None = None) -> Effect:
    """Return the effect on the trained by weights of the compared; the interval takes the weights as given."""
    on_trained = float(outcome[trained].mean())
    on_compared = float(weights @ outcome[~trained])
    n = outcome.size
    influence = np.zeros(n)
    influence[trained] = (outcome[trained] - on_trained) * n / trained.sum()
    influence[~trained] = -weights * (outcome[~trained] - on_compared) * n
    return interval_effect(on_trained - on_compared, influence, cluster, trained=trained)
