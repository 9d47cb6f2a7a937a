"""The impact question: what a course did to those who enrolled, or why nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query

from features.errors import BadInputError, UnknownRecordError
from features.records.schema import METADATA
from serving.house import CourseId, House, HouseDependency, in_thread
from serving.impact import evaluation_routes, programme_routes, what_if
from serving.impact.answers import Verdict
from serving.impact.course_answers import CourseImpact
from serving.impact.level_answers import four_levels
from serving.impact.personal import score_everybody
from serving.impact.voices import said_about
from serving.models.answering import LoadedModel

__all__ = ["router", "score_everybody"]
router = APIRouter(tags=["L&D", "HR"])
router.include_router(programme_routes.router)
router.include_router(what_if.router)
router.include_router(evaluation_routes.router)

SHOWN = (
    "unit", "status", "effect", "n", "estimand", "design", "pipeline", "comparison_group", "completed_share",
    "later_enrolled_share", "other_courses", "overlap", "balance", "sensitivity", "placebo", "bounds", "q_value", "verdict",
    "shrunk", "negative_control", "individual",
)  # fmt: skip
Outcome = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="What was measured; the model's first by default."),
]
Horizon = Annotated[
    int | None, Query(ge=1, le=3650, description="Days after enrolling; the model's horizon by default.")
]
Found = Mapping[tuple[str, str], Mapping[str, Any]]


@router.get("/v1/courses/{course_id}/impact")
async def get_course_impact(
    course_id: CourseId, house: HouseDependency, outcome: Outcome = None, horizon_days: Horizon = None
) -> CourseImpact:
    """Return what a course did to an outcome of those who enrolled, with its interval and verdict, or why nobody can tell."""
    return await in_thread(course_impact, house, course_id, outcome, horizon_days)


def course_impact(
    house: House, course_id: str, outcome: str | None = None, horizon_days: int | None = None
) -> CourseImpact:
    """Return the impact of a course, as the verified model has it.

    Raises
    ------
    UnknownRecordError
        If there is no such course.
    BadInputError
        If the model knows no such outcome.
    UnavailableError
        If no verified impact model stands.
    """
    model = house.models.current("impact")
    refuse_unknown(house, course_id)
    body = model.scorer.body
    outcomes: list[str] = body["outcomes"]
    asked = outcome or outcomes[0]
    if asked not in outcomes:
        raise BadInputError("The model knows no such outcome.", found=asked, allowed=", ".join(outcomes))
    common = {
        "course_id": course_id,
        "outcome": asked,
        "outcomes": outcomes,
        "model_version": model.version,
        "as_of": datetime.fromisoformat(body["as_of"]),
    }
    if horizon_days not in (None, body["horizon_days"]):
        reason = f"Effects are known {body['horizon_days']} days after enrolling, not {horizon_days}."
        return refused(common, horizon_days or 0, reason)
    found = by_course(house, model).get((course_id, asked))
    if found is None:
        return refused(
            common, body["horizon_days"], "The course was not there yet when the model was trained."
        )
    shown = {name: found.get(name) for name in SHOWN}
    return CourseImpact.model_validate(
        {
            **common,
            **shown,
            "horizon_days": found["horizon_days"],
            "reason": found["reason"] or None,
            "direction": direction(found["effect"]),
            "levels": course_levels(house, model, found),
        }
    )


def course_levels(house: House, model: LoadedModel, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the four levels of a course, its effect on the outcome asked for as the last."""
    told = model.scorer.body.get("levels", {}).get(found["course_id"])
    results = {"effect": found["effect"], "verdict": found["verdict"]["code"]}
    return four_levels(told, results, said_about(house, model, found["course_id"]) if told else {})


def refuse_unknown(house: House, course_id: str) -> None:
    """Raise UnknownRecordError where the records know no such course."""
    table = METADATA.tables["courses"].c
    query = sa.select(table.course_id).where(table.course_id == course_id).limit(1)
    with house.store.reading() as connection:
        if connection.scalar(query) is None:
            raise UnknownRecordError("There is no such course.", found=course_id)


def by_course(house: House, model: LoadedModel) -> Found:
    """Return the model's estimates by course and outcome, indexed once per model."""
    key = ("impact", model.digest)
    if key not in house.cache:
        listed = model.scorer.estimates()
        house.cache[key] = {(one["course_id"], one["outcome"]): one for one in listed}
    found: Found = house.cache[key]
    return found


def direction(effect: Mapping[str, float] | None) -> str | None:
    """Return whether an effect's interval lies above 0, below it, or on both sides."""
    if effect is None:
        return None
    if effect["low"] > 0:
        return "raised"
    return "lowered" if effect["high"] < 0 else "unclear"


def refused(common: Mapping[str, Any], horizon_days: int, reason: str) -> CourseImpact:
    """Return a refusal with its reason."""
    nothing = dict.fromkeys(name for name in SHOWN if name not in ("status", "verdict"))
    verdict = Verdict(code="cannot_tell", words=f"Cannot tell. {reason}")
    return CourseImpact.model_validate(
        {
            **nothing,
            **common,
            "horizon_days": horizon_days,
            "status": "refused",
            "reason": reason,
            "direction": None,
            "verdict": verdict,
        }
    )
