"""From a ranking to the answer's body, and to the ledger's row."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Response

from features.recommendation.catalogue import Catalogue
from features.recommendation.gap_value import Needs, gains
from features.recommendation.reasons import Closed, reason
from features.records.moments import from_micros
from features.records.shown import packed
from serving.house import House
from serving.models.answering import LoadedModel
from serving.recommendation.filters import RecommendationQuery
from serving.recommendation.ranking import Ranked

CANNOT_TELL = "cannot_tell"
NO_MORE = "No other course of the catalogue may be taken now and passes the filters."


@dataclass(frozen=True)
class Context:
    """What a ranking was made of.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    model : LoadedModel
        Which model answered.
    needs : Needs
        The gaps.
    job_id : str, optional
        Whose requirements they are measured by.
    cohort : str, optional
        Name of the person's current job: whose popularity the model knows.
    employee_id : str, optional
        None for a person who is not stored.
    recommendation_id : str
        Names the answer.
    now : int
        Microseconds since 1970 UTC.
    fallback : str, optional
        Why a simpler method answered.
    impact : mapping of str to list
        Course → its estimated effects, where any can be told.
    """

    catalogue: Catalogue
    model: LoadedModel
    needs: Needs
    job_id: str | None
    cohort: str | None
    employee_id: str | None
    recommendation_id: str
    now: int
    fallback: str | None
    impact: Mapping[str, list[dict[str, Any]]]


def new_id(now: int) -> str:
    """Return a new answer's identifier; later ones sort later, so that the ledger grows at one end."""
    return f"{now:014x}{secrets.token_hex(5)}"


def answer(context: Context, ranking: Sequence[Ranked], asked: RecommendationQuery) -> Response:
    """Return the answer, encoded."""
    return Response(msgspec.json.encode(body(context, ranking, asked)), media_type="application/json")


def body(context: Context, ranking: Sequence[Ranked], asked: RecommendationQuery) -> dict[str, Any]:
    """Return the answer as the contract (`serving.recommendation.answers`) shows it."""
    page = ranking[asked.offset : asked.offset + asked.n]
    items = [item(context, one, place, asked.explain) for place, one in enumerate(page, asked.offset + 1)]
    missing = asked.n - len(items)
    return {
        "employee_id": context.employee_id,
        "recommendation_id": context.recommendation_id,
        "model_version": context.model.version,
        "as_of": stamp(context.now),
        "fallback": context.fallback,
        "target_job_id": context.job_id,
        "items": items,
        "shortfall": {"missing": missing, "reason": NO_MORE} if missing else None,
    }


def item(context: Context, one: Ranked, place: int, is_explained: bool) -> dict[str, Any]:
    """Return one course of the ranking."""
    assignment = one.assignment
    shown = context.catalogue.shown[one.course].copy()
    course_id = shown["course_id"]
    shown["rank"] = place
    shown["score"] = one.score
    shown["mandatory"] = assignment is not None and assignment.is_mandatory
    shown["due_at"] = stamp(assignment.due) if assignment is not None and assignment.due is not None else None
    shown["closes"] = []
    shown["prerequisites_met"] = not one.unmet
    shown["prerequisites"] = [context.catalogue.course_ids[first] for first in one.unmet]
    shown["completion_share"] = context.model.scorer.model["completion"].get(course_id)
    shown["expected_impact"] = context.impact.get(course_id)
    shown["reason"] = None
    if is_explained:
        explain(context, one, shown)
    return shown


def known_impact(house: House) -> Mapping[str, list[dict[str, Any]]]:
    """Return course → its effects as the impact model estimated them; what it cannot tell is left out."""
    model = house.models.held.get("impact")
    if model is None:
        return {}
    key = ("expected impact", model.digest)
    if key not in house.cache:
        found: dict[str, list[dict[str, Any]]] = {}
        for one in model.scorer.estimates():
            if one["effect"] is not None and one["verdict"]["code"] != CANNOT_TELL:
                shown = {name: one["effect"][name] for name in ("value", "low", "high")}
                shown |= {name: one.get(name) for name in ("outcome", "unit", "horizon_days")}
                found.setdefault(one["course_id"], []).append({**shown, "verdict": one["verdict"]["code"]})
        house.cache[key] = found
    kept: Mapping[str, list[dict[str, Any]]] = house.cache[key]
    return kept


def explain(context: Context, one: Ranked, shown: dict[str, Any]) -> None:
    """Add the gaps closed and the sentence why."""
    catalogue, needs = context.catalogue, context.needs
    closed = []
    for place, start, reached, _ in gains(catalogue, one.course, needs):
        skill, required = int(needs.skills[place]), float(needs.required[place])
        name = catalogue.skill_names[skill]
        closed.append(Closed(name, start, reached, required))
        shown["closes"].append(
            {
                "skill_id": catalogue.skill_ids[skill],
                "skill": name,
                "from_level": start,
                "to_level": reached,
                "required_level": required,
            }
        )
    job = catalogue.job_titles.get(context.job_id or "")
    before = catalogue.titles[one.opens] if one.opens >= 0 else None
    why = reason(catalogue, closed, one.cause, (job, context.cohort), before)
    if one.assignment is not None:
        kind = "Mandatory" if one.assignment.is_mandatory else "Assigned to you"
        due = f", due on {shown['due_at'][:10]}" if shown["due_at"] else ""
        why = f"{kind}{due}: {why[0].lower()}{why[1:]}"
    shown["reason"] = why


def stamp(micros: int) -> str:
    """Return a moment as ISO 8601 in UTC."""
    return from_micros(micros).isoformat().replace("+00:00", "Z")


def ledger_row(context: Context, ranking: Sequence[Ranked], asked: RecommendationQuery) -> dict[str, Any]:
    """Return what was shown, as the ledger keeps it; the ranking is not random, so its propensity is 1."""
    course_ids = context.catalogue.course_ids
    page = ranking[asked.offset : asked.offset + asked.n]
    return {
        "recommendation_id": context.recommendation_id,
        "employee_id": context.employee_id,
        "model_digest": context.model.digest,
        "shown_at": context.now,
        "first_rank": asked.offset + 1,
        "items": packed([(course_ids[one.course], one.score, 1.0) for one in page]),
    }
