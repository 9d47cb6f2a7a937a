"""Many rows in the order of their texts: each different text is compared once, the rows by its number."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

MANY = 50_000  # rows from which on numbering the texts pays


def by_texts(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return a frame sorted by text columns, as `polars.DataFrame.sort` does it.

    Parameters
    ----------
    frame : polars.DataFrame
        Of any size; no nulls in the columns sorted by.
    names : sequence of str
        Text columns, the first counts most.
    """
    if frame.height < MANY:
        return frame.sort(names)
    return frame.sort([pl.col(name).cast(pl.Enum(frame[name].unique().sort())) for name in names])
