"""Where to abstain, and how sure a score is: a threshold and a logistic curve, fitted on validation texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.skills.knobs import Knobs
from training.skills.labelled import Labelled
from training.skills.taxonomy import Floats

AMONG = 30  # best concepts of each text on which the curve is fitted
STEPS = 50
RIDGE = 1e-3


def calibrated(scores: Floats, data: Labelled, knobs: Knobs, among: int = AMONG) -> Knobs:
    """Return the knobs with threshold and confidence curve fitted to the scores of the validation texts."""
    values, is_right = best_candidates(scores, data, among)
    slope, intercept = logistic_curve(values, is_right)
    total = sum(len(relevant) for relevant in data.relevant)
    return replace(knobs, threshold=best_threshold(values, is_right, total), slope=slope, intercept=intercept)


def best_candidates(scores: Floats, data: Labelled, most: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the scores of each text's best concepts, and whether they are among its known ones."""
    among = min(most, scores.shape[1])
    values, is_right = [], []
    for row, relevant in zip(scores, data.relevant, strict=True):
        best = np.argpartition(-row, among - 1)[:among]
        values.append(row[best])
        is_right.append(np.isin(best, list(relevant)))
    return np.concatenate(values).astype(np.float64), np.concatenate(is_right)


def best_threshold(values: Floats, is_right: NDArray[np.bool_], total: int) -> float:
    """Return the score from which on saying a concept maximises F1 = 2 × right / (said + known).

    Examples
    --------
    >>> best_threshold(np.array([0.9, 0.8, 0.3, 0.2]), np.array([True, True, False, False]), 2)
    0.8
    """
    order = np.argsort(-values, kind="stable")
    right = np.cumsum(is_right[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + total)
    return float(values[order][int(f1.argmax())])


def logistic_curve(values: Floats, is_right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression of being right on the score, by Newton's method.

    Notes
    -----
    A small ridge keeps the slope finite where the scores separate right from wrong. A slope below 0 would say that
    lower scores are surer: then the share of right ones is returned for every score.
    """
    design = np.column_stack([values, np.ones(len(values))])
    weights, target = np.zeros(2), is_right.astype(np.float64)
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (expected - target) + RIDGE * weights
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    if weights[0] < 0:
        share = float(np.clip(target.mean(), 1e-6, 1 - 1e-6))
        return 0.0, float(np.log(share / (1 - share)))
    return float(weights[0]), float(weights[1])
