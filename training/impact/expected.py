"""What is to be expected of people without a further training: one ridge regression per outcome, learnt on earlier months."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.impact.dataset import Dataset
from training.impact.estimators.linear import ridge, scale_of
from training.impact.table import Floats

LEAST_ROWS = 50


def expected_arrays(dataset: Dataset) -> dict[str, Any]:
    """Return centre, spread, weights and base of the expected outcomes, from rows known before the last block.

    Returns
    -------
    dict of str to array
        ``centre``, ``spread`` (p,), ``weights`` (n_outcomes, p), ``base`` (n_outcomes,), ``mean`` (n_outcomes,) and
        ``spread_of_outcome`` (n_outcomes,): what one standard deviation of each outcome is.
    """
    rows = dataset.earlier_block
    columns = dataset.covariates[rows]
    p = columns.shape[1]
    scale = scale_of(columns) if rows.size else None
    weights = np.zeros((len(dataset.outcome_names), p))
    base, spread = np.zeros(len(weights)), np.ones(len(weights))
    for place in range(len(weights)):
        outcome = dataset.outcomes[rows, place]
        known = np.isfinite(outcome)
        if scale is None or known.sum() < LEAST_ROWS:
            continue
        predict = ridge(columns[known], outcome[known])
        weights[place], base[place] = as_line(predict, scale.centre, scale.spread)
        spread[place] = max(float(outcome[known].std()), 1e-12)
    means = [known_mean(dataset.outcomes[rows, place]) for place in range(len(weights))]
    found = {
        "centre": scale.centre if scale else np.zeros(p),
        "spread": scale.spread if scale else np.ones(p),
        "weights": weights,
        "base": base,
        "mean": np.array(means),
        "spread_of_outcome": spread,
    }
    return {name: to_single(values) for name, values in found.items()}


def to_single(values: Floats) -> Floats:
    """Return values to single precision: the digits beyond depend on how many threads added up the covariates."""
    return values.astype(np.float32).astype(np.float64)


def as_line(predict: Any, centre: Floats, spread: Floats) -> tuple[Floats, float]:
    """Return a linear prediction as weights of standardised columns, and its value at the centre."""
    base = float(predict(centre[None, :])[0])
    steps = centre[None, :] + np.diag(spread)
    return predict(steps) - base, base


def known_mean(values: Floats) -> float:
    """Return the mean of what is known; 0 where nothing is."""
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if kept.size else 0.0
