"""Protected attributes, for the fairness report alone: the feature pipeline cannot import this module."""

from __future__ import annotations

import polars as pl

from features.records.columnar import columns_of_table
from features.records.store import Store


def protected_attributes(store: Store) -> pl.DataFrame:
    """Return one row per person, one column per attribute; unknown is null."""
    frame = columns_of_table(store, "protected_attributes", ("employee_id", "attribute", "value"))
    if frame.is_empty():
        return pl.DataFrame(schema={"employee_id": pl.String})
    return frame.pivot(on="attribute", index="employee_id", values="value")
