"""The operations of people's rights, and the audit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Response

from features.records.moments import from_micros
from features.records.schema import METADATA
from serving.access import CallerDependency
from serving.house import EmployeeId, House, HouseDependency, in_thread
from serving.rights import corrections
from serving.rights.answers import (
    Access,
    Accesses,
    AuditEntries,
    AuditEntry,
    Correction,
    CorrectionBody,
    Corrections,
    Decision,
    Erasure,
    OptOut,
    OptOutBody,
    OptOuts,
    PersonExport,
)
from serving.rights.erasure import erase
from serving.rights.export import SUBJECT_ACCESS, everything_about
from serving.rights.opt_outs import TABLE as OPT_OUTS
from serving.rights.opt_outs import opt_in, opt_out

router = APIRouter(tags=["HR", "employee"])

AUDIT = METADATA.tables["audit"]
CORRECTIONS = METADATA.tables["corrections"]
Question = Annotated[Literal["recommendation"], Path(description="What the person opts out of.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most items of a page.")]
Cursor = Annotated[
    str | None, Query(max_length=18, pattern="^[0-9]+$", description="`next_cursor` of the page before.")
]
Text = Annotated[str | None, Query(max_length=1_000)]


@router.get("/v1/employees/{employee_id}/export")
async def export_employee(
    employee_id: EmployeeId, house: HouseDependency, caller: CallerDependency
) -> PersonExport:
    """Return everything that is recorded about a person; that it was read is recorded first."""
    await in_thread(house.audit.record, caller.prefix, "export_employee", employee_id, SUBJECT_ACCESS)
    tables = await in_thread(everything_about, house, employee_id)
    return PersonExport(employee_id=employee_id, as_of=house.clock(), tables=tables)


@router.delete("/v1/employees/{employee_id}")
async def erase_employee(
    employee_id: EmployeeId, house: HouseDependency, caller: CallerDependency
) -> Erasure:
    """Erase a person everywhere; a backup that is restored later erases them again."""
    return Erasure(**vars(await in_thread(erase, house, employee_id, caller.prefix)))


@router.get("/v1/employees/{employee_id}/accesses")
async def list_accesses(
    employee_id: EmployeeId, house: HouseDependency, limit: Limit = 100, cursor: Cursor = None
) -> Accesses:
    """List who read this person's scores or export, the latest first."""
    rows, last = await in_thread(audit_page, house, [AUDIT.c.subject == employee_id], limit, cursor)
    return Accesses(items=[Access(**row) for row in rows], next_cursor=last)


@router.get("/v1/audit")
async def list_audit(
    house: HouseDependency,
    subject: Text = None,
    actor: Text = None,
    action: Text = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AuditEntries:
    """List who read whose score, when and for which purpose, the latest first; different filters are AND."""
    given = {"subject": subject, "actor": actor, "action": action}
    where = [AUDIT.c[name] == value for name, value in given.items() if value is not None]
    rows, last = await in_thread(audit_page, house, where, limit, cursor)
    return AuditEntries(items=[AuditEntry(**row) for row in rows], next_cursor=last)


def audit_page(
    house: House, where: list[sa.ColumnElement[bool]], limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of the audit, the latest first, and where the next begins."""
    before = [AUDIT.c.sequence < int(cursor)] if cursor else []
    names = ("sequence", "at", "actor", "action", "subject", "purpose", "model_digest")
    query = sa.select(*(AUDIT.c[name] for name in names)).where(*where, *before)
    with house.store.reading() as connection:
        found = connection.execute(query.order_by(AUDIT.c.sequence.desc()).limit(limit + 1)).mappings().all()
    rows = [{**row, "at": from_micros(row["at"])} for row in found[:limit]]
    return rows, str(rows[-1]["sequence"]) if len(found) > limit else None


@router.get("/v1/employees/{employee_id}/opt-outs")
async def list_opt_outs(employee_id: EmployeeId, house: HouseDependency) -> OptOuts:
    """List what a person has opted out of."""
    query = sa.select(OPT_OUTS).where(OPT_OUTS.c.employee_id == employee_id).order_by(OPT_OUTS.c.id)
    with house.store.reading() as connection:
        rows = connection.execute(query).mappings().all()
    items = [
        OptOut(question=row["question"], at=from_micros(row["at"]), reason=row["reason"]) for row in rows
    ]
    return OptOuts(items=items)


@router.put("/v1/employees/{employee_id}/opt-outs/{question}", status_code=204, response_class=Response)
async def put_opt_out(
    employee_id: EmployeeId, question: Question, house: HouseDependency, body: OptOutBody | None = None
) -> None:
    """Opt out: nothing personal is ranked, kept or recomputed for the person any more."""
    await in_thread(opt_out, house, employee_id, question, body.reason if body else None)


@router.delete("/v1/employees/{employee_id}/opt-outs/{question}", status_code=204, response_class=Response)
async def delete_opt_out(employee_id: EmployeeId, question: Question, house: HouseDependency) -> None:
    """Take an opt-out back; where there is none, nothing changes."""
    await in_thread(opt_in, house, employee_id, question)


@router.post("/v1/employees/{employee_id}/corrections", status_code=201)
async def post_correction(
    employee_id: EmployeeId, correction: CorrectionBody, house: HouseDependency
) -> Correction:
    """Say that something recorded about a person is wrong; somebody of HR decides."""
    return await in_thread(corrections.ask_for, house, employee_id, correction)


@router.get("/v1/employees/{employee_id}/corrections")
async def list_corrections(employee_id: EmployeeId, house: HouseDependency) -> Corrections:
    """List what a person said is wrong, and what became of it."""
    mine = CORRECTIONS.c.employee_id == employee_id
    return Corrections(items=await in_thread(corrections.listed, house, mine, 1_000))


@router.get("/v1/corrections")
async def list_open_corrections(house: HouseDependency, limit: Limit = 100) -> Corrections:
    """List the corrections that nobody has decided yet."""
    is_open = CORRECTIONS.c.status == "open"
    return Corrections(items=await in_thread(corrections.listed, house, is_open, limit))


@router.post("/v1/corrections/{correction_id}/decision")
async def decide_correction(
    correction_id: Annotated[str, Path(max_length=100)],
    decision: Decision,
    house: HouseDependency,
    caller: CallerDependency,
) -> Correction:
    """Apply or decline a correction; what is applied is a fact that is known from now on."""
    return await in_thread(corrections.decide, house, correction_id, decision, caller.prefix)
