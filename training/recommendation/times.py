"""Times of who took what: moments as people write them, or numbers since 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.errors import BadInputError
from training.moments import WRITTEN, moments

SECONDS_LIMIT = 1e11  # a larger number of seconds since 1970 is of milliseconds, microseconds or nanoseconds
A_DAY_IN_DIGITS = r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # 20260131


def seconds(values: pd.Series, file: str) -> pd.Series:
    """Return times as seconds since 1970 UTC, float.

    Parameters
    ----------
    values : (n,) series
        Moments (`training.moments.moments`), or numbers since 1970 (seconds to nanoseconds).
    file : str
        The table they are from, for messages.

    Raises
    ------
    BadInputError
        If one is missing or cannot be read, or if nothing tells days from months.
    """
    empty = np.flatnonzero(values.isna())
    if empty.size:
        raise BadInputError(f"{file} has a row without a time.", found=f"row {empty[0] + 1}")
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    is_days = values.astype(str).str.strip().str.fullmatch(A_DAY_IN_DIGITS).all()
    if numbers.notna().all() and not is_days and not pd.api.types.is_datetime64_any_dtype(values):
        return in_seconds(numbers)
    found = moments(values)
    wrong = np.flatnonzero(found.isna())
    if wrong.size:
        row = int(next((one for one in wrong if np.isnan(numbers.iloc[one])), wrong[0]))
        raise BadInputError(
            f"{file} has a time that cannot be read.",
            found=f"{values.iloc[row]!r} in row {row + 1}",
            allowed=f"{WRITTEN}; or numbers since 1970 in every row",
        )
    since: pd.Series = (found - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return since


def in_seconds(numbers: pd.Series) -> pd.Series:
    """Return numbers since 1970 in seconds, whether they are given so or in a thousandth of it, or finer.

    Examples
    --------
    >>> in_seconds(pd.Series([1.6e9, 1.7e9])).tolist() == in_seconds(pd.Series([1.6e18, 1.7e18])).tolist()
    True
    """
    usual = float(numbers.abs().median())
    while usual > SECONDS_LIMIT:
        numbers, usual = numbers / 1000, usual / 1000
    return numbers
