"""Evaluations that hang on what somebody learnt: which are due, and their answers, by the person and by their manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Response

from features.records.tables import IMPORTABLE
from serving.access import CallerDependency
from serving.house import EmployeeId, HouseDependency, in_thread
from serving.impact.evaluation_answers import EvaluationReceipt, Evaluations
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
