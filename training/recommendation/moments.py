"""Times of a plain table as people write them: ISO 8601, days first or months first, or numbers since 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.errors import BadInputError

SECONDS_LIMIT = 1e11  # a larger number of seconds since 1970 is of milliseconds, microseconds or nanoseconds
A_DAY_IN_DIGITS = r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # 20260131
NUMBERED_DAY = r"^\s*(\d{1,2})([./-])(\d{1,2})[./-]\d{2,4}\b"
MONTHS = 12


def seconds(values: pd.Series, file: str) -> pd.Series:
    """Return times as seconds since 1970 UTC, float.

    Parameters
    ----------
    values : (n,) series
        Moments, ISO 8601 with or without a zone, dates in numbers, or numbers since 1970 (seconds to nanoseconds).
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
    if pd.api.types.is_datetime64_any_dtype(values):
        return since_1970(pd.to_datetime(values, utc=True))
    plain = values.astype(str).str.strip()
    if plain.str.fullmatch(A_DAY_IN_DIGITS).all():
        return since_1970(pd.to_datetime(plain, format="%Y%m%d", utc=True))
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    if numbers.notna().all():
        return in_seconds(numbers)
    moments = read_moments(plain, file)
    wrong = np.flatnonzero(moments.isna() & numbers.isna())
    if moments.isna().any():
        row = int(wrong[0] if wrong.size else np.flatnonzero(moments.isna())[0])
        raise BadInputError(
            f"{file} has a time that cannot be read.",
            found=f"{values.iloc[row]!r} in row {row + 1}",
            allowed="ISO 8601, or numbers since 1970 in every row",
        )
    return since_1970(moments)


def read_moments(plain: pd.Series, file: str) -> pd.Series:
    """Return written moments; not a time where one cannot be read."""
    is_numbered = plain.str.match(NUMBERED_DAY)
    day_first = bool(is_numbered.any()) and is_day_first(plain[is_numbered], file)
    found = pd.Series(pd.NaT, index=plain.index, dtype="datetime64[ns, UTC]")
    for rows, is_first in ((is_numbered, day_first), (~is_numbered, False)):
        found[rows] = pd.to_datetime(
            plain[rows], errors="coerce", utc=True, format="mixed", dayfirst=is_first
        )
    return found


def since_1970(moments: pd.Series) -> pd.Series:
    """Return moments as seconds since 1970."""
    found: pd.Series = (moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return found


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


def is_day_first(plain: pd.Series, file: str) -> bool:
    """Say whether dates that are all numbers (3/4/2026) begin with the day: what no month can be tells it.

    Raises
    ------
    BadInputError
        If nothing tells, or both.
    """
    parts = plain.str.extract(NUMBERED_DAY)
    if parts[1].eq(".").all():
        return True
    first, second = (int(parts[place].astype(int).max()) for place in (0, 2))
    if (first > MONTHS) == (second > MONTHS):
        raise BadInputError(
            f"{file} has dates of which nothing tells day from month.",
            found=repr(plain.iloc[0]),
            allowed="ISO 8601 (2026-04-03)",
        )
    return first > MONTHS
