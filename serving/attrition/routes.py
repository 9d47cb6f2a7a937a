"""The attrition question: who may leave, by when, and what moves that number."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from serving.access import Caller, CallerDependency
from serving.attrition import batch, steering, what_if
from serving.attrition import listing as attrition_list
from serving.attrition.answering import Asked, answer, kept_or_computed
from serving.attrition.answers import AttritionRisk, Cause, Horizon
from serving.attrition.kept import score_everybody
from serving.attrition.person import check_person
from serving.attrition.purpose import PurposeHeader, check_purpose, check_switch
from serving.house import EmployeeId, House, HouseDependency, in_thread

__all__ = ["get_attrition_risk", "router", "score_everybody"]

router = APIRouter(tags=["HR"])
for part in (attrition_list, batch, steering, what_if):
    router.include_router(part.router)


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
