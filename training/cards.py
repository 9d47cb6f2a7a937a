"""The card of a model: what it was made of, how good it is, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.evaluation import Evaluation, Interval, plain
from training.logged import LoggedModel

INTENDED: Mapping[str, str] = {
    "skills": "Find the skills that a job requires and a text names, so that gaps and strengths can be shown.",
    "recommendation": "Order learning items for an employee, with a reason each.",
    "attrition": "Estimate the probability of leaving within a horizon, for conversations about staying "
    "and for planning the workforce.",
    "impact": "Estimate what a course changed in an outcome, with its interval and its verdict.",
}
LIMITS: Mapping[str, tuple[str, ...]] = {
    "skills": (
        "Reads English; a skill the taxonomy does not hold is not found.",
        "A skill that is not recorded is not a skill that is not there.",
    ),
    "recommendation": (
        "Learnt from what was taken, which is not the same as what helped.",
        "New courses and new people are answered from content and gaps alone.",
    ),
    "attrition": (
        "Holds for people and periods like those of the data; the level is recalibrated on the latest period only.",
        "A risk says who may leave, not whom an offer would keep.",
    ),
    "impact": (
        "Assumes that whatever moved both the choice to train and the outcome was recorded.",
        "An average over those trained; not what one person gained.",
    ),
}
NOT_FOR: Mapping[str, tuple[str, ...]] = {
    "skills": ("hiring, pay or dismissal without a person's own review of the evidence",),
    "recommendation": ("judging people by what they were shown or did not take",),
    "attrition": ("termination, pay or promotion", "any decision without a person's review"),
    "impact": ("judging single employees or trainers", "claims beyond the verdict's own words"),
}
INSTRUCTIONS: Mapping[str, tuple[str, ...]] = {
    "skills": (
        "Show the evidence beside every skill, and let the person correct it.",
        "Below the threshold the model abstains: show nothing rather than a guess.",
    ),
    "recommendation": (
        "Show the reason with every item; mandatory courses are marked, not ranked.",
        "Compute scores again when a person's records change; an answer that says so is older than that.",
    ),
    "attrition": (
        "A person reviews every score before it is used, and writes down why they agree or not.",
        "Read the band and the interval, never the number alone; a score expires with its horizon.",
        "New hires get their cohort's rate, marked so; protected attributes are never inputs.",
        "Watch calibration as exits arrive: skillpath watch attrition.",
    ),
    "impact": (
        "Read effect, interval and verdict together; a refusal is an answer.",
        "Before money follows an estimate, run the full pipeline for that course, or a randomised pilot.",
    ),
}
UNKNOWN_INSTRUCTIONS = ("Read value and interval together; a person decides.",)
COSTS = ("seconds/fit", "system/wall_seconds", "system/cpu_seconds", "system/peak_memory_megabytes",
         "system/energy_watt_hours_estimated")  # fmt: skip
NO_GROUPS = "no score about a person: nobody is flagged, so no group can be flagged more often"
UNKNOWN_LIMITS = ("Known for the data it was evaluated on, and no other.",)
UNKNOWN_NOT_FOR = ("decisions about people without a person's review",)


def card_of(
    model: LoggedModel, evaluation: Evaluation, numbers: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the card of a model version.

    Parameters
    ----------
    model : LoggedModel
        The version.
    evaluation : Evaluation
        Of its saved payload, on the data of today.
    numbers : mapping of str to float, optional
        Metrics of the run that trained it: its time, memory and estimated energy are taken from them.

    Returns
    -------
    dict
        Plain values; `empty_fields` names those that nobody filled.
    """
    name = model.name
    return {
        "name": name,
        "version": model.version,
        "intended_use": INTENDED.get(name, f"Answer the question {name}."),
        "not_for": list(NOT_FOR.get(name, UNKNOWN_NOT_FOR)),
        "instructions": list(INSTRUCTIONS.get(name, UNKNOWN_INSTRUCTIONS)),
        "limits": list(LIMITS.get(name, UNKNOWN_LIMITS)),
        "groups": groups_of(evaluation),
        "cost": plain({each: numbers[each] for each in COSTS if each in (numbers or {})} if numbers else {}),
        "window": model.window,
        "protocol": evaluation.protocol,
        "n": plain(evaluation.n),
        "primary": evaluation.primary,
        "metrics": plain(with_intervals(evaluation.metrics)),
        "peers": plain(evaluation.peers),
        "payload_digest": model.payload_digest,
        "data_digest": model.data_digest,
        "seeds": plain(evaluation.seeds),
        "verdict": evaluation.verdict or evaluation.status,
    }


def groups_of(evaluation: Evaluation) -> str:
    """Return how groups fare, in words; empty where a question that scores people has no report."""
    report = evaluation.diagnostics.get("fairness")
    if isinstance(report, Mapping) and report.get("reason"):
        return str(report["reason"])
    return "" if evaluation.question == "attrition" else NO_GROUPS


def with_intervals(metrics: Mapping[str, Interval]) -> dict[str, Interval]:
    """Return the metrics that are numbers."""
    return {name: found for name, found in metrics.items() if found.value == found.value}


def empty_fields(card: Mapping[str, Any]) -> list[str]:
    """Return the fields of a card that say nothing; the primary metric must have its interval."""
    empty = [name for name, value in card.items() if value is None or value in ("", [], {})]
    found = card["metrics"].get(card["primary"])
    if found is None or found["low"] is None or found["high"] is None:
        empty.append(f"metrics.{card['primary']} with its interval")
    return empty


def card_text(card: Mapping[str, Any]) -> str:
    """Return a card for a person to read, in Markdown."""
    lines = [f"# {card['name']} {card['version']}", "", str(card["intended_use"]), ""]
    for title, name in (
        ("Instructions for use", "instructions"),
        ("Not for", "not_for"),
        ("Limits", "limits"),
    ):
        lines += [f"## {title}", *(f"- {text}" for text in card[name]), ""]
    lines += [
        "## What it is worth",
        "",
        str(card["protocol"]),
        "",
        "| metric | value | 95 % |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {number(m['value'])} | {interval(m)} |" for name, m in card["metrics"].items()]
    lines += ["", f"Verdict: {card['verdict']}", "", "## Made of", ""]
    lines += [f"- {name}: {card[name]}" for name in ("window", "n", "seeds", "data_digest", "payload_digest")]
    lines += ["", "## How groups fare", "", str(card["groups"]), "", "## What it cost", ""]
    lines += [f"- {name}: {number(value)}" for name, value in card["cost"].items()]
    return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    """Return a number in four significant digits, or a dash."""
    return "–" if value is None else f"{value:.4g}"


def interval(metric: Mapping[str, float | None]) -> str:
    """Return an interval in words, or a dash where none was computed."""
    if metric["low"] is None or metric["high"] is None:
        return "–"
    return f"{number(metric['low'])} to {number(metric['high'])}"
