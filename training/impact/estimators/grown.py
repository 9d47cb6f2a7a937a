"""Trees for large tables: boosted on linear models for as long as held-out rows gain from it.

Five hundred trees of a forest over 20,000 rows and 55 columns take hours; trees that draw a few of the rows see too little
to find what two columns do together. Boosted trees read binned columns, each seeing most rows, and stop by themselves. On
ACIC's 84 columns they predict better than forests; on a few hundred rows of few columns forests hold their own.

References
----------
Friedman, Ann. Statist. 29 (2001) 1189, doi:10.1214/aos/1013203451 (gradient boosting).
Zhang, Yu, Ann. Statist. 33 (2005) 1538, doi:10.1214/009053605000000255 (early stopping).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.impact.estimators.bins import BINNING, Part
from training.impact.estimators.linear import (
    Predict,
    expit,
    fold_numbers,
    log_odds,
    logit,
    out_of_fold,
    ridge,
)
from training.impact.estimators.products import Products, standing_out
from training.impact.table import Bools, Floats, Ints

MOST_ROUNDS = 500
PATIENCE = 25  # rounds without a gain on the held-out rows
INNER_FOLDS = 5
GROWING: dict[str, Any] = {
    **BINNING,
    "max_bin": 63,
    "bin_construct_sample_cnt": 5_000,
    "num_leaves": 8,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
}
LOSSES = {"binary": "binary_logloss", "regression": "l2"}


@dataclass(frozen=True)
class Taught:
    """What trees are taught: columns, a target, and the score that each row starts from."""

    columns: Part
    target: Floats
    start: Floats

    def rows(self, keep: Bools) -> Taught:
        """Return some of the rows."""
        return Taught(self.columns.rows(keep), self.target[keep], self.start[keep])


@dataclass(frozen=True)
class Grown:
    """Boosted trees on ridge and L2-logit, as many as an inner fold gains from: large tables of the *full* pipeline.

    Parameters
    ----------
    threads : int
        Used by LightGBM; the answer does not depend on it.
    """

    threads: int = 2

    def propensity(self, columns: Part, trained: Bools, held: Floats, seed: int) -> Floats:
        """Return the probability of being trained: the logit, corrected by trees in log-odds."""
        folds = fold_numbers(trained, INNER_FOLDS, np.random.default_rng(seed))
        chance, beside = with_products(logit, columns.values, trained, folds)
        wide, wanted = beside.part(columns), beside(held)
        taught = Taught(wide, trained.astype(float), log_odds(chance))
        correction = self.correction("binary", taught, folds == 0, wanted, seed)
        return expit(log_odds(logit(wide.values, trained)(wanted)) + correction)

    def outcome(self, columns: Part, target: Floats, held: Floats, seed: int) -> Floats:
        """Return the expected outcome: ridge, and trees of what ridge leaves over out of fold."""
        folds = fold_numbers(np.zeros(len(target), bool), INNER_FOLDS, np.random.default_rng(seed))
        start, beside = with_products(ridge, columns.values, target, folds)
        wide, wanted = beside.part(columns), beside(held)
        correction = self.correction("regression", Taught(wide, target, start), folds == 0, wanted, seed)
        return ridge(wide.values, target)(wanted) + correction

    def correction(
        self, objective: str, taught: Taught, is_watched: Bools, held: Floats, seed: int
    ) -> Floats:
        """Return what trees add to the score of held-out rows; 0 where the watched rows gain from none.

        Parameters
        ----------
        objective : str
            ``binary`` or ``regression``.
        taught : Taught
            All rows that may teach.
        is_watched : (n,) bool
            The rows whose loss says when to stop; the trees are then grown again on all of them.
        held : (m, q) float
            Rows to predict.
        seed : int
            Draws the rows and columns that each tree sees.
        """
        options = {**GROWING, "objective": objective, "seed": seed, "num_threads": self.threads}
        rounds = self.rounds(options, taught, is_watched)
        if rounds == 0:
            return np.zeros(len(held))
        booster = grow(options, taught, rounds)
        return np.asarray(booster.predict(held, raw_score=True, num_threads=self.threads), dtype=np.float64)

    def rounds(self, options: dict[str, Any], taught: Taught, is_watched: Bools) -> int:
        """Return after how many rounds the loss of the watched rows is lowest; 0 where it only rises."""
        import lightgbm

        watched = taught.rows(is_watched)
        data = dataset_of(taught.rows(~is_watched), options)
        booster = lightgbm.train(
            {**options, "metric": LOSSES[options["objective"]]}, data, MOST_ROUNDS,
            valid_sets=[dataset_of(watched, options)],
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        )  # fmt: skip
        (lowest,) = booster.best_score["valid_0"].values()
        return booster.best_iteration if lowest < starting_loss(options["objective"], watched) else 0


def with_products(
    fit: Callable[[Floats, Any], Predict], columns: Floats, target: Any, folds: Ints
) -> tuple[Floats, Products]:
    """Return a linear model's predictions out of fold, and the products of columns that stand beside the columns in it."""
    plain = out_of_fold(fit, columns, target, folds)
    beside = standing_out(columns, target - plain)
    return (out_of_fold(fit, beside(columns), target, folds) if beside.pairs else plain), beside


def starting_loss(objective: str, watched: Taught) -> float:
    """Return the loss of the linear model alone."""
    if objective == "regression":
        return float(np.mean((watched.target - watched.start) ** 2))
    return float(np.mean(np.logaddexp(0, watched.start) - watched.target * watched.start))


def grow(options: dict[str, Any], taught: Taught, rounds: int) -> Any:
    """Return a LightGBM booster of so many rounds."""
    import lightgbm

    return lightgbm.train(options, dataset_of(taught, options), rounds)


def dataset_of(taught: Taught, options: dict[str, Any]) -> Any:
    """Return what is taught as LightGBM reads it."""
    return taught.columns.bins.dataset(taught.columns.places, taught.target, taught.start, options)
