"""What lists of ten are like: how much of the catalogue they show, how evenly, how new, how useful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation import Interval, bootstrap_mean, percentile_interval
from training.recommendation.dataset import Dataset
from training.recommendation.estimators import popularity
from training.recommendation.ranking import batches, gini, top, without_seen

Floats = NDArray[np.floating]

LIST_LENGTH = 10
DRAWS = 200


def list_figures(
    score: Callable[[slice], Floats], dataset: Dataset, rng: np.random.Generator
) -> dict[str, Interval]:
    """Return the figures of everybody's list, with intervals over people.

    Returns
    -------
    dict of str to Interval
        `coverage@10` share of the catalogue shown to anybody; `gini@10` 0 even, 1 all on one course; `novelty@10`
        mean bits −log2(share of people who took it); `gap_closure@10` mean sum of the gap shares of a list, at
        most 1; `unmet_prerequisites@10` courses a list that ask for something neither completed nor listed before
        (served lists put it before, or leave them out).

    Notes
    -----
    Fewer distinct people are in a resample than in the data, so that coverage's draws lie below it: its interval
    is that of the draws shifted to its value.
    """
    block, n = dataset.test, len(dataset.course_ids)
    best = best_of_everybody(score, dataset)
    share = np.maximum(popularity(dataset.known), 0.5) / max(dataset.known.shape[0], 1)
    seen = block.seen
    found = {
        "novelty@10": bootstrap_mean(-np.log2(share)[best].mean(axis=1), rng),
        "unmet_prerequisites@10": bootstrap_mean(unmet_prerequisites(best, seen, dataset.prerequisites), rng),
        "gap_closure@10": Interval(float("nan")),
    }
    if block.gap_shares is not None:
        rows = np.repeat(np.arange(block.size), best.shape[1])
        closed = np.asarray(block.gap_shares[rows, best.ravel()]).reshape(best.shape).sum(axis=1)
        found["gap_closure@10"] = bootstrap_mean(np.minimum(closed, 1.0), rng)
    return found | spread_figures(best, n, rng)


def best_of_everybody(score: Callable[[slice], Floats], dataset: Dataset) -> NDArray[np.int64]:
    """Return everybody's list, best first, (n_people, 10) int."""
    block, n = dataset.test, len(dataset.course_ids)
    parts = [
        top(without_seen(np.array(score(rows)), block.seen[rows]), LIST_LENGTH)
        for rows in batches(block.size, n)
    ]
    return np.concatenate(parts)


def spread_figures(best: NDArray[np.int64], n: int, rng: np.random.Generator) -> dict[str, Interval]:
    """Return the coverage and the Gini index of lists, with intervals over people."""
    figures: dict[str, Callable[[NDArray[np.float64]], float]] = {
        "coverage@10": lambda shown: float((shown > 0).mean()),
        "gini@10": gini,
    }
    whole = np.bincount(best.ravel(), minlength=n).astype(np.float64)
    draws = [
        np.bincount(best[rng.integers(0, len(best), len(best))].ravel(), minlength=n).astype(np.float64)
        for _ in range(DRAWS)
    ]
    found = {}
    for name, figure in figures.items():
        value, drawn = figure(whole), np.array([figure(one) for one in draws])
        found[name] = percentile_interval(value, np.clip(drawn - drawn.mean() + value, 0.0, 1.0))
    return found


def unmet_prerequisites(best: NDArray[np.int64], seen: Any, prerequisites: Sequence[Sequence[int]]) -> Floats:
    """Return how many courses of each list ask for something neither taken nor listed before, (n_people,) float."""
    total = np.zeros(len(best))
    if not any(prerequisites):
        return total
    for row, courses in enumerate(best):
        known = set(seen.indices[seen.indptr[row] : seen.indptr[row + 1]].tolist())
        for course in courses.tolist():
            total[row] += any(first not in known for first in prerequisites[course])
            known.add(course)
    return total
