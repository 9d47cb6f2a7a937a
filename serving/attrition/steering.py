"""What people do about scores: review them, object to them, switch them off; and read how good they were."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Body

from features.errors import UnknownRecordError
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from serving.access import Caller, CallerDependency
from serving.attrition.answers import (
    BackTest,
    Objection,
    ObjectionBody,
    Review,
    ReviewBody,
    Switch,
    SwitchBody,
)
from serving.attrition.person import check_person
from serving.attrition.purpose import SWITCH, PurposeHeader, check_purpose, check_switch
from serving.attrition.reviews import review
from serving.house import EmployeeId, House, HouseDependency, in_thread

router = APIRouter(tags=["HR"])
OBJECTIONS, SWITCHES = METADATA.tables["objections"], METADATA.tables["switches"]
KEPT, PEOPLE = METADATA.tables["kept_scores"], METADATA.tables["employees"]


@router.post("/v1/employees/{employee_id}/attrition-risk/reviews", status_code=201)
async def review_attrition_risk(
    employee_id: EmployeeId,
    house: HouseDependency,
    caller: CallerDependency,
    body: Annotated[ReviewBody, Body()],
    purpose: PurposeHeader = None,
) -> Review:
    """Say what a person thinks of a score: agree or override, with a reason; or for what a reviewed one was used."""
    return await in_thread(reviewed, house, caller, employee_id, body, purpose)


def reviewed(house: House, caller: Caller, employee_id: str, body: ReviewBody, purpose: str | None) -> Review:
    """Keep a review, written into the audit before; a person who is not scored cannot be reviewed."""
    declared = check_purpose(house, caller, "review_attrition_risk", employee_id, purpose)
    check_switch(house)
    model = house.models.current("attrition")
    check_person(house, employee_id, house.clock())
    house.audit.record(caller.prefix, "review_attrition_risk", employee_id, declared, model.digest)
    return review(house, caller, employee_id, model, body)


@router.post("/v1/employees/{employee_id}/attrition-risk/objection", status_code=201)
async def object_to_attrition_risk(
    employee_id: EmployeeId,
    house: HouseDependency,
    caller: CallerDependency,
    body: Annotated[ObjectionBody | None, Body()] = None,
) -> Objection:
    """Take a person out of scoring at once: what was kept of them is deleted; recommendations go on."""
    return await in_thread(object_to, house, caller, employee_id, body.reason if body else None)


def object_to(house: House, caller: Caller, employee_id: str, reason: str | None) -> Objection:
    """Keep an objection and delete the kept scores, in one transaction."""
    at = house.clock()
    house.audit.record(caller.prefix, "object_to_attrition_risk", employee_id, "rights")
    with house.store.transaction() as connection:
        known = sa.select(PEOPLE.c.id).where(PEOPLE.c.employee_id == employee_id).limit(1)
        if connection.scalar(known) is None:
            raise UnknownRecordError("There is no such employee.", found=employee_id)
        house.store.upsert(
            connection, "objections", [{"employee_id": employee_id, "at": to_micros(at), "reason": reason}]
        )
        mine = (KEPT.c.question == "attrition") & (KEPT.c.employee_id == employee_id)
        connection.execute(sa.delete(KEPT).where(mine))
    return Objection(employee_id=employee_id, stands=True, at=at)


@router.delete("/v1/employees/{employee_id}/attrition-risk/objection")
async def withdraw_objection(
    employee_id: EmployeeId, house: HouseDependency, caller: CallerDependency
) -> Objection:
    """Take an objection back; the next scoring takes the person in again."""
    return await in_thread(withdraw, house, caller, employee_id)


def withdraw(house: House, caller: Caller, employee_id: str) -> Objection:
    """Delete an objection; raise UnknownRecordError where there was none."""
    house.audit.record(caller.prefix, "withdraw_objection", employee_id, "rights")
    with house.store.transaction() as connection:
        gone = connection.execute(
            sa.delete(OBJECTIONS).where(OBJECTIONS.c.employee_id == employee_id)
        ).rowcount
    if not gone:
        raise UnknownRecordError("This person has not objected.", found=employee_id)
    house.changes.add([employee_id])
    return Objection(employee_id=employee_id, stands=False, at=house.clock())


@router.get("/v1/attrition/enabled")
async def get_attrition_switch(house: HouseDependency) -> Switch:
    """Say whether exit probabilities are shown to anybody."""
    return await in_thread(switch_of, house)


def switch_of(house: House) -> Switch:
    """Return the kill switch as it stands; on where nobody ever turned it."""
    columns = SWITCHES.c
    with house.store.reading() as connection:
        row = connection.execute(sa.select(columns.is_on, columns.at).where(columns.name == SWITCH)).first()
    return Switch(enabled=True) if row is None else Switch(enabled=bool(row[0]), at=from_micros(row[1]))


@router.put("/v1/attrition/enabled")
async def set_attrition_switch(
    house: HouseDependency, caller: CallerDependency, body: Annotated[SwitchBody, Body()]
) -> Switch:
    """Switch exit probabilities off or on, for everybody and at the next request; other questions go on."""
    return await in_thread(turn, house, caller, body)


def turn(house: House, caller: Caller, body: SwitchBody) -> Switch:
    """Turn the switch, written into the audit before."""
    at = house.clock()
    house.audit.record(
        caller.prefix, "set_attrition_switch", "*", f"{'on' if body.enabled else 'off'}: {body.reason}"
    )
    row: dict[str, Any] = {"name": SWITCH, "is_on": body.enabled, "actor": caller.prefix, "at": to_micros(at)}
    with house.store.transaction() as connection:
        house.store.upsert(connection, "switches", [row])
    return Switch(enabled=body.enabled, at=at)


@router.get("/v1/attrition-risks:backtest")
async def backtest_attrition(house: HouseDependency) -> BackTest:
    """Show, per period and band, how many exits the model expected before the period began and how many came."""
    model = house.models.current("attrition")
    return BackTest(
        periods=model.scorer.model.get("back_test") or [],
        bands=model.scorer.model["bands"]["names"],
        model_version=model.version,
        model_digest=model.digest,
    )
