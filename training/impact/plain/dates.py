"""Dates of a plain table as moments, months (2024-03) or quarters (2024Q1)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.errors import BadInputError
from training.impact.table import Floats
from training.moments import WRITTEN, moments

DATE = r"\s*\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}.*)?)?\s*"
MONTH = r"^(\d{4}-\d{2})$"
QUARTER = r"\s*(\d{4})-?[Qq]([1-4])\s*"


def is_dates(column: pd.Series) -> bool:
    """Say whether a column holds dates, or text that is written as dates (year first) throughout."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    seen = column.dropna()
    if not len(seen) or pd.api.types.is_numeric_dtype(column):
        return False
    if not seen.astype(str).str.fullmatch(f"{DATE}|{QUARTER}").all():
        return False
    return bool(moments_of(seen).notna().all())


def moments_of(column: pd.Series) -> pd.Series:
    """Return a column of dates as moments; ``NaT`` for what is none."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return moments(column)
    text = column.where(column.isna(), column.astype(str).str.strip())
    month = text.str.replace(QUARTER, lambda found: f"{found[1]}-{3 * int(found[2]) - 2:02d}-01", regex=True)
    return moments(month.str.replace(MONTH, r"\1-01", regex=True))


def days(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column of dates as days since 1970, ``nan`` where empty."""
    since = moments_of(frame[name]) - pd.Timestamp(0, tz="UTC")
    return np.asarray(since / pd.Timedelta(days=1), dtype=np.float64)


def times(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as comparable times: numbers (periods) as they are, dates as days.

    Raises
    ------
    BadInputError
        If a value is neither, or nothing tells days from months (01/03/2024).
    """
    column = frame[name]
    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column, dtype=np.float64)
    found = moments_of(column)
    strange = column[column.notna() & found.isna()]
    if len(strange):
        raise BadInputError(
            f"Column {name} holds something that is no date.",
            found=str(strange.iloc[0])[:80],
            allowed=f"numbers of periods, {WRITTEN}, months (2024-03) or quarters (2024Q1)",
        )
    return days(frame, name)
