"""Individual effects as an evaluation tells them: the gate first, and what choosing is worth only behind it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from training.evaluation import Evaluation, Interval
from training.impact.estimators.aipw import Effect
from training.impact.estimators.individual import Gate, Policies, gate, individual_effects, policies
from training.impact.table import ComparisonTable, Floats, columns_of
from training.impact.telling import figures
from training.impact.telling.personal import personal_line
from training.impact.telling.record import span

FEWEST = 500
SHUT = "One average for everybody, and no choosing by predicted effects: they do not tell people apart."
OPEN = "Predicted effects tell people apart; choosing by them is worth what stands beside."


def with_individual(found: Evaluation, measured: ComparisonTable, lot: float | None) -> Evaluation:
    """Return an evaluation with its gate for individual effects.

    Parameters
    ----------
    found : Evaluation
        Of the average effect.
    measured : ComparisonTable
        Every outcome measured.
    lot : float, optional
        The probability of being trained, where chance decided it.

    Notes
    -----
    Where there are too few people, or nothing is known by which they differ, the average stands and the gate stays shut.
    """
    columns, _ = columns_of(measured)
    shut = not_asked(measured, columns)
    if shut:
        return replace(found, diagnostics={**found.diagnostics, "individual": shut})
    each = individual_effects(measured, columns, lot)
    opened = gate(each, measured.cluster)
    worth = policies(each, measured.cluster)
    metrics = {
        **found.metrics,
        "qini": interval(opened.qini),
        "calibration_slope": interval(opened.calibration_slope),
    }
    return replace(
        found,
        metrics=metrics,
        diagnostics={**found.diagnostics, "individual": record(opened, worth)},
        figures={**found.figures, "gain": partial(figures.gain, each)},
    )


def of_records(measured: ComparisonTable) -> dict[str, Any]:
    """Return what the gate says of one course and outcome of the records, as the payload keeps it.

    Parameters
    ----------
    measured : ComparisonTable
        Every outcome measured.
    """
    columns, names = columns_of(measured)
    shut = not_asked(measured, columns)
    if shut:
        return shut
    each = individual_effects(measured, columns)
    told = record(gate(each, measured.cluster), policies(each, measured.cluster))
    return {**told, "line": personal_line(measured, columns, names, each)}


def not_asked(measured: ComparisonTable, columns: Floats) -> dict[str, Any] | None:
    """Return a gate that stays shut because whom it helped more cannot be asked of so little; None where it can."""
    fewest = min(int(measured.trained.sum()), int((~measured.trained).sum()))
    if columns.shape[1] == 0:
        verdict = "not asked: no covariate tells people apart"
    elif fewest < FEWEST // 2:
        verdict = f"not asked: {fewest} people on the smaller side, needed {FEWEST // 2}"
    else:
        return None
    return {"gate": "shut", "verdict": verdict, "words": SHUT, "policy_value": None}


def record(opened: Gate, worth: Policies) -> dict[str, Any]:
    """Return what the gate says; what choosing is worth only where it is open."""
    told: dict[str, Any] = {"gate": "open" if opened.is_open else "shut", "verdict": opened.words}
    if not opened.is_open:
        return {**told, "words": SHUT, "policy_value": {"everybody": span(worth.everybody)}}
    names = ("everybody", "chosen", "best_half", "any_half", "best_half_gain")
    return {**told, "words": OPEN, "policy_value": {name: span(getattr(worth, name)) for name in names}}


def interval(effect: Effect) -> Interval:
    """Return an effect as an interval."""
    return Interval(effect.value, effect.low, effect.high)
