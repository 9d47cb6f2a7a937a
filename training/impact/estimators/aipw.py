"""The doubly robust average effect: the arithmetic, and nothing else.

References
----------
Robins, Rotnitzky, Zhao, J. Am. Stat. Assoc. 89 (1994) 846, doi:10.1080/01621459.1994.10476818 (AIPW).
Hájek, in Foundations of Statistical Inference (1971) 236 (normalised weights).
Chernozhukov et al., Econometrics J. 21 (2018) C1, doi:10.1111/ectj.12097 (cross-fitting, median over splits).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import RefusedError
from training.impact.table import Bools, Floats, Ints

NORMAL_95 = 1.959963984540054


class OverlapError(RefusedError):
    """There is nobody to compare with; trim, and say so in the estimand."""


@dataclass(frozen=True)
class Nuisances:
    """What is predicted out of fold for each row.

    Parameters
    ----------
    propensity : (n,) float
        Probability of being trained given the covariates, 0–1.
    if_not : (n,) float
        Outcome expected without the training, in the unit of the outcome.
    if_trained : (n,) float, optional
        Outcome expected with it; needed for the effect on everybody (ATE) only.
    """

    propensity: Floats
    if_not: Floats
    if_trained: Floats | None = None


@dataclass(frozen=True)
class Effect:
    """An average effect with its 95 % interval, in the unit of the outcome; 0 means no effect.

    Parameters
    ----------
    value, low, high, standard_error : float
        Positive where training raised the outcome.
    influence : (n,) float
        Each row's influence on `value`; its mean is 0.
    freedom : float
        Degrees of freedom of the interval: clusters less one, or as many as the two sides have by Welch; infinite where
        neither counts.
    """

    value: float
    low: float
    high: float
    standard_error: float
    influence: Floats
    freedom: float = float("inf")

    @property
    def p_value(self) -> float:
        """Probability of so large an estimate where there is no effect (two-sided)."""
        return two_sided(self.value, self.standard_error, self.freedom)

    @property
    def excludes_zero(self) -> bool:
        """Say whether 0 lies outside the interval."""
        return self.low > 0 or self.high < 0


def two_sided(value: float, standard_error: float, freedom: float = float("inf")) -> float:
    """Return the two-sided p-value of an estimate under a normal law, or Student's where clusters are few."""
    from math import erfc, sqrt

    if standard_error <= 0:
        return 1.0 if value == 0 else 0.0
    if np.isfinite(freedom):
        from scipy.special import stdtr

        return float(2 * stdtr(freedom, -abs(value) / standard_error))
    return erfc(abs(value) / standard_error / sqrt(2))


def interval_effect(
    value: float,
    influence: Floats,
    cluster: Ints | None,
    error: float | None = None,
    trained: Bools | None = None,
) -> Effect:
    """Return an effect with its 95 % interval from the influence of each row.

    Parameters
    ----------
    value : float
        The estimate.
    influence : (n,) float
        Of each row.
    cluster : (n,) or (n, 2) int, optional
        Rows of one number are one draw; the interval then follows Student's law with as many degrees of freedom as there
        are clusters, less one.
    error : float, optional
        The standard error, where it is known otherwise.
    trained : (n,) bool, optional
        The two sides of a comparison: forty people on one side say no more than forty can, however many stand on the other.
    """
    found = standard_error(influence, cluster) if error is None else error
    freedom = cluster_freedom(cluster)
    if trained is not None:
        freedom = min(freedom, sides_freedom(influence, trained, cluster))
    reach = found * critical_value(freedom)
    return Effect(value, value - reach, value + reach, found, influence, freedom)


def cluster_freedom(cluster: Ints | None) -> float:
    """Return the number of clusters less one (the smaller way of two, if it has several); infinite where there are none."""
    if cluster is None:
        return float("inf")
    ways = cluster.reshape(len(cluster), -1)
    sizes = [np.unique(ways[:, way]).size for way in range(ways.shape[1])]
    return min((size - 1.0 for size in sizes if size > 1), default=float("inf"))


def sides_freedom(influence: Floats, trained: Bools, cluster: Ints | None) -> float:
    """Return the degrees of freedom of a difference between two sides, (V₁ + V₀)²/(V₁²/ν₁ + V₀²/ν₀) (Welch, Satterthwaite).

    V is the variance that a side adds, ν the number of its clusters (or people) less one; the smaller way of two.

    Examples
    --------
    Four against four alike, then four against many who add nothing.

    >>> trained = np.arange(8) < 4
    >>> sides_freedom(np.array([1.0, -1, 1, -1, 1, -1, 1, -1]), trained, None)
    6.0
    >>> sides_freedom(np.array([1.0, -1, 1, -1, 0, 0, 0, 0]), trained, None)
    3.0

    References
    ----------
    Welch, Biometrika 34 (1947) 28, doi:10.1093/biomet/34.1-2.28; Satterthwaite, Biometrics Bull. 2 (1946) 110,
    doi:10.2307/3002019.
    """
    rows = np.arange(trained.size) if cluster is None else cluster
    ways = rows.reshape(trained.size, -1)
    found = (one_way_freedom(influence, trained, way) for way in ways.T if np.ptp(way) > 0)
    return min(found, default=float("inf"))


def one_way_freedom(influence: Floats, trained: Bools, cluster: Ints) -> float:
    """Return the same where rows are drawn in clusters of one way; infinite where nothing varies."""
    total = lost = 0.0
    for side in (trained, ~trained):
        _, codes = np.unique(cluster[side], return_inverse=True)
        variance = float((np.bincount(codes, weights=influence[side]) ** 2).sum())
        total += variance
        lost += variance**2 / max(int(codes.max(initial=0)), 1)
    return total**2 / lost if lost > 0 else float("inf")


def critical_value(freedom: float, level: float = 0.05) -> float:
    """Return how many standard errors an interval of 1 − level reaches to either side.

    Examples
    --------
    >>> round(critical_value(float("inf")), 2), round(critical_value(9), 2)
    (1.96, 2.26)
    """
    from scipy.special import ndtri, stdtrit

    if not np.isfinite(freedom):
        return float(ndtri(1 - level / 2)) if level != 0.05 else NORMAL_95
    return float(stdtrit(max(freedom, 1.0), 1 - level / 2))


def odds_weights(propensity: Floats, trained: Bools) -> Floats:
    """Return what each compared person counts so that, together, they resemble the trained; 0 for the trained."""
    odds = propensity / np.maximum(1 - propensity, 1e-12)
    return np.where(trained, 0.0, odds)


def average_effect(
    outcome: Floats,
    trained: Bools,
    nuisances: Nuisances,
    estimand: str = "att",
    cluster: Ints | None = None,
) -> Effect:
    """Estimate the average effect of a training, doubly robustly.

    Parameters
    ----------
    outcome : (n,) float
        What was measured after the training, in any one unit.
    trained : (n,) bool
        True where the employee was trained.
    nuisances : Nuisances
        Predicted out of fold.
    estimand : str
        ``att``: the effect on the trained; ``ate``: on everybody.
    cluster : (n,) or (n, 2) int, optional
        Rows of one number are counted as one draw.

    Returns
    -------
    Effect
        In the unit of `outcome`; positive where training raised it; 0 means no effect.

    Raises
    ------
    OverlapError
        If a compared person was certain to be trained (or, for ``ate``, a trained one certain not to be).

    Notes
    -----
    Assumes that everything which moved both the choice to train and the outcome was measured.
    Weights are normalised (Hájek). Right where either the propensities or the expected outcomes are right.
    """
    refuse_certainty(trained, nuisances.propensity, estimand)
    if estimand == "att":
        value, influence = effect_on_trained(outcome, trained, nuisances)
    else:
        value, influence = effect_on_all(outcome, trained, nuisances)
    return interval_effect(value, influence, cluster, trained=trained)


def refuse_certainty(trained: Bools, propensity: Floats, estimand: str) -> None:
    """Raise OverlapError where somebody has no counterpart."""
    certain = bool((propensity[~trained] >= 1).any())
    impossible = estimand == "ate" and bool((propensity[trained] <= 0).any())
    if certain or impossible:
        raise OverlapError(
            "There is nobody to compare with: a probability of being trained is 0 or 1.",
            allowed="probabilities strictly between 0 and 1",
            hint="Trim, and say so in the estimand.",
        )


def effect_on_trained(outcome: Floats, trained: Bools, nuisances: Nuisances) -> tuple[float, Floats]:
    """Return the ATT: mean residual of the trained minus the odds-weighted mean residual of the compared.

    With residual r = Y − m₀(X), trained D, odds w = e/(1 − e): τ = Σ D r / Σ D − Σ (1−D) w r / Σ (1−D) w.
    """
    residual = outcome - nuisances.if_not
    weight = odds_weights(nuisances.propensity, trained)
    share = trained.mean()
    on_trained = float(residual[trained].mean())
    on_compared = float((weight * residual).sum() / weight.sum())
    influence = trained * (residual - on_trained) / share
    influence = influence - weight * (residual - on_compared) / weight.mean()
    return on_trained - on_compared, influence


def effect_on_all(outcome: Floats, trained: Bools, nuisances: Nuisances) -> tuple[float, Floats]:
    """Return the ATE: mean of m₁ − m₀ plus the normalised weighted residuals of both groups."""
    if nuisances.if_trained is None:
        raise ValueError("the effect on everybody needs the outcome expected with the training")
    difference = nuisances.if_trained - nuisances.if_not
    up = np.where(trained, 1 / np.maximum(nuisances.propensity, 1e-12), 0.0)
    down = np.where(trained, 0.0, 1 / np.maximum(1 - nuisances.propensity, 1e-12))
    above, below = outcome - nuisances.if_trained, outcome - nuisances.if_not
    shift_up = float((up * above).sum() / up.sum())
    shift_down = float((down * below).sum() / down.sum())
    value = float(difference.mean()) + shift_up - shift_down
    influence = (
        difference
        - difference.mean()
        + up * (above - shift_up) / up.mean()
        - down * (below - shift_down) / down.mean()
    )
    return value, influence


def standard_error(influence: Floats, cluster: Ints | None = None) -> float:
    """Return the standard error of a mean from its influences, summed within clusters where there are any.

    Parameters
    ----------
    influence : (n,) float
        One per row.
    cluster : (n,) or (n, 2) int, optional
        One column: rows of one number are one draw. Two columns (person, team): errors may hang together either way.

    References
    ----------
    Cameron, Gelbach, Miller, J. Bus. Econ. Stat. 29 (2011) 238, doi:10.1198/jbes.2010.07136 (two-way clustering).
    """
    n = influence.size
    centred = influence - influence.mean()
    if cluster is None:
        return float(np.sqrt((centred**2).sum() / (n * max(n - 1, 1))))
    if cluster.ndim == 1:
        return float(np.sqrt(clustered_variance(centred, cluster)))
    first, second = (clustered_variance(centred, cluster[:, way]) for way in (0, 1))
    pairs = cluster[:, 0] * (int(cluster[:, 1].max()) + 1) + cluster[:, 1]
    both = first + second - clustered_variance(centred, pairs)
    return float(np.sqrt(max(both, first, second)))


def clustered_variance(centred: Floats, cluster: Ints) -> float:
    """Return the variance of a mean whose rows are drawn in clusters."""
    _, codes = np.unique(cluster, return_inverse=True)
    sums = np.bincount(codes, weights=centred)
    groups = sums.size
    return float((sums**2).sum() * groups / max(groups - 1, 1) / centred.size**2)


def median_effect(effects: Sequence[Effect]) -> Effect:
    """Return the median over seeds; its variance counts how far the seeds lie apart.

    V = median over s of (σ²ₛ + (τₛ − τ)²), as Chernozhukov et al. (2018), definition 3.3.
    """
    values = np.array([effect.value for effect in effects])
    middle = float(np.median(values))
    variances = np.array([effect.standard_error**2 for effect in effects]) + (values - middle) ** 2
    error = float(np.sqrt(np.median(variances)))
    nearest = effects[int(np.abs(values - middle).argmin())]
    reach = error * critical_value(nearest.freedom)
    return Effect(middle, middle - reach, middle + reach, error, nearest.influence, nearest.freedom)
