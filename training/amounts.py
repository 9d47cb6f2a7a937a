"""Numbers that a table holds as texts: decimal commas, thousands apart, a currency or a percent sign beside them."""

from __future__ import annotations

import re

import pandas as pd
import polars as pl

from features.records.reading.number_texts import evidence, read_numbers

BESIDE = re.compile(
    r"^\s*(?P<before>[^\d\s.,+-]*)\s*(?P<number>[+-]?[\d.,'\s]*\d)\s*(?P<after>[^\d\s.,]*)\s*$"
)
LONGEST_UNIT = 4


def as_numbers(values: pd.Series) -> pd.Series | None:
    """Return texts as numbers, NaN where empty; None where some are no numbers, in one form and of one unit.

    Parameters
    ----------
    values : pandas.Series
        Of texts; ``1.234,50``, ``$1,234.50``, ``1 234,5 €``, ``12 %`` (12: a unit is taken off). What may be thousands or a
        fraction (``1,234``) is thousands where no other value tells.
    """
    texts = values.astype("string").str.strip()
    filled = texts.notna() & (texts != "")
    parts = texts[filled].str.extract(BESIDE)
    if parts.empty or parts["number"].isna().any():
        return None
    units = (parts["before"] + parts["after"]).unique()
    if len(units) > 1 or len(units[0]) > LONGEST_UNIT:
        return None
    numbers = pl.Series(parts["number"].tolist(), dtype=pl.String)
    has_commas, has_points = evidence([numbers.str.replace_all(r"[\s']", "")])
    read = read_numbers(numbers, "," if has_commas and not has_points else ".")
    if read.null_count():
        return None
    return pd.Series(read.to_numpy(), index=parts.index, dtype="float64").reindex(values.index)
