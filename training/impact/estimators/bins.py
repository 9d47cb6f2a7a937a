"""A matrix binned once for every boosted fit on rows of it: binning costs as much as the trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from training.impact.table import Bools, Floats, Ints

MOST_CELLS = 165_000  # rows × columns that forests are fitted to: what two cores do within five minutes, as LaLonde's 161,770
MOST_WIDE = 2_000_000  # rows × columns²: 2,200 rows of 30 columns
MOST_SORTING = 700_000  # rows × bits of all columns: what sorting them costs at every split of every tree
BINNING: dict[
    str, Any
] = {  # of every matrix: bins do not depend on the target, the rows or the number of threads
    "enable_bundle": False,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def is_large(matrix: Floats) -> bool:
    """Say whether a table of covariates is too large for forests: too wide for its rows, or too much to sort.

    Notes
    -----
    A column of v different values costs log₂ v bits a row. LaLonde's largest table, 16,177 rows of two amounts, two counts and
    six yes/no columns, has 669,000; its 30 forests of 500 trees take 380 s of processor time, and others in proportion.

    Examples
    --------
    >>> is_large(np.zeros((16_177, 10))), is_large(np.zeros((4_802, 84)))
    (False, True)
    >>> is_large(np.random.default_rng(0).normal(size=(16_177, 4)))
    True
    """
    rows, width = matrix.shape
    if rows * width > MOST_CELLS or rows * width**2 > MOST_WIDE:
        return True
    return bool(rows * sum(np.log2(np.unique(column).size) for column in matrix.T) > MOST_SORTING)


class Bins:
    """The bins of a matrix, made when first asked for, once for each number of them; no outcome takes part in them.

    Parameters
    ----------
    matrix : (n, q) float
        Without gaps.
    """

    def __init__(self, matrix: Floats) -> None:
        self.matrix = matrix
        self.wholes: dict[int, Any] = {}

    @cached_property
    def is_large(self) -> bool:
        """Say whether the matrix is too large for forests."""
        return is_large(self.matrix)

    def dataset(self, rows: Ints, target: Floats, start: Floats | None, options: Mapping[str, Any]) -> Any:
        """Return a LightGBM dataset of some rows with their target, and the score each starts from."""
        import lightgbm

        bins = int(options["max_bin"])
        if bins not in self.wholes:
            self.wholes[bins] = lightgbm.Dataset(
                self.matrix, np.zeros(len(self.matrix)), params=dict(options), free_raw_data=False
            ).construct()
        part = self.wholes[bins].subset(rows)
        part.params = dict(options)
        part.construct()
        part.set_label(target)
        if start is not None:
            part.set_init_score(start)
        return part


@dataclass(frozen=True)
class Part:
    """Some rows of a matrix, and where they stand in the matrix that was binned.

    Parameters
    ----------
    values : (m, q) float
        The rows.
    places : (m,) int
        Where they stand in the binned matrix.
    bins : Bins
        Of the whole matrix.
    """

    values: Floats
    places: Ints
    bins: Bins

    @classmethod
    def of(cls, matrix: Floats) -> Part:
        """Return all rows of a matrix that is not binned yet."""
        return cls(matrix, np.arange(len(matrix)), Bins(matrix))

    def rows(self, keep: Bools) -> Part:
        """Return some of the rows."""
        return Part(self.values[keep], self.places[keep], self.bins)

    @property
    def is_bare(self) -> bool:
        """Say whether nothing is known of the rows: no column."""
        return bool(self.values.shape[1] == 0)

    @property
    def is_of_large_table(self) -> bool:
        """Say whether the whole matrix, not these rows alone, is too large for forests."""
        return self.bins.is_large

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)
