"""What is answered about evaluations of learning."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class EvaluationDue(BaseModel):
    """One question that hangs on one completed course: whether the skill shows at work."""

    course_id: str = Field(examples=["C0001"])
    title: str | None = Field(examples=["Python for analysts"])
    skill_ids: list[str] = Field(description="What the course teaches.")
    goal_ids: list[str] = Field(
        description="Goals of the person's development plan that aim at one of these skills."
    )
    rater: Literal["employee", "manager"]
    completed_at: datetime
    due_at: datetime = Field(description="When to ask.")
    state: Literal["waiting", "due", "answered"] = Field(
        description="`waiting`: it is too early to ask; `due`: ask now; `answered`: it was answered."
    )
    answered_at: datetime | None = None


class Evaluations(BaseModel):
    """Every evaluation of what a person learnt in the last two years."""

    employee_id: str
    as_of: datetime
    evaluations: list[EvaluationDue] = Field(description="The one due longest first.")


class DueRow(BaseModel):
    """One evaluation of one person, and whom to ask."""

    employee_id: str = Field(description="Who took the course.", examples=["E0042"])
    ask_id: str | None = Field(
        description="Whom to ask: the person, or their present manager; null where they have none.",
        examples=["E0007"],
    )
    course_id: str = Field(examples=["C0001"])
    title: str | None = Field(examples=["Python for analysts"])
    skill_ids: list[str] = Field(description="What the course teaches.")
    rater: Literal["employee", "manager"]
    completed_at: datetime
    due_at: datetime = Field(description="When to ask.")
    state: Literal["waiting", "due", "answered"]
    answered_at: datetime | None


class DueList(BaseModel):
    """Evaluations of what people who work here now learnt in the last two years."""

    items: list[DueRow] = Field(description="The one due longest first.")
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last.")
    as_of: datetime


class EvaluationReceipt(BaseModel):
    """What became of an answer."""

    employee_id: str
    course_id: str
    stage: Literal["reaction", "behaviour"]
    rater: Literal["employee", "manager"]
    is_new: bool = Field(description="False where the same answer was kept before.")
