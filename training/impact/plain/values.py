"""Values of a plain table: yes and no, and numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.errors import BadInputError
from training.impact.plain.dates import is_dates
from training.impact.table import Bools, Floats

YES = {"1", "1.0", "yes", "y", "true", "t", "treated", "treat", "trained", "treatment"}
NO = {"0", "0.0", "no", "n", "false", "f", "control", "untreated", "comparison", "none"}
UNKNOWN = {"", ".", "..", "-", "–", "na", "n/a", "n.a.", "nan", "null", "missing", "unknown"}
SHOWN = 5
PERCENT = r"[-+]?\d+(\.\d+)?\s*%"


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds numbers, or yes and no as the file's format has them."""
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def said(column: pd.Series) -> pd.Series:
    """Return values as they are written, in lower case; 1.0, which gaps make of 1, is 1."""
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return column.astype(str).str.strip().str.lower()
    return column.map(written, na_action="ignore").astype(str)


def written(value: object) -> str:
    """Return a value as `said` has it."""
    text = str(value).strip().lower()
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text


def flags(frame: pd.DataFrame, name: str, positive: str | None) -> tuple[Bools, Bools]:
    """Return where a column says yes, and where it says anything; a column of dates says yes where there is one, no elsewhere.

    Raises
    ------
    BadInputError
        If it is not 0/1 or yes/no and no value was named that means yes, or if the value that was named is not there.
    """
    column = frame[name]
    known = column.notna().to_numpy()
    text = said(column)
    if positive is not None:
        found = text.isin([positive.strip().lower(), written(positive)]).to_numpy() & known
        if not found.any():
            raise BadInputError(
                f"No row of column {name} has the value that was named.",
                found=positive,
                allowed=", ".join(text[known].value_counts().index[:SHOWN]) or "nothing: the column is empty",
            )
        return found, known
    if is_dates(column):
        return known, np.ones(len(column), dtype=bool)
    strange = sorted(set(text[known]) - YES - NO)
    if strange:
        raise BadInputError(
            f"Column {name} does not say yes or no.",
            found=", ".join(strange[:SHOWN]),
            allowed="0/1, yes/no, true/false, treated/control, or dates of the training that are empty where there was none",
            hint="Name the value that means trained by --treated-value.",
        )
    return text.isin(YES).to_numpy() & known, known


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as numbers, ``nan`` where unknown or infinite; yes/no as 1 and 0, percentages without their sign.

    Raises
    ------
    BadInputError
        For other text.
    """
    column = frame[name]
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if not (column.notna().to_numpy() & np.isnan(found)).any():
        return np.where(np.isfinite(found), found, np.nan)
    text = column.astype(str).str.strip().str.lower()
    known = (column.notna() & ~text.isin(UNKNOWN)).to_numpy()
    lost = known & np.isnan(found)
    if not lost.any():
        return np.where(np.isfinite(found), found, np.nan)
    if text[known].isin(YES | NO).all():
        return np.where(known, text.isin(YES).to_numpy(dtype=np.float64), np.nan)
    if text[known].str.fullmatch(PERCENT).all():
        return np.asarray(pd.to_numeric(text.where(known).str.rstrip("% ")), dtype=np.float64)
    raise BadInputError(
        f"Column {name} holds something that is no number.",
        found=str(column[lost].iloc[0])[:80],
        allowed="numbers of one unit, percentages, or yes/no",
        hint=how_to_write(text[known]),
    )


def how_to_write(text: pd.Series) -> str:
    """Return what to do about text that is no number."""
    values = sorted(set(text))
    if len(values) == 2:
        return f"Write 1 for one of “{values[0]}” and “{values[1]}”, and 0 for the other."
    return "Write the number alone, with a point before decimals: no thousands separator, unit or currency beside it."
