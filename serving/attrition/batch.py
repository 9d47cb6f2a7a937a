"""Exit probabilities of up to a thousand people at once: an answer or a reason for each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from features.errors import RefusedError, UnknownRecordError
from serving.access import Caller, CallerDependency
from serving.attrition.answering import Asked, answer, kept_or_computed
from serving.attrition.answers import Batch, BatchBody, BatchItem
from serving.attrition.person import check_person
from serving.attrition.purpose import PurposeHeader, check_purpose, check_switch
from serving.house import House, HouseDependency, in_thread

router = APIRouter(tags=["HR"])


@router.post("/v1/attrition-risks:batch")
async def batch_attrition_risks(
    house: HouseDependency,
    caller: CallerDependency,
    body: Annotated[BatchBody, Body()],
    purpose: PurposeHeader = None,
) -> Batch:
    """Return an exit probability, or the reason why there is none, for each of up to 1,000 people; every reading is audited."""
    return await in_thread(attrition_batch, house, caller, body, purpose)


def attrition_batch(house: House, caller: Caller, body: BatchBody, purpose: str | None) -> Batch:
    """Return each person's answer; those that exist are written into the audit before any is shown."""
    operation = "batch_attrition_risks"
    declared = check_purpose(house, caller, operation, "*", purpose)
    check_switch(house)
    model, now = house.models.current("attrition"), house.clock()
    problems: dict[str, str] = {}
    people = list(dict.fromkeys(body.employee_ids))
    for person in people:
        try:
            check_person(house, person, now)
        except (RefusedError, UnknownRecordError) as error:
            problems[person] = str(error)
    shown = [person for person in people if person not in problems]
    house.audit.record_many(caller.prefix, operation, shown or ["*"], declared, model.digest)
    asked = Asked(body.horizon_days, body.cause)
    items = []
    for person in people:
        if person in problems:
            items.append(BatchItem(employee_id=person, problem=problems[person]))
            continue
        try:
            found = kept_or_computed(house, model, person, now)
        except UnknownRecordError as error:
            items.append(BatchItem(employee_id=person, problem=str(error)))
            continue
        items.append(BatchItem(employee_id=person, risk=answer(house, model, person, found, asked)))
    return Batch(items=items)
