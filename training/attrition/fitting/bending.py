"""Bend a calibrated probability where its errors have a form that two slopes do not have: isotonic, in steps joined by lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.fitting.calibration import UNCHANGED
from training.attrition.scorer import Floats, bent, calibrated

MOST_BINS, FEWEST_IN_A_BIN = 15, 40  # leavers, and stayers, of each bin
OWN_ORDER = 0.05
FOLDS = 5
SURE = 1.0  # standard errors by which the bend must lower the loss of rows it was not fitted to

Bend = tuple[list[float], list[float]]


def fit_bend(log_odds: Floats, left: NDArray[np.bool_]) -> Bend | None:
    """Return the knots of a monotone correction, or None where none is called for.

    Parameters
    ----------
    log_odds : (n,) float
        After beta calibration, of rows that the model did not learn from.
    left : (n,) bool
        What came of them.

    Returns
    -------
    (found, corrected), optional
        Log-odds of each knot before and after; ascending. None unless rows left out of the fit are better told.

    References
    ----------
    Zadrozny, Elkan: Transforming classifier scores into accurate multiclass probability estimates, KDD 2002.
    """
    if knots(log_odds, left) is None:
        return None
    fold = np.random.default_rng(0).permutation(len(left)) % FOLDS
    gain = np.zeros(len(left))
    for number in range(FOLDS):
        bend = knots(log_odds[fold != number], left[fold != number])
        if bend is None:
            return None
        asked = log_odds[fold == number]
        was, now = (pointwise(z, left[fold == number]) for z in (asked, bent(asked, *bend)))
        gain[fold == number] = was - now
    is_better = gain.mean() > SURE * gain.std() / np.sqrt(len(gain))
    return knots(log_odds, left) if is_better else None


def with_bend(
    calibration: tuple[float, float, float], log_odds: Floats, left: NDArray[np.bool_]
) -> tuple[Any, ...]:
    """Return a calibration with the bend that rows checked out of fold call for."""
    if calibration == UNCHANGED:
        return calibration
    moved = calibrated(log_odds, list(calibration))
    bend = fit_bend(np.log(moved / (1 - moved)), left)
    return calibration if bend is None else (*calibration, *bend)


def knots(log_odds: Floats, left: NDArray[np.bool_]) -> Bend | None:
    """Return the isotonic steps of as many people each, as knots; None where there are too few exits."""
    count = min(MOST_BINS, int(left.sum()) // FEWEST_IN_A_BIN, int((~left).sum()) // FEWEST_IN_A_BIN)
    if count < 3:
        return None
    order = np.argsort(log_odds, kind="stable")
    place = np.searchsorted(
        np.quantile(log_odds, np.linspace(0, 1, count + 1)[1:-1]), log_odds[order], side="right"
    )
    people = np.bincount(place, minlength=count)
    exits = np.bincount(place, left[order], minlength=count)
    middle = np.bincount(place, log_odds[order], minlength=count)
    bins = np.column_stack([exits, people, middle / np.maximum(people, 1)]).astype(np.float64)[people > 0]
    pools, size = pooled_adjacent(bins[:, :2])
    if len(pools) < 2:
        return None
    share = np.repeat((pools[:, 0] + 0.5) / (pools[:, 1] + 1.0), size)
    found = bins[:, 2]
    # a little of the score itself, so that people of one step keep their order
    corrected = (1 - OWN_ORDER) * np.log(share / (1 - share)) + OWN_ORDER * found
    return found.tolist(), corrected.tolist()


def pooled_adjacent(rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return rows of (exits, people) with those joined whose rate falls, the isotonic steps; and how many each joined."""
    pools: list[Floats] = []
    sizes: list[int] = []
    for row in rows:
        pools.append(row)
        sizes.append(1)
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            last, size = pools.pop(), sizes.pop()
            pools[-1], sizes[-1] = pools[-1] + last, sizes[-1] + size
    return np.array(pools), np.array(sizes)


def pointwise(log_odds: Floats, left: NDArray[np.bool_]) -> Floats:
    """Return each row's negative log-likelihood."""
    found: Floats = np.logaddexp(0.0, log_odds) - left * log_odds
    return found
