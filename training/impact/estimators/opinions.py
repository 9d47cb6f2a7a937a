"""Two opinions on whom a training helps more, and how far each is believed.

The *difference* of two outcome models (T-learner) is sharp where outcomes are easy to predict and blind to confounding that the
models miss; the *regression* of doubly robust scores (DR-learner) is right either way and noisy where few are comparable. Which
is nearer cannot be known beforehand: a regression in which both, and nothing else, explain the outcomes left over says how much
of each opinion stands. Where neither explains anything, everybody is given the average.

References
----------
Künzel, Sekhon, Bickel, Yu, PNAS 116 (2019) 4156, doi:10.1073/pnas.1804597116 (T-learner).
Kennedy, Electron. J. Stat. 17 (2023) 3008, doi:10.1214/23-EJS2157 (DR-learner).
Nie, Wager, Biometrika 108 (2021) 299, doi:10.1093/biomet/asaa076 (R-loss, and stacking by it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from training.impact.estimators.bins import Part
from training.impact.estimators.learners import Learners
from training.impact.estimators.linear import fold_numbers
from training.impact.table import ComparisonTable, Floats

INNER_FOLDS = 5
FURTHEST = 0.02  # propensities are kept within [.02, .98]: effects of those beyond cannot be told apart

How = tuple[
    Learners, int, float | None
]  # learners, seed, and the probability of being trained where a lot decided it


@dataclass(frozen=True)
class Crossed:
    """What is predicted of rows that taught nothing of it.

    Parameters
    ----------
    chance : (n,) float
        Probability of being trained, within [.02, .98].
    if_not, if_trained : (n,) float
        Outcome expected without and with the training.
    """

    chance: Floats
    if_not: Floats
    if_trained: Floats

    @property
    def difference(self) -> Floats:
        """The effect that the two outcome models say, (n,) float."""
        return np.asarray(self.if_trained - self.if_not, dtype=np.float64)

    def scores(self, table: ComparisonTable) -> Floats:
        """Return the doubly robust scores: m₁ − m₀ + D(Y − m₁)/e − (1 − D)(Y − m₀)/(1 − e)."""
        up = (table.outcome - self.if_trained) / self.chance
        down = (table.outcome - self.if_not) / (1 - self.chance)
        return np.asarray(self.difference + np.where(table.trained, up, -down), dtype=np.float64)


@dataclass(frozen=True)
class Stack:
    """An average effect, and how much each opinion's distance from its own average counts."""

    average: float
    weights: Floats
    centres: Floats


def nuisances_of(taught: tuple[ComparisonTable, Floats], wanted: Floats, how: How) -> Crossed:
    """Return what people who are taught say of others."""
    learners, seed, lot = how
    known, columns = taught
    part = Part.of(columns)
    up = learners.outcome(part.rows(known.trained), known.outcome[known.trained], wanted, seed)
    down = learners.outcome(part.rows(~known.trained), known.outcome[~known.trained], wanted, seed)
    chance = (
        np.full(len(wanted), lot)
        if lot is not None
        else learners.propensity(part, known.trained, wanted, seed)
    )
    return Crossed(np.clip(chance, FURTHEST, 1 - FURTHEST), down, up)


def crossed_opinions(table: ComparisonTable, columns: Floats, how: How) -> tuple[Crossed, Floats]:
    """Return each row's nuisances as the other folds teach them, and both opinions on the effect, (n, 2) float."""
    learners, seed, _ = how
    folds = fold_numbers(table.trained, INNER_FOLDS, np.random.default_rng(seed + 1), table.cluster)
    chance, if_not, if_trained, regressed = (np.empty(table.n) for _ in range(4))
    for place in range(INNER_FOLDS):
        own = folds == place
        found = nuisances_of((table.rows(~own), columns[~own]), columns[own], how)
        chance[own], if_not[own], if_trained[own] = found.chance, found.if_not, found.if_trained
    crossed = Crossed(chance, if_not, if_trained)
    scores = crossed.scores(table)
    for place in range(INNER_FOLDS):
        own = folds == place
        regressed[own] = learners.outcome(Part.of(columns[~own]), scores[~own], columns[own], seed)
    return crossed, np.column_stack([crossed.difference, regressed])


def stacked(table: ComparisonTable, crossed: Crossed, opinions: Floats) -> Stack:
    """Return how much of each opinion stands, by the R-loss: Σ (Y − m − (D − e) τ)², no weight below 0, their sum at most 1.

    Notes
    -----
    m = e m₁ + (1 − e) m₀. People who were all but certain to be trained, or not to be, hardly count.
    """
    centres = opinions.mean(axis=0)
    apart = table.trained - crossed.chance
    left = table.outcome - crossed.chance * crossed.if_trained - (1 - crossed.chance) * crossed.if_not
    total = float((apart**2).sum())
    design = apart[:, None] * (opinions - centres)
    clear, rest = (values - np.outer(apart, apart @ values) / total for values in (design, left[:, None]))
    weights, _ = nnls(clear, rest[:, 0])  # the average, which may have any sign, is taken out of both sides
    weights = weights / max(float(weights.sum()), 1.0)
    average = float((apart * (left - design @ weights)).sum()) / total
    return Stack(average, weights, centres)


def combined(stack: Stack, opinions: Floats) -> Floats:
    """Return the effect expected for each person, (n,) float."""
    return np.asarray(stack.average + (opinions - stack.centres) @ stack.weights, dtype=np.float64)
