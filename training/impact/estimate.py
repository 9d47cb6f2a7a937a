"""One estimate with everything that stands beside it: overlap, balance, placebo, sensitivity, verdict."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from training.impact.doubts.missing import missing_bounds, missing_gap
from training.impact.doubts.overlap import (
    EXTREME,
    Balance,
    Overlap,
    balance_report,
    group_weights,
    overlap_report,
)
from training.impact.doubts.placebos import error_alone, furthest
from training.impact.doubts.sensitivity import Sensitivity, seen_in_placebo, sensitivity_report
from training.impact.doubts.variants import TOGETHER, Variant, variants
from training.impact.estimators.aipw import Effect, OverlapError, critical_value
from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import Fitted, Pipeline, fit_effect
from training.impact.estimators.randomised import lin_effect
from training.impact.table import Bools, ComparisonTable, Floats, columns_of, refuse_unusable
from training.impact.telling.evidence import Evidence
from training.impact.telling.verdict import Verdict, verdict

MOST_APART = 0.5


@dataclass(frozen=True)
class Estimate:
    """An average effect of a training, and how far it can be believed.

    Parameters
    ----------
    effect : Effect
        In the unit of the outcome; positive where training raised it.
    estimand, design, pipeline : str
        Whose effect, how compared, how estimated.
    verdict : Verdict
        The rung of the ladder, and why not a higher one.
    n : dict of str to int
        trained, compared, and how many of each have no outcome.
    overlap, balance, sensitivity, placebo
        The reports beside the number; None where the design has none.
    bounds : (float, float), optional
        Estimate if every missing outcome of the trained lay at the 5th (95th) percentile and of the compared at the other.
    by_seed : tuple of float
        The estimate of each seed.
    negative_control : Effect, optional
        On an outcome that the training cannot move.
    variants : tuple of Variant
        The same comparison for other people, each with its own estimand.
    fitted : Fitted, optional
        Nuisances, for figures.
    placebos : tuple of Effect
        On each earlier outcome by itself, where `placebo` pools several.
    """

    effect: Effect
    estimand: str
    design: str
    pipeline: str
    verdict: Verdict
    n: dict[str, int]
    overlap: Overlap | None = None
    balance: Balance | None = None
    sensitivity: Sensitivity | None = None
    placebo: Effect | None = None
    bounds: tuple[float, float] | None = None
    by_seed: tuple[float, ...] = ()
    negative_control: Effect | None = None
    variants: tuple[Variant, ...] = ()
    fitted: Fitted | None = field(default=None, repr=False)
    placebos: tuple[Effect, ...] = ()

    def judged(self, **changes: object) -> Estimate:
        """Return the estimate with a verdict that also knows further evidence."""
        return replace(self, verdict=verdict(replace(evidence_of(self), **changes)))  # type: ignore[arg-type]


def evidence_of(estimate: Estimate) -> Evidence:
    """Return what the verdict of an estimate is made of."""
    people = estimate.n["trained"] + estimate.n["compared"]
    missing = estimate.n.get("trained_without_outcome", 0) + estimate.n.get("compared_without_outcome", 0)
    placebo, control = estimate.placebo, estimate.negative_control
    return Evidence(
        design=estimate.design,
        pipeline=estimate.pipeline,
        interval=(estimate.effect.low, estimate.effect.high),
        effective_sample=estimate.overlap.effective_sample if estimate.overlap else float("inf"),
        placebo=(placebo.low, placebo.high) if placebo else None,
        placebo_alone=furthest(estimate.placebos),
        by_products=next((one.effect.value for one in estimate.variants if one.name == TOGETHER), None),
        sensitivity=estimate.sensitivity,
        largest_imbalance=estimate.balance.largest_after if estimate.balance else 0.0,
        largest_weight_share=estimate.overlap.largest_weight_share if estimate.overlap else 0.0,
        missing_share=missing / max(people, 1),
        negative_control=(control.low, control.high) if control else None,
        clusters=estimate.effect.freedom + 1,
        missing_gap=missing_gap(estimate.n),
        is_unadjusted=estimate.balance is not None and not estimate.balance.names,
    )


def counts(table: ComparisonTable) -> dict[str, int]:
    """Return how many were trained and compared, and how many of them have no outcome (they stay in the count)."""
    known = np.isfinite(table.outcome)
    return {
        "trained": int(table.trained.sum()),
        "compared": int((~table.trained).sum()),
        "trained_without_outcome": int((table.trained & ~known).sum()),
        "compared_without_outcome": int((~table.trained & ~known).sum()),
    }


@dataclass(frozen=True)
class Shared:
    """What the outcomes of the same people share: covariates binned once, and propensities of all rows.

    Parameters
    ----------
    columns : Part
        Of all rows of the table.
    propensity : (n,) float, optional
        Out of fold; where there is one seed.
    """

    columns: Part
    propensity: Floats | None = None

    def rows(self, keep: Bools) -> Shared:
        """Return what belongs to some of the rows."""
        return Shared(self.columns.rows(keep), None if self.propensity is None else self.propensity[keep])


def observational_estimate(
    table: ComparisonTable,
    pipeline: Pipeline,
    estimand: str = "att",
    shared: Shared | None = None,
    shared_placebo: Shared | None = None,
) -> Estimate:
    """Estimate from people who chose, or were chosen: cross-fitted AIPW with every report beside it.

    Parameters
    ----------
    table : ComparisonTable
        Missing outcomes are counted and bounded; the estimate is of those that were measured.
    pipeline : Pipeline
        Fixed before looking.
    estimand : str
        ``att`` or ``ate``.
    shared, shared_placebo : Shared, optional
        What other outcomes of the same people need too; of all rows, with and without what would give the placebo away.

    Raises
    ------
    RefusedError
        If no honest comparison can be made; the reason is the answer.
    """
    refuse_unusable(table)
    measured = table.measured()
    columns, names = columns_of(measured)
    given = shared.rows(np.isfinite(table.outcome)) if shared else Shared(Part.of(columns))
    fitted = fit_effect(measured, given.columns, pipeline, estimand, given.propensity)
    if measured.is_binary:
        fitted = replace(fitted, effect=not_too_sure(fitted, measured.trained))
    chance = fitted.nuisances.propensity
    refuse_apart(chance, measured.trained)
    weights = group_weights(chance, measured.trained, estimand)
    placebo = effect_on(table.as_placebo(), pipeline, estimand, of_placebo(table, shared_placebo))
    singles = [effect_on(one, pipeline, estimand) for one in table.as_single_placebos()]
    each = tuple(one for one in singles if one is not None)
    estimate = Estimate(
        fitted.effect,
        estimand,
        "observational",
        pipeline.name,
        Verdict("", ()),
        counts(table),
        overlap_report(chance, measured.trained, estimand),
        balance_report(columns, names, measured.trained, weights),
        sensitivity_of(measured, (columns, names), fitted, placebo, error_alone(placebo, each)),
        placebo,
        missing_bounds(table, fitted.effect.value),
        fitted.by_seed,
        effect_on(table.as_negative_control(), pipeline, estimand),
        variants(measured, columns, fitted.nuisances) if pipeline.name == "full" else (),
        fitted,
        each,
    )
    return estimate.judged()


def not_too_sure(fitted: Fitted, trained: Bools) -> Effect:
    """Return the effect on a yes/no outcome with at least the error it would have if there were no effect.

    Notes
    -----
    Where few people leave and, by chance, none of the trained did, their own spread says nothing of the chance.
    """
    risk = float(np.clip(fitted.nuisances.if_not[trained].mean(), 0.0, 1.0))
    least = float(np.sqrt(risk * (1 - risk) / trained.sum()))
    effect = fitted.effect
    error = max(effect.standard_error, least)
    reach = error * critical_value(effect.freedom)
    return replace(effect, low=effect.value - reach, high=effect.value + reach, standard_error=error)


def refuse_apart(propensity: Floats, trained: Bools) -> None:
    """Raise OverlapError where most of the trained have no counterpart among the compared."""
    apart = float((propensity[trained] > EXTREME[1]).mean())
    beyond = float((propensity[trained] > propensity[~trained].max()).mean())
    if max(apart, beyond) > MOST_APART:
        found = f"{apart:.0%} of the trained have a probability of being trained above {EXTREME[1]}"
        if beyond > apart:
            found = f"{beyond:.0%} of the trained were likelier to be trained than any of the compared"
        raise OverlapError(
            "The trained have no counterpart: what is recorded tells almost for certain who was trained.",
            found=found,
            allowed=f"at most {MOST_APART:.0%}",
        )


def sensitivity_of(
    measured: ComparisonTable,
    columns: tuple[Floats, list[str]],
    fitted: Fitted,
    placebo: Effect | None,
    alone: float,
) -> Sensitivity:
    """Return the sensitivity report of an estimate, with the hidden cause that its placebo shows; `alone` is one placebo's error."""
    risk = None
    if measured.is_binary:
        risk = float(measured.outcome[measured.trained].mean()) - fitted.effect.value
    effect = (fitted.effect.value, fitted.effect.standard_error)
    found = sensitivity_report(columns, measured.trained, measured.outcome, effect, risk)
    return replace(found, hidden=seen_in_placebo(fitted.effect, placebo, found.freedom, alone))


def of_placebo(table: ComparisonTable, shared: Shared | None) -> Shared | None:
    """Return what is shared, of the rows whose placebo was measured."""
    earlier = table.pooled_placebo
    return shared.rows(np.isfinite(earlier)) if shared and earlier is not None else None


def effect_on(
    other: ComparisonTable | None, pipeline: Pipeline, estimand: str, shared: Shared | None = None
) -> Effect | None:
    """Return the effect on another outcome (placebo, negative control), by the same pipeline with its first seed.

    Returns
    -------
    Effect or None
        None where there is no such outcome, or too little of it.
    """
    if other is None or other.n == 0 or np.ptp(other.outcome) == 0:
        return None
    if min(other.trained.sum(), (~other.trained).sum()) < 2 * pipeline.folds:
        return None
    first = replace(pipeline, seeds=pipeline.seeds[:1])
    given = shared or Shared(Part.of(columns_of(other)[0]))
    return fit_effect(other, given.columns, first, estimand, given.propensity).effect


def randomised_estimate(table: ComparisonTable) -> Estimate:
    """Estimate where chance decided: Lin's regression (the difference in means where there is no covariate)."""
    refuse_unusable(table)
    measured = table.measured()
    columns, names = columns_of(measured)
    effect = lin_effect(measured.outcome, measured.trained, columns, measured.cluster)
    singles = [lin_effect_on(one) for one in table.as_single_placebos()]
    estimate = Estimate(
        effect,
        "ate",
        "randomised",
        "full",
        Verdict("", ()),
        counts(table),
        balance=balance_report(columns, names, measured.trained, np.ones(measured.n)),
        placebo=lin_effect_on(table.as_placebo()),
        bounds=missing_bounds(table, effect.value),
        negative_control=lin_effect_on(table.as_negative_control()),
        placebos=tuple(one for one in singles if one is not None),
    )
    return estimate.judged()


def lin_effect_on(other: ComparisonTable | None) -> Effect | None:
    """Return Lin's effect on another outcome (placebo, negative control); None where there is none."""
    if other is None or other.n == 0 or np.ptp(other.outcome) == 0:
        return None
    columns, _ = columns_of(other)
    return lin_effect(other.outcome, other.trained, columns, other.cluster)
