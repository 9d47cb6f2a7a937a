"""Fit the hazard of one cause: boosted trees and a small logistic model, blended in log-odds as validation says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from training.attrition.dataset import is_everything
from training.attrition.fitting.linear import fit_logistic
from training.attrition.fitting.season import MONTHS, Clock, month_effects
from training.attrition.scorer import Basis, Blend, Floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

SHAPES: Mapping[str, Mapping[str, float]] = {
    "few stumps": {"num_leaves": 2, "learning_rate": 0.1, "num_iterations": 80},
    "stumps": {"num_leaves": 2, "learning_rate": 0.1, "num_iterations": 300},
    "pairs": {"num_leaves": 4, "learning_rate": 0.05, "num_iterations": 200},
    "medium": {"num_leaves": 15, "max_depth": 6, "learning_rate": 0.03, "num_iterations": 200},
    "wide": {"num_leaves": 127, "learning_rate": 0.03, "num_iterations": 200},
    # where a few columns together decide: each tree sees most of them, codes are told apart one by one, leaves are small
    "deep": {"num_leaves": 31, "learning_rate": 0.03, "num_iterations": 230, "feature_fraction": 0.8, "min_data_in_leaf": 20,
             "max_cat_to_onehot": 64, "lambda_l2": 0.0},
}  # fmt: skip
Shape = str | Mapping[str, Any]
ROWS_AT_ONCE = 20_000
SINGLE = np.float32  # half the memory, and precise enough to search with
MOST_CELLS = 40_000_000  # of the logistic part's columns that are kept in memory
SMALL_ROWS = 20_000  # below, threads wait for each other longer than they work
MOST_ROWS_BEGINNING = 100_000  # that the logistic part is first fitted to
FEWEST_FOR_TREES = 100  # exits of a cause; with fewer, the logistic part answers alone


class Binned:
    """Rows as LightGBM bins them: once for all that is grown on them, whatever the exits and the shape."""

    def __init__(self) -> None:
        self.data: lgb.Dataset | None = None

    def about(self, table: Table, settings: Mapping[str, Any]) -> lgb.Dataset:
        """Return the binned rows of a table with its exits."""
        if self.data is None:
            columns = list(table.tree_columns)
            codes = [columns.index(index) for index in table.categorical if index in columns]
            self.data = lgb.Dataset(table.features[:, columns], table.left.astype(np.float64), params=settings,
                                    categorical_feature=codes or "auto", free_raw_data=True).construct()  # fmt: skip
        self.data.set_label(table.left.astype(np.float64))
        return self.data


@dataclass(frozen=True)
class Table:
    """What a hazard is fitted to, and how.

    Parameters
    ----------
    features : (n, n_features) float
        Rows of person-periods.
    left : (n,) bool
        True where the exit of the cause came in the period.
    basis : Basis
        Of the logistic part.
    tree_columns : (n_tree_features,) int
        Features that the trees see.
    categorical : collection of int
        Features that are codes.
    penalty : float
        Ridge penalty of the logistic part.
    threads : int
        For LightGBM.
    columns : (n, n_columns) float, optional
        Of the logistic part, where they fit into memory.
    clock : Clock, optional
        When each row was; None where the table knows no season.
    binned : Binned
        The rows as LightGBM bins them; tables of the same rows share it.
    """

    features: Floats
    left: Bools
    basis: Basis
    tree_columns: Ints
    categorical: Collection[int]
    penalty: float
    threads: int
    columns: Floats | None = None
    clock: Clock | None = None
    binned: Binned = field(default_factory=Binned)

    def take(self, rows: Ints) -> Table:
        """Return some of the rows; the table itself, and no copy, where they are all of them in order."""
        if is_everything(rows, len(self.left)):
            return self
        columns = None if self.columns is None else self.columns[rows]
        clock = None if self.clock is None else self.clock.take(rows)
        return replace(self, features=self.features[rows], left=self.left[rows], columns=columns, clock=clock,
                       binned=Binned())  # fmt: skip

    def block(self, rows: slice) -> Floats:
        """Return the columns of the logistic part of some rows."""
        return self.basis.design(self.features[rows], SINGLE) if self.columns is None else self.columns[rows]


def columns_of(basis: Basis, features: Floats) -> Floats | None:
    """Return the columns of the logistic part of all rows where they fit into memory, else None."""
    width = len(basis.feature)
    if len(features) * width > MOST_CELLS:
        return None
    starts = range(0, len(features), ROWS_AT_ONCE)
    parts = [basis.design(features[start : start + ROWS_AT_ONCE], SINGLE) for start in starts]
    return np.concatenate(parts) if parts else np.empty((0, width), dtype=SINGLE)


def smallest_leaf(n_rows: int) -> int:
    """Return how many rows a leaf must hold."""
    return int(np.clip(0.45 * np.sqrt(n_rows), 15, 400))


def fit_trees(table: Table, shape: Shape, seed: int) -> lgb.Booster | None:
    """Return the boosted trees of a shape, by name or by its own settings, or None where too few left."""
    if table.left.sum() < FEWEST_FOR_TREES:
        return None
    settings = {
        "objective": "binary",
        "min_data_in_leaf": smallest_leaf(len(table.left)),
        "max_bin": 63,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "cat_smooth": 10.0,
        "cat_l2": 5.0,
        "max_cat_to_onehot": 1,
        "min_data_in_bin": 3,
        "feature_pre_filter": False,  # rows are binned once for shapes whose smallest leaves differ
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": table.threads if len(table.left) > SMALL_ROWS else 1,
        "verbosity": -1,
        **(SHAPES[shape] if isinstance(shape, str) else shape),
    }
    return lgb.train(settings, table.binned.about(table, settings))


def fit_linear(table: Table, start: Floats | None = None) -> Floats:
    """Return the coefficients of the logistic part; of very many rows, beginning from a fit to some of them.

    Notes
    -----
    Newton's method squares its error with each pass over the rows: from a good beginning two passes are enough.
    """
    step = len(table.left) // MOST_ROWS_BEGINNING
    if start is None and step > 1:
        some = table.take(np.arange(0, len(table.left), step))
        columns = columns_of(some.basis, some.features)
        start = fit_linear(replace(some, penalty=table.penalty / step, columns=columns))
    return fit_logistic(table.block, table.left, len(table.basis.feature), table.penalty, start)


def tree_log_odds(trees: lgb.Booster | None, table: Table, rounds: int | None = None) -> Floats | None:
    """Return the trees' log-odds of some rows, of the first rounds or of all; None where there are no trees."""
    if trees is None:
        return None
    columns = table.features[:, table.tree_columns]
    return np.asarray(
        trees.predict(columns, raw_score=True, num_iteration=rounds,
                      num_threads=table.threads if len(columns) > SMALL_ROWS else 1),
        dtype=np.float64,
    )  # fmt: skip


def linear_log_odds(coefficients: Floats, table: Table) -> Floats:
    """Return the logistic part's log-odds of some rows."""
    starts = range(0, max(len(table.features), 1), ROWS_AT_ONCE)
    parts = [table.block(slice(start, start + ROWS_AT_ONCE)) @ coefficients[:-1] for start in starts]
    found: Floats = np.concatenate(parts) + coefficients[-1]
    return found


@dataclass(frozen=True)
class Choice:
    """What validation chose, and what the chosen blend said of rows it had not learnt from.

    Parameters
    ----------
    shape : str
        Of the trees; ``none`` where the logistic part answers alone, ``tuned`` where a search found `settings`.
    weight : float
        Of the trees in the blend.
    penalty : float
        Of the logistic part.
    rows : (n,) int
        Rows that were checked.
    log_odds : (n,) float
        Of those rows, out of fold.
    losses : mapping of str to float
        Mean negative log-likelihood of every candidate.
    linear : (n,) float
        Log-odds of the logistic part alone, of those rows; the season is in it.
    settings : mapping of str to anything
        Of tuned trees, in LightGBM's names.
    season : (n,) float, optional
        What the calendar month adds to the log-odds of those rows; None where rows checked are not better told with it.
    """

    shape: str
    weight: float
    penalty: float
    rows: Ints
    log_odds: Floats
    losses: Mapping[str, float]
    linear: Floats
    settings: Mapping[str, Any] = field(default_factory=dict)
    season: Floats | None = None

    @property
    def trees(self) -> Shape:
        """What `fit_trees` grows."""
        return self.settings or self.shape


def loss(left: Bools, log_odds: Floats) -> float:
    """Return the mean negative log-likelihood."""
    return float(np.mean(np.logaddexp(0.0, log_odds) - left * log_odds))


def fit_blend(table: Table, chosen: Choice, seed: int, start: Floats | None = None) -> Blend:
    """Return the blend of one cause, fitted to all rows of the table."""
    trees = fit_trees(table, chosen.trees, seed) if chosen.shape != "none" else None
    return Blend(
        trees,
        chosen.weight if trees is not None else 0.0,
        fit_linear(replace(table, penalty=chosen.penalty), start),
    )


def season_of(table: Table, coefficients: Floats) -> Floats:
    """Return what each calendar month adds to what the logistic part says of some rows, (13,)."""
    if table.clock is None:
        return np.zeros(MONTHS + 1)
    return month_effects(table.clock, table.left, linear_log_odds(coefficients, table))


def seasonal(table: Table, effects: Floats) -> Floats:
    """Return what the calendar month adds to the log-odds of some rows."""
    return np.zeros(len(table.left)) if table.clock is None else effects[table.clock.month]


def blend_log_odds(blend: Blend, table: Table) -> Floats:
    """Return the log-odds of some rows before recalibration."""
    trees, linear = tree_log_odds(blend.trees, table), linear_log_odds(blend.coefficients, table)
    return linear if trees is None else blend.weight * trees + (1 - blend.weight) * linear
