"""How strong something unmeasured would have to be to explain an effect away.

References
----------
Cinelli, Hazlett, J. R. Stat. Soc. B 82 (2020) 39, doi:10.1111/rssb.12348 (robustness value, benchmarks).
VanderWeele, Ding, Ann. Intern. Med. 167 (2017) 268, doi:10.7326/M16-2607 (E-value).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.impact.estimators.aipw import Effect, critical_value
from training.impact.table import Bools, Floats


@dataclass(frozen=True)
class Hidden:
    """The hidden cause that a placebo shows.

    Parameters
    ----------
    strength : float
        Least partial R² (0–1) with both training and outcome that makes the placebo what it is, beyond chance; 0 where it passes.
        On the scale of the robustness value.
    left, low, high : float
        Effect that a cause as strong as the placebo shows would leave, with its 95 % interval, in the unit of the outcome.
    """

    strength: float
    left: float
    low: float
    high: float


@dataclass(frozen=True)
class Sensitivity:
    """How much hidden confounding the estimate withstands.

    Parameters
    ----------
    robustness_value : float
        Partial R² (0–1) that a hidden covariate would need with both training and outcome to bring the estimate to 0.
    robustness_value_interval : float
        The same for bringing the nearer end of the 95 % interval to 0; 0 where it includes 0.
    strongest_covariate : str
        The observed covariate that would move the estimate most, were it the hidden one.
    strongest_value : float
        Its strength on the scale of `robustness_value`.
    e_value : float, optional
        For a binary outcome: the risk ratio with both that a hidden cause would need; 1 means none at all.
    freedom : int
        Degrees of freedom behind it.
    hidden : Hidden, optional
        What the placebo shows; None where there is none.
    """

    robustness_value: float
    robustness_value_interval: float
    strongest_covariate: str = ""
    strongest_value: float = 0.0
    e_value: float | None = None
    freedom: int = 1
    hidden: Hidden | None = None


def seen_in_placebo(
    effect: Effect, placebo: Effect | None, freedom: int, alone: float = 0.0
) -> Hidden | None:
    """Return the hidden cause that a placebo shows, and what it would leave of an effect; None without a placebo.

    Parameters
    ----------
    effect, placebo : Effect
        Of the outcome, and of what came before.
    freedom : int
        Degrees of freedom behind the effect.
    alone : float
        Standard error of a placebo of one outcome, where `placebo` pools several; else its own.

    Notes
    -----
    A hidden cause that makes a placebo of t standard errors of one outcome makes as many of the effect's, if it moves both
    outcomes alike: that much is taken off, and counted as uncertain as the placebo is.
    """
    if placebo is None or placebo.standard_error <= 0 or effect.standard_error <= 0:
        return None
    unit = alone or placebo.standard_error
    sure = max(abs(placebo.value) - critical_value(placebo.freedom) * placebo.standard_error, 0.0) / unit
    left = effect.value - placebo.value / unit * effect.standard_error
    wider = float(np.sqrt(1 + (placebo.standard_error / unit) ** 2))
    reach = critical_value(effect.freedom) * effect.standard_error * wider
    return Hidden(robustness_value(sure, freedom), left, left - reach, left + reach)


def robustness_value(t_ratio: float, freedom: int) -> float:
    """Return the robustness value of an estimate, 0–1; 0 withstands nothing.

    RV = ½(√(f⁴ + 4f²) − f²) with Cohen's partial f = |t|/√ν.

    Examples
    --------
    The Darfur example of Cinelli and Hazlett: t = 4.18 with 783 degrees of freedom.

    >>> round(robustness_value(4.184, 783), 3)
    0.139
    """
    return equal_strength(t_ratio**2 / max(freedom, 1))


def equal_strength(bias: float) -> float:
    """Return R such that a confounder with partial R² = R on both sides has squared relative bias R²/(1 − R)."""
    return float((np.sqrt(bias**2 + 4 * bias) - bias) / 2)


def covariate_strengths(covariates: Floats, trained: Bools, outcome: Floats) -> Floats:
    """Return how strong each covariate is on the scale of the robustness value, (p,) float in 0–1.

    From the linear regressions of training on the covariates and of the outcome on both: partial R² of each covariate
    with training (a) and outcome (b); strength R solves R²/(1 − R) = b·a/(1 − a).
    """
    if covariates.shape[1] == 0:
        return np.zeros(0)
    spread = np.maximum(covariates.std(axis=0), 1e-12)
    scaled = (covariates - covariates.mean(axis=0)) / spread
    with_trained = partial_r2(scaled, trained.astype(float))
    both = np.column_stack([scaled, trained - trained.mean()])
    with_outcome = partial_r2(both, outcome)[:-1]
    bias = with_outcome * with_trained / np.maximum(1 - with_trained, 1e-12)
    return np.array([equal_strength(one) for one in bias])


def partial_r2(columns: Floats, target: Floats) -> Floats:
    """Return each column's partial R² with a target given the other columns: t²/(t² + ν)."""
    n, p = columns.shape
    centred = target - target.mean()
    inverse = np.linalg.pinv(columns.T @ columns)
    weights = inverse @ (columns.T @ centred)
    rest = centred - columns @ weights
    freedom = max(n - p - 1, 1)
    variance = float(rest @ rest) / freedom * np.maximum(np.diag(inverse), 1e-300)
    squared = weights**2 / np.maximum(variance, 1e-300)
    return np.asarray(squared / (squared + freedom), dtype=np.float64)


def e_value(risk_trained: float, risk_compared: float) -> float:
    """Return the E-value of a risk ratio; 1 means that anything could explain it.

    Examples
    --------
    >>> round(e_value(0.39, 0.10), 2)
    7.26
    """
    if min(risk_trained, risk_compared) <= 0:
        return 1.0
    ratio = max(risk_trained / risk_compared, risk_compared / risk_trained)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def sensitivity_report(
    columns: tuple[Floats, Sequence[str]],
    trained: Bools,
    outcome: Floats,
    effect: tuple[float, float],
    risk: float | None = None,
) -> Sensitivity:
    """Return how much hidden confounding an estimate withstands.

    Parameters
    ----------
    columns : ((n, p) float, p names)
        Covariates without gaps.
    trained, outcome : (n,)
        Of the same rows.
    effect : (float, float)
        Estimate and its standard error.
    risk : float, optional
        Risk of the trained had they not been trained; given for a binary outcome only.
    """
    covariates, names = columns
    value, error = effect
    freedom = len(trained) - covariates.shape[1] - 2
    ratio = abs(value) / error if error > 0 else 0.0
    strengths = covariate_strengths(covariates, trained, outcome)
    first = int(strengths.argmax()) if strengths.size else -1
    return Sensitivity(
        robustness_value(ratio, freedom),
        robustness_value(max(ratio - 1.96, 0.0), freedom),
        names[first] if first >= 0 else "",
        float(strengths[first]) if first >= 0 else 0.0,
        None if risk is None else e_value(min(max(risk + value, 0.0), 1.0), min(max(risk, 0.0), 1.0)),
        max(freedom, 1),
    )


def explained_away(
    effect: tuple[float, float], freedom: int, with_trained: Floats, with_outcome: Floats
) -> Floats:
    """Return the estimate that would be left beside a hidden covariate of given strength.

    Parameters
    ----------
    effect : (float, float)
        Estimate and its standard error.
    freedom : int
        Degrees of freedom.
    with_trained, with_outcome : float arrays
        Partial R² (0–1) of the hidden covariate with training and with the outcome.

    Returns
    -------
    float array
        |τ| − SE·√(ν · R²y · R²d / (1 − R²d)), with the sign of the estimate; beyond 0 the sign turns.
    """
    value, error = effect
    bias = error * np.sqrt(freedom * with_outcome * with_trained / np.maximum(1 - with_trained, 1e-12))
    return np.asarray(np.sign(value) * (abs(value) - bias), dtype=np.float64)
