"""Recalibrate: a beta calibration from 200 exits; below, level and one slope that is drawn towards 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.attrition.scorer import Floats, calibrated, sigmoid

ENOUGH_EXITS = 200
FEWEST_EXITS = 5  # with fewer, the level of training stays
SLOPE_SPREAD = 0.25
LEAST_SLOPE = 0.2
UNCHANGED = (1.0, 1.0, 0.0)


def fit_calibration(log_odds: Floats, left: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the beta calibration (a, b, c) of some log-odds.

    Parameters
    ----------
    log_odds : (n,) float
        Of rows that the model did not learn from.
    left : (n,) bool
        What came of them.

    Returns
    -------
    (a, b, c)
        ``log-odds' = a ln p - b ln(1 - p) + c`` with a, b >= 0, so that ranks stay; a = b is one slope of the log-odds.
    """
    exits = int(left.sum())
    if exits < FEWEST_EXITS or exits == len(left):
        return UNCHANGED
    intercept = level(log_odds, left)
    if exits < ENOUGH_EXITS:
        return few_exits(log_odds, left, intercept)
    found = minimize(
        loss, np.array([1.0, 1.0, intercept]), args=(log_odds, left), jac=True, method="L-BFGS-B",
        bounds=[(0.0, None), (0.0, None), (None, None)],
    )  # fmt: skip
    a, b, c = (float(value) for value in found.x)
    return (a, b, c) if a > 0 else (1.0, 1.0, intercept)


def few_exits(log_odds: Floats, left: NDArray[np.bool_], intercept: float) -> tuple[float, float, float]:
    """Return level and slope of few exits; the slope has a prior of 1 with a standard deviation of `SLOPE_SPREAD`.

    Notes
    -----
    With very few exits the prior holds the slope at 1 and the level alone moves.
    """

    def penalised(values: Floats) -> tuple[float, Floats]:
        slope, shift = values
        error = sigmoid(slope * log_odds + shift) - left
        odds = slope * log_odds + shift
        total = (np.logaddexp(0.0, odds) - left * odds).sum() + ((slope - 1) / SLOPE_SPREAD) ** 2 / 2
        gradient = np.array([(error * log_odds).sum() + (slope - 1) / SLOPE_SPREAD**2, error.sum()])
        return float(total), gradient

    found = minimize(penalised, np.array([1.0, intercept]), jac=True, method="L-BFGS-B",
                     bounds=[(LEAST_SLOPE, None), (None, None)])  # fmt: skip
    slope, shift = (float(value) for value in found.x)
    return (slope, slope, shift)


def level(log_odds: Floats, left: NDArray[np.bool_]) -> float:
    """Return the shift of log-odds under which as many exits are expected as came."""
    shift = 0.0
    for _ in range(50):
        expected = sigmoid(log_odds + shift)
        step = (left.sum() - expected.sum()) / max(float((expected * (1 - expected)).sum()), 1e-12)
        shift += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-10:
            break
    return shift


def level_error(log_odds: Floats, left: NDArray[np.bool_], calibration: Sequence[Any]) -> float:
    """Return the standard error of the recalibrated level, in log-odds."""
    if left.sum() < FEWEST_EXITS:
        return 1.0
    expected = calibrated(log_odds, list(calibration))
    return float(1.0 / np.sqrt((expected * (1 - expected)).sum()))


def loss(values: Floats, log_odds: Floats, left: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the negative log-likelihood of a beta calibration, and its gradient, per row."""
    log_p, log_q = -np.logaddexp(0.0, -log_odds), -np.logaddexp(0.0, log_odds)
    moved = values[0] * log_p - values[1] * log_q + values[2]
    error = sigmoid(moved) - left
    total = float(np.mean(np.logaddexp(0.0, moved) - left * moved))
    gradient = np.array([np.mean(error * log_p), -np.mean(error * log_q), np.mean(error)])
    return total, gradient


def latest_level(
    final: Floats, left: NDArray[np.bool_], calibration: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return a calibration with its level moved to what came in the latest period.

    Parameters
    ----------
    final : (n_latest,) float
        Log-odds that the final fit gives the rows of the latest period, the season in them.
    left : (n_latest,) bool
        What came of them.
    calibration : (a, b, c)
        Of months that the chosen blend had not learnt from.

    Notes
    -----
    The final fit has learnt from the latest period too, and so needs another level than the chosen blend: the one under
    which it expects as many exits of it as came.
    """
    if calibration == UNCHANGED:
        return UNCHANGED
    a, b, _ = calibration
    return a, b, level(-a * np.logaddexp(0.0, -final) + b * np.logaddexp(0.0, final), left)
