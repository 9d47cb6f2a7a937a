"""Did it help some more than others? Individual effects, and the gate they must pass before anyone is told about them.

References
----------
Kennedy, Electron. J. Stat. 17 (2023) 3008, doi:10.1214/23-EJS2157 (DR-learner).
Chernozhukov, Demirer, Duflo, Fernández-Val, Econometrica 93 (2025) 1121, doi:10.3982/ECTA19303 (best linear predictor).
Yadlowsky, Fleming, Shah, Brunskill, Wager, J. Am. Stat. Assoc. 120 (2025) 38, doi:10.1080/01621459.2024.2393466 (Qini as a rank-weighted effect).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.impact.estimators.aipw import Effect, interval_effect
from training.impact.estimators.bins import Part
from training.impact.estimators.learners import Boosted, Learners
from training.impact.estimators.linear import fold_numbers
from training.impact.table import Bools, ComparisonTable, Floats, Ints

FOLDS = 5
INNER_FOLDS = 2
FURTHEST = 0.02  # propensities are kept within [.02, .98]: effects of those beyond cannot be told apart
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
    """

    predicted: Floats
    score: Floats
    trained_share: float = 1.0


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
    In each of five folds everything is learnt on the other four: nuisances, crossed over two halves of them, give scores;
    a regression of these scores on the covariates gives predictions for the fold, and nuisances of all four its scores.
    """
    chosen = learners or Boosted()
    folds = fold_numbers(table.trained, FOLDS, np.random.default_rng(seed), table.cluster)
    predicted, score = np.empty(table.n), np.empty(table.n)
    for fold in range(FOLDS):
        held = folds == fold
        taught = table.rows(~held)
        inner = fold_numbers(taught.trained, INNER_FOLDS, np.random.default_rng(seed + 1), taught.cluster)
        taught_score = np.empty(taught.n)
        for half in range(INNER_FOLDS):
            other = inner == half
            taught_score[other] = scores_of(
                (taught.rows(~other), columns[~held][~other]), (taught.rows(other), columns[~held][other]),
                (chosen, seed, lot),
            )  # fmt: skip
        predicted[held] = chosen.outcome(Part.of(columns[~held]), taught_score, columns[held], seed)
        score[held] = scores_of(
            (taught, columns[~held]), (table.rows(held), columns[held]), (chosen, seed, lot)
        )
    return Individual(predicted, score, float(table.trained.mean()))


def scores_of(
    taught: tuple[ComparisonTable, Floats],
    held: tuple[ComparisonTable, Floats],
    how: tuple[Learners, int, float | None],
) -> Floats:
    """Return the doubly robust scores of held-out rows: m₁ − m₀ + D(Y − m₁)/e − (1 − D)(Y − m₀)/(1 − e)."""
    learners, seed, lot = how
    (known, columns), (new, wanted) = taught, held
    part = Part.of(columns)
    up = learners.outcome(part.rows(known.trained), known.outcome[known.trained], wanted, seed)
    down = learners.outcome(part.rows(~known.trained), known.outcome[~known.trained], wanted, seed)
    chance = (
        np.full(new.n, lot) if lot is not None else learners.propensity(part, known.trained, wanted, seed)
    )
    chance = np.clip(chance, FURTHEST, 1 - FURTHEST)
    weighted = np.where(new.trained, (new.outcome - up) / chance, -(new.outcome - down) / (1 - chance))
    return np.asarray(up - down + weighted, dtype=np.float64)


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
