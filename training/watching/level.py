"""Does the level hold as outcomes arrive: exits observed against exits said, since a moment in the past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from features.attrition.population import NAMES, features
from training.attrition import dataset as building
from training.context import TrainingContext
from training.fairness import report as fairness
from training.loading import load_scorer

WIDEST = 1.25  # a level within four fifths and five fourths is not worth an alarm
FEWEST_EXPECTED = 5.0


@dataclass(frozen=True)
class Level:
    """Exits observed per exit said.

    Parameters
    ----------
    horizon_days : float
        How long ago people are scored, with what was known then.
    observed : int
        Who left since.
    expected : float
        Sum of what was said.
    ratio, low, high : float
        Observed per expected, with its exact 95 % interval; 1 is neutral.
    """

    horizon_days: float
    observed: int
    expected: float
    ratio: float
    low: float
    high: float

    @property
    def is_alarm(self) -> bool:
        """True where the level is surely off by more than a quarter."""
        return bool(self.expected >= FEWEST_EXPECTED and (self.low > WIDEST or self.high < 1 / WIDEST))


def level(folder: Path, context: TrainingContext) -> Level:
    """Score everybody as of the first horizon ago with a payload, and count who left since.

    Notes
    -----
    A model that has learnt from those months is flattered: watch a champion from the day of its promotion on.
    """
    scorer = load_scorer(folder)
    days = float(scorer.horizons[0]) * float(scorer.model["period"])
    then = context.as_of - timedelta(days=days)
    rows = building.with_outcome(features(context.records, [then]), context.records, context.as_of)
    said = np.asarray(scorer.scores(matrix(rows)))[:, 0]
    left = int(((rows["exit_cause"] == 1) & (rows["exit_at"] < context.as_of)).fill_null(False).sum())
    ratio, low, high = fairness.observed_to_expected(left, float(said.sum()))
    return Level(days, left, float(said.sum()), ratio, low, high)


def matrix(rows: Any) -> Any:
    """Return features as the scorer takes them."""
    return rows.select(NAMES).to_numpy().astype(np.float64)


def now_and_then(
    folder: Path, context: TrainingContext, days: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return features and score of everybody employed some days ago, and now."""
    scorer = load_scorer(folder)
    found = []
    for moment in (context.as_of - timedelta(days=days), context.as_of):
        values = matrix(features(replace(context, as_of=moment).records, [moment]))
        scores = np.asarray(scorer.scores(values))
        place = min(1, len(scorer.horizons) - 1) * len(scorer.causes)
        found.append(
            {**{name: values[:, index] for index, name in enumerate(NAMES)}, "score": scores[:, place]}
        )
    return found[0], found[1]
