"""Ranking metrics over whole catalogues: every course is ranked, what was taken before is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = Any  # a scipy.sparse.csr_matrix
Score = Callable[[slice], NDArray[np.floating]]  # rows of a block → (n_rows, n_courses) scores

BATCH_CELLS = 12_000_000


def batches(n_rows: int, n_courses: int) -> Iterator[slice]:
    """Yield slices of rows whose scores stay within bounded memory."""
    step = max(1, BATCH_CELLS // max(n_courses, 1))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def without_seen(scores: NDArray[np.floating], seen: Matrix) -> NDArray[np.floating]:
    """Put what was taken before at minus infinity, in place, and return the scores."""
    rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    return scores


def target_ranks(scores: NDArray[np.floating], targets: Matrix) -> NDArray[np.int64]:
    """Return the rank of each target among all courses of its row; ties go to the earlier course.

    Parameters
    ----------
    scores : (n_rows, n_courses) float
        Higher is better.
    targets : (n_rows, n_courses) sparse
        What was taken afterwards.

    Returns
    -------
    (n_targets,) int
        1 is first; in the order of ``targets.indices``.
    """
    rows = np.repeat(np.arange(targets.shape[0]), np.diff(targets.indptr))
    columns = targets.indices
    ranks = np.empty(columns.size, dtype=np.int64)
    step = max(1, BATCH_CELLS // max(scores.shape[1], 1))
    before = np.arange(scores.shape[1])
    for start in range(0, columns.size, step):
        part = slice(start, start + step)
        of_row = scores[rows[part]]
        own = scores[rows[part], columns[part]][:, None]
        at_least = np.count_nonzero(of_row >= own, axis=1)
        ranks[part] = at_least
        # Equals are rare: only where there are some, a second look tells which of them come earlier.
        tied = np.flatnonzero(at_least - np.count_nonzero(of_row > own, axis=1) > 1)
        later = before > columns[part][tied, None]
        ranks[start + tied] -= np.count_nonzero((of_row[tied] == own[tied]) & later, axis=1)
    return ranks


def all_target_ranks(score: Score, seen: Matrix, targets: Matrix) -> NDArray[np.int64]:
    """Return the rank of every target, scored in batches of people."""
    parts = [np.empty(0, dtype=np.int64)]
    for rows in batches(targets.shape[0], targets.shape[1]):
        scores = np.array(score(rows))
        parts.append(target_ranks(without_seen(scores, seen[rows]), targets[rows]))
    return np.concatenate(parts)


def top(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Return the `k` best courses of each row, best first, (n_rows, k) int."""
    k = min(k, scores.shape[1])
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def per_person(ranks: NDArray[np.int64], targets: Matrix) -> dict[str, Floats]:
    """Return each person's metrics from the ranks of their targets.

    Parameters
    ----------
    ranks : (n_targets,) int
        As `all_target_ranks` returns them.
    targets : (n_people, n_courses) sparse
        Every row holds at least one.

    Returns
    -------
    dict of str to (n_people,) float
        ``ndcg@10`` (its ideal truncated at the number of targets and at 10), ``hr@10``, ``recall@20``, ``mrr``.
    """
    counts = np.diff(targets.indptr)
    rows = np.repeat(np.arange(counts.size), counts)
    discount = np.where(ranks <= 10, 1.0 / np.log2(ranks + 1.0), 0.0)
    ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, 12)))])[np.minimum(counts, 10)]
    best = np.full(counts.size, np.inf)
    np.minimum.at(best, rows, ranks)
    return {
        "ndcg@10": summed(discount, rows, counts.size) / np.maximum(ideal, 1e-12),
        "hr@10": (best <= 10).astype(np.float64),
        "recall@20": summed(ranks <= 20, rows, counts.size) / np.maximum(counts, 1),
        "mrr": 1.0 / best,
    }


def summed(values: NDArray[Any], rows: NDArray[np.int64], n: int) -> Floats:
    """Return the sum of each row's values, (n,) float."""
    return np.bincount(rows, weights=values.astype(np.float64), minlength=n).astype(np.float64)


def gini(counts: Floats) -> float:
    """Return how unevenly recommendations fall on courses: 0 all alike, towards 1 all on one course."""
    ordered = np.sort(np.asarray(counts, dtype=np.float64))
    n, total = ordered.size, ordered.sum()
    if n == 0 or total == 0:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))
