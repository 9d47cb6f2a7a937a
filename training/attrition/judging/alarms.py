"""Alarms whose false ones are counted: has the level of exits moved, and do people look other than those learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, poisson

from training.attrition.scorer import Floats

FALSE_ALARMS = 0.05  # chance of any alarm over all periods, or share of false ones among features
LEAST_RATIO = 1.15  # a level that moved by less is no reason to act, however sure
LEAST_PSI = 0.1
BINS = 10


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


@dataclass(frozen=True)
class FeatureDrift:
    """How far a feature's distribution is from the one learnt from.

    Parameters
    ----------
    name : str
        Of the feature.
    psi : float
        Population stability index; 0 is the same.
    q_value : float
        Against its chi-square null, after Benjamini–Hochberg over all features.
    is_raised : bool
        True beyond chance and beyond `LEAST_PSI`.
    """

    name: str
    psi: float
    q_value: float
    is_raised: bool


def drift(reference: Floats, current: Floats, names: Sequence[str]) -> list[FeatureDrift]:
    """Return each feature's drift.

    Parameters
    ----------
    reference, current : (n, n_features), (m, n_features) float
        People learnt from, and people of today; NaN where unknown, which is a bin of its own.
    names : sequence of str
        Of the features.

    Notes
    -----
    The bare rule "0.1 is a warning" would warn of most samples of a hundred people. Chance is told by Pearson's test
    of homogeneity over the same bins: the index itself is chi-square only in large samples, and alarmed of 9 of 100
    quiet samples of a hundred people where 5 were allowed.

    References
    ----------
    Yurdakul, Naranjo: Statistical properties of the population stability index, Journal of Risk Model Validation 2020.
    """
    psi, p_values = [], []
    for index in range(len(names)):
        before, after = binned(reference[:, index], current[:, index])
        psi.append(stability(before, after))
        p_values.append(homogeneity(before, after))
    q_values = benjamini_hochberg(np.array(p_values))
    return [
        FeatureDrift(name, value, float(q), bool(q < FALSE_ALARMS and value >= LEAST_PSI))
        for name, value, q in zip(names, psi, q_values, strict=True)
    ]


def binned(reference: Floats, current: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return counts of both over tenths of the reference, and of the unknown; bins empty in both are left out."""
    known = reference[~np.isnan(reference)]
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if known.size else np.empty(0)
    counts = []
    for column in (reference, current):
        missing = np.isnan(column)
        place = np.where(missing, len(cuts) + 1, np.searchsorted(cuts, np.nan_to_num(column), side="right"))
        counts.append(np.bincount(place, minlength=len(cuts) + 2))
    there = (counts[0] + counts[1]) > 0
    return counts[0][there], counts[1][there]


def homogeneity(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Return the p-value of Pearson's test that two counts come from one distribution."""
    table = np.vstack([before, after]).astype(np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(float(table.sum()), 1.0)
    statistic = float(((table - expected) ** 2 / np.maximum(expected, 1e-9)).sum())
    return float(chi2.sf(statistic, max(table.shape[1] - 1, 1)))


def stability(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Return the population stability index of two counts, half a person added to each bin."""
    p = (before + 0.5) / (before.sum() + 0.5 * len(before))
    q = (after + 0.5) / (after.sum() + 0.5 * len(after))
    return float(((p - q) * np.log(p / q)).sum())


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return q-values: the share of false alarms among those at least as sure."""
    order = np.argsort(p_values, kind="stable")[::-1]
    ranks = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum.accumulate(np.minimum(p_values[order] * len(p_values) / ranks, 1.0))
    found = np.empty(len(p_values))
    found[order] = adjusted
    return found
