"""What the recommendation operations answer, as the contract shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ClosedGap(BaseModel):
    """A gap that a course closes, and how far."""

    skill_id: str = Field(examples=["sql"])
    skill: str = Field(description="Its name.", examples=["SQL"])
    from_level: float = Field(description="Level held now, 0-5.", examples=[1.0])
    to_level: float = Field(
        description="Level reached; in a ranking counted up to the required one.", examples=[3.0]
    )
    required_level: float = Field(description="Level the target job asks for, 0-5.", examples=[3.0])


class ExpectedImpact(BaseModel):
    """The effect of a course as the impact model estimated it: on average, or this person's own where the model can tell."""

    outcome: str = Field(examples=["productivity"])
    unit: str | None = Field(None, examples=["index"])
    value: float = Field(
        description="In the outcome's unit; above 0 where the course raised it.", examples=[2.1]
    )
    low: float = Field(description="Lower end of the 95 % interval.", examples=[0.7])
    high: float = Field(description="Upper end of the 95 % interval.", examples=[3.4])
    horizon_days: int = Field(examples=[180])
    verdict: str = Field(description="How far it can be believed.", examples=["credible"])
    is_own: bool = Field(
        False, description="True where the effect is this person's own, not the average of those who took it."
    )


class RecommendedCourse(BaseModel):
    """One course of a ranking."""

    course_id: str = Field(examples=["C0017"])
    title: str = Field(examples=["SQL for analysts"])
    url: str | None = Field(None, examples=["https://lms.example/C0017"])
    hours: float | None = Field(None, examples=[6.0])
    modality: str | None = Field(None, examples=["online"])
    rank: int = Field(description="1 is first; counts through pages.", examples=[1])
    score: float = Field(
        description="0-1, rising with the blend of what similar people took, content, and the share of the skill gap "
        "closed; 0.5 is an average course for this person. Comparable within one person, no probability.",
        examples=[0.91],
    )
    mandatory: bool = Field(description="True where it must be done; those come first.", examples=[False])
    due_at: datetime | None = Field(None, description="Until when, where somebody set a date.")
    closes: list[ClosedGap] = Field(description="Gaps to the target job it closes, the most valuable first.")
    prerequisites_met: bool = Field(description="False where `prerequisites` are to be done first.")
    prerequisites: list[str] = Field(
        description="Courses to complete before; they stand before it in the ranking."
    )
    completion_share: float | None = Field(
        None,
        description="Share of those who began it at least half a year ago and completed it, shrunk towards the "
        "catalogue's; null with fewer than five of them.",
        examples=[0.82],
    )
    expected_impact: list[ExpectedImpact] | None = Field(
        None, description="Null unless the impact model estimated an effect that can be told."
    )
    reason: str | None = Field(
        None,
        description="One sentence, made of the numbers that ranked it.",
        examples=[
            "Raises SQL from 1 to 3 (Data analyst asks for 3); people who took 'Statistics' often take it."
        ],
    )


class Offer(BaseModel):
    """What can be done instead."""

    kind: Literal["maintenance", "next_jobs"] = Field(
        description="Completed courses that are worth repeating, or jobs that ask for little more than is held.",
        examples=["maintenance"],
    )
    ids: list[str] = Field(description="Courses or jobs, the nearest first.", examples=[["C0017"]])


class Shortfall(BaseModel):
    """Why there are fewer than asked for."""

    missing: int = Field(examples=[3])
    code: Literal[
        "empty_catalogue", "everything_completed", "nothing_open", "filtered", "capped", "out_of_reach"
    ] = Field(description="The first of these that applies.", examples=["filtered"])
    reason: str = Field(examples=["No other course passes the filters."])
    left_out: dict[str, int] = Field(
        description="How many courses of the catalogue each ground left out; a course counts at the first.",
        examples=[{"not_open": 3, "completed": 12, "in_progress": 1, "dismissed": 2, "filtered": 40}],
    )
    offers: list[Offer] = Field(description="Empty unless everything open is completed.")


class Recommendations(BaseModel):
    """A ranking for one person."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "employee_id": "E0001",
                    "recommendation_id": "3f0c6a51d2e94b6f8a7e",
                    "model_version": "3",
                    "as_of": "2026-01-31T09:00:00Z",
                    "fallback": None,
                    "target_job_id": "J0012",
                    "items": [
                        {
                            "course_id": "C0017",
                            "title": "SQL for analysts",
                            "url": "https://lms.example/C0017",
                            "hours": 6.0,
                            "modality": "online",
                            "rank": 1,
                            "score": 0.91,
                            "mandatory": False,
                            "due_at": None,
                            "closes": [
                                {
                                    "skill_id": "sql",
                                    "skill": "SQL",
                                    "from_level": 1.0,
                                    "to_level": 3.0,
                                    "required_level": 3.0,
                                }
                            ],
                            "prerequisites_met": True,
                            "prerequisites": [],
                            "completion_share": 0.82,
                            "expected_impact": None,
                            "reason": "Raises SQL from 1 to 3 (Data analyst asks for 3).",
                        }
                    ],
                    "arm": None,
                    "shortfall": {
                        "missing": 9,
                        "code": "filtered",
                        "reason": "No other course passes the filters.",
                        "left_out": {"completed": 12, "filtered": 40},
                        "offers": [],
                    },
                }
            ]
        }
    )

    employee_id: str | None = Field(description="Null for a person who is not stored.")
    recommendation_id: str = Field(description="Hang feedback on it: `recommendation_id` of events.")
    model_version: str
    as_of: datetime = Field(description="What was recorded and known by then counts.")
    fallback: str | None = Field(
        description="Null, or why a simpler method answered: `new_person: …` (cohort popularity and skill gaps), "
        "`stale_scores` (the model has not seen the newest records yet; exclusions and gaps have)."
    )
    arm: str | None = Field(None, description="The arm of an experiment that the person is in.")
    target_job_id: str | None = Field(description="The job whose requirements were compared.")
    items: list[RecommendedCourse]
    shortfall: Shortfall | None = None
