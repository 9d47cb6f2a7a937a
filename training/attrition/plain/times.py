"""How long each row of a survival table was followed: numbers as they stand, or the days between two dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import BadInputError
from training.amounts import as_numbers
from training.attrition.plain.leaving import said_to_leave
from training.attrition.scorer import Floats
from training.moments import WRITTEN, moments

if TYPE_CHECKING:
    from training.attrition.plain.reading import Request

Bools = NDArray[np.bool_]
DAY = 86_400  # seconds


def followed(frame: pd.DataFrame, request: Request) -> tuple[Floats, Bools]:
    """Return how long each row was followed, and whether it left; raise BadInputError for a time that cannot be."""
    if not request["duration"]:
        return np.ones(len(frame)), said_to_leave(
            frame[request["label"] or request["event"]], request["positive"]
        )
    if request["since"]:
        found, left = between(frame, request)
    else:
        found = lengths(frame[request["duration"]])
        left = said_to_leave(frame[request["event"]], request["positive"])
    if np.isnan(found).any() or (found < 0).any():
        raise BadInputError(f"The column {request['duration']} holds an impossible time.",
                            found=f"{int(np.isnan(found).sum())} empty or no number, {int((found < 0).sum())} negative",
                            allowed="numbers, 0 or more; dates not before those of --since")  # fmt: skip
    return found, left


def lengths(values: pd.Series) -> Floats:
    """Return a column of durations as numbers; raise BadInputError where it holds dates."""
    if not pd.api.types.is_numeric_dtype(values):
        read = as_numbers(values)
        if read is None and parsed(values) is not None:
            raise BadInputError(f"The column {values.name} holds dates, not durations.",
                                hint="Name the column with the date of entry too: --since COL.")  # fmt: skip
        values = values if read is None else read
    return np.asarray(pd.to_numeric(values, errors="coerce"), dtype=np.float64)


def between(frame: pd.DataFrame, request: Request) -> tuple[Floats, Bools]:
    """Return the days from one date to another, and who left.

    Notes
    -----
    Without a column of events, who has a second date left then; who has none is still here, last seen on ``--as-of``, or
    else on the latest date in the table.
    """
    start, end = dates(frame[request["since"]]), dates(frame[request["duration"]])
    if start.isna().any():
        raise BadInputError(f"The column {request['since']} is empty in some rows.",
                            found=f"{int(start.isna().sum())} empty rows", allowed=WRITTEN)  # fmt: skip
    has_end = end.notna().to_numpy()
    says = request["event"] and request["event"] != request["duration"]
    left = said_to_leave(frame[request["event"]], request["positive"]) if says else has_end
    last = end.fillna(last_seen(start, end, request["as_of"]))
    return np.asarray((last - start).dt.total_seconds() / DAY, dtype=np.float64), left


def last_seen(start: pd.Series, end: pd.Series, as_of: str | None) -> pd.Timestamp:
    """Return the day on which whoever has not left was last seen."""
    if as_of is None:
        return pd.Timestamp(pd.concat([start, end]).max())
    day = pd.to_datetime(str(as_of), format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise BadInputError("--as-of is no date.", found=str(as_of), allowed="2025-12-31")
    return pd.Timestamp(day)


def dates(values: pd.Series) -> pd.Series:
    """Return a column as dates, empty ones kept; raise BadInputError where it holds none, or could be read in two ways."""
    found = parsed(values)
    if found is None:
        filled = values.dropna().astype("string")
        raise BadInputError(f"The column {values.name} holds no dates that can be read.",
                            found=", ".join(filled.unique()[:6]), allowed=WRITTEN)  # fmt: skip
    return found


def parsed(values: pd.Series) -> pd.Series | None:
    """Return a column as days; None where a value is no date. Raise BadInputError where nothing tells day from month."""
    is_filled = values.notna() & (values.astype("string").str.strip() != "").fillna(value=False).astype(bool)
    if not is_filled.any() or pd.api.types.is_float_dtype(values):
        return None
    found = moments(values)
    return found.dt.tz_localize(None).dt.normalize() if found.notna().equals(is_filled) else None
