"""The two linear learners that every nuisance starts from: ridge and L2-logit, in closed form or a few Newton steps.

References
----------
Golub, Heath, Wahba, Technometrics 21 (1979) 215, doi:10.1080/00401706.1979.10489751 (generalised cross-validation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.impact.table import Bools, Floats, Ints

PENALTIES = np.logspace(-2, 4, 13)
LOGIT_PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)  # on standardised covariates
NEWTON_STEPS = 25
LARGEST_LOGIT = 30.0

Predict = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Scale:
    """Centre and spread of columns, from training rows alone."""

    centre: Floats
    spread: Floats

    def __call__(self, columns: Floats) -> Floats:
        """Return standardised columns."""
        return np.asarray((columns - self.centre) / self.spread, dtype=np.float64)


def scale_of(columns: Floats) -> Scale:
    """Return the scale of columns; a constant column becomes 0."""
    spread = columns.std(axis=0)
    return Scale(columns.mean(axis=0), np.where(spread > 1e-12, spread, 1.0))


@dataclass(frozen=True)
class Ridge:
    """A ridge regression; called with new columns it predicts.

    Parameters
    ----------
    scale : Scale
        Of the columns it was taught.
    centre : float
        Mean of the target.
    weights : (p,) float
        Of standardised columns.
    inverse : (p, p) float
        Inverse of the standardised columns' squares and the penalty.
    """

    scale: Scale
    centre: float
    weights: Floats
    inverse: Floats

    def __call__(self, new: Floats) -> Floats:
        """Return predictions."""
        return np.asarray(self.centre + self.scale(new) @ self.weights, dtype=np.float64)

    def pull(self, taught: Floats, new: Floats, lean: Floats) -> Floats:
        """Return how far a weighted sum of predictions moves with the target of each row that was taught, (n_taught,) float."""
        direction = self.inverse @ (self.scale(new).T @ lean)
        return np.asarray(self.scale(taught) @ direction + lean.sum() / len(taught), dtype=np.float64)

    def reach(self, taught: Floats, new: Floats) -> Floats:
        """Return the variance of each prediction in units of the noise's, (n_new,) float: the sum of its squared weights."""
        scaled = self.scale(taught)
        spread = self.inverse @ (scaled.T @ scaled) @ self.inverse
        found = self.scale(new)
        return np.asarray(((found @ spread) * found).sum(axis=1) + 1 / len(taught), dtype=np.float64)


def ridge(columns: Floats, target: Floats) -> Ridge:
    """Return a ridge regression, its penalty chosen by generalised cross-validation."""
    scale = scale_of(columns)
    scaled = scale(columns)
    centre = float(target.mean())
    rest = target - centre
    n = len(target)
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    values = np.maximum(values, 0.0)
    loaded = vectors.T @ (scaled.T @ rest)
    shrink = 1 / (values[None, :] + PENALTIES[:, None])
    total = float(rest @ rest)
    explained = (loaded**2 * (2 * shrink - values * shrink**2)).sum(axis=1)
    freedom = (values * shrink).sum(axis=1) + 1
    score = (total - explained) / np.maximum(n - freedom, 1.0) ** 2
    best = shrink[int(score.argmin())]
    return Ridge(scale, centre, vectors @ (loaded * best), (vectors * best) @ vectors.T)


def logit(columns: Floats, trained: Bools, strength: float | None = None) -> Predict:
    """Return an L2-penalised logistic regression, its intercept free.

    Parameters
    ----------
    columns, trained
        Rows to learn from.
    strength : float, optional
        Of the penalty; chosen by approximate leave-one-out where it is not given.

    Notes
    -----
    With few trained and many covariates a small penalty tells them apart by chance, and leaves nobody to compare with.
    """
    scale = scale_of(columns)
    design = np.column_stack([np.ones(len(columns)), scale(columns)])
    target = trained.astype(float)
    share = min(max(float(target.mean()), 1e-6), 1 - 1e-6)
    weights = np.zeros(design.shape[1])
    weights[0] = np.log(share / (1 - share))
    best, lowest = weights, np.inf
    for size in LOGIT_PENALTIES if strength is None else (strength,):  # each starts where the last ended
        penalty = np.full(design.shape[1], size)
        penalty[0] = 1e-9
        weights = newton(design, target, penalty, weights)
        if strength is not None:
            return logistic(scale, weights)
        loss = left_out_loss(design, target, penalty, weights)
        if loss > lowest:
            break
        best, lowest = weights, loss
    return logistic(scale, best)


def logistic(scale: Scale, weights: Floats) -> Predict:
    """Return the probabilities that weights of standardised columns give."""
    return lambda new: expit(np.column_stack([np.ones(len(new)), scale(new)]) @ weights)


def newton(design: Floats, target: Floats, penalty: Floats, weights: Floats) -> Floats:
    """Return the weights with the lowest penalised loss, by Newton steps that never go uphill."""
    loss = logit_loss(design, target, penalty, weights)
    for _ in range(NEWTON_STEPS):
        chance = expit(design @ weights)
        gradient = design.T @ (target - chance) - penalty * weights
        step = np.linalg.solve(curvature(design, chance, penalty), gradient)
        size = 1.0
        while (lower := logit_loss(design, target, penalty, weights + size * step)) > loss and size > 1e-6:
            size /= 2
        weights = weights + size * step
        if loss - lower < 1e-7 * abs(loss):
            break
        loss = lower
    return weights


def curvature(design: Floats, chance: Floats, penalty: Floats) -> Floats:
    """Return the second derivative of the penalised loss."""
    curve = np.maximum(chance * (1 - chance), 1e-9)
    return np.asarray((design * curve[:, None]).T @ design + np.diag(penalty), dtype=np.float64)


def left_out_loss(design: Floats, target: Floats, penalty: Floats, weights: Floats) -> float:
    """Return the mean log loss of each row had it been left out, to first order.

    References
    ----------
    Rahnama Rad, Maleki, J. R. Stat. Soc. B 82 (2020) 965, doi:10.1111/rssb.12374.
    """
    score = design @ weights
    chance = expit(score)
    inverse = np.linalg.inv(curvature(design, chance, penalty))
    reach = ((design @ inverse) * design).sum(axis=1)
    leverage = np.minimum(reach * chance * (1 - chance), 0.999)
    score = score - reach * (target - chance) / (1 - leverage)
    return float((np.logaddexp(0, score) - target * score).mean())


def logit_loss(design: Floats, target: Floats, penalty: Floats, weights: Floats) -> float:
    """Return the penalised negative log-likelihood."""
    score = design @ weights
    return float(np.logaddexp(0, score).sum() - target @ score + 0.5 * (penalty * weights) @ weights)


def expit(value: Floats) -> Floats:
    """Return the logistic function of a log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -LARGEST_LOGIT, LARGEST_LOGIT))), dtype=np.float64)


def log_odds(chance: Floats) -> Floats:
    """Return the log-odds of probabilities, kept finite."""
    kept = np.clip(chance, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float64)


def out_of_fold(
    fit: Callable[[Floats, Any], Predict], columns: Floats, target: NDArray[Any], folds: Ints
) -> Floats:
    """Return predictions for each row by a model that has not seen its fold."""
    found = np.empty(len(target))
    for fold in np.unique(folds):
        held = folds == fold
        found[held] = fit(columns[~held], target[~held])(columns[held])
    return found


def fold_numbers(trained: Bools, count: int, rng: np.random.Generator, cluster: Ints | None = None) -> Ints:
    """Return the fold of each row: balanced between trained and compared; a cluster lies in one fold."""
    if cluster is None:
        codes = np.arange(trained.size)
    else:
        _, codes = np.unique(cluster.reshape(trained.size, -1)[:, 0], return_inverse=True)
    groups = int(codes.max()) + 1
    has_trained = np.bincount(codes, weights=trained, minlength=groups) > 0
    folds = np.empty(groups, dtype=np.int64)
    for side in (True, False):
        members = rng.permutation(np.flatnonzero(has_trained == side))
        folds[members] = np.arange(members.size) % count
    return np.asarray(folds[codes], dtype=np.int64)
