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
        Columns of texts, numbered ones (`polars.Enum`) among them; the first counts most.
    """
    texts = {name: pl.col(name).cast(pl.String) for name in names}
    kinds = [frame.schema[name] for name in names]
    if all(isinstance(kind, pl.Enum) and kind.categories.is_sorted() for kind in kinds):
        return frame.sort(names)
    if frame.height < MANY:
        return frame.sort(list(texts.values()))
    order = frame.select(texts[name].unique().sort().implode() for name in names).row(0)
    return frame.sort([
        text.cast(pl.Enum(found)) for text, found in zip(texts.values(), order, strict=True)
    ])  # fmt: skip
