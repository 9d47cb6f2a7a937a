"""The two sets of learners: a linear model and trees, stacked on out-of-fold predictions.

*full*: ridge and L2-logit with random forests (500 trees, leaf ≥ 10), or on tables too large for them with trees that are
grown until they stop to gain (`grown.py`); *screening*: the same linear models, corrected by a few strongly regularised
LightGBM trees.

Outcomes: the forest learns what ridge leaves over out of fold. Propensities: logit and forest are mixed by out-of-fold
log loss, among those mixtures only that keep at least the effective sample of the forest alone: propensities are there to
weight with, and a better fit that halves the effective sample makes a worse comparison.

References
----------
Wolpert, Neural Networks 5 (1992) 241, doi:10.1016/S0893-6080(05)80023-1 (stacking on out-of-fold predictions).
Breiman, Machine Learning 45 (2001) 5, doi:10.1023/A:1010933404324 (forests, out-of-bag predictions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from training.impact.doubts.overlap import effective_sample
from training.impact.estimators.aipw import odds_weights
from training.impact.estimators.bins import BINNING, Part
from training.impact.estimators.grown import Grown
from training.impact.estimators.linear import expit, fold_numbers, log_odds, logit, out_of_fold, ridge
from training.impact.table import Bools, Floats

TREES = 500
LEAF = 10
INNER_FOLDS = 5
EDGE = 1e-3
BOOSTING: dict[str, Any] = {
    **BINNING,
    "max_bin": 31,
    "bin_construct_sample_cnt": 500,
    "num_leaves": 6,
    "learning_rate": 0.1,
    "min_data_in_leaf": 25,
    "min_sum_hessian_in_leaf": 1e-3,
    "lambda_l2": 20.0,
}
PROPENSITY_ROUNDS, OUTCOME_ROUNDS = 12, 30


class Learners(Protocol):
    """What cross-fitting needs: predictions for held-out rows."""

    def propensity(self, columns: Part, trained: Bools, held: Floats, seed: int) -> Floats:
        """Return the probability of being trained of the held-out rows, 0–1."""
        ...

    def outcome(self, columns: Part, target: Floats, held: Floats, seed: int) -> Floats:
        """Return the expected outcome of the held-out rows."""
        ...


@dataclass(frozen=True)
class Forests:
    """Random forests stacked on ridge and L2-logit: the *full* pipeline; a large table's trees are grown instead.

    Parameters
    ----------
    trees : int
        In each forest.
    threads : int
        Used by each forest.
    keeps_effective_sample : bool
        False mixes propensities by log loss alone; for contrast.
    """

    trees: int = TREES
    threads: int = 2
    keeps_effective_sample: bool = True

    def options(self, seed: int) -> dict[str, Any]:
        """Return the options of a forest."""
        return {
            "n_estimators": self.trees,
            "min_samples_leaf": LEAF,
            "n_jobs": self.threads,
            "random_state": seed,
        }

    def propensity(self, columns: Part, trained: Bools, held: Floats, seed: int) -> Floats:
        """Return the probability of being trained: forest and logit, mixed by out-of-fold log loss."""
        from sklearn.ensemble import RandomForestClassifier

        if columns.is_of_large_table:
            return Grown(self.threads).propensity(columns, trained, held, seed)
        folds = fold_numbers(trained, INNER_FOLDS, np.random.default_rng(seed))
        known_columns = columns.values
        opinion = out_of_fold(logit, known_columns, trained, folds)
        forest = RandomForestClassifier(**self.options(seed), oob_score=True).fit(known_columns, trained)
        unseen = forest.oob_decision_function_[:, 1]
        known = np.isfinite(unseen)
        share = forest_share(unseen[known], opinion[known], trained[known], self.keeps_effective_sample)
        by_forest = forest.predict_proba(held)[:, 1]
        return np.asarray(
            share * by_forest + (1 - share) * logit(known_columns, trained)(held), dtype=np.float64
        )

    def outcome(self, columns: Part, target: Floats, held: Floats, seed: int) -> Floats:
        """Return the expected outcome: ridge, and a forest of what ridge leaves over out of fold."""
        from sklearn.ensemble import RandomForestRegressor

        if columns.is_of_large_table:
            return Grown(self.threads).outcome(columns, target, held, seed)
        folds = fold_numbers(np.zeros(len(target), bool), INNER_FOLDS, np.random.default_rng(seed))
        left = target - out_of_fold(ridge, columns.values, target, folds)
        forest = RandomForestRegressor(**self.options(seed)).fit(columns.values, left)
        return np.asarray(ridge(columns.values, target)(held) + forest.predict(held), dtype=np.float64)


def forest_share(forest: Floats, linear: Floats, trained: Bools, keeps_effective_sample: bool) -> float:
    """Return the share of the forest, 0–1, in the mixture with the lowest out-of-fold log loss.

    Parameters
    ----------
    forest, linear : (n,) float
        Probabilities of being trained, out of fold.
    trained : (n,) bool
        What they predict.
    keeps_effective_sample : bool
        True leaves out mixtures under which the compared count for fewer people than under the forest alone.
    """
    shares = np.linspace(1.0, 0.0, 51)
    least = 0.0
    if keeps_effective_sample:
        least = effective_sample(odds_weights(np.clip(forest, EDGE, 1 - EDGE), trained)[~trained])
    best, lowest = 1.0, np.inf
    for share in shares:
        chance = np.clip(share * forest + (1 - share) * linear, EDGE, 1 - EDGE)
        loss = -float(np.mean(np.log(np.where(trained, chance, 1 - chance))))
        if loss < lowest and effective_sample(odds_weights(chance, trained)[~trained]) >= least:
            best, lowest = float(share), loss
    return best


@dataclass(frozen=True)
class Boosted:
    """A few strongly regularised LightGBM trees on ridge and L2-logit: the *screening* pipeline.

    Parameters
    ----------
    threads : int
        Used by LightGBM.
    """

    threads: int = 1

    def propensity(self, columns: Part, trained: Bools, held: Floats, seed: int) -> Floats:
        """Return the probability of being trained: the logit, corrected by trees in log-odds.

        Notes
        -----
        The logit's penalty is the number of covariates: together they are expected to move the log-odds by about 1.
        """
        linear = logit(columns.values, trained, max(float(columns.values.shape[1]), 1.0))
        start = log_odds(linear(columns.values))
        booster = self.boosted("binary", (columns, trained.astype(float), start), PROPENSITY_ROUNDS, seed)
        correction = booster.predict(held, raw_score=True, num_threads=self.threads)
        return expit(log_odds(linear(held)) + correction)

    def outcome(self, columns: Part, target: Floats, held: Floats, seed: int) -> Floats:
        """Return the expected outcome: ridge, corrected by trees of what it leaves over."""
        linear = ridge(columns.values, target)
        rest = target - linear(columns.values)
        booster = self.boosted("regression", (columns, rest, None), OUTCOME_ROUNDS, seed)
        return linear(held) + np.asarray(booster.predict(held, num_threads=self.threads), dtype=np.float64)

    def boosted(
        self, objective: str, taught: tuple[Part, Floats, Floats | None], rounds: int, seed: int
    ) -> Any:
        """Return a LightGBM booster, taught columns and a target from a start."""
        import lightgbm

        columns, target, start = taught
        options = {**BOOSTING, "objective": objective, "seed": seed, "num_threads": self.threads}
        data = columns.bins.dataset(columns.places, target, start, options)
        booster = lightgbm.Booster(options, data)
        for _ in range(rounds):
            if booster.update():  # no split is left that the penalties allow
                break
        return booster
