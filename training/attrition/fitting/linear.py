"""The small logistic part: a basis per feature, and ridge coefficients by Newton's method in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from training.attrition.scorer import CATEGORY, HINGE, LINEAR, MISSING, Basis, Floats, sigmoid

KNOTS = (0.1, 0.33, 0.67, 0.9)  # quantiles at which a slope may change
FEW_VALUES = 6  # up to so many distinct values, every inner one is a knot
RAREST = 5  # a column that differs in fewer rows is left out
ROWS_AT_ONCE = 20_000
ITERATIONS = 25
NEAR = 2e-3  # a step this small ends the search: what is left is about its square
SAMPLE = 200_000


def build_basis(features: Floats, categorical: Collection[int], left_out: Collection[int] = ()) -> Basis:
    """Return the basis that suits the features of training.

    Parameters
    ----------
    features : (n, n_features) float
        Of training rows; NaN where unknown.
    categorical : collection of int
        Features that are codes: one column per code.
    left_out : collection of int
        Features that do not enter (the season).
    """
    rows = features if len(features) <= SAMPLE else features[:: len(features) // SAMPLE + 1]
    columns: list[tuple[int, int, float, float, float]] = []
    for index in range(features.shape[1]):
        if index in left_out:
            continue
        known = rows[~np.isnan(rows[:, index]), index]
        columns += category_columns(index, known) if index in categorical else number_columns(index, known)
        columns += missing_column(index, 1.0 - len(known) / max(len(rows), 1), len(rows))
    table = np.array(columns, dtype=np.float64).reshape(-1, 5)
    low, high = ranges(features, categorical)
    knot, centre, scale = (table[:, place].copy() for place in (2, 3, 4))
    return Basis(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), knot, centre, scale, low, high)


def number_columns(index: int, known: Floats) -> list[tuple[int, int, float, float, float]]:
    """Return the columns of a number: itself, and what exceeds each knot."""
    if known.size == 0 or known.std() == 0:
        return []
    scale = float(known.std())
    found = [(index, LINEAR, 0.0, float(known.mean()), scale)]
    values = np.unique(known)
    knots = values[1:-1] if len(values) <= FEW_VALUES else np.unique(np.quantile(known, KNOTS))
    for knot in knots:
        above = np.maximum(known - knot, 0.0)
        if above.std() > 0 and (known < knot).any():
            found.append((index, HINGE, float(knot), float(above.mean()), scale))
    return found


def category_columns(index: int, known: Floats) -> list[tuple[int, int, float, float, float]]:
    """Return one column per code that is not rare."""
    codes, counts = np.unique(known, return_counts=True)
    return [
        (index, CATEGORY, float(code), float(count / len(known)), 1.0)
        for code, count in zip(codes, counts, strict=True)
        if RAREST <= count <= len(known) - RAREST
    ]


def missing_column(index: int, share: float, n_rows: int) -> list[tuple[int, int, float, float, float]]:
    """Return a flag for unknown values, where there are some and not all."""
    is_useful = RAREST / max(n_rows, 1) <= share <= 1.0 - RAREST / max(n_rows, 1)
    return [(index, MISSING, 0.0, share, 1.0)] if is_useful else []


def ranges(features: Floats, categorical: Collection[int]) -> tuple[Floats, Floats]:
    """Return lowest and highest value of each feature; codes are not bounded."""
    low, high = (each.reduce(features, axis=0, initial=np.nan) for each in (np.fmin, np.fmax))
    is_bounded = ~np.isnan(low) & ~np.isin(np.arange(len(low)), list(categorical))
    return np.where(is_bounded, low, -np.inf), np.where(is_bounded, high, np.inf)


def fit_logistic(
    blocks: Callable[[slice], Floats],
    left: NDArray[np.bool_],
    width: int,
    penalty: float,
    start: Floats | None = None,
) -> Floats:
    """Return ridge-penalised logistic coefficients, the intercept last and free.

    Parameters
    ----------
    blocks : callable
        Returns the columns of a slice of the rows, without the intercept.
    left : (n,) bool
        True where the exit came in the period.
    width : int
        Number of columns.
    penalty : float
        Ridge penalty, half of which times the squared coefficients is added to the negative log-likelihood.
    start : (width + 1,) float, optional
        Coefficients to begin from: those of a similar fit save most of the way.
    """
    ridge = np.append(np.full(width, penalty), 1e-6)
    share = np.clip(left.mean(), 1e-7, 1 - 1e-7)
    coefficients = np.append(np.zeros(width), np.log(share / (1 - share))) if start is None else start
    for _ in range(ITERATIONS):
        gradient, curvature = derivatives(blocks, left, coefficients)
        step = np.linalg.solve(curvature + np.diag(ridge), gradient + ridge * coefficients)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        coefficients = coefficients - step
        if np.abs(step).max() < NEAR:
            break
    return coefficients


def derivatives(
    blocks: Callable[[slice], Floats], left: NDArray[np.bool_], coefficients: Floats
) -> tuple[Floats, Floats]:
    """Return gradient and curvature of the negative log-likelihood, added up over blocks of rows."""
    width = len(coefficients)
    gradient, curvature = np.zeros(width), np.zeros((width, width))
    slopes = coefficients[:-1].astype(np.float32)
    for start in range(0, len(left), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        design = blocks(block)
        expected = sigmoid(design @ slopes + coefficients[-1])
        error, spread = expected - left[block], np.maximum(expected * (1 - expected), 1e-9)
        gradient += np.append(design.T @ error.astype(np.float32), error.sum())
        root = np.sqrt(spread).astype(np.float32)
        weighted = design * root[:, None]
        across = weighted.T @ root
        curvature[:-1, :-1] += weighted.T @ weighted  # one matrix with itself: half the products
        curvature[:-1, -1] += across
        curvature[-1, :-1] += across
        curvature[-1, -1] += spread.sum()
    return gradient, curvature
