"""Values of a plain table: yes and no, and numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.errors import BadInputError
from training.impact.table import Bools, Floats

YES = {"1", "1.0", "yes", "y", "true", "t", "treated", "treat", "trained", "treatment"}
NO = {"0", "0.0", "no", "n", "false", "f", "control", "untreated", "comparison", "none"}
SHOWN = 5


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds numbers, or yes and no as the file's format has them."""
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def flags(frame: pd.DataFrame, name: str, positive: str | None) -> tuple[Bools, Bools]:
    """Return where a column says yes, and where it says anything.

    Raises
    ------
    BadInputError
        If it is not 0/1 or yes/no and no value was named that means yes, or if the value that was named is not there.
    """
    column = frame[name]
    known = column.notna().to_numpy()
    text = column.astype(str).str.strip().str.lower()
    if positive is not None:
        found = (text == positive.strip().lower()).to_numpy() & known
        if not found.any():
            raise BadInputError(
                f"No row of column {name} has the value that was named.",
                found=positive,
                allowed=", ".join(text[known].value_counts().index[:SHOWN]) or "nothing: the column is empty",
            )
        return found, known
    strange = sorted(set(text[known]) - YES - NO)
    if strange:
        raise BadInputError(
            f"Column {name} does not say yes or no.",
            found=", ".join(strange[:SHOWN]),
            allowed="0/1, yes/no, true/false, treated/control",
            hint="Name the value that means trained by --treated-value.",
        )
    return text.isin(YES).to_numpy() & known, known


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as numbers, ``nan`` where empty or infinite; yes/no as 1 and 0; raise BadInputError for other text."""
    column = frame[name]
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    lost = column.notna().to_numpy() & np.isnan(found)
    if not lost.any():
        return np.where(np.isfinite(found), found, np.nan)
    text = column.astype(str).str.strip().str.lower()
    known = column.notna().to_numpy()
    if text[known].isin(YES | NO).all():
        return np.where(known, text.isin(YES).to_numpy(dtype=np.float64), np.nan)
    raise BadInputError(
        f"Column {name} holds something that is no number.",
        found=str(column[lost].iloc[0])[:80],
        allowed="numbers of one unit, or yes/no",
        hint="Write the number alone: no unit, percent or currency sign beside it.",
    )
