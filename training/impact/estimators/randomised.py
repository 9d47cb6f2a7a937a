"""Designs where chance decided: Lin's regression, and the effect of taking part where only the offer was random.

References
----------
Lin, Ann. Appl. Stat. 7 (2013) 295, doi:10.1214/12-AOAS583 (ANCOVA with interactions).
Imbens, Angrist, Econometrica 62 (1994) 467, doi:10.2307/2951620 (LATE).
Wald, Ann. Math. Stat. 11 (1940) 284, doi:10.1214/aoms/1177731868.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.errors import RefusedError
from training.impact.estimators.aipw import Effect, interval_effect
from training.impact.table import Bools, Floats, Ints


def lin_effect(outcome: Floats, trained: Bools, covariates: Floats, cluster: Ints | None = None) -> Effect:
    """Estimate the average effect of a randomised training by Lin's regression.

    Parameters
    ----------
    outcome, trained : (n,)
        Outcome and random assignment.
    covariates : (n, q) float
        Known before; without columns this is the difference in means.
    cluster : (n,) int, optional
        Where whole groups were assigned.

    Returns
    -------
    Effect
        Coefficient of training in Y ~ D + (X − X̄) + D·(X − X̄), with a robust (HC2, or clustered) interval.

    Notes
    -----
    Right whatever the true form, because training was random; covariates only narrow the interval.
    """
    centred = covariates - covariates.mean(axis=0) if covariates.shape[1] else covariates
    design = np.column_stack(
        [np.ones(outcome.size), trained.astype(float), centred, centred * trained[:, None]]
    )
    if design.shape[1] >= min(outcome.size, 2 * min(trained.sum(), (~trained).sum())):
        raise RefusedError(
            "Too few people for so many covariates.",
            found=f"{outcome.size} people, {covariates.shape[1]} covariates",
            hint="Name fewer with --covariates.",
        )
    inverse = np.linalg.pinv(design.T @ design)
    weights = inverse @ (design.T @ outcome)
    rest = outcome - design @ weights
    row = design @ inverse[1]
    if cluster is None:
        leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
        rest = rest / np.sqrt(np.maximum(1 - leverage, 1e-9))
    influence = row * rest * outcome.size
    error = hc2_error(influence) if cluster is None else None
    return interval_effect(float(weights[1]), influence, cluster, error, trained)


def hc2_error(influence: Floats) -> float:
    """Return √Σ(row·rest)², the rest already divided by √(1 − leverage)."""
    return float(np.sqrt((influence**2).sum()) / influence.size)


@dataclass(frozen=True)
class OfferEffects:
    """What an offer did.

    Parameters
    ----------
    offered : Effect
        Effect of the offer on the outcome (intention to treat).
    uptake : Effect
        Effect of the offer on taking part (first stage), share 0–1.
    taking_part : Effect
        Effect of taking part on those whom the offer moved (LATE), in the unit of the outcome.
    first_stage_f : float
        Squared t of the first stage; below 10 it is too weak.
    """

    offered: Effect
    uptake: Effect
    taking_part: Effect
    first_stage_f: float


def offer_effects(
    outcome: Floats, offered: Bools, took_part: Bools, covariates: Floats, cluster: Ints | None = None
) -> OfferEffects:
    """Estimate what a random offer did, and what taking part did to those it moved.

    Raises
    ------
    RefusedError
        If the offer did not move who took part at all.

    Notes
    -----
    Assumes that the offer works through taking part alone, and that nobody took part only because they were not offered it.
    The interval is by the delta method on the influence of both stages.
    """
    reduced = lin_effect(outcome, offered, covariates, cluster)
    first = lin_effect(took_part.astype(float), offered, covariates, cluster)
    if first.value == 0:
        raise RefusedError("The offer did not move who took part.", found="first stage 0")
    value = reduced.value / first.value
    influence = (reduced.influence - value * first.influence) / first.value
    error = hc2_error(influence) if cluster is None else None
    late = interval_effect(value, influence, cluster, error, offered)
    strength = (first.value / first.standard_error) ** 2 if first.standard_error > 0 else float("inf")
    return OfferEffects(reduced, first, late, strength)
