"""Evaluations that hang on what somebody learnt: which are due, and their answers, by the person and by their manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from features.records.tables import IMPORTABLE
from serving.access import CallerDependency
from serving.house import EmployeeId, HouseDependency, in_thread
from serving.http.cells import CSV
from serving.impact.due_list import Filters, as_csv, due_list
from serving.impact.evaluation_answers import DueList, EvaluationReceipt, Evaluations
from serving.impact.evaluations import due_evaluations, keep_answer
from serving.records.derived import derive

if TYPE_CHECKING:  # the model is derived from the table, so a type checker cannot see it
    from serving.records.derived import Strict as EvaluationAnswer
else:
    EvaluationAnswer = derive(
        "EvaluationAnswer",
        IMPORTABLE["evaluations"],
        without={"employee_id", "known_at"},
        example={"course_id": "C0001", "stage": "behaviour", "rater": "employee", "rating": 4,
                 "happened_at": "2026-04-30T09:00:00Z", "comment": "I use it every week."},
    )  # fmt: skip

router = APIRouter(tags=["LMS", "managers"])
CREATED: dict[int | str, dict[str, Any]] = {201: {"description": "It was kept."}}
AS_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
Names = Annotated[list[str] | None, Query(description="Repeatable: the same name twice is OR.")]
State = Literal["waiting", "due", "answered"]
Rater = Literal["employee", "manager"]


def asked_filters(
    state: Annotated[list[State] | None, Query(description="Repeatable; `due` where none is given.")] = None,
    rater: Annotated[list[Rater] | None, Query(description="Who is to answer; repeatable.")] = None,
    course_id: Names = None,
    manager_id: Annotated[
        list[str] | None, Query(description="Direct reports of this manager; repeatable.")
    ] = None,
    cursor: Annotated[
        str | None, Query(max_length=2_000, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Evaluations on a page.")] = 50,
) -> Filters:
    """Return the query parameters as filters."""
    return Filters(state or ("due",), rater or (), course_id or (), manager_id or (), cursor, limit)


@router.get("/v1/evaluations", tags=["HR", "L&D"], response_model=DueList, responses=AS_CSV)
async def list_due_evaluations(
    request: Request,
    house: HouseDependency,
    caller: CallerDependency,
    filters: Annotated[Filters, Depends(asked_filters)],
) -> Any:
    """List evaluations of everybody who works here, the one due longest first; a manager sees their own team's."""
    found = await in_thread(due_list, house, caller, filters)
    if CSV not in request.headers.get("accept", ""):
        return found
    headers = {"X-Next-Cursor": found.next_cursor} if found.next_cursor else {}
    return Response(as_csv(found), media_type=f"{CSV}; charset=utf-8", headers=headers)


@router.get("/v1/employees/{employee_id}/evaluations")
async def list_evaluations(employee_id: EmployeeId, house: HouseDependency) -> Evaluations:
    """Return which evaluations of what a person learnt are waiting, due or answered, by the person and by their manager."""
    return await in_thread(due_evaluations, house, employee_id)


@router.post("/v1/employees/{employee_id}/evaluations", responses=CREATED)
async def post_evaluation(
    employee_id: EmployeeId,
    answer: Annotated[EvaluationAnswer, Body()],
    house: HouseDependency,
    caller: CallerDependency,
    response: Response,
) -> EvaluationReceipt:
    """Keep an answer about a course: how it was found, or whether the skill shows at work; people answer for their own side."""
    found = await in_thread(keep_answer, house, employee_id, dict(answer), caller)
    response.status_code = 201 if found.is_new else 200
    return found
