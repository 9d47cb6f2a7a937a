"""Alarms whose false ones are counted: has the level of exits moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson

FALSE_ALARMS = 0.05  # chance of any alarm over all periods
LEAST_RATIO = 1.15  # a level that moved by less is no reason to act, however sure


@dataclass(frozen=True)
class LevelAlarm:
    """One period's exits against what was expected of it.

    Parameters
    ----------
    ratio : float
        Observed per expected; 1 is neutral.
    p_value : float
        Two-sided, exact (Poisson), after Holm's correction over all periods so far.
    is_raised : bool
        True where the level has moved, beyond chance and beyond what matters.
    """

    ratio: float
    p_value: float
    is_raised: bool


def level_alarms(observed: Sequence[int], expected: Sequence[float]) -> list[LevelAlarm]:
    """Return, for each period, whether its exits say that the level has moved.

    Parameters
    ----------
    observed : (n_periods,) sequence of int
        Exits that came.
    expected : (n_periods,) sequence of float
        Exits that were expected of the same people before the period began.

    Notes
    -----
    Exits of a period are taken as Poisson around what was expected: people are many and each is unlikely to leave.
    Where teams leave together the spread is wider, and alarms are more frequent than said.
    """
    p_values = [two_sided(count, mean) for count, mean in zip(observed, expected, strict=True)]
    order, running, found = np.argsort(p_values, kind="stable"), 0.0, np.ones(len(p_values))
    for rank, place in enumerate(order):
        running = max(running, min(1.0, p_values[place] * (len(p_values) - rank)))
        found[place] = running
    ratios = [count / max(mean, 1e-9) for count, mean in zip(observed, expected, strict=True)]
    return [
        LevelAlarm(
            ratio, float(p), bool(p < FALSE_ALARMS and max(ratio, 1 / max(ratio, 1e-9)) >= LEAST_RATIO)
        )
        for ratio, p in zip(ratios, found, strict=True)
    ]


def two_sided(count: int, mean: float) -> float:
    """Return twice the smaller tail of a Poisson count."""
    if mean <= 0:
        return 1.0 if count == 0 else 0.0
    return float(min(1.0, 2 * min(poisson.cdf(count, mean), poisson.sf(count - 1, mean))))
