"""Which shapes of trees a table may choose from."""

from __future__ import annotations

import numpy as np

from training.attrition.fitting.choosing import FEWEST_FOR_SMALL_LEAVES, Folds, families
from training.attrition.fitting.hazard import SHAPES, Table
from training.attrition.scorer import Basis

NONE = np.empty(0, dtype=np.int64)
EMPTY = np.empty(0)


def shapes_of(rows: int, every: int) -> set[str]:
    """Return the shapes for so many rows, of which every so-manieth is an exit."""
    left = np.arange(rows) % every == 0
    basis = Basis(NONE, NONE, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY)
    table = Table(np.empty((rows, 0)), left, basis, NONE, (), 1.0, 1)
    folds = Folds.of(table, [(np.arange(0, rows, 2), np.arange(1, rows, 2))])
    return {name for some in families(tuple(SHAPES), folds) for name in some}


def test_small_leaves_are_for_many_rows() -> None:
    assert shapes_of(FEWEST_FOR_SMALL_LEAVES - 1, 7) == set(SHAPES) - {"deep"}
    assert shapes_of(FEWEST_FOR_SMALL_LEAVES, 7) == set(SHAPES)


def test_bushy_trees_are_for_leaves_that_hold_exits() -> None:
    assert shapes_of(4_000, 101) == {"few stumps", "stumps", "pairs", "medium"}
