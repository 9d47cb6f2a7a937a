"""The time of the year: how much more often people leave in a calendar month than what is known of them says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from training.attrition.scorer import Floats, months_of, sigmoid

Ints = NDArray[np.int64]
MONTHS = 12
ROUNDS = 10
STRENGTHS = np.geomspace(
    2.0, 20_000.0, 40
)  # exits that the year's mean counts for in a month; the last one is no season


@dataclass(frozen=True)
class Clock:
    """When each row was.

    Parameters
    ----------
    month : (n,) int
        Calendar month, 0–11; 12 where it is not known.
    period : (n,) int
        Number of the period, a month each.
    """

    month: Ints
    period: Ints

    def take(self, rows: Ints) -> Clock:
        """Return some of the rows."""
        return Clock(self.month[rows], self.period[rows])


def clock_of(features: Floats, season: Sequence[int], period: Ints) -> Clock | None:
    """Return when each row was, or None where the table knows no season."""
    return Clock(months_of(features, season), period) if season else None


def month_effects(clock: Clock, left: NDArray[np.bool_], log_odds: Floats) -> Floats:
    """Return what each calendar month adds to the log-odds, (13,); the last one is of an unknown month: nothing.

    Parameters
    ----------
    clock : Clock
        When each row was.
    left : (n,) bool
        What came of the rows.
    log_odds : (n,) float
        What was expected of them, the season aside.

    Notes
    -----
    Exits of a month are Poisson around what was expected of it, times the level of its twelve months of records, times a
    factor of the calendar month, gamma-distributed around 1: the spread of these factors is the one under which what came
    is most likely, and a factor is drawn towards 1 the more, the fewer exits stand behind it. Where no season shows, none is told.

    References
    ----------
    Clayton, Kaldor: Empirical Bayes estimates of age-standardized relative risks, Biometrics 1987.
    """
    known = clock.month < MONTHS
    if not known.any():
        return np.zeros(MONTHS + 1)
    place = (clock.period[known] - clock.period[known].min()) * MONTHS + clock.month[known]
    there = np.flatnonzero(np.bincount(place))
    came, expected = (counted(place, each[known])[there] for each in (left, sigmoid(log_odds)))
    year, month = there // MONTHS // MONTHS, there % MONTHS
    factor = np.ones(MONTHS)
    for _ in range(ROUNDS):
        levels = ratio(came, expected * factor[month], year)
        mean = counted(month, expected * levels[year], MONTHS)
        factor = shrunk(counted(month, came, MONTHS), mean)
    return np.append(np.log(factor), 0.0)


def counted(group: Ints, values: Floats | NDArray[np.bool_], groups: int = 0) -> Floats:
    """Return the total of values by group."""
    return np.bincount(group, values, groups).astype(np.float64)


def ratio(came: Floats, expected: Floats, group: Ints) -> Floats:
    """Return exits that came per exit expected, by group."""
    return np.asarray(np.bincount(group, came) / np.maximum(np.bincount(group, expected), 1e-9))


def shrunk(came: Floats, expected: Floats) -> Floats:
    """Return the factor of each month, drawn towards 1 as strongly as the spread of all says."""
    strength = STRENGTHS[int(np.argmax([likelihood(came, expected, each) for each in STRENGTHS]))]
    if strength == STRENGTHS[-1]:
        return np.ones(len(came))
    return np.asarray((came + strength) / (expected + strength))


def likelihood(came: Floats, expected: Floats, strength: float) -> float:
    """Return the log-likelihood of Poisson counts whose means are gamma-distributed, up to a constant."""
    total = gammaln(came + strength) - gammaln(strength) + strength * np.log(strength)
    return float(
        (
            total
            + came * np.log(np.maximum(expected, 1e-12))
            - (came + strength) * np.log(expected + strength)
        ).sum()
    )
