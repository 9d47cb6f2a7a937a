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
UNKNOWN_LIMITS = ("Known for the data it was evaluated on, and no other.",)
UNKNOWN_NOT_FOR = ("decisions about people without a person's review",)


def card_of(model: LoggedModel, evaluation: Evaluation) -> dict[str, Any]:
    """Return the card of a model version.

    Parameters
    ----------
    model : LoggedModel
        The version.
    evaluation : Evaluation
        Of its saved payload, on the data of today.

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
        "limits": list(LIMITS.get(name, UNKNOWN_LIMITS)),
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
    for title, name in (("Not for", "not_for"), ("Limits", "limits")):
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
    return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    """Return a number in four significant digits, or a dash."""
    return "–" if value is None else f"{value:.4g}"


def interval(metric: Mapping[str, float | None]) -> str:
    """Return an interval in words, or a dash where none was computed."""
    if metric["low"] is None or metric["high"] is None:
        return "–"
    return f"{number(metric['low'])} to {number(metric['high'])}"
