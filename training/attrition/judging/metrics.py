"""How good an exit probability is: ranking, level, and both together; each of weighted rows, so that people can be redrawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.attrition.scorer import Floats, sigmoid
from training.evaluation import Interval, percentile_interval

Bools = NDArray[np.bool_]
Metric = Callable[[Bools, Floats, Floats], float]
DRAWS = 300
BINS = 10
TINY = 1e-6


def auc(left: Bools, score: Floats, weight: Floats | None = None) -> float:
    """Return the probability that a leaver is scored above a stayer; ties count half; .5 means no better than chance."""
    counts = np.ones(len(left)) if weight is None else weight
    _, place = np.unique(score, return_inverse=True)
    leavers = np.bincount(place, counts * left)
    stayers = np.bincount(place, counts * ~left)
    below = np.cumsum(stayers) - stayers
    total = leavers.sum() * stayers.sum()
    return float((leavers * (below + 0.5 * stayers)).sum() / total) if total else float("nan")


def average_precision(left: Bools, score: Floats, weight: Floats) -> float:
    """Return the mean precision at each leaver, from the highest score down; neutral is the share who left."""
    values, place = np.unique(-score, return_inverse=True)
    leavers = np.bincount(place, weight * left, len(values))
    everybody = np.bincount(place, weight, len(values))
    precision = np.cumsum(leavers) / np.maximum(np.cumsum(everybody), TINY)
    total = leavers.sum()
    return float((leavers * precision).sum() / total) if total else float("nan")


def lift_at_tenth(left: Bools, score: Floats, weight: Floats) -> float:
    """Return how many times as often the top tenth left as everybody; 1 means no better than chance."""
    order = np.argsort(-score, kind="stable")
    wanted = 0.1 * weight.sum()
    before = np.cumsum(weight[order]) - weight[order]
    taken = np.clip(wanted - before, 0.0, weight[order])
    rate = (weight * left).sum() / weight.sum()
    return float((taken * left[order]).sum() / wanted / rate) if rate else float("nan")


def brier(left: Bools, probability: Floats, weight: Floats) -> float:
    """Return the mean squared error of the probability; lower is better."""
    return float(np.average((probability - left) ** 2, weights=weight))


def log_score(left: Bools, probability: Floats, weight: Floats) -> float:
    """Return the mean log-likelihood per row; higher is better, 0 is perfect."""
    return float(np.average(log_likelihood(left, probability), weights=weight))


def log_likelihood(left: Bools, probability: Floats) -> Floats:
    """Return the log-likelihood of each row."""
    bounded = np.clip(probability, TINY, 1 - TINY)
    found: Floats = np.where(left, np.log(bounded), np.log1p(-bounded))
    return found


def calibration_error(left: Bools, probability: Floats, weight: Floats) -> float:
    """Return the expected calibration error over ten bins of as many people each; 0 is perfect."""
    order = np.argsort(probability, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    bins = np.minimum((reached * BINS - TINY).astype(np.int64), BINS - 1)
    gap = np.bincount(bins, (weight * (probability - left))[order], BINS)
    return float(np.abs(gap).sum() / weight.sum())


def observed_to_expected(left: Bools, probability: Floats, weight: Floats) -> float:
    """Return exits observed per exit expected; 1 is neutral, above 1 more left than was said."""
    return float((weight * left).sum() / max(float((weight * probability).sum()), TINY))


def calibration_slope(left: Bools, probability: Floats, weight: Floats) -> float:
    """Return the slope of exits on predicted log-odds; 1 is neutral, below 1 the differences were overstated."""
    return calibration_line(left, probability, weight)[1]


def calibration_intercept(left: Bools, probability: Floats, weight: Floats) -> float:
    """Return the level that is missing in log-odds, the slope held at 1; 0 is neutral."""
    bounded = np.clip(probability, TINY, 1 - TINY)
    odds, shift = np.log(bounded / (1 - bounded)), 0.0
    for _ in range(30):
        expected = sigmoid(odds + shift)
        step = (weight * (left - expected)).sum() / max(
            float((weight * expected * (1 - expected)).sum()), TINY
        )
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-8:
            break
    return shift


def calibration_line(left: Bools, probability: Floats, weight: Floats) -> tuple[float, float]:
    """Return intercept and slope of the logistic regression of exits on predicted log-odds."""
    bounded = np.clip(probability, TINY, 1 - TINY)
    design = np.column_stack([np.ones(len(left)), np.log(bounded / (1 - bounded))])
    if np.ptp(design[:, 1]) < TINY or not 0 < (weight * left).sum() < weight.sum():
        return float("nan"), float("nan")
    line: Floats = np.array([0.0, 1.0])

    def deviance(at: Floats) -> float:
        odds = design @ at
        return float((weight * (np.logaddexp(0.0, odds) - left * odds)).sum())

    for _ in range(50):
        expected = sigmoid(design @ line)
        curvature = design.T @ (design * (weight * np.maximum(expected * (1 - expected), 1e-9))[:, None])
        gradient = design.T @ (weight * (left - expected))
        step = np.asarray(np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient), dtype=np.float64)
        while np.abs(step).max() > 1e-8 and deviance(line + step) > deviance(line):
            step = np.asarray(step / 2, dtype=np.float64)
        line = np.asarray(line + step, dtype=np.float64)
        if np.abs(step).max() < 1e-8:
            break
    return float(line[0]), float(line[1])


METRICS: Mapping[str, Metric] = {
    "auc": auc,
    "ap": average_precision,
    "lift@10": lift_at_tenth,
    "brier": brier,
    "log_score": log_score,
    "ece": calibration_error,
    "o_e": observed_to_expected,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
}


@dataclass(frozen=True)
class Fold:
    """What was said of some people and what came of them.

    Parameters
    ----------
    person : (n,) int
        Whose row it is.
    left : (n,) bool
        What came of them.
    probability : (n,) float
        What was said.
    weight : (n,) float, optional
        For how many people each row stands: the inverse probability of having been followed that long; 0 for
        whoever was lost before. Ones by default.
    """

    person: NDArray[np.int64]
    left: Bools
    probability: Floats
    weight: Floats | None = None

    def counting(self, people: Floats) -> Floats:
        """Return the weight of each row, its person counting some number of times."""
        return people if self.weight is None else people * self.weight


def measure(folds: Sequence[Fold], rng: np.random.Generator, draws: int = DRAWS) -> dict[str, Interval]:
    """Return every metric, averaged over folds, with an interval from redrawing people."""
    people, weights = redrawn(np.concatenate([fold.person for fold in folds]), rng, draws)
    places = [np.searchsorted(people, fold.person) for fold in folds]
    found = {
        name: interval_of(lambda weight, metric=metric: over_folds(metric, folds, places, weight), weights)  # type: ignore[misc]
        for name, metric in METRICS.items()
        if name != "ece"
    }
    return found | {
        "ece": interval_of(lambda weight: pooled_calibration_error(folds, places, weight), weights)
    }


def pooled_calibration_error(
    folds: Sequence[Fold], places: Sequence[NDArray[np.intp]], weight: Floats
) -> float:
    """Return the calibration error of all folds together: bins of a small fold would be noise alone."""
    left = np.concatenate([fold.left for fold in folds])
    said = np.concatenate([fold.probability for fold in folds])
    return calibration_error(
        left,
        said,
        np.concatenate([fold.counting(weight[place]) for fold, place in zip(folds, places, strict=True)]),
    )


def redrawn(
    person: NDArray[np.int64], rng: np.random.Generator, draws: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return people, sorted, and how often each is drawn: first once each, then with replacement."""
    people = np.unique(person)
    drawn = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), size=draws)
    return people, np.vstack([np.ones(len(people)), drawn]).astype(np.float64)


def interval_of(statistic: Callable[[Floats], float], weights: Floats) -> Interval:
    """Return a statistic of people, and its percentile interval over the draws."""
    found = np.array([statistic(weight) for weight in weights])
    return percentile_interval(float(found[0]), found[1:])


def over_folds(
    metric: Metric, folds: Sequence[Fold], places: Sequence[NDArray[np.intp]], weight: Floats
) -> float:
    """Return the mean of a metric over folds, each with its people's weights."""
    found = [
        metric(fold.left, fold.probability, fold.counting(weight[place]))
        for fold, place in zip(folds, places, strict=True)
    ]
    known = [value for value in found if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
