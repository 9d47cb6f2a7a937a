"""A conformal range of the time of exit: calibrated on people held out, censored ones weighted for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.attrition.scorer import Floats

LEVEL = 0.9
RESPLITS = 100
FEWEST_EXITS = 40
WORDS = (
    "Between the two ends nine of ten leave, if whoever is asked about is exchangeable with the people of this table: drawn "
    "from the same ones, under the same circumstances, and lost to follow-up for reasons that have nothing to do with "
    "leaving. It is not said of people of a later time."
)


def fit_levels(reached: Floats, weight: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return between which predicted probabilities of having left the exits fell, at a level.

    Parameters
    ----------
    reached : (n,) float
        Probability of having left by the time of one's exit (or by the end, for who stayed until it), as predicted.
    weight : (n,) float
        Inverse probability of having been followed; 0 for whoever was lost.
    level : float
        Share of people to lie between.

    References
    ----------
    Candès, Lei, Ren: Conformalized survival analysis, JRSS B 2023, doi:10.1093/jrsssb/qkac004; Tibshirani et al.:
    Conformal prediction under covariate shift, NeurIPS 2019 (weighted quantiles).
    """
    tail = (1 - level) / 2
    return weighted_quantile(reached, weight, tail, -np.inf), weighted_quantile(
        reached, weight, 1 - tail, np.inf
    )


def weighted_quantile(values: Floats, weight: Floats, share: float, beyond: float) -> float:
    """Return a quantile of weighted values with one more, unseen, of mean weight at `beyond`."""
    order = np.argsort(values, kind="stable")
    extra = float(weight[weight > 0].mean())
    before = extra if beyond < 0 else 0.0
    reached = (np.cumsum(weight[order]) + before) / (weight.sum() + extra)
    place = int(np.searchsorted(reached, share, side="left"))
    return float(values[order][place]) if place < len(values) else float(values.max())


def coverage(
    reached: Floats, weight: Floats, rng: np.random.Generator, resplits: int = RESPLITS
) -> dict[str, Any] | None:
    """Return how often people held out lay within a range that others had calibrated, over resplits.

    Returns
    -------
    dict, optional
        ``value`` (mean), ``low`` and ``high`` (central 95 % of resplits), ``level``; None with too few exits.
    """
    followed = np.flatnonzero(weight > 0)
    if len(followed) < FEWEST_EXITS:
        return None
    found = np.empty(resplits)
    for number in range(resplits):
        half = rng.permutation(len(reached)) % 2 == 0
        low, high = fit_levels(reached[half], weight[half])
        inside = (reached[~half] >= low) & (reached[~half] <= high)
        found[number] = np.average(inside, weights=weight[~half])
    low, high = np.quantile(found, [0.025, 0.975])
    return {"value": float(found.mean()), "low": float(low), "high": float(high), "level": LEVEL}


def described(
    reached: Sequence[Floats], weight: Sequence[Floats], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the diagnostics of a survival table's time range, over all folds."""
    found = coverage(np.concatenate(reached), np.concatenate(weight), rng)
    return {"time_range": {"coverage": found, "resplits": RESPLITS, "words": WORDS}} if found else {}
