"""New courses: their factors from what they are about, and the test that hides courses with all their interactions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy import linalg

from features.errors import RefusedError
from training.recommendation.dataset import Block, Dataset

Floats = NDArray[np.floating]
Matrix = Any  # a scipy.sparse.csr_matrix

RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0)
SAMPLED_COURSES = 1_000  # on which the ridge is chosen
MOST_COURSES = 4_000  # known courses that the mapping learns from, the most taken first
LEAST_COURSES = 10
HIDDEN_SHARE = 0.1
LEAST_CANDIDATES = 60
MOST_PEOPLE = 5_000


def with_content(
    factors: Floats, alike: Floats, support: Floats, strength: float, rng: np.random.Generator
) -> Floats:
    """Return item factors in which rarely taken courses lean on what they are about.

    Factors of well-known courses are regressed (kernel ridge) on how alike courses are; a course with support `n`
    keeps ``n / (n + strength)`` of its own factor and takes the rest from that regression.

    Parameters
    ----------
    factors : (n_courses, d) float
        As `factors.item_factors` returns them.
    alike : (n_courses, n_courses) float
        How alike each two courses are, by text and skills; a positive semi-definite kernel.
    support : (n_courses,) float
        How many people took each course.
    strength : float
        Support at which a course's own factor and its content count alike.
    rng : numpy.random.Generator
        Leaves courses out to choose the ridge.

    References
    ----------
    Gantner et al., "Learning attribute-to-feature mappings for cold-start recommendations", ICDM 2010,
    doi:10.1109/ICDM.2010.129.
    """
    known = np.flatnonzero(support > strength)
    known = np.sort(known[np.argsort(-support[known], kind="stable")][:MOST_COURSES])
    if strength <= 0 or known.size < LEAST_COURSES:
        return factors
    ridge = chosen_ridge(factors, alike, rng.permutation(known)[:SAMPLED_COURSES])
    mapped = alike[:, known] @ kernel_ridge(alike, factors, known, ridge)
    own = (support / (support + strength))[:, None]
    return np.asarray(own * factors + (1 - own) * mapped, dtype=np.float32)


def with_expected_popularity(
    cohorts: Floats, alike: Floats, support: Floats, strength: float, rng: np.random.Generator
) -> Floats:
    """Return popularity in which a course that nobody took is as popular as courses like it.

    Each cohort's log shares of well-known courses are regressed (kernel ridge) on how alike courses are. Without content
    such a course is an average one: it is not known to be unpopular.

    Parameters
    ----------
    cohorts : (n_cohorts + 1, n_courses) float
        As `estimators.cohort_popularity` returns them.
    alike, support, strength, rng
        As `with_content` takes them; `alike` may be empty.
    """
    taken = support > 0
    if not taken.any() or taken.all():
        return cohorts
    average = cohorts[:, taken].mean(axis=1, keepdims=True)
    expected = np.repeat(average, support.size, axis=1)
    known = np.flatnonzero(support > strength)
    known = np.sort(known[np.argsort(-support[known], kind="stable")][:MOST_COURSES])
    if alike.size and known.size >= LEAST_COURSES:
        average = cohorts[:, known].mean(axis=1, keepdims=True)
        beside = (cohorts - average).T
        ridge = chosen_ridge(beside, alike, rng.permutation(known)[:SAMPLED_COURSES])
        expected = average + (alike[:, known] @ kernel_ridge(alike, beside, known, ridge)).T
    return np.where(taken, cohorts, expected).astype(np.float32)


def kernel_ridge(alike: Floats, factors: Floats, known: NDArray[np.int64], ridge: float) -> Floats:
    """Return the weights of known courses from which any course's factor is predicted, (n_known, d) float."""
    kernel = alike[np.ix_(known, known)].astype(np.float64) + ridge * np.eye(known.size)
    right = factors[known].astype(np.float64)
    return np.asarray(linalg.solve(kernel, right, assume_a="pos", overwrite_a=True, check_finite=False))


def chosen_ridge(factors: Floats, alike: Floats, courses: NDArray[np.int64]) -> float:
    """Return the ridge that best predicts the factors of a fifth of the courses from the others."""
    cut = max(courses.size // 5, 1)
    out, rest = courses[:cut], courses[cut:]

    def error(ridge: float) -> float:
        predicted = alike[np.ix_(out, rest)] @ kernel_ridge(alike, factors, rest, ridge)
        return float(((predicted - factors[out]) ** 2).sum())

    return min(RIDGES, key=error)


def with_hidden_courses(dataset: Dataset, rng: np.random.Generator) -> Dataset:
    """Return the dataset with a tenth of the courses hidden, and as its test whom they belong to.

    Every interaction with a hidden course is taken out of what is known and chosen by; the test ranks the hidden
    courses, and nothing else, for people who took some of them. Where they are fewer than `LEAST_CANDIDATES`, a list
    of twenty would hold most of them: then the whole catalogue is ranked but for what the person took.

    Raises
    ------
    RefusedError
        If courses have no content, or nobody is left to ask.
    """
    if dataset.content.vectors is None and dataset.content.skills is None:
        raise RefusedError("Courses that nobody took can be told apart by their content only; there is none.")
    n = len(dataset.course_ids)
    taken = np.flatnonzero(np.asarray((dataset.known > 0).sum(axis=0)).ravel() > 0)
    hidden = np.zeros(n, dtype=bool)
    hidden[rng.permutation(taken)[: max(int(taken.size * HIDDEN_SHARE), 1)]] = True
    known = columns(dataset.known, ~hidden)
    targets = columns(dataset.known, hidden)
    asked = np.flatnonzero((np.diff(targets.indptr) > 0) & (np.diff(known.indptr) > 0))
    if asked.size == 0:
        raise RefusedError("Nobody took both a hidden course and another one.")
    asked = np.sort(rng.permutation(asked)[:MOST_PEOPLE])
    is_apart = bool(hidden.sum() >= LEAST_CANDIDATES)
    seen = sp.csr_matrix(np.repeat((~hidden)[None, :], asked.size, axis=0).astype(np.float32))
    ranked = "the hidden courses" if is_apart else "the whole catalogue but what they know"
    return replace(
        dataset,
        protocol=f"{hidden.sum()} of {taken.size} courses hidden with all their interactions; "
        f"{ranked} ranked for people who took some of them",
        train=columns(dataset.train, ~hidden),
        known=known,
        validation=without(dataset.validation, hidden),
        test=Block(
            known[asked],
            seen if is_apart else known[asked],
            targets[asked],
            dataset.jobs[asked],
            people=asked,
        ),
        train_ages=None,
        known_ages=None,
        earlier=(),
    )


def without(block: Block, hidden: NDArray[np.bool_]) -> Block:
    """Return a block in which hidden courses never were; people who took nothing else after it are left out."""
    targets = columns(block.targets, ~hidden)
    asked = np.flatnonzero(np.diff(targets.indptr) > 0)
    seen = sp.csr_matrix(block.seen + sp.csr_matrix(np.repeat(hidden[None, :], block.size, axis=0) * 1.0))
    gaps = None if block.gap_shares is None else columns(block.gap_shares, ~hidden)
    made = replace(
        block, history=columns(block.history, ~hidden), seen=seen, targets=targets, gap_shares=gaps
    )
    return made.rows(asked)


def columns(matrix: Matrix, kept: NDArray[np.bool_]) -> Matrix:
    """Return a matrix of the same shape with other columns emptied."""
    found = sp.csr_matrix(matrix @ sp.diags(kept.astype(np.float64)))
    found.eliminate_zeros()
    return found
