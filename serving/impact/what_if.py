"""What if these people had been trained? The average effect, carried over to people like those it was measured on, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import polars as pl
import sqlalchemy as sa
from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from features.errors import BadInputError
from features.history import history
from features.impact.months import employed, work
from features.records.facts import FACT_KEYS
from features.records.schema import METADATA
from serving.house import House, HouseDependency, in_thread
from serving.impact.answers import EffectInterval, Verdict

router = APIRouter(tags=["HR", "L&D"])
MOST = 10_000
LEAST = 10
NEEDED = ("employees", "job_history", "exits", "jobs")
STARTED = ("enrolled", "started", "progressed", "completed", "passed", "failed")


class Supposition(BaseModel):
    """People, and the course that they are supposed to have taken."""

    model_config = ConfigDict(extra="forbid")

    course_id: str = Field(min_length=1, max_length=1000, examples=["DA-210"])
    outcome: str | None = Field(
        None, max_length=200, description="What was measured; the model's first by default."
    )
    employee_ids: list[str] = Field(
        default_factory=list, max_length=MOST, description="Whom; or give departments."
    )
    departments: list[str] = Field(default_factory=list, max_length=200)
    days_earlier: int = Field(180, ge=1, le=3650, description="How many days before now they had enrolled.")


class WhatIf(BaseModel):
    """What to expect, with its interval, or why nobody can tell."""

    status: Literal["estimated", "refused"]
    reason: str | None = None
    course_id: str
    outcome: str
    unit: str | None = None
    people: int = Field(description="Who would gain: employed, comparable, and without the course so far.")
    left_out: dict[str, int] = Field(description="Who is not counted, by reason.")
    per_person: EffectInterval | None = Field(None, description="The average over those who enrolled.")
    total: EffectInterval | None = Field(None, description="Over all these people, in the unit.")
    assumption: str = Field(description="What has to hold.")
    verdict: Verdict
    model_version: str
    as_of: datetime


@router.post("/v1/what-if")
async def estimate_what_if(supposition: Annotated[Supposition, Body()], house: HouseDependency) -> WhatIf:
    """Estimate what training these people, or training them earlier, would have come to, or say why nobody can tell."""
    return await in_thread(what_if, house, supposition)


def what_if(house: House, asked: Supposition) -> WhatIf:
    """Return what to expect of training people.

    Raises
    ------
    BadInputError
        If nobody is named, or the model knows no such course or outcome.
    UnavailableError
        If no verified impact model stands.
    """
    model = house.models.current("impact")
    body = model.scorer.body
    outcome = asked.outcome or body["outcomes"][0]
    found = next(
        (
            one
            for one in body["estimates"]
            if (one["course_id"], one["outcome"]) == (asked.course_id, outcome)
        ),
        None,
    )
    if found is None:
        raise BadInputError("The model knows no such course and outcome.", found=f"{asked.course_id}, {outcome}",
                            allowed=", ".join(body["outcomes"]))  # fmt: skip
    people, left_out = comparable(house, asked)
    reason = why_not(found, len(people), asked.days_earlier, body["horizon_days"])
    effect = None if reason else found["effect"]
    return WhatIf.model_validate(
        {
            "status": "refused" if reason else "estimated", "reason": reason, "course_id": asked.course_id, "outcome": outcome,
            "unit": found.get("unit"), "people": len(people), "left_out": left_out, "per_person": effect,
            "total": effect and {name: value * len(people) for name, value in effect.items()},
            "assumption": "These people would have gained as much, on average, as those who enrolled.",
            "verdict": found["verdict"], "model_version": model.version, "as_of": datetime.fromisoformat(body["as_of"]),
        }
    )  # fmt: skip


def why_not(found: dict[str, Any], people: int, days_earlier: int, horizon_days: int) -> str | None:
    """Return why nothing can be expected; None where something can."""
    if found["status"] == "refused":
        return str(found["reason"])
    if found["verdict"]["code"] == "cannot_tell":
        return "Nobody can tell whether the course did anything, so nobody can tell what it would have done."
    if days_earlier < horizon_days:
        return f"The effect is known {horizon_days} days after enrolling, not after {days_earlier}."
    if people < LEAST:
        return f"Too few of these people can be compared with those who took the course: {people}, needed {LEAST}."
    return None


def comparable(house: House, asked: Supposition) -> tuple[Sequence[str], dict[str, int]]:
    """Return who has not taken the course and works in a department from which somebody has; and how many are left out, why."""
    if not asked.employee_ids and not asked.departments:
        raise BadInputError("Nobody is named.", allowed="employee_ids or departments")
    now = history(house.store.frames(NEEDED), house.clock(), FACT_KEYS)
    everyone = employed(now).join(work(now).select("employee_id", "department"), on="employee_id", how="left")
    events = METADATA.tables["learning_events"].c
    with house.store.reading() as connection:
        query = (
            sa.select(events.employee_id)
            .distinct()
            .where(events.course_id == asked.course_id, events.kind.in_(STARTED))
        )
        took = set(connection.scalars(query))
    places = (
        everyone.filter(pl.col("employee_id").is_in(list(took)))["department"].drop_nulls().unique().to_list()
    )
    named = set(asked.employee_ids)
    is_named = pl.col("employee_id").is_in(list(named)) | pl.col("department").is_in(asked.departments)
    wanted = everyone.filter(is_named)
    fresh = wanted.filter(~pl.col("employee_id").is_in(list(took)))
    kept = fresh.filter(pl.col("department").is_in(places))
    return kept["employee_id"].to_list(), {
        "not_employed": len(named - set(everyone["employee_id"])),
        "took_it_already": wanted.height - fresh.height,
        "nobody_like_them_took_it": fresh.height - kept.height,
    }
