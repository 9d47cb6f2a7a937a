"""A shadow's probabilities beside the champion's: do they order people alike, and who was nearer to what came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from features.attrition.population import features
from training.attrition import dataset as building
from training.context import TrainingContext
from training.evaluation import Interval, bootstrap_mean
from training.loading import load_scorer
from training.watching.level import matrix

Floats = NDArray[np.float64]

CERTAIN = 1e-6  # a probability nearer to 0 or 1 counts as this near
FEWEST_EXITS = 5


@dataclass(frozen=True)
class Rival:
    """What a shadow says beside the champion; nobody is shown it.

    Parameters
    ----------
    version : str
        The shadow's.
    people : int
        Scored by both, today.
    rank_correlation : float
        Spearman's, between both scores of today; 1 means the same order.
    mean_difference : float
        Shadow's minus champion's probability on average, today.
    gain : Interval, optional
        Log score per person, the shadow's minus the champion's, on what came since the first horizon ago; above 0 the
        shadow was nearer. None where too few left, or the horizons differ.
    why_not : str
        Why there is no gain; else empty.
    """

    version: str
    people: int
    rank_correlation: float
    mean_difference: float
    gain: Interval | None = None
    why_not: str = ""


def rival(
    folders: tuple[Path, Path], model: tuple[str, str], context: TrainingContext, rng: np.random.Generator
) -> Rival:
    """Compare a champion's and a shadow's payload on the same people.

    Parameters
    ----------
    folders : (Path, Path)
        The champion's payload and the shadow's.
    model : (str, str)
        The shadow's version, and the moment (ISO 8601) that ended the data it learnt from.
    context : TrainingContext
        Records and the moment of today.
    rng : numpy.random.Generator
        Draws people for the interval.

    Notes
    -----
    What came is honest for a shadow only after the data it learnt from ended: earlier outcomes are not compared.
    """
    champion, shadow = (load_scorer(folder) for folder in folders)
    now = matrix(features(context.records, [context.as_of]))
    said, other = (first_cause(scorer, now) for scorer in (champion, shadow))
    found = Rival(
        model[0], len(now), in_order(said, other), float((other - said).mean()) if len(now) else float("nan")
    )
    days = days_of(champion)
    if days != days_of(shadow):
        return replace(found, why_not="their first horizons differ")
    then = context.as_of - timedelta(days=days)
    if not model[1] or then < datetime.fromisoformat(model[1]):
        return replace(found, why_not=f"it learnt from what came in the last {days:.0f} days")
    gains, exits = gained(champion, shadow, context, then)
    if exits < FEWEST_EXITS:
        return replace(found, why_not=f"{exits} exits came since; {FEWEST_EXITS} are needed")
    return replace(found, gain=bootstrap_mean(gains, rng))


def in_order(said: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation; NaN where one of both says the same of everybody."""
    if min(np.unique(said).size, np.unique(other).size) < 2:
        return float("nan")
    return float(spearmanr(said, other).statistic)


def gained(champion: Any, shadow: Any, context: TrainingContext, then: datetime) -> tuple[Floats, int]:
    """Return each person's log score under the shadow minus under the champion, and how many left."""
    rows = building.with_outcome(features(context.records, [then]), context.records, context.as_of)
    values = matrix(rows)
    left = ((rows["exit_cause"] == 1) & (rows["exit_at"] < context.as_of)).fill_null(False).to_numpy()
    scores = [log_score(first_cause(scorer, values), left) for scorer in (champion, shadow)]
    return scores[1] - scores[0], int(left.sum())


def first_cause(scorer: Any, values: Any) -> Floats:
    """Return the voluntary probability at the first horizon."""
    return np.asarray(scorer.scores(values), dtype=np.float64)[:, 0]


def days_of(scorer: Any) -> float:
    """Return a scorer's first horizon in days."""
    return float(scorer.horizons[0]) * float(scorer.model["period"])


def log_score(said: Floats, came: NDArray[np.bool_]) -> Floats:
    """Return the logarithm of the probability given to what came; 0 is perfect."""
    sure = np.clip(said, CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(np.where(came, sure, 1 - sure)))
