"""How what is known of people today fades: each period further ahead tells them apart a little less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.dataset import Dataset
from training.attrition.fitting.hazard import Choice
from training.attrition.scorer import Floats, calibrated, sigmoid

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FEWEST_EXITS = 50  # some periods ahead
KEPT = np.linspace(0.8, 1.0, 101)  # candidates: the share of the differences that the next period keeps
PRIOR_SPREAD = 0.1  # of that share around 1
ROUNDS = 30


def fading_of(
    dataset: Dataset, first: Choice, calibration: tuple[Any, ...], periods: int
) -> list[list[float]] | None:
    """Return how the first cause's differences fade with the periods ahead; None where there is no time, or they do not."""
    if not dataset.is_by_time or dataset.clock:
        return None
    rows, panel = first.rows, dataset.panel
    said = first.log_odds if first.season is None else first.log_odds - first.season
    odds = calibrated(said, list(calibration))
    share = kept_share(
        np.log(odds / (1 - odds)), panel.cause[rows] == 1, panel.person[rows], panel.period[rows]
    )
    return None if share == 1.0 else fade_of(share, said, calibration, periods)


def kept_share(log_odds: Floats, left: Bools, person: Ints, period: Ints) -> float:
    """Return which share of the differences in log-odds is left one period later; 1 where nothing fades.

    Parameters
    ----------
    log_odds : (n,) float
        Calibrated for the row's own period, of rows that the model did not learn from.
    left : (n,) bool
        What came of them in it.
    person, period : (n,) int
        Whose row it is, and when.

    Notes
    -----
    Features are held at their present values while periods compound, though managers settle in, surveys age and people
    move. The exits of each row's person k periods later are regressed on the log-odds of today: the slopes are taken to
    fall like ``share ** k``, weighted by what is known of each, the share drawn towards 1.
    """
    slopes, weights = [], []
    ahead = 1
    while True:
        now, then = rows_ahead(person, period, ahead)
        if len(now) == 0 or left[then].sum() < FEWEST_EXITS:
            break
        slope, weight = slope_of(log_odds[now], left[then])
        slopes.append(slope)
        weights.append(weight)
        ahead += 1
    powers = KEPT[:, None] ** np.arange(1, len(slopes) + 1)
    misfit = (
        ((powers - np.array(slopes)) ** 2 * np.array(weights)).sum(axis=1) if slopes else np.zeros(len(KEPT))
    )
    return float(KEPT[int(np.argmin(misfit + ((1 - KEPT) / PRIOR_SPREAD) ** 2))])


def rows_ahead(person: Ints, period: Ints, ahead: int) -> tuple[Ints, Ints]:
    """Return rows, and for each the row of the same person some periods later."""
    width = int(period.max()) + 1 + ahead if len(period) else 1
    key = person * width + period
    order = np.argsort(key, kind="stable")
    place = np.minimum(np.searchsorted(key[order], key + ahead), max(len(key) - 1, 0))
    there = key[order][place] == key + ahead if len(key) else np.zeros(0, dtype=bool)
    return np.flatnonzero(there), order[place][there]


def slope_of(log_odds: Floats, left: Bools) -> tuple[float, float]:
    """Return the slope of exits on log-odds, the level free, and how much is known of it (inverse variance)."""
    line, curvature = np.array([0.0, 1.0]), np.eye(2)
    for _ in range(ROUNDS):
        expected = sigmoid(line[0] + line[1] * log_odds)
        error, spread = left - expected, expected * (1 - expected)
        gradient = np.array([error.sum(), (error * log_odds).sum()])
        across = (spread * log_odds).sum()
        curvature = np.array(
            [[spread.sum(), across], [across, (spread * log_odds**2).sum()]]
        ) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        line = line + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-6:
            break
    return float(line[1]), float(1.0 / np.linalg.inv(curvature)[1, 1])


def fade_of(share: float, log_odds: Floats, calibration: Sequence[Any], periods: int) -> list[list[float]]:
    """Return, per period ahead, the share of the differences left and the log-odds towards which they fade.

    Parameters
    ----------
    share : float
        Of the differences, left one period later.
    log_odds : (n,) float
        Before recalibration, the season aside.
    calibration : sequence
        That makes them probabilities.
    periods : int
        How far ahead.

    Notes
    -----
    The level is held: the log-odds towards which everybody is drawn are those under which as many exits are expected as
    without fading.
    """
    sample = log_odds[:: len(log_odds) // 50_000 + 1]
    by = list(calibration)
    expected = calibrated(sample, by).mean()
    found = []
    for period in range(periods):
        left = share**period
        low, high = float(sample.min()) - 1.0, float(sample.max()) + 1.0
        for _ in range(ROUNDS * 2):
            middle = (low + high) / 2
            is_low = calibrated(middle + left * (sample - middle), by).mean() < expected
            low, high = (middle, high) if is_low else (low, middle)
        found.append([left, middle])
    return found
