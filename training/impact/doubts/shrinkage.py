"""Effects of many courses drawn towards their mean, by how little each tells alone.

References
----------
Efron, Morris, J. Am. Stat. Assoc. 70 (1975) 311, doi:10.1080/01621459.1975.10479864 (empirical Bayes).
DerSimonian, Laird, Control. Clin. Trials 7 (1986) 177, doi:10.1016/0197-2456(86)90046-2 (variance between).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.impact.estimators.aipw import NORMAL_95
from training.impact.table import Floats

FEWEST = 5


@dataclass(frozen=True)
class Shrunk:
    """Effects of several courses on one outcome, seen together.

    Parameters
    ----------
    value, low, high : (n,) float
        Posterior means with 95 % intervals, in the unit of the outcome.
    mean, spread : float
        Of the true effects over courses.
    """

    value: Floats
    low: Floats
    high: Floats
    mean: float
    spread: float


def shrunk(values: Floats, errors: Floats) -> Shrunk | None:
    """Return effects drawn towards their common mean; None for fewer than five.

    Each is w·τ̂ + (1 − w)·μ with w = σ²/(σ² + SE²): the spread σ of true effects is what the spread of the estimates has
    beyond their errors. The interval counts that μ is estimated too.
    """
    if values.size < FEWEST:
        return None
    precision = 1 / np.maximum(errors, 1e-12) ** 2
    centre = float(np.average(values, weights=precision))
    excess = float((precision * (values - centre) ** 2).sum()) - (values.size - 1)
    scale = float(precision.sum() - (precision**2).sum() / precision.sum())
    between = max(excess / scale, 0.0) if scale > 0 else 0.0
    weight = 1 / (errors**2 + between)
    mean, of_mean = float(np.average(values, weights=weight)), 1 / float(weight.sum())
    keep = between / (between + errors**2)
    found = keep * values + (1 - keep) * mean
    reach = NORMAL_95 * np.sqrt(keep * errors**2 + (1 - keep) ** 2 * of_mean)
    return Shrunk(found, found - reach, found + reach, mean, float(np.sqrt(between)))
