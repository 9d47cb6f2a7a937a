"""Item factors by alternating least squares for implicit feedback, several starts bagged.

People are rows, courses are columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.recommendation.scorer import regularised, solved_factors

Floats = NDArray[np.floating]
Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)

FURTHER_ROUNDS = 3
LEARNT_FROM = 30_000  # people; of more, a sample: what courses have in common is known from so many


@dataclass(frozen=True)
class FactorSettings:
    """How item factors are fitted.

    Parameters
    ----------
    dimensions : int
        Length of a factor.
    unobserved : float
        How much a pair that did not happen counts beside one that did.
    ridge : float
        Penalty, relative to what the average person or course brings: alike for few people and for many.
    rounds : int
        Alternations.
    starts : int
        Models from different starts whose scores are added: it takes the luck out of the start.
    """

    dimensions: int = 32
    unobserved: float = 0.3
    ridge: float = 0.015
    rounds: int = 8
    starts: int = 3


def item_factors(
    history: Matrix,
    settings: FactorSettings,
    rng: np.random.Generator,
    starts: Sequence[Floats] = (),
) -> list[Floats]:
    """Return the item factors of each start, (n_courses, dimensions) float32.

    Minimises Σ over pairs that happened (x·y − 1)² + unobserved · Σ over all pairs (x·y)² plus a penalty that
    grows with the square root of what a person or course brings, so that the popular are held back a little more.
    `starts`, fitted to nearly the same history, are gone on from for a few rounds; else each begins at random.
    Of very many people a sample is learnt from: the penalty is relative, and a person is placed among the factors later.

    References
    ----------
    Hu, Koren & Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008,
    doi:10.1109/ICDM.2008.22. Rendle et al., "Revisiting the performance of iALS on item recommendation
    benchmarks", RecSys 2022, doi:10.1145/3523227.3548486.
    """
    people = sp.csr_matrix(sampled_people(history, LEARNT_FROM, rng), dtype=np.float32)
    courses = sp.csr_matrix(people.T)
    size = min(settings.dimensions, max(min(people.shape) - 1, 1))
    if starts:
        further = replace(settings, rounds=min(settings.rounds, FURTHER_ROUNDS))
        return [rounds_from(np.asarray(one, np.float32), people, courses, further) for one in starts]
    shape, scale = (people.shape[1], size), 0.1 / np.sqrt(size)
    drawn = (rng.normal(0.0, scale, shape).astype(np.float32) for _ in range(settings.starts))
    return [rounds_from(one, people, courses, settings) for one in drawn]


def sampled_people(history: Matrix, most: int, rng: np.random.Generator) -> Matrix:
    """Return the history of at most so many people, drawn at random, in the order they stand in."""
    n_people = history.shape[0]
    return history if n_people <= most else history[np.sort(rng.choice(n_people, most, replace=False))]


def rounds_from(start: Floats, people: Matrix, courses: Matrix, settings: FactorSettings) -> Floats:
    """Return the item factors that come of a start."""
    found = start
    for _ in range(settings.rounds):
        mine = half_round(people, found, settings)
        found = half_round(courses, mine, settings)
    return found


def half_round(history: Matrix, others: Floats, settings: FactorSettings) -> Floats:
    """Return the factors of all rows given those of the columns."""
    counts = np.diff(history.indptr)
    penalty = regularised(counts, penalty_facts(history, settings))
    return np.asarray(
        solved_factors(history.indptr, history.indices, others, settings.unobserved, penalty), np.float32
    )


def penalty_facts(history: Matrix, settings: FactorSettings) -> dict[str, float]:
    """Return what the penalty of a row depends on beside its own count."""
    unseen = settings.unobserved * history.shape[1]
    average = history.nnz / max(history.shape[0], 1) + unseen
    return {"ridge": settings.ridge, "unseen": unseen, "average": average}


def model_facts(history: Matrix, settings: FactorSettings) -> dict[str, float]:
    """Return what the scorer needs to place a person among the factors."""
    return {"unobserved": settings.unobserved, **penalty_facts(history, settings)}
