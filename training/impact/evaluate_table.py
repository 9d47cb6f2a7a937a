"""``skillpath evaluate impact``: the estimators of training on any table, with everything beside the number."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import RefusedError
from training.evaluation import Evaluation, Interval
from training.impact import peers
from training.impact.doubts.missing import missing_bounds
from training.impact.estimate import Estimate, observational_estimate, randomised_estimate
from training.impact.estimators.aipw import Effect
from training.impact.estimators.bins import is_large
from training.impact.estimators.crossfit import Pipeline, full_pipeline, screening_pipeline
from training.impact.estimators.randomised import offer_effects
from training.impact.plain.arguments import read_arguments
from training.impact.plain.reading import Read, read
from training.impact.plain.rollout import PROTOCOL as ROLLOUT
from training.impact.plain.rollout import interval, staggered, words
from training.impact.table import Bools, Floats, columns_of, refuse_unusable
from training.impact.telling import figures
from training.impact.telling.individual import with_individual
from training.impact.telling.record import diagnostics
from training.impact.telling.words import CANNOT_TELL

PRIMARY = "outcome_error_reduction"
PROTOCOLS = {
    "observational": "cross-fitted AIPW, Hájek weights, no trimming; the placebo by the same pipeline, first seed",
    "randomised": "Lin's regression with robust intervals; the difference in means where there are no covariates",
    "offer": "Lin's regressions of outcome and uptake on the offer; the effect of taking part is their ratio",
    "staggered": ROLLOUT,
}
ESTIMANDS = {
    "att": "average over those who were trained",
    "ate": "average over everybody in the table",
    "itt": "average over everybody of having been offered (or assigned) the training",
    "late": "average over those whom the offer moved to take part",
}


def run(arguments: list[str]) -> Evaluation:
    """Estimate what a training did, on a plain table.

    Parameters
    ----------
    arguments : list of str
        As after ``skillpath evaluate impact``.

    Returns
    -------
    Evaluation
        Its status is ``refused``, with the reason, where the data cannot answer honestly.

    Raises
    ------
    BadInputError
        If the table or the arguments cannot be used.
    """
    request = read_arguments(arguments)
    try:
        found = DESIGNS[request.design](request)
        if request.figures:
            figures.written(found.figures, Path(request.figures))
        return found
    except RefusedError as refusal:
        return refused(request, str(refusal))


def refused(request: argparse.Namespace, reason: str) -> Evaluation:
    """Return a refusal."""
    empty = np.zeros(0)
    return Evaluation(
        "impact", PROTOCOLS[request.design], {}, {}, PRIMARY, empty, {},
        diagnostics={"design": request.design, "estimand": request.estimand},
        status="refused", reason=reason, verdict=CANNOT_TELL,
    )  # fmt: skip


def observational(request: argparse.Namespace) -> Evaluation:
    """Estimate from people who chose, or were chosen."""
    given = read(request)
    pipeline = pipeline_of(request)
    estimate = observational_estimate(given.table, pipeline, request.estimand)
    measured = given.table.measured()
    columns, _ = columns_of(measured)
    beside = peers.observational(columns, measured, request.estimand)
    compared = ~measured.trained
    assert estimate.fitted is not None
    error = measured.outcome[compared] - estimate.fitted.nuisances.if_not[compared]
    from_mean = measured.outcome[compared] - measured.outcome[compared].mean()
    found = evaluation(request, given, estimate, beside)
    found = replace(found, diagnostics={**found.diagnostics, "learners": learners_of(pipeline, columns)})
    if request.individual:
        found = with_individual(found, measured, None)
    return replace(
        found,
        per_unit=from_mean**2 - error**2,
        peer_units={"mean": np.zeros(error.size)},
        seeds=pipeline.seeds,
        figures={**found.figures, **figures.of_estimate(estimate, measured.trained)},
    )


def learners_of(pipeline: Pipeline, columns: Floats) -> str:
    """Return in words what propensities and expected outcomes were learnt by."""
    if pipeline.name == "screening":
        return "ridge and L2-logit, with a few strongly regularised boosted trees"
    if is_large(columns):
        return "ridge and L2-logit, with boosted trees for as long as held-out rows gain"
    return "ridge and L2-logit, stacked with random forests"


def randomised(request: argparse.Namespace) -> Evaluation:
    """Estimate where chance decided who was trained."""
    given = read(request)
    estimate = replace(randomised_estimate(given.table), estimand=request.estimand)
    measured = given.table.measured()
    columns, _ = columns_of(measured)
    found = evaluation(request, given, estimate, peers.randomised(columns, measured))
    found = replace(found, figures=figures.of_estimate(estimate, measured.trained))
    return with_individual(found, measured, float(measured.trained.mean())) if request.individual else found


def offer(request: argparse.Namespace) -> Evaluation:
    """Estimate where chance decided who was offered the training."""
    given = read(request)
    assert given.offered is not None
    by_offer = replace(given.table, trained=given.offered)
    refuse_no_lot(given.offered)
    refuse_unusable(by_offer)
    known = np.isfinite(by_offer.outcome)
    measured, took_part = by_offer.measured(), given.table.trained[known]
    columns, _ = columns_of(measured)
    found = offer_effects(measured.outcome, measured.trained, took_part, columns, measured.cluster)
    chosen = found.taking_part if request.estimand == "late" else found.offered
    of_offer = randomised_estimate(by_offer)
    bounds = missing_bounds(by_offer, found.offered.value)
    if bounds and request.estimand == "late":  # what missing outcomes do to the offer, they do to its ratio
        bounds = tuple(sorted(bound / found.uptake.value for bound in bounds))  # type: ignore[assignment]
    estimate = replace(of_offer, effect=chosen, bounds=bounds, design="offer", estimand=request.estimand)
    estimate = estimate.judged(first_stage=found.first_stage_f if request.estimand == "late" else None)
    extra = {"itt": found.offered, "late": found.taking_part, "first_stage": found.uptake}
    result = evaluation(request, given, estimate, peers.randomised(columns, measured), extra)
    facts = {"first_stage_f": found.first_stage_f, "uptake_if_offered": float(took_part[measured.trained].mean()),
             "uptake_if_not_offered": float(took_part[~measured.trained].mean())}  # fmt: skip
    return replace(result, diagnostics={**result.diagnostics, **facts})


def refuse_no_lot(offered: Bools) -> None:
    """Raise RefusedError where everybody, or nobody, was offered the training."""
    if offered.all() or not offered.any():
        raise RefusedError(
            f"{'Everybody' if offered.all() else 'Nobody'} was offered the training: no lot decided anything.",
            found=f"{int(offered.sum())} of {offered.size} offered",
            allowed="some with the offer and some without",
        )


DESIGNS = {"observational": observational, "randomised": randomised, "offer": offer, "staggered": staggered}


def unasked(request: argparse.Namespace, estimate: Estimate) -> dict[str, str]:
    """Return which further outcomes were named and could not be estimated."""
    named: dict[str, Effect | None] = dict.fromkeys(request.placebo_outcome, estimate.placebo)
    named[request.negative_control] = estimate.negative_control
    why = "no outcome to test with: the same for everybody, or hardly measured"
    return {name: why for name, effect in named.items() if name and effect is None}


def pipeline_of(request: argparse.Namespace) -> Pipeline:
    """Return the pipeline that was asked for."""
    if request.pipeline == "screening":
        return screening_pipeline(request.threads)
    return full_pipeline(request.threads, request.trees, tuple(range(request.seeds)))


def evaluation(
    request: argparse.Namespace,
    given: Read,
    estimate: Estimate,
    beside: Mapping[str, Mapping[str, Interval]],
    extra: Mapping[str, Effect] | None = None,
) -> Evaluation:
    """Return an estimate as an evaluation."""
    metrics = {"estimate": interval(estimate.effect)}
    for name, effect in (("placebo", estimate.placebo), ("negative_control", estimate.negative_control)):
        if effect:
            metrics[name] = interval(effect)
    metrics |= {one.name: interval(one.effect) for one in estimate.variants if one.name != "entropy_balanced"}
    metrics |= {name: interval(effect) for name, effect in (extra or {}).items()}
    if estimate.overlap:
        metrics["effective_sample"] = Interval(estimate.overlap.effective_sample)
    if estimate.sensitivity:
        metrics["robustness_value"] = Interval(estimate.sensitivity.robustness_value)
        if estimate.sensitivity.e_value is not None:
            metrics["e_value"] = Interval(estimate.sensitivity.e_value)
    told: dict[str, Any] = diagnostics(estimate)
    told["estimand_words"] = ESTIMANDS[estimate.estimand]
    told["left_out"] = given.left_out | unasked(request, estimate)
    told["covariates"] = list(given.table.names)
    told["verdict_words"] = words(request, estimate.effect, estimate.verdict)
    return Evaluation(
        "impact", PROTOCOLS[request.design], metrics, beside, PRIMARY, np.zeros(0), {},
        diagnostics=told, n=estimate.n, verdict=estimate.verdict.code, data_digest=given.digest,
    )  # fmt: skip
