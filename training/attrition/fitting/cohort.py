"""The base rate of new hires: nobody who has been here for under 90 days gets a personal score."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from training.attrition.dataset import NEW_HIRE_DAYS, Dataset
from training.attrition.scorer import cumulative_incidence

LEVEL = 0.9
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
    month = np.floor(tenure / DAYS_A_MONTH)
    n_causes, periods = len(dataset.causes), model["periods"]
    start = NEW_HIRE_DAYS / DAYS_A_MONTH / 2  # on average a new hire stands in the middle of the 90 days
    overall = [float((panel.cause == cause + 1).mean()) for cause in range(n_causes)]
    hazards = np.zeros((1, periods, n_causes))
    for period in range(periods):
        rows = (month >= max(np.floor(start + period) - 1, 0)) & (month <= np.floor(start + period) + 1)
        for cause in range(n_causes):
            came = float((panel.cause[rows] == cause + 1).sum())
            hazards[0, period, cause] = (came + 20 * overall[cause]) / (rows.sum() + 20)
    incidence = cumulative_incidence(hazards, model["horizons"])[0]
    hires = max(np.unique(panel.person[tenure < NEW_HIRE_DAYS]).size, 1)
    curve = np.concatenate([[1.0], np.cumprod(1 - hazards[0].sum(axis=1))])
    return {
        "feature": dataset.tenure,
        "days": NEW_HIRE_DAYS,
        "hires": hires,
        "incidence": incidence.tolist(),
        "curve": curve.tolist(),
        "interval": [list(wilson(float(share), hires)) for share in incidence[:, 0]],
    }


def wilson(share: float, count: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval of a share."""
    z = float(norm.ppf((1 + level) / 2))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - float(half)), min(1.0, middle + float(half))
