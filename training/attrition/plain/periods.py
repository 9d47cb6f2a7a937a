"""The periods of a panel put in the order of time, however a table writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import BadInputError

Ints = NDArray[np.int64]
SORTABLE = (
    r"\d{4}", r"\d{4}[-/.]\d{2}", r"\d{4}[-/.]\d{2}[-/.]\d{2}([ T].*)?", r"\d{6}", r"\d{8}", r"\d{4}[- ]?[QqHh]\d",
    r"\d{4}[- ]?[Ww]\d{2}",
)  # fmt: skip
PARTS_FIRST = r"[QqHh](\d)[- /]?(\d{4})"  # Q1 2025
FORMATS = ("%m/%Y", "%m.%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
ALLOWED = "numbers, dates, 2025-03, 2025-Q1, Q1 2025, 03/2025 or Mar 2025, one form for all rows"


def periods_in_order(values: pd.Series) -> Ints:
    """Return periods as numbers from 0 in the order of time.

    Parameters
    ----------
    values : pandas.Series
        Numbers, dates or texts.

    Raises
    ------
    BadInputError
        If some are empty, or texts are in no form, or in two, whose order is known: sorted as texts, the fourth quarter
        of a year would come after the first of the next.
    """
    if values.isna().any():
        raise BadInputError(
            f"The column {values.name} is empty in some rows.", found=f"{int(values.isna().sum())} empty rows"
        )
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values)):
        texts = values.astype("string").str.strip()
        distinct = pd.Series(texts.unique(), dtype="string")
        values = texts.map(dict(zip(distinct, sort_keys(distinct, str(values.name)), strict=True)))
    return np.asarray(pd.Categorical(values).codes, dtype=np.int64)


def sort_keys(texts: pd.Series, name: str) -> Sequence[str]:
    """Return texts that sort as the periods do, in the order given."""
    if any(texts.str.fullmatch(form).all() for form in SORTABLE):
        return [str(text) for text in texts]
    if texts.str.fullmatch(PARTS_FIRST).all():
        parts = texts.str.extract(PARTS_FIRST)
        return [f"{year} {part}" for part, year in zip(parts[0], parts[1], strict=True)]
    readings = [pd.to_datetime(texts, format=form, errors="coerce") for form in FORMATS]
    found = [reading.dt.strftime("%Y-%m-%d") for reading in readings if reading.notna().all()]
    if not found:
        raise BadInputError(f"The column {name} holds periods whose order is not known.",
                            found=", ".join(sorted(map(str, texts))[:6]), allowed=ALLOWED)  # fmt: skip
    if any((other.rank() != found[0].rank()).any() for other in found[1:]):
        raise BadInputError(f"The column {name} can be read with the day first or with the month first.",
                            found=", ".join(sorted(map(str, texts))[:6]), allowed="2025-03-01")  # fmt: skip
    return [str(key) for key in found[0]]
