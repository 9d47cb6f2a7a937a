"""The recommendations of many people in one request: a ranking or a problem for each, in the order asked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from features.errors import RefusedError, SkillpathError
from serving.access import OPTED_OUT
from serving.house import House
from serving.http.problems import STATUS
from serving.recommendation.answers import Recommendations
from serving.recommendation.body import body
from serving.recommendation.filters import Id, RecommendationQuery
from serving.recommendation.items import ENCODER
from serving.recommendation.recommending import recommended
from serving.recommendation.shadowing import note_shown

MOST_PEOPLE = 1_000


def distinct(values: list[str]) -> list[str]:
    """Return identifiers as they are; raise ValueError where one stands twice."""
    if len(set(values)) < len(values):
        raise ValueError("each person may stand once")
    return values


class BatchBody(RecommendationQuery):
    """Whom to recommend something, and what holds for all of them as it does for one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"employee_ids": ["E0001", "E0002"], "n": 5}]}
    )

    employee_id: None = Field(None, description="Not taken: `employee_ids` names the people.")
    employee_ids: Annotated[list[Id], AfterValidator(distinct)] = Field(
        min_length=1, max_length=MOST_PEOPLE, description="Each once."
    )


class ItemProblem(BaseModel):
    """Why a person has no ranking: the members of a problem document."""

    type: str = Field(examples=["urn:skillpath:problem:unknown-record"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such employee."])


class BatchItem(BaseModel):
    """One person's ranking, or why there is none."""

    employee_id: str = Field(examples=["E0001"])
    recommendations: Recommendations | None = None
    problem: ItemProblem | None = None


class RecommendationBatch(BaseModel):
    """A ranking or a problem for each person, in the order asked."""

    items: list[BatchItem]


def batch_answer(house: House, asked: BatchBody) -> Response:
    """Answer for many people.

    Parameters
    ----------
    house : House
        Its records, model and ledger.
    asked : BatchBody
        Whom, and what.

    Raises
    ------
    SkillpathError
        Where nobody can be answered (no model, an unknown filter): that is no single person's problem.
    """
    house.models.current("recommendation")
    items = [item_of(house, one, asked) for one in asked.employee_ids]
    return Response(ENCODER.encode({"items": items}), media_type="application/json")


def item_of(house: House, employee_id: str, asked: BatchBody) -> dict[str, Any]:
    """Return one person's ranking, written down as shown, or the problem."""
    try:
        if employee_id in house.opted_out:
            raise RefusedError(OPTED_OUT)
        made = recommended(house, employee_id, asked)
    except SkillpathError as error:
        return {"employee_id": employee_id, "recommendations": None, "problem": problem_of(error)}
    note_shown(house, *made, asked)
    return {"employee_id": employee_id, "recommendations": body(*made, asked), "problem": None}


def problem_of(error: SkillpathError) -> dict[str, Any]:
    """Return an error as the members of a problem document."""
    status, name = next(
        (said for kind, said in STATUS.items() if isinstance(error, kind)), (500, "internal-error")
    )
    return {"type": f"urn:skillpath:problem:{name}", "status": status, "detail": str(error)}
