"""The base rate of new hires: nobody who has been here for under 90 days gets a personal score."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from training.attrition.dataset import NEW_HIRE_DAYS, Dataset
from training.attrition.scorer import Floats, Ints, cumulative_incidence

LEVEL = 0.9
PRIOR = 20  # person-months at everybody's rate, added to each month's
DAYS_A_MONTH = 365.25 / 12


def new_hire_rule(dataset: Dataset, model: dict[str, Any]) -> dict[str, Any]:
    """Return what everybody newer than 90 days is told: what came of the people hired before them.

    Parameters
    ----------
    dataset : Dataset
        Person-periods; its feature `tenure` tells new hires.
    model : dict
        With ``horizons`` and ``periods``.

    Returns
    -------
    dict
        ``feature, days``, the cumulative ``incidence`` by horizon and cause, the survival ``curve``, and the
        ``interval`` of the first cause at each horizon (Wilson, over the hires followed).

    Notes
    -----
    A life table by month since hire, over the person-periods learnt from; the three first months are one cohort.
    """
    assert dataset.tenure is not None
    panel = dataset.panel
    tenure = panel.features[:, dataset.tenure]
    n_causes, periods = len(dataset.causes), model["periods"]
    overall = np.bincount(panel.cause, minlength=n_causes + 1)[1:] / max(len(panel), 1)
    first = int(NEW_HIRE_DAYS / DAYS_A_MONTH / 2)  # on average a new hire stands in the middle of the 90 days
    came = by_month(tenure, panel.cause, (first + periods + 1, n_causes + 1))
    hazards = np.zeros((periods, n_causes, 1))
    for period in range(periods):
        around = came[max(first + period - 1, 0) : first + period + 2].sum(axis=0)
        hazards[period, :, 0] = (around[1:] + PRIOR * overall) / (around.sum() + PRIOR)
    incidence = cumulative_incidence(hazards, model["horizons"])[0]
    hires = max(np.unique(panel.person[tenure < NEW_HIRE_DAYS]).size, 1)
    curve = np.concatenate([[1.0], np.cumprod(1 - hazards.sum(axis=1)[:, 0])])
    return {
        "feature": dataset.tenure,
        "days": NEW_HIRE_DAYS,
        "hires": hires,
        "incidence": incidence.tolist(),
        "curve": curve.tolist(),
        "interval": [list(wilson(float(share), hires)) for share in incidence[:, 0]],
    }


def by_month(tenure: Floats, cause: Ints, shape: tuple[int, int]) -> Ints:
    """Return how many person-months ended how, (n_months since hire, 1 + n_causes); later months are left out."""
    is_early = tenure < shape[0] * DAYS_A_MONTH
    month = np.maximum(tenure[is_early] // DAYS_A_MONTH, 0).astype(np.int64)
    return np.bincount(month * shape[1] + cause[is_early], minlength=shape[0] * shape[1]).reshape(shape)


def wilson(share: float, count: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval of a share."""
    z = float(norm.ppf((1 + level) / 2))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - float(half)), min(1.0, middle + float(half))
