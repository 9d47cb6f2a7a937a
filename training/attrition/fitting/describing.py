"""What the scorer reads beside trees and arrays: its choice, its bands, its back-test, what is plausible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from training.attrition.dataset import Dataset
from training.attrition.fitting.calibration import UNCHANGED, level_error
from training.attrition.fitting.hazard import Choice, Table
from training.attrition.judging.backtest import back_test
from training.attrition.scorer import Scorer

LEVEL = 0.9
LEVEL_ALONE = 1.645  # multiplies the level's own error where there are no refits
BANDS = ("low", "moderate", "elevated", "high")
BAND_SHARES = (0.5, 0.75, 0.9)  # half of the people are low, the top tenth is high
PLAUSIBLE = (0.05, 0.95)  # what nine of ten people have


def description(
    dataset: Dataset,
    table: Table,
    calibrations: list[tuple[Any, ...]],
    choices: list[Choice],
    bags: int,
) -> dict[str, Any]:
    """Return what the scorer reads beside trees and arrays."""
    first = choices[0]
    error = level_error(first.log_odds, table.left[first.rows], calibrations[0])
    return {
        **frame(dataset, table.tree_columns.tolist()),
        "season": list(dataset.season),
        "clock": [[int(index), float(step)] for index, step in dataset.clock],
        "calibration": [list(calibration) for calibration in calibrations],
        "level_error": error,
        "multiplier": float(student.ppf((1 + LEVEL) / 2, max(bags - 1, 1))) if bags > 1 else LEVEL_ALONE,
        "choice": {
            "shape": first.shape,
            "settings": dict(first.settings),
            "weight": first.weight,
            "penalty": first.penalty,
            "losses": dict(first.losses),
        },
        "back_test": back_test(dataset, first, BANDS, BAND_SHARES),
    }


def frame(dataset: Dataset, tree_columns: Sequence[int]) -> dict[str, Any]:
    """Return what every attrition model's scorer reads, whoever fitted it: no season, no clock, an unmoved level.

    Parameters
    ----------
    dataset : Dataset
        Names, causes, horizons, and what is plausible.
    tree_columns : sequence of int
        Features that the trees see, in their order.
    """
    horizons = [float(horizon) / dataset.period for horizon in dataset.horizons]
    return {
        "format": 1,
        "features": list(dataset.schema),
        "causes": list(dataset.causes),
        "horizons": horizons,
        "horizon_names": [f"{horizon:g} {dataset.units}" for horizon in dataset.horizons],
        "period": float(dataset.period),
        "units": dataset.units,
        "periods": int(np.ceil(max(horizons) - 1e-9)),
        "tree_columns": list(tree_columns),
        "season": [],
        "clock": [],
        "calibration": [list(UNCHANGED)] * len(dataset.causes),
        "level_error": 0.0,
        "interval_level": LEVEL,
        "multiplier": LEVEL_ALONE,
        "plausible": plausible_of(dataset),
        "new_hire": None,
        "bands": None,
    }


def bands_of(dataset: Dataset, scorer: Scorer) -> dict[str, Any]:
    """Return the bands of the first cause's probability at each horizon, by shares of the people last learnt from."""
    people = dataset.past.features
    if not len(people):
        people = dataset.panel.features[dataset.final_rows]
    sample = people[:: len(people) // 50_000 + 1]
    found = scorer.scores(sample).reshape(len(sample), len(scorer.horizons), -1)[:, :, 0]
    cuts = np.quantile(found, BAND_SHARES, axis=0).T
    return {"names": list(BANDS), "cut_points": np.round(cuts, 4).tolist(), "shares": list(BAND_SHARES)}


def plausible_of(dataset: Dataset) -> list[list[float] | None]:
    """Return between which values nine of ten people lie, per feature; None for codes, and where nothing is known."""
    rows = dataset.panel.features[dataset.final_rows]
    sample = rows[:: len(rows) // 50_000 + 1]
    found: list[list[float] | None] = []
    for index in range(sample.shape[1]):
        known = sample[~np.isnan(sample[:, index]), index]
        is_number = known.size and index not in dataset.categorical
        found.append([float(np.quantile(known, share)) for share in PLAUSIBLE] if is_number else None)
    return found
