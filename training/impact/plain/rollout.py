"""``skillpath evaluate impact --design staggered``: a roll-out in which units are trained one after the other."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from training.evaluation import Evaluation, Interval
from training.impact.doubts.pretrends import breakdown
from training.impact.estimators.aipw import Effect
from training.impact.estimators.random_timing import RandomTiming, random_timing_effect
from training.impact.estimators.staggered import StaggeredEffects, refuse_unusable_panel, staggered_effects
from training.impact.plain.panel import ReadPanel, read_panel
from training.impact.telling import figures
from training.impact.telling.evidence import Evidence
from training.impact.telling.record import placebo_record, span
from training.impact.telling.verdict import Verdict, verdict
from training.impact.telling.words import Subject, in_words

PRIMARY = "outcome_error_reduction"
PROTOCOL = (
    "group-time effects with units not trained yet (Callaway and Sant'Anna), averaged over groups and periods since; "
    "with --random-timing the efficient estimate of Roth and Sant'Anna"
)


def staggered(request: argparse.Namespace) -> Evaluation:
    """Estimate from a roll-out in which units are trained one after the other."""
    given = read_panel(request)
    refuse_unusable_panel(given.panel)
    found = staggered_effects(given.panel)
    lot = random_timing_effect(given.panel)
    effect = lot.effect if request.random_timing else found.overall
    before = lot.before if request.random_timing else found.before
    beside = {name: placebo_of(request, column) for name, column in beside_columns(request).items()}
    judged = verdict(evidence_of(request, given, found, (effect, before, beside)))
    told: dict[str, Any] = {
        **details(request, given, found, lot),
        "placebo": placebo_record(beside.get("placebo") or before),
        "negative_control": placebo_record(beside.get("negative_control")),
        "verdict_reasons": list(judged.reasons),
        "verdict_words": words(request, effect, judged),
    }
    metrics = {"estimate": interval(effect)}
    if before is not None:
        metrics["placebo"] = interval(before)
    return Evaluation(
        "impact", PROTOCOL, metrics, peers(request, found, lot), PRIMARY, np.zeros(0), {},
        diagnostics=told, n=counts(given), verdict=judged.code, data_digest=given.digest,
        figures={"event_study": lambda: figures.event_study(found.by_age)},
    )  # fmt: skip


def beside_columns(request: argparse.Namespace) -> dict[str, str]:
    """Return the further outcomes that were named."""
    named = {"placebo": "".join(request.placebo_outcome), "negative_control": request.negative_control}
    return {name: column for name, column in named.items() if column}


def placebo_of(request: argparse.Namespace, column: str) -> Effect:
    """Return the same estimate of another outcome, on which there can be no effect."""
    other = argparse.Namespace(**{**vars(request), "outcome": column, "outcome_unit": None})
    return staggered_effects(read_panel(other).panel).overall


def evidence_of(
    request: argparse.Namespace,
    given: ReadPanel,
    found: StaggeredEffects,
    effects: tuple[Effect, Effect | None, dict[str, Effect]],
) -> Evidence:
    """Return what the verdict of a roll-out is made of."""
    effect, before, beside = effects
    ahead = beside.get("placebo") or before
    control = beside.get("negative_control")
    evidence = Evidence(
        "staggered",
        "full",
        (effect.low, effect.high),
        placebo=(ahead.low, ahead.high) if ahead else None,
        negative_control=(control.low, control.high) if control else None,
        clusters=effect.freedom + 1,
        missing_share=given.missing_share,
        is_random_timing=request.random_timing,
    )
    if request.random_timing:
        return evidence
    return replace(evidence, pretrend_p_value=found.pretrend_p_value, breakdown=breakdown(found))


def details(
    request: argparse.Namespace, given: ReadPanel, found: StaggeredEffects, lot: RandomTiming
) -> dict[str, Any]:
    """Return everything that stands beside the number."""
    return {
        "estimand": "att",
        "estimand_words": "average over all trained units and the periods since each was trained",
        "design": "staggered",
        "standard_error": lot.effect.standard_error if request.random_timing else found.overall.standard_error,
        "pretrend_p_value": found.pretrend_p_value,
        "breakdown": breakdown(found),
        "random_timing": {**(span(lot.effect) or {}), "adjustment": lot.adjustment, "before": span(lot.before)},
        "event_study": {str(age): span(effect) for age, effect in found.by_age.items()},
        "group_time": [
            {"first": float(given.panel.periods[cell.first]), "period": float(given.panel.periods[cell.period]),
             "value": cell.value, "is_before": cell.is_before}
            for cell in found.cells
        ],
        "left_out": given.left_out,
    }  # fmt: skip


def peers(
    request: argparse.Namespace, found: StaggeredEffects, lot: RandomTiming
) -> dict[str, dict[str, Interval]]:
    """Return the contrasts: two-way fixed effects, and the estimate that was not asked for."""
    other = ("callaway_santanna", found.overall) if request.random_timing else ("random_timing", lot.effect)
    return {"twfe": {"estimate": Interval(found.twfe)}, other[0]: {"estimate": interval(other[1])}}


def counts(given: ReadPanel) -> dict[str, int]:
    """Return how many units and periods there are, and how many units were trained."""
    panel = given.panel
    trained = (panel.first > 0) & (panel.first < panel.periods.size)
    found = {
        "units": int(panel.first.size),
        "trained": int(trained.sum()),
        "periods": int(panel.periods.size),
    }
    return {**found, "units_left_out": given.n_left_out} if given.n_left_out else found


def words(request: argparse.Namespace, effect: Effect, judged: Verdict) -> str:
    """Return the verdict as a manager reads it."""
    about = Subject(request.outcome, trained="the trained")
    return in_words(judged.code, (effect.value, effect.low, effect.high), about, judged.reasons)


def interval(effect: Effect) -> Interval:
    """Return an effect as an interval."""
    return Interval(effect.value, effect.low, effect.high)
