"""What a course did to an outcome, as it is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from serving.impact.answers import (
    Balance,
    Counts,
    EffectInterval,
    IndividualEffects,
    Overlap,
    Placebo,
    Sensitivity,
    Verdict,
)
from serving.impact.level_answers import Levels


class OtherCourses(BaseModel):
    """How many other courses people completed on average, from the month compared to the horizon."""

    trained: float = Field(description="Of those who enrolled.", examples=[1.4])
    compared: float = Field(description="Of the compared, weighted as they are.", examples=[1.6])


class CourseImpact(BaseModel):
    """What a course did to an outcome of those who enrolled, and how sure one can be."""

    course_id: str = Field(examples=["DA-210"])
    outcome: str = Field(examples=["productivity"])
    outcomes: list[str] = Field(description="What can be asked for.", examples=[["productivity", "quality"]])
    unit: str | None = Field(description="Unit of effect and placebo.", examples=["index"])
    horizon_days: int = Field(description="Days after the month of enrolling.", examples=[180])
    status: Literal["estimated", "refused"]
    reason: str | None = Field(description="Why there is no estimate; null where there is one.")
    effect: EffectInterval | None
    direction: Literal["raised", "lowered", "unclear"] | None = Field(
        description="`unclear` where the interval includes 0."
    )
    n: Counts | None
    estimand: str | None = Field(description="`att`: the average over those who enrolled.", examples=["att"])
    design: str | None = Field(examples=["observational"])
    pipeline: str | None = Field(description="`screening` or `full`.", examples=["screening"])
    comparison_group: str | None = Field(description="With whom, in words.")
    completed_share: float | None = Field(
        None, description="Share 0-1 of those who enrolled who completed within the horizon.", examples=[0.74]
    )
    later_enrolled_share: float | None = Field(
        None, description="Share 0-1 of the compared who enrolled later.", examples=[0.03]
    )
    other_courses: OtherCourses | None = Field(
        None,
        description="What else was learnt meanwhile: the effect is of enrolling against doing that instead.",
    )
    overlap: Overlap | None
    balance: Balance | None
    sensitivity: Sensitivity | None
    placebo: Placebo | None
    bounds: list[float] | None = Field(
        None, description="The effect if all missing outcomes were as bad, or as good, as they come."
    )
    shrunk: EffectInterval | None = Field(
        None,
        description="The effect seen together with all other courses on this outcome: what to compare courses by.",
    )
    negative_control: Placebo | None = Field(
        None, description="The “effect” on an outcome that the course cannot move, where one is declared."
    )
    q_value: float | None = Field(
        None,
        description="False discovery rate over all courses and outcomes asked together.",
        examples=[0.03],
    )
    verdict: Verdict
    individual: IndividualEffects | None = Field(
        None, description="Of courses examined in full; null where the course was screened."
    )
    levels: Levels | None = Field(
        None, description="Kirkpatrick's four levels side by side; the fourth is this outcome."
    )
    model_version: str = Field(examples=["3"])
    as_of: datetime = Field(description="What the model's data knew.")
    fallback: str | None = None
