"""Item–item models in closed form: EASE, cosine neighbours, and popularity.

People are rows, courses are columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack

Floats = NDArray[np.floating]
Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)


def ease(
    history: Matrix,
    ridge: float,
    person_power: float = 0.0,
    item_power: float = 0.0,
    gram: Floats | None = None,
) -> Floats:
    """Return item–item weights B that predict each course from the others, in closed form.

    B = I − P / diag(P), P = (XᵀWX + ridge·I)⁻¹, so that diag(B) = 0.

    Parameters
    ----------
    history : (n_people, n_courses) sparse float
        X: what each person did with each course.
    ridge : float
        Strength of the penalty; positive.
    person_power : float
        W is diagonal, ``(Σ of a person's row) ** -person_power``: 0 counts every pair alike, 0.5 keeps people
        with very long histories from speaking for everybody.
    item_power : float
        Columns are divided by ``popularity ** item_power``: what everybody takes needs more evidence.
    gram : (n_courses, n_courses) float, optional
        XᵀWX where it is known already (`weighted_gram`): of long histories it costs more than all the rest.

    Returns
    -------
    (n_courses, n_courses) float32
        A person's scores are ``x @ B``.

    References
    ----------
    Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, doi:10.1145/3308558.3313710.
    """
    gram = weighted_gram(history, person_power) if gram is None else gram.copy()
    places = np.diag_indices_from(gram)
    gram[places] += ridge
    factor, status = lapack.dpotrf(gram, lower=1, overwrite_a=True)
    if status != 0:
        raise ValueError(f"the ridge of {ridge} is too small for these data")
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=True)  # above the diagonal stand zeros
    diagonal = np.diag(inverse).copy()
    weights = inverse + inverse.T
    weights /= -diagonal
    weights[places] = 0.0
    if item_power:
        weights *= popularity_scale(history, item_power)
    return np.asarray(weights, dtype=np.float32)


def popularity_scale(history: Matrix, item_power: float) -> Floats:
    """Return what the columns of item–item weights are multiplied by, (n_courses,) float; 1 is an average course."""
    scale = (popularity(history) + 1.0) ** -item_power
    return np.asarray(scale / scale.mean(), dtype=np.float64)


def weighted_gram(history: Matrix, person_power: float = 0.0) -> Floats:
    """Return XᵀWX as a dense array, each person weighted by the length of their history."""
    rows = np.asarray(history.sum(axis=1)).ravel()
    weights = np.maximum(rows, 1e-9) ** -person_power
    return np.asarray((history.T @ sp.diags(weights) @ history).todense(), dtype=np.float64)


def item_knn(history: Matrix, neighbours: int = 200) -> Floats:
    """Return cosine similarities between courses, only the nearest kept per course.

    Returns
    -------
    (n_courses, n_courses) float32
        A person's scores are ``x @ S``; the diagonal is 0.

    References
    ----------
    Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001,
    doi:10.1145/371920.372071.
    """
    gram = weighted_gram(history)
    length = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    similarity = gram / length[:, None] / length[None, :]
    np.fill_diagonal(similarity, 0.0)
    return keep_largest(similarity, neighbours).astype(np.float32)


def keep_largest(weights: Floats, per_column: int) -> Floats:
    """Return the weights with all but the largest absolute ones of each column set to 0."""
    n = weights.shape[0]
    if not 0 < per_column < n:
        return weights
    size = np.abs(weights)
    bound = np.partition(size, n - per_column, axis=0)[n - per_column]
    return np.where(size >= bound, weights, 0.0).astype(weights.dtype)


def popularity(history: Matrix) -> Floats:
    """Return how many people took each course, (n_courses,) float."""
    return np.asarray((history > 0).sum(axis=0), dtype=np.float64).ravel()


def cohort_popularity(
    history: Matrix, cohorts: NDArray[np.integer], n_cohorts: int, strength: float = 20.0
) -> Floats:
    """Return the log share of each cohort's enrolments that each course has, shrunk towards everybody's.

    Parameters
    ----------
    history : (n_people, n_courses) sparse float
        What each person did.
    cohorts : (n_people,) int
        Each person's cohort (job); -1 where unknown.
    n_cohorts : int
        Number of cohorts.
    strength : float
        So many enrolments of everybody are added to each cohort's own.

    Returns
    -------
    (n_cohorts + 1, n_courses) float32
        The last row is everybody's: index -1 finds it.
    """
    n_people = history.shape[0]
    known = np.flatnonzero(cohorts >= 0)
    member = sp.csr_matrix(
        (np.ones(known.size), (cohorts[known], known)), shape=(n_cohorts, n_people), dtype=np.float64
    )
    taken = (history > 0).astype(np.float64)
    counts = np.asarray((member @ taken).todense())
    everybody = popularity(history) + 0.5
    everybody = everybody / everybody.sum()
    total = counts.sum(axis=1, keepdims=True) + strength
    shares = np.vstack([(counts + strength * everybody) / total, everybody])
    return np.asarray(np.log(shares), dtype=np.float32)


def content_weights(
    weights: Floats, similarity: Floats, support: Floats, strength: float, ridge: float = 1e-3
) -> Floats:
    """Return item–item weights whose columns for rarely taken courses lean on content.

    The weights of well-known courses are regressed (ridge) on how alike two courses are; a column with
    support `n` keeps ``n / (n + strength)`` of its own weights and takes the rest from that regression.

    Parameters
    ----------
    weights : (n_courses, n_courses) float
        As `ease` returns them.
    similarity : (n_features, n_courses, n_courses) float
        How alike two courses are, by text, by skills …
    support : (n_courses,) float
        How many people took each course.
    strength : float
        Support at which a course's own weights and the content count alike; 0 leaves everything as it is.
    ridge : float
        Penalty of the regression per pair.

    Returns
    -------
    (n_courses, n_courses) float32
        The diagonal is 0.

    Notes
    -----
    Assumes that courses which are alike are taken by the same people; follows the idea of FEASE and MARec.
    """
    known = np.flatnonzero(support > strength)
    if strength <= 0 or known.size < 3 or similarity.shape[0] == 0:
        return weights
    slope = slopes([part[np.ix_(known, known)] for part in (*similarity, weights)], ridge)
    predicted = slope[0] + np.tensordot(slope[1:], similarity, axes=1)
    own = (support / (support + strength))[None, :]
    mixed = own * weights + (1 - own) * predicted
    np.fill_diagonal(mixed, 0.0)
    return np.asarray(mixed, dtype=np.float32)


def slopes(tables: Sequence[Floats], ridge: float) -> Floats:
    """Return intercept and slopes of the ridge regression of the last table on the others, cell by cell off the diagonal.

    Parameters
    ----------
    tables : sequence of (n, n) float
        Changed: their diagonals are emptied. Sums of products are all that the regression needs: no copy is made.
    ridge : float
        Penalty of a slope per cell.
    """
    cells = tables[0].shape[0] * (tables[0].shape[0] - 1)
    for table in tables:
        np.fill_diagonal(table, 0.0)
    totals = [float(table.sum(dtype=np.float64)) for table in tables]
    products = [[summed_product(one, other) for one in tables] for other in tables]
    every = np.array(
        [[cells, *totals], *([total, *row] for total, row in zip(totals, products, strict=True))]
    )
    size = len(tables)
    penalty = ridge * cells * np.diag([0.0, *np.ones(size - 1)]) + 1e-12 * np.eye(size)
    return np.asarray(np.linalg.solve(every[:size, :size] + penalty, every[:size, size]))


def summed_product(one: Floats, other: Floats) -> float:
    """Return Σ of one table times another, row by row in float32 and their sum in float64."""
    return float(np.einsum("ij,ij->i", one, other).sum(dtype=np.float64))
