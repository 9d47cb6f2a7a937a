"""How courses have been doing lately: the popularity of the latest days, the trend, and how new they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)

WINDOWS_DAYS = (7.0, 14.0, 30.0, 60.0, 120.0, 365.0)
NAMES = ("lately", "trend", "newness")
STEADY = 10.0  # so many takers of before are added to each course: a trend of few people is none


def lately(ages: Matrix, window_days: float) -> Floats:
    """Return each course's latest popularity, trend and newness, each with mean 0 and standard deviation 1.

    Parameters
    ----------
    ages : (n_people, n_courses) sparse float
        How many days ago each pair happened, more than 0.
    window_days : float
        What counts as the latest days.

    Returns
    -------
    (3, n_courses) float32
        In the order of `NAMES`: log takers of the window; log share of all takers who came within the window,
        shrunk; minus the log of the days since the first taker. A course nobody took is an average one.
    """
    columns, days = ages.indices, np.asarray(ages.data, dtype=np.float64)
    n = ages.shape[1]
    everybody = np.bincount(columns, minlength=n)
    recent = np.bincount(columns[days <= window_days], minlength=n)
    first = np.zeros(n)
    np.maximum.at(first, columns, days)
    found = np.stack([np.log1p(recent), np.log((recent + 1.0) / (everybody + STEADY)), -np.log1p(first)])
    known = everybody > 0
    if not known.any():
        return np.zeros((len(NAMES), n), dtype=np.float32)
    found -= found[:, known].mean(axis=1, keepdims=True)
    found /= np.maximum(found[:, known].std(axis=1, keepdims=True), 1e-9)
    return np.where(known, found, 0.0).astype(np.float32)


def windows_within(ages: Matrix) -> tuple[float, ...]:
    """Return the windows that are shorter than half of what the data span; none where nothing has an age."""
    span = float(ages.data.max()) if ages.nnz else 0.0
    return tuple(days for days in WINDOWS_DAYS if days <= span / 2)
