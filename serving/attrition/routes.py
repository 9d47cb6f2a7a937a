"""The attrition question: who may leave, by when, and what moves that number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from features.errors import UnknownRecordError
from serving.access import Caller, CallerDependency
from serving.attrition import batch, steering, what_if
from serving.attrition import listing as attrition_list
from serving.attrition.answers import AttritionRisk, Cause, Horizon
from serving.attrition.interventions import interventions_of
from serving.attrition.kept import Packed, score_everybody, unpack
from serving.attrition.person import check_person, newest_known
from serving.attrition.purpose import PurposeHeader, check_purpose, check_switch
from serving.attrition.reasons import band_of, basis_of, curve_of, probabilities_of, reasons_of
from serving.attrition.reviews import review_of
from serving.house import EmployeeId, House, HouseDependency, in_thread
from serving.models.answering import LoadedModel

__all__ = ["get_attrition_risk", "router", "score_everybody"]

router = APIRouter(tags=["HR"])
for part in (attrition_list, batch, steering, what_if):
    router.include_router(part.router)

VALID_DAYS = 90


@router.get("/v1/employees/{employee_id}/attrition-risk")
async def get_attrition_risk(
    employee_id: EmployeeId,
    house: HouseDependency,
    caller: CallerDependency,
    purpose: PurposeHeader = None,
    horizon_days: Annotated[Horizon, Query(description="Days ahead.")] = Horizon.HALF_YEAR,
    cause: Annotated[Cause, Query(description="Why the person might leave.")] = Cause.VOLUNTARY,
) -> AttritionRisk:
    """Return one person's exit probability with band, interval, curve and drivers; who reads it, and why, is recorded."""
    return await in_thread(attrition_risk, house, caller, employee_id, purpose, Asked(horizon_days, cause))


@dataclass(frozen=True)
class Asked:
    """Which horizon and cause were asked for."""

    horizon: Horizon
    cause: Cause


def attrition_risk(
    house: House, caller: Caller, employee_id: str, purpose: str | None, asked: Asked
) -> AttritionRisk:
    """Return one person's exit probability, its reading written down before.

    Raises
    ------
    BadInputError, RefusedError, UnknownRecordError, UnavailableError
        Without a purpose; where attrition is off or the person objected; for somebody unknown, gone, or not the
        caller's; without a model or without an audit.
    """
    declared = check_purpose(house, caller, "get_attrition_risk", employee_id, purpose)
    check_switch(house)
    model = house.models.current("attrition")
    now = house.clock()
    check_person(house, employee_id, now)
    house.audit.record(caller.prefix, "get_attrition_risk", employee_id, declared, model.digest)
    found = kept_or_computed(house, model, employee_id, now)
    return answer(house, model, employee_id, found, asked)


@dataclass(frozen=True)
class Found:
    """A person's scores, when they were computed, and what they saw."""

    scores: Packed
    as_of: datetime
    computed_at: datetime
    fallback: str | None


def kept_or_computed(house: House, model: LoadedModel, employee_id: str, now: datetime) -> Found:
    """Return the kept scores; computed on the spot where there are none, or they have expired."""
    kept = house.kept.read("attrition", employee_id, model.digest)
    if kept is not None and now < kept.computed_at + timedelta(days=VALID_DAYS):
        stale = newest_known(house, employee_id, kept.as_of, now)
        return Found(unpack(kept.payload), kept.as_of, kept.computed_at, "stale_scores" if stale else None)
    rows = dict(score_everybody(house, [employee_id], lambda _done: None))
    if employee_id not in rows:
        raise UnknownRecordError("There is no such employee at present.", found=employee_id)
    payload = rows[employee_id]
    house.kept.write("attrition", model.digest, [(employee_id, payload)], as_of=now, computed_at=now)
    return Found(unpack(payload), now, now, None)


def answer(house: House, model: LoadedModel, employee_id: str, found: Found, asked: Asked) -> AttritionRisk:
    """Return scores as they are answered."""
    scores, horizon = found.scores, int(asked.horizon)
    every = probabilities_of(scores, model, asked.cause)
    voluntary = probabilities_of(scores, model, Cause.VOLUNTARY)
    place = list(Horizon).index(asked.horizon)
    has_reasons = scores.is_personal and asked.cause is Cause.VOLUNTARY
    return AttritionRisk(
        employee_id=employee_id,
        cause=asked.cause,
        band=band_of(model, horizon, voluntary[place].value),
        probability=every[place],
        probabilities=every,
        curve=curve_of(scores, model),
        reasons=reasons_of(scores) if has_reasons else None,
        basis=basis_of(scores),
        interventions=interventions_of(house, employee_id),
        review=review_of(house, employee_id, model.digest),
        computed_at=found.computed_at,
        as_of=found.as_of,
        expires_at=found.computed_at + timedelta(days=VALID_DAYS),
        model_version=model.version,
        model_digest=model.digest,
        fallback=found.fallback,
    )
