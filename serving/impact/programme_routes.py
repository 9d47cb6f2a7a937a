"""Training programmes: declared before they start, reported against their plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Body, Path, Response
from fastapi.responses import HTMLResponse

from features.errors import BadInputError
from features.impact.programmes import plan_digest, plan_of
from features.records.moments import to_micros
from features.records.schema import METADATA
from serving.access import CallerDependency
from serving.house import House, HouseDependency, in_thread
from serving.impact.level_answers import four_levels
from serving.impact.page import page
from serving.impact.plans import Frozen, freeze, standing_plan
from serving.impact.programme_answers import Declaration, Plan, ProgrammeImpact, Return
from serving.impact.prospects import before_start, drawn, eligible, prospects
from serving.impact.voices import said_about
from serving.models.answering import LoadedModel

router = APIRouter(tags=["L&D"])
ProgrammeId = Annotated[
    str, Path(min_length=1, max_length=200, description="The programme's identifier.", examples=["P-1"])
]
ALLOWED = ("randomised_evidence", "credible")
CREATED: dict[int | str, dict[str, Any]] = {201: {"description": "It was new."}}


@router.post("/v1/training-programmes", responses=CREATED)
async def declare_training_programme(
    declaration: Annotated[Declaration, Body()],
    house: HouseDependency,
    caller: CallerDependency,
    response: Response,
) -> Plan:
    """Declare a training programme before it starts: power by design, a roll-out proposed, the plan frozen with a digest."""
    plan, is_new = await in_thread(declared, house, declaration, caller.prefix)
    response.status_code = 201 if is_new else 200
    return plan


@router.get("/v1/training-programmes/{programme_id}")
async def get_training_programme(programme_id: ProgrammeId, house: HouseDependency) -> Plan:
    """Return a programme's plan as it was frozen."""
    return await in_thread(standing, house, programme_id)


@router.get("/v1/training-programmes/{programme_id}/impact")
async def get_training_programme_impact(programme_id: ProgrammeId, house: HouseDependency) -> ProgrammeImpact:
    """Return what a programme did, reported against its plan, with its verdict, or why nobody can tell."""
    return await in_thread(programme_impact, house, programme_id)


@router.get("/v1/training-programmes/{programme_id}/report", response_class=HTMLResponse)
async def get_training_programme_report(programme_id: ProgrammeId, house: HouseDependency) -> HTMLResponse:
    """Return a programme's report as one printable page that needs nothing else."""
    found = await in_thread(programme_impact, house, programme_id)
    return HTMLResponse(page(found, await in_thread(standing_plan, house, programme_id)))


def declared(house: House, given: Declaration, actor: str) -> tuple[Plan, bool]:
    """Return the frozen plan with its prospects, and whether it was new.

    Raises
    ------
    BadInputError
        If it has started already, or names a course, KPI or department that does not exist.
    RefusedError
        If another plan stands under its name.
    """
    now = house.clock()
    if given.starts_at <= now:
        raise BadInputError(
            "A programme is declared before it starts: what is asked afterwards proves nothing.",
            found=f"starts_at {given.starts_at:%Y-%m-%d}", allowed=f"later than {now:%Y-%m-%d}",
        )  # fmt: skip
    refuse_unknown_course(house, given.course_id)
    known = before_start(house, given.kpi)
    people = eligible(known, given.departments)
    row = row_of(given)
    members = []
    if given.draw and given.design != "observational":
        members = drawn(people, given.model_dump(), plan_digest(plan_of(row)), now)
    terms = {
        "cost_amount": given.cost_amount,
        "value_per_unit": given.value_per_unit,
        "departments": given.departments,
    }
    frozen, is_new = freeze(house, row, terms, actor, members)
    told = prospects(known, people, given.model_dump())
    plan = plan_answer(house, given.programme_id, frozen)
    return Plan.model_validate({**plan.model_dump(), **told}), is_new


def row_of(given: Declaration) -> dict[str, Any]:
    """Return a declaration as the programmes table has it."""
    words = given.population or (", ".join(given.departments) or "everybody employed")
    return {
        "programme_id": given.programme_id, "title": given.title or given.programme_id, "course_id": given.course_id,
        "kpi": given.kpi, "population": words, "design": given.design, "expected_effect": given.expected_effect,
        "starts_at": given.starts_at, "ends_at": given.ends_at,
    }  # fmt: skip


def refuse_unknown_course(house: House, course_id: str) -> None:
    """Raise BadInputError where the records know no such course."""
    table = METADATA.tables["courses"].c
    with house.store.reading() as connection:
        if connection.scalar(sa.select(table.course_id).where(table.course_id == course_id).limit(1)) is None:
            raise BadInputError("There is no such course.", found=course_id, hint="Add the course first.")


def standing(house: House, programme_id: str) -> Plan:
    """Return a programme's plan."""
    return plan_answer(house, programme_id, standing_plan(house, programme_id))


def plan_answer(house: House, programme_id: str, frozen: Frozen) -> Plan:
    """Return a plan as it is answered, with the arms as they stand."""
    table = METADATA.tables["programme_members"].c
    with house.store.reading() as connection:
        rows = connection.execute(
            sa.select(table.employee_id, sa.func.min(table.arm)).where(table.programme_id == programme_id)
            .group_by(table.employee_id)
        ).all()  # fmt: skip
    starts = str(frozen.plan.get("starts_at") or "")
    before = bool(starts) and to_micros(frozen.declared_at) <= to_micros(datetime.fromisoformat(starts))
    return Plan(
        programme_id=programme_id, digest=frozen.digest, declared_at=frozen.declared_at, is_declared_before=before,
        plan={**frozen.plan, **frozen.terms}, arms=dict(Counter(arm for _, arm in rows)),
    )  # fmt: skip


def programme_impact(house: House, programme_id: str) -> ProgrammeImpact:
    """Return a programme's report, as the verified model has it, beside its frozen plan.

    Raises
    ------
    UnknownRecordError
        If there is no such programme.
    UnavailableError
        If no verified impact model stands.
    """
    model = house.models.current("impact")
    frozen = standing_plan(house, programme_id)
    report = reports(house, model).get(programme_id)
    common = {"model_version": model.version, "as_of": datetime.fromisoformat(model.scorer.body["as_of"])}
    if report is None:
        return too_early(programme_id, frozen, common)
    changed = [name for name, value in frozen.plan.items() if report["plan"].get(name) != value]
    return ProgrammeImpact.model_validate(
        {
            **report, **common,
            "reason": report["reason"] or None,
            "levels": levels_of(house, model, report),
            "roi": return_on(report, frozen.terms),
            "plan_digest": frozen.digest,
            "is_as_planned": report["is_declared_before"] and not changed,
            "changed": changed,
        }
    )  # fmt: skip


def levels_of(house: House, model: LoadedModel, report: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the four levels of a programme, with what people wrote since it started."""
    told = report.get("kirkpatrick")
    if told is None:
        return None
    since = datetime.fromisoformat(report["plan"]["starts_at"])
    said = said_about(house, model, report["plan"]["course_id"], since)
    return four_levels(told, told["results"], said)


def reports(house: House, model: LoadedModel) -> Mapping[str, Mapping[str, Any]]:
    """Return the model's programme reports by name, indexed once per model."""
    key = ("programmes", model.digest)
    if key not in house.cache:
        house.cache[key] = {one["programme_id"]: one for one in model.scorer.body.get("programmes", [])}
    found: Mapping[str, Mapping[str, Any]] = house.cache[key]
    return found


def too_early(programme_id: str, frozen: Frozen, common: Mapping[str, Any]) -> ProgrammeImpact:
    """Return the refusal of a programme that the model has not seen."""
    reason = "The programme had not started, or was not known, when the model was trained."
    return ProgrammeImpact.model_validate(
        {
            **common, "programme_id": programme_id, "outcome": frozen.plan.get("kpi"), "status": "refused", "reason": reason,
            "effect": None, "design": frozen.plan.get("design"), "estimand": None, "n": {},
            "verdict": {"code": "cannot_tell", "words": f"Cannot tell. {reason}"}, "plan_digest": frozen.digest,
            "roi": {"status": "refused", "reason": "There is no effect to count with."},
            "is_as_planned": True, "changed": [], "added_later": [],
        }
    )  # fmt: skip


def return_on(report: Mapping[str, Any], terms: Mapping[str, Any]) -> Return:
    """Return Phillips' return on investment with the effect's interval, or why it is not told."""
    cost, worth = terms.get("cost_amount"), terms.get("value_per_unit")
    if report["verdict"]["code"] not in ALLOWED or report["effect"] is None:
        code = report["verdict"]["code"].replace("_", " ")
        return Return(
            status="refused", reason=f"Nobody counts money on “{code}”: it takes credible evidence."
        )
    if report["estimand"] == "late":
        return Return(
            status="refused",
            reason="The effect is that on those whom the offer moved, not on everybody trained.",
        )
    if not cost or worth is None:
        return Return(
            status="refused", reason="The plan declares no cost, or not what a unit of the KPI is worth."
        )
    ends = sorted(float(report["effect"][name]) * report["n"]["trained"] * worth for name in ("low", "high"))
    benefit = float(report["effect"]["value"]) * report["n"]["trained"] * worth
    gains = {"value": benefit, "low": ends[0], "high": ends[1]}
    return Return.model_validate(
        {
            "status": "estimated",
            "benefit": gains,
            "roi": {name: (each - cost) / cost for name, each in gains.items()},
        }
    )
