"""Search the shape of the trees with Optuna, every trial judged by the same folds as the shapes that ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.fitting.choosing import Folds
from training.attrition.fitting.hazard import Choice, fit_trees, loss, smallest_leaf, tree_log_odds
from training.attrition.scorer import Floats

MOST_TREES = 600


@dataclass(frozen=True)
class Found:
    """The best trial.

    Parameters
    ----------
    settings : mapping of str to float
        Of the trees, in LightGBM's own names.
    weight : float
        Of the trees in the blend.
    log_odds : (n,) float
        Of the blend, of the rows checked.
    loss : float
        Mean negative log-likelihood of those rows.
    """

    settings: Mapping[str, Any]
    weight: float
    log_odds: Floats
    loss: float


def search_shape(folds: Folds, chosen: Choice, trials: int, seed: int) -> Found | None:
    """Return the best trees that were tried, or None where none was better than what was chosen among those that ship.

    Parameters
    ----------
    folds : Folds
        Rolling origins with a gap, or folds by person.
    chosen : Choice
        What was chosen among the shapes that ship.
    trials : int
        How many to try.
    seed : int
        Of the sampler and of LightGBM.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    parts, left = folds.parts, folds.left
    best: list[Found] = []

    def objective(trial: Any) -> float:
        settings = shape_of(trial, len(parts[-1][0].left))
        grown = [tree_log_odds(fit_trees(fit, settings, seed), check) for fit, check in parts]
        trees = [each for each in grown if each is not None]
        if len(trees) < len(parts):
            raise optuna.TrialPruned
        said = np.concatenate(trees) + (0.0 if chosen.season is None else chosen.season)
        weight, blended, found = best_weight(left, said, chosen.linear)
        if not best or found < best[0].loss:
            best[:] = [Found(settings, weight, blended, found)]
        return found

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed % 2**31))
    study.optimize(objective, n_trials=trials, n_jobs=1)
    is_better = bool(best) and best[0].loss < loss(left, chosen.log_odds)
    return best[0] if is_better else None


def shape_of(trial: Any, n_rows: int) -> dict[str, Any]:
    """Return one candidate's settings: how bushy, how fast, how many, how much drawn, how restrained."""
    smallest = smallest_leaf(n_rows)
    rate = trial.suggest_float("learning_rate", 0.01, 0.15, log=True)
    return {
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
        "learning_rate": rate,
        "num_iterations": min(int(trial.suggest_float("length", 3.0, 25.0, log=True) / rate), MOST_TREES),
        "min_data_in_leaf": trial.suggest_int(
            "min_data_in_leaf", max(smallest // 4, 5), smallest * 3, log=True
        ),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50.0, log=True),
    }


def best_weight(
    left: NDArray[np.bool_],
    trees: Floats,
    linear: Floats,
    weights: Sequence[float] = tuple(np.linspace(0.1, 1.0, 10)),
) -> tuple[float, Floats, float]:
    """Return the weight of the trees with the lowest loss, the blend, and its loss."""
    blends: list[tuple[float, float, Floats]] = []
    for weight in weights:
        blended: Floats = weight * trees + (1 - weight) * linear
        blends.append((loss(left, blended), float(weight), blended))
    found, weight, said = min(blends, key=lambda each: each[0])
    return weight, said, found
