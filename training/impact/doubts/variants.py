"""The same comparison for other people: those who could have gone either way, and those within reach of a comparison.

Each is printed with its own estimand beside the estimate that was fixed before looking; none of them replaces it.

References
----------
Li, Morgan, Zaslavsky, J. Am. Stat. Assoc. 113 (2018) 390, doi:10.1080/01621459.2016.1260466 (overlap weights).
Crump, Hotz, Imbens, Mitnik, Biometrika 96 (2009) 187, doi:10.1093/biomet/asn055 (trimming).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.impact.doubts.overlap import EXTREME, effective_sample
from training.impact.doubts.together import moved_by_products
from training.impact.estimators.aipw import Effect, Nuisances, average_effect, interval_effect, odds_weights
from training.impact.estimators.entropy_balancing import balanced_effect, balancing_weights
from training.impact.table import Bools, ComparisonTable, Floats, Ints

FEWEST = 20
TOGETHER = "with_products"


@dataclass(frozen=True)
class Variant:
    """An effect on other people than those the estimand names.

    Parameters
    ----------
    name, estimand : str
        What it is called, and whose effect it is, in words.
    effect : Effect
        In the unit of the outcome.
    effective_sample : float
        So many equally weighted people the compared count for.
    n_trained : int
        Trained people it speaks of.
    """

    name: str
    estimand: str
    effect: Effect
    effective_sample: float
    n_trained: int


def variants(table: ComparisonTable, columns: Floats, nuisances: Nuisances) -> tuple[Variant, ...]:
    """Return the overlap-weighted, trimmed, entropy-balanced effect and that with products; what cannot be had is left out."""
    found = [overlap_weighted(table.outcome, table.trained, nuisances, table.cluster)]
    others = (trimmed(table, nuisances), balanced(table, columns), together(table, columns))
    return tuple(found + [one for one in others if one is not None])


def overlap_weighted(
    outcome: Floats, trained: Bools, nuisances: Nuisances, cluster: Ints | None = None
) -> Variant:
    """Return the effect on people weighted by e(1 − e): the trained count 1 − e, the compared e.

    With residual r = Y − m₀(X): τ = Σ D(1−e) r / Σ D(1−e) − Σ (1−D) e r / Σ (1−D) e. No weight exceeds 1.
    """
    residual = outcome - nuisances.if_not
    up = np.where(trained, 1 - nuisances.propensity, 0.0)
    down = np.where(trained, 0.0, nuisances.propensity)
    above, below = (float((weight * residual).sum() / weight.sum()) for weight in (up, down))
    influence = up * (residual - above) / up.mean() - down * (residual - below) / down.mean()
    effect = interval_effect(above - below, influence, cluster, trained=trained)
    words = "average over those who could have gone either way (weights e(1 − e))"
    return Variant("overlap_weighted", words, effect, effective_sample(down[~trained]), int(trained.sum()))


def trimmed(table: ComparisonTable, nuisances: Nuisances) -> Variant | None:
    """Return the effect on the trained whose probability of being trained lies within [.05, .95]."""
    chance = nuisances.propensity
    keep = (chance >= EXTREME[0]) & (chance <= EXTREME[1])
    trained = table.trained[keep]
    if min(trained.sum(), (~trained).sum()) < FEWEST:
        return None
    cluster = None if table.cluster is None else table.cluster[keep]
    kept = Nuisances(chance[keep], nuisances.if_not[keep])
    effect = average_effect(table.outcome[keep], trained, kept, "att", cluster)
    odds = chance[keep][~trained] / (1 - chance[keep][~trained])
    words = (
        f"average over the {int(trained.sum())} of {int(table.trained.sum())} trained whose probability of being "
        f"trained lies within {EXTREME[0]}–{EXTREME[1]}"
    )
    return Variant("trimmed", words, effect, effective_sample(odds), int(trained.sum()))


def balanced(table: ComparisonTable, columns: Floats) -> Variant | None:
    """Return the effect on the trained by weights that match their means; None where no weights do."""
    from features.errors import RefusedError

    if columns.shape[1] == 0:
        return None
    try:
        weights = balancing_weights(columns, table.trained)
    except RefusedError:
        return None
    effect = balanced_effect(table.outcome, table.trained, weights, table.cluster)
    words = "average over the trained, by entropy balancing: the means of all covariates match exactly"
    return Variant("entropy_balanced", words, effect, effective_sample(weights), int(table.trained.sum()))


def together(table: ComparisonTable, columns: Floats) -> Variant | None:
    """Return the effect by lines with what pairs of columns do together alone; None where that changes nothing."""
    found = moved_by_products(table, columns)
    if found is None:
        return None
    effect, nuisances = found
    weights = odds_weights(nuisances.propensity, table.trained)[~table.trained]
    words = "average over the trained, by lines with the products of columns that count only together"
    return Variant(TOGETHER, words, effect, effective_sample(weights), int(table.trained.sum()))
