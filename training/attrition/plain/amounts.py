"""Numbers that a table holds as texts: decimal commas, thousands apart, a currency or a percent sign beside them."""

from __future__ import annotations

import re

import pandas as pd

BESIDE = re.compile(
    r"^\s*(?P<before>[^\d\s.,+-]*)\s*(?P<number>[+-]?[\d.,'\s]*\d)\s*(?P<after>[^\d\s.,]*)\s*$"
)
LONGEST_UNIT = 4
COMMA = r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?"  # 1.234,5
POINT = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"  # 1,234.5; of two readings the first: three digits are thousands
FORMS = ((POINT, ",", "."), (COMMA, ".", ","))


def as_numbers(values: pd.Series) -> pd.Series | None:
    """Return texts as numbers, NaN where empty; None where some are no numbers, in one form and of one unit.

    Parameters
    ----------
    values : pandas.Series
        Of texts; ``1.234,50``, ``$1,234.50``, ``1 234,5 €``, ``12 %``.
    """
    texts = values.astype("string").str.strip()
    filled = texts.notna() & (texts != "")
    parts = texts[filled].str.extract(BESIDE)
    if parts.empty or parts["number"].isna().any():
        return None
    units = (parts["before"] + parts["after"]).unique()
    if len(units) > 1 or len(units[0]) > LONGEST_UNIT:
        return None
    plain = parts["number"].str.replace(r"[\s']", "", regex=True)
    for form, thousands, decimal in FORMS:
        if plain.str.fullmatch(form).all():
            read = plain.str.replace(thousands, "", regex=False).str.replace(decimal, ".", regex=False)
            return pd.to_numeric(read).astype("float64").reindex(values.index)
    return None
