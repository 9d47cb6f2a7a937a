"""Dates and times of a plain table, read as those of imported records are; what a whole column tells of its order counts too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from features.errors import BadInputError
from features.records.reading.date_texts import read_moments

YEAR_FIRST = r"^(\d{4})/(\d{2})/(\d{2})"
IN_EITHER_ORDER = r"^\d{1,2}[/-]\d{1,2}[/-]\d{4}"  # with points the day comes first
NO_TIME = int(np.iinfo(np.int64).min)
WRITTEN = "dates such as 2026-03-31, 31.03.2026 or 2026-03-31T08:00:00+02:00"


def moments(values: pd.Series) -> pd.Series:
    """Return a column of dates as moments in UTC (those without a zone are), ``NaT`` where empty or none.

    Parameters
    ----------
    values : (n,) pandas.Series
        Of moments already, or texts: year first, day first or month first, with or without a time, months by name.

    Raises
    ------
    BadInputError
        If nothing tells days from months (03/04/2026 and no such date as 31/04/2026).
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True)
    texts = as_texts(values)
    either = texts.str.contains(IN_EITHER_ORDER).fill_null(value=False)
    found = read_moments(texts.set(either, None), "auto")
    if either.any():
        found = found.fill_null(by_their_order(texts.set(~either, None), str(values.name)))
    micros = found.fill_null(NO_TIME).to_numpy().astype("datetime64[us]")
    return pd.Series(micros, index=values.index).dt.tz_localize("UTC")


def as_texts(values: pd.Series) -> pl.Series:
    """Return values as stripped texts, null where empty."""
    written = values.astype("string").str.strip().astype(object)
    texts = pl.Series(written.where(written.notna(), None).tolist(), dtype=pl.String)
    return texts.set(texts == "", None).str.replace(YEAR_FIRST, "$1-$2-$3")


def by_their_order(texts: pl.Series, name: str) -> pl.Series:
    """Return dates in the order, day or month first, in which more of them can be; raise BadInputError where none is."""
    day_first, month_first = (read_moments(texts, order) for order in ("dmy", "mdy"))
    unread = day_first.null_count() - month_first.null_count()
    if not unread and not day_first.equals(month_first):
        raise BadInputError(
            f"In the column {name} nothing tells day from month.",
            found=", ".join(texts.drop_nulls().unique(maintain_order=True)[:6]),
            allowed="year first (2026-04-03), or with points (03.04.2026)",
        )
    return month_first if unread > 0 else day_first
