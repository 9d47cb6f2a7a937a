"""Cross-fitting: every row's nuisances come from models that have not seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.impact.estimators.aipw import Effect, Nuisances, average_effect, median_effect
from training.impact.estimators.bins import Part
from training.impact.estimators.first_stage import with_first_stage
from training.impact.estimators.learners import Boosted, Forests, Learners
from training.impact.estimators.linear import fold_numbers
from training.impact.table import Bools, ComparisonTable, Floats, Ints

FURTHEST = 1e-3  # weights are kept below 1 / FURTHEST, so that no single person can decide alone
SMALLEST = 1e-6


@dataclass(frozen=True)
class Pipeline:
    """An estimator fixed before looking.

    Parameters
    ----------
    name : str
        ``full`` or ``screening``; a verdict above *suggestive* needs the full one.
    learners : Learners
        Of propensities and expected outcomes.
    folds : int
        Rows are split into so many parts, each predicted by models of the others.
    seeds : tuple of int
        Splits and learners are drawn anew for each; the median is reported.
    """

    name: str
    learners: Learners
    folds: int
    seeds: tuple[int, ...]


def full_pipeline(threads: int = 2, trees: int = 500, seeds: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Pipeline:
    """Return the pipeline of science: forests stacked on linear models, 5 folds, 5 seeds."""
    return Pipeline("full", Forests(trees, threads), 5, seeds)


def screening_pipeline(threads: int = 1) -> Pipeline:
    """Return the quick pipeline for many courses at once: boosted trees, 2 folds, 1 seed."""
    return Pipeline("screening", Boosted(threads=threads), 2, (0,))


@dataclass(frozen=True)
class Fitted:
    """An effect, with the nuisances of all seeds averaged for the reports beside it."""

    effect: Effect
    nuisances: Nuisances
    by_seed: tuple[float, ...]


def cross_fitted_propensity(
    columns: Part, trained: Bools, folds: Ints, learners: Learners, seed: int
) -> Floats:
    """Return each row's out-of-fold probability of being trained."""
    found = np.empty(trained.size)
    for fold in np.unique(folds):
        held = folds == fold
        if columns.is_bare:
            found[held] = trained[~held].mean()
            continue
        found[held] = learners.propensity(columns.rows(~held), trained[~held], columns.values[held], seed)
    return np.clip(found, SMALLEST, 1 - FURTHEST)


def cross_fitted_outcome(
    columns: Part, outcome: Floats, among: Bools, folds: Ints, pipeline: tuple[Learners, int]
) -> Floats:
    """Return each row's out-of-fold expected outcome, learnt among some rows (the compared, or the trained)."""
    learners, seed = pipeline
    found = np.empty(outcome.size)
    for fold in np.unique(folds):
        held = folds == fold
        taught = ~held & among
        if columns.is_bare:
            found[held] = outcome[taught].mean()
            continue
        found[held] = learners.outcome(columns.rows(taught), outcome[taught], columns.values[held], seed)
    return found


def cross_fit(
    table: ComparisonTable,
    columns: Part,
    folds: Ints,
    fixed: tuple[Learners, int, str],
    propensity: Floats | None = None,
) -> Nuisances:
    """Return out-of-fold nuisances for one split; `fixed` is learners, seed and estimand."""
    learners, seed, estimand = fixed
    trained, outcome = table.trained, table.outcome
    if propensity is None:
        propensity = cross_fitted_propensity(columns, trained, folds, learners, seed)
    if_not = cross_fitted_outcome(columns, outcome, ~trained, folds, (learners, seed))
    if estimand != "ate":
        return Nuisances(propensity, if_not)
    propensity = np.maximum(propensity, FURTHEST)
    if_trained = cross_fitted_outcome(columns, outcome, trained, folds, (learners, seed))
    return Nuisances(propensity, if_not, if_trained)


def fit_effect(
    table: ComparisonTable,
    columns: Floats | Part,
    pipeline: Pipeline,
    estimand: str = "att",
    propensity: Floats | None = None,
) -> Fitted:
    """Return the median effect over the pipeline's seeds, and the averaged nuisances.

    Parameters
    ----------
    table : ComparisonTable
        Every outcome measured; clusters lie in one fold and are counted as one draw.
    columns : (n, q) float, or Part
        Its covariates without gaps; a part of a matrix that is binned already where it serves several outcomes.
    pipeline : Pipeline
        Fixed before looking.
    estimand : str
        ``att`` or ``ate``.
    propensity : (n,) float, optional
        Out-of-fold probabilities shared with other outcomes of the same people (screening).
    """
    part = columns if isinstance(columns, Part) else Part.of(columns)
    effects, found = [], []
    for seed in pipeline.seeds:
        folds = fold_numbers(table.trained, pipeline.folds, np.random.default_rng(seed), table.cluster)
        nuisances = cross_fit(table, part, folds, (pipeline.learners, seed, estimand), propensity)
        effect = average_effect(table.outcome, table.trained, nuisances, estimand, table.cluster)
        effects.append(with_first_stage(effect, table, part.values, folds, (nuisances, estimand)))
        found.append(nuisances)
    averaged = Nuisances(
        np.mean([one.propensity for one in found], axis=0), np.mean([one.if_not for one in found], axis=0)
    )
    return Fitted(median_effect(effects), averaged, tuple(one.value for one in effects))
