"""Whether there are comparable people at all: effective sample, extreme propensities, balance.

References
----------
Kish, Survey Sampling (1965): effective sample size (Σw)²/Σw².
Austin, Stat. Med. 28 (2009) 3083, doi:10.1002/sim.3697: standardised differences, below .1 is balanced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.impact.estimators.aipw import odds_weights
from training.impact.table import Bools, Floats

EXTREME = (0.05, 0.95)
BALANCED = 0.1


@dataclass(frozen=True)
class Overlap:
    """How comparable the groups are.

    Parameters
    ----------
    effective_sample : float
        So many equally weighted people the compared count for; ATE: the smaller of both groups.
    outside_share : float
        Share 0–1 of all propensities outside [.05, .95].
    trained_outside_share : float
        The same among the trained.
    largest_weight_share : float
        Share 0–1 of all weight that one compared person carries.
    """

    effective_sample: float
    outside_share: float
    trained_outside_share: float
    largest_weight_share: float


@dataclass(frozen=True)
class Balance:
    """Standardised mean differences, trained minus compared, per covariate.

    Parameters
    ----------
    names : tuple of str
        Covariates, largest absolute difference before weighting first.
    before, after : tuple of float
        In standard deviations of the trained; 0 is perfect balance, |·| below .1 is called balanced.
    """

    names: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    largest_before: float = field(default=0.0)
    largest_after: float = field(default=0.0)


def effective_sample(weights: Floats) -> float:
    """Return (Σw)²/Σw²: the number of equally weighted people with the same precision.

    Examples
    --------
    >>> effective_sample(np.array([1.0, 1.0, 0.0])), effective_sample(np.array([3.0, 1.0]))
    (2.0, 1.6)
    """
    total = float((weights**2).sum())
    return float(weights.sum() ** 2 / total) if total > 0 else 0.0


def overlap_report(propensity: Floats, trained: Bools, estimand: str = "att") -> Overlap:
    """Return how comparable the groups are, given out-of-fold propensities."""
    outside = (propensity < EXTREME[0]) | (propensity > EXTREME[1])
    weights = group_weights(propensity, trained, estimand)
    compared = weights[~trained]
    effective = effective_sample(compared)
    if estimand == "ate":
        effective = min(effective, effective_sample(weights[trained]))
    largest = float(compared.max() / compared.sum()) if compared.sum() > 0 else 1.0
    return Overlap(
        effective, float(outside.mean()), float(outside[trained].mean()) if trained.any() else 0.0, largest
    )


def group_weights(propensity: Floats, trained: Bools, estimand: str) -> Floats:
    """Return the weight of every person: ATT weights the compared by their odds, ATE both by their inverse."""
    if estimand == "att":
        return np.where(trained, 1.0, odds_weights(propensity, trained))
    chance = np.where(trained, propensity, 1 - propensity)
    return np.asarray(1 / np.maximum(chance, 1e-12), dtype=np.float64)


def balance_report(covariates: Floats, names: Sequence[str], trained: Bools, weights: Floats) -> Balance:
    """Return standardised mean differences before and after weighting.

    Notes
    -----
    The unit is the standard deviation among the trained, so that before and after can be compared.
    """
    if covariates.shape[1] == 0 or not trained.any():
        return Balance()
    own, other = covariates[trained], covariates[~trained]
    spread = own.std(axis=0)
    spread = np.where(spread > 0, spread, np.maximum(covariates.std(axis=0), 1e-12))
    before = (own.mean(axis=0) - other.mean(axis=0)) / spread
    weighted = np.average(own, axis=0, weights=weights[trained])
    after = (weighted - np.average(other, axis=0, weights=np.maximum(weights[~trained], 1e-300))) / spread
    order = np.argsort(-np.abs(before), kind="stable")
    return Balance(
        tuple(names[place] for place in order),
        tuple(float(before[place]) for place in order),
        tuple(float(after[place]) for place in order),
        float(np.abs(before).max()),
        float(np.abs(after).max()),
    )
