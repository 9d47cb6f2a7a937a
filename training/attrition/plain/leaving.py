"""Which rows of a plain table left: what a column of labels or events says, in whatever words it says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import BadInputError

Bools = NDArray[np.bool_]
LEFT = frozenset({"1", "1.0", "yes", "y", "true", "left", "leaver", "ja"})
STAYED = frozenset({"0", "0.0", "no", "n", "false", "stayed", "stayer", "active", "current", "nein"})
NUMERIC = frozenset(
    {"0", "0.0", "1", "1.0"}
)  # of these one alone says nothing: 1 may be the first of two codes
MOST_SHOWN = 10


def said_to_leave(values: pd.Series, positive: Any = None) -> Bools:
    """Return who left, (n,).

    Parameters
    ----------
    values : pandas.Series
        The column of labels or events.
    positive : text or number, optional
        The value that means left. Without it the column must hold a word that is known to mean so (or one that is known
        to mean the contrary) and one other.

    Raises
    ------
    BadInputError
        If the column does not say so of every row.
    """
    text = values.astype("string").str.strip().str.lower()
    text = text.mask(text == "")
    distinct = sorted(text.dropna().unique())
    wanted = meaning_left(values, distinct) if positive is None else same_value(values, positive)
    is_only_leavers = positive is not None and set(distinct) <= wanted
    if text.isna().any() and not is_only_leavers:
        raise BadInputError(f"The column {values.name} is empty in some rows.", found=f"{int(text.isna().sum())} empty rows",
                            allowed="who left and who stayed, in every row",
                            hint="Where only leavers have an entry, say which: --positive VALUE.")  # fmt: skip
    found = text.isin(wanted).to_numpy(dtype=bool, na_value=False)
    if positive is not None and not found.any():
        raise BadInputError(f"No row of {values.name} says {positive}.", allowed=shown(values))
    return np.asarray(found)


def same_value(values: pd.Series, positive: Any) -> set[str]:
    """Return the texts that stand for the value given."""
    wanted = {str(positive).strip().lower()}
    number = pd.to_numeric(pd.Series([str(positive)]), errors="coerce")[0]
    if pd.api.types.is_numeric_dtype(values) and np.isfinite(number):
        wanted |= (
            {str(float(number)), str(int(number))} if float(number).is_integer() else {str(float(number))}
        )
    return wanted


def meaning_left(values: pd.Series, distinct: list[str]) -> set[str]:
    """Return the text that means left; raise BadInputError where two are no pair, or none of them is a known word."""
    if len(distinct) > 2:
        raise BadInputError(f"The column {values.name} has more than two values.", found=shown(values),
                            hint="Say which means left: --positive VALUE.")  # fmt: skip
    left, stayed = set(distinct) & LEFT, set(distinct) & STAYED
    if len(left) == 1 and (len(distinct) == 1 or stayed or not left & NUMERIC):
        return left
    others = set(distinct) - stayed
    if len(stayed) == 1 and not stayed & NUMERIC:
        return others
    if len(distinct) < 2:
        return left
    raise BadInputError(f"The column {values.name} does not say which of its values means left.", found=shown(values),
                        allowed=f"{', '.join(sorted(LEFT))}; or one of {', '.join(sorted(STAYED))} and one other",
                        hint="Say which means left: --positive VALUE.")  # fmt: skip


def shown(values: pd.Series) -> str:
    """Return the first of a column's values, as they stand in it."""
    return ", ".join(map(str, values.dropna().unique()[:MOST_SHOWN]))
