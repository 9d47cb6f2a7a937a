"""A batch of rows, as every reader yields them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from features.records.reading.styles import Style

LINE = "#line"
BATCH_ROWS = 20_000
BATCH_CHARACTERS = 16_000_000


@dataclass(frozen=True)
class Batch:
    """Some rows of one file, in its own columns.

    Parameters
    ----------
    file : str
        Name of the file.
    frame : polars.DataFrame
        Texts, or the types of the file; the column ``#line`` is the physical line.
    share : float
        How much of the file has been read, 0-1.
    """

    file: str
    frame: pl.DataFrame
    share: float = 0.0


@dataclass(frozen=True)
class Piece:
    """Some rows for one table of the records, in its columns but not yet in its types.

    Parameters
    ----------
    table : str
        Name of the table.
    file : str
        Name of the file they come from.
    frame : polars.DataFrame
        Columns of the table, and ``#line``.
    labels : mapping of str to str
        What the file calls a column, where that is another name.
    style : Style
        How texts stand for numbers and dates.
    keep_existing : bool
        True where a row that stands in the store is left as it is.
    repeats : str
        ``refuse`` a key that comes twice with different values, or keep the ``first``.
    orphans : str
        ``refuse`` a row that names what does not exist, or put it into the ``quarantine``.
    share : float
        How much of the source has been read, 0-1.
    """

    table: str
    file: str
    frame: pl.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    style: Style = field(default_factory=Style)
    keep_existing: bool = False
    repeats: str = "refuse"
    orphans: str = "refuse"
    share: float = 0.0


def text_frame(names: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]) -> pl.DataFrame:
    """Return rows of texts as a frame with their lines."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    data = {
        name: pl.Series(name, values, dtype=pl.String) for name, values in zip(names, columns, strict=True)
    }
    return pl.DataFrame({**data, LINE: pl.Series(LINE, lines, dtype=pl.Int64)})
