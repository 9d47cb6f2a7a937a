"""Groups of rows as whole numbers, alike in two frames: a number is sooner searched and added to than a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SPARSE, FEW = 4, 1_000  # more numbers than so many for each row, and these few: they are numbered anew


@dataclass(frozen=True)
class Groups:
    """The groups of two frames' rows, agreed by some columns.

    Parameters
    ----------
    left, right : (n,) int
        The group of each row, ``0 … count - 1``; rows of different frames are of one group where all columns agree.
        A row without a value in one of the columns agrees with no row of the other frame.
    count : int
        How many numbers there are.
    """

    left: Ints
    right: Ints
    count: int


def groups(left: pl.DataFrame, right: pl.DataFrame, by: Sequence[str]) -> Groups:
    """Return the groups of two frames' rows.

    Parameters
    ----------
    left, right : polars.DataFrame
        With the columns `by`, alike in both: numbered texts (`polars.Enum`), whole numbers or texts.
    by : sequence of str
        Columns on which rows of one group agree.
    """
    ours, theirs, count = np.zeros(len(left), np.int64), np.zeros(len(right), np.int64), 1
    for name in by:
        first, second, size = dense(*column_numbers(left[name], right[name]))
        ours, theirs, count = dense(ours * size + first, theirs * size + second, count * size)
    return Groups(ours, theirs, count)


def column_numbers(left: pl.Series, right: pl.Series) -> tuple[Ints, Ints, int]:
    """Return the values of two columns as numbers from 0 on, and how many there may be; the last two stand for no value."""
    if left.dtype == pl.String:
        kind = pl.Enum(pl.concat([left.unique(), right.unique()]).drop_nulls().unique().sort())
        left, right = left.cast(kind), right.cast(kind)
    if isinstance(left.dtype, pl.Enum):
        least, size = 0, len(left.dtype.categories)
    else:
        ends = [end for each in (left, right) for end in (each.min(), each.max()) if isinstance(end, int)]
        least, size = min(ends, default=0), max(ends, default=0) - min(ends, default=0) + 1
    first, second = (
        (each.to_physical().cast(pl.Int64) - least).fill_null(size + side).to_numpy()
        for side, each in enumerate((left, right))
    )
    return first, second, size + 2


def dense(left: Ints, right: Ints, count: int) -> tuple[Ints, Ints, int]:
    """Return numbers, anew where most of them stand for nothing, and how many there are."""
    if count <= SPARSE * (len(left) + len(right)) + FEW:
        return left, right, count
    used, numbers = np.unique(np.concatenate([left, right]), return_inverse=True)
    return numbers[: len(left)].astype(np.int64), numbers[len(left) :].astype(np.int64), used.size
