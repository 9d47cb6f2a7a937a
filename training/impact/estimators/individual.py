"""Did it help some more than others? Individual effects, and the gate they must pass before anyone is told about them.

References
----------
Kennedy, Electron. J. Stat. 17 (2023) 3008, doi:10.1214/23-EJS2157 (DR-learner).
Chernozhukov, Demirer, Duflo, Fernández-Val, Econometrica 93 (2025) 1121, doi:10.3982/ECTA19303 (best linear predictor).
Yadlowsky, Fleming, Shah, Brunskill, Wager, J. Am. Stat. Assoc. 120 (2025) 38, doi:10.1080/01621459.2024.2393466 (Qini as a rank-weighted effect).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.impact.estimators.aipw import Effect, interval_effect
from training.impact.estimators.bins import Part
from training.impact.estimators.learners import Boosted, Learners
from training.impact.estimators.linear import fold_numbers, ridge
from training.impact.estimators.opinions import combined, crossed_opinions, nuisances_of, stacked
from training.impact.table import Bools, ComparisonTable, Floats, Ints

FOLDS = 5
NO_HETEROGENEITY, USABLE = "no usable heterogeneity", "usable heterogeneity"


@dataclass(frozen=True)
class Individual:
    """Predicted effects and unbiased scores of the same people, out of fold.

    Parameters
    ----------
    predicted : (n,) float
        The effect expected for each person, by models that have not seen them.
    score : (n,) float
        Doubly robust score: its mean over any group chosen without the outcome is that group's effect.
    trained_share : float
        Share 0–1 of the people who were trained: what the Qini coefficient is counted by.
    lined : (n,) float, optional
        The effect that a ridge regression of the scores expects, out of fold.
    """

    predicted: Floats
    score: Floats
    trained_share: float = 1.0
    lined: Floats | None = None

    @property
    def by_line(self) -> Individual:
        """The same people, their effects predicted by a line alone: what a scorer without trees can say of anybody."""
        return self if self.lined is None else replace(self, predicted=self.lined)


@dataclass(frozen=True)
class Gate:
    """Whether predicted effects may be used at all.

    Parameters
    ----------
    qini : Effect
        Area between the gain of choosing by prediction and of choosing at random; 0 is no better than chance.
    calibration_slope : Effect
        By how much true effects rise where predicted ones rise by 1; 1 is right, 0 says nothing.
    is_open : bool
        True where both intervals lie above 0.
    """

    qini: Effect
    calibration_slope: Effect

    @property
    def is_open(self) -> bool:
        """Say whether predicted effects tell people apart."""
        return self.qini.low > 0 and self.calibration_slope.low > 0

    @property
    def words(self) -> str:
        """What the gate says."""
        return USABLE if self.is_open else NO_HETEROGENEITY


@dataclass(frozen=True)
class Policies:
    """What choosing whom to train is worth, in the unit of the outcome per person in the table; training nobody is 0.

    Parameters
    ----------
    everybody : Effect
        Training all.
    chosen : Effect
        Training those whose predicted effect is above 0.
    best_half, any_half : Effect
        Training the half with the largest predicted effects, and half of all drawn by lot.
    best_half_gain : Effect
        The difference of the last two.
    """

    everybody: Effect
    chosen: Effect
    best_half: Effect
    any_half: Effect
    best_half_gain: Effect


def individual_effects(
    table: ComparisonTable,
    columns: Floats,
    lot: float | None = None,
    seed: int = 0,
    learners: Learners | None = None,
) -> Individual:
    """Return each person's predicted effect and doubly robust score, nothing of either learnt from themselves.

    Parameters
    ----------
    table : ComparisonTable
        Every outcome measured.
    columns : (n, q) float
        Covariates without gaps.
    lot : float, optional
        The probability of being trained, where chance decided it.
    seed : int
        Draws the folds.
    learners : Learners, optional
        Boosted trees on linear models by default.

    Notes
    -----
    In each of five folds everything is learnt on the other four: nuisances of all four score the fold, and nuisances crossed
    over five parts of them say how much each opinion on the effect is worth (`opinions.py`).
    """
    how = (learners or Boosted(), seed, lot)
    folds = fold_numbers(table.trained, FOLDS, np.random.default_rng(seed), table.cluster)
    predicted, score, lined = (np.empty(table.n) for _ in range(3))
    for fold in range(FOLDS):
        held = folds == fold
        taught, known = table.rows(~held), columns[~held]
        crossed, opinions = crossed_opinions(taught, known, how)
        whole = nuisances_of((taught, known), columns[held], how)
        scores = crossed.scores(taught)
        regressed = how[0].outcome(Part.of(known), scores, columns[held], seed)
        lined[held] = ridge(known, scores)(columns[held])
        predicted[held] = combined(
            stacked(taught, crossed, opinions), np.column_stack([whole.difference, regressed])
        )
        score[held] = whole.scores(table.rows(held))
    return Individual(predicted, score, float(table.trained.mean()), lined)


def gate(found: Individual, cluster: Ints | None = None) -> Gate:
    """Return whether predicted effects tell people apart, with intervals."""
    return Gate(qini(found, cluster), calibration_slope(found, cluster))


def qini(found: Individual, cluster: Ints | None = None) -> Effect:
    """Return the Qini coefficient: trained share · mean of score · (½ − share of people ranked before), ties shared.

    It is ∫₀¹ (gain of training the first q − q · gain of training all) dq, the gain counted among those who were trained
    and shared by everybody in the table, as Radcliffe (Direct Marketing Analytics J. 2007, 14) counts it.
    """
    from scipy.stats import rankdata

    before = (rankdata(-found.predicted) - 0.5) / found.predicted.size
    part = found.trained_share * found.score * (0.5 - before)
    return interval_effect(float(part.mean()), part - part.mean(), cluster)


def calibration_slope(found: Individual, cluster: Ints | None = None) -> Effect:
    """Return the slope of the scores on the predicted effects, with a robust interval."""
    centred = found.predicted - found.predicted.mean()
    spread = float((centred**2).mean())
    if spread <= 1e-300:
        return Effect(0.0, 0.0, 0.0, 0.0, np.zeros(centred.size))
    slope = float((centred * found.score).mean()) / spread
    rest = found.score - found.score.mean() - slope * centred
    return interval_effect(slope, centred * rest / spread, cluster)


def policies(found: Individual, cluster: Ints | None = None) -> Policies:
    """Return what training everybody, those expected to gain, and the best half is worth."""
    best = found.predicted > np.median(found.predicted)
    everyone = np.ones(best.size, bool)
    return Policies(
        value(found.score, everyone, cluster),
        value(found.score, found.predicted > 0, cluster),
        value(found.score, best, cluster),
        value(found.score * 0.5, everyone, cluster),
        value(found.score * (best - 0.5), everyone, cluster),
    )


def value(score: Floats, chosen: Bools, cluster: Ints | None) -> Effect:
    """Return the mean over everybody of the scores of the chosen."""
    part = score * chosen
    return interval_effect(float(part.mean()), part - part.mean(), cluster)
