"""What the skills question answers: gaps and strengths, each number with its evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Level = "proficiency: 0 none, 1 aware, 2 assisted, 3 independent, 4 advanced, 5 expert"


class Evidence(BaseModel):
    """Why a level is believed to be held."""

    source: Literal["assessed", "manager", "peer", "inferred", "self", "completed"] = Field(
        description="Where it comes from; `completed`: a course that teaches it was completed."
    )
    evidenced_at: datetime = Field(description="When it was seen.")
    age_days: int = Field(description="Days since then.", examples=[41])
    confidence: float = Field(
        description="How far it is believed today, 0-1: it is halved after the half-life of its source.",
        examples=[0.77],
    )
    evidence: str | None = Field(
        None, description="What was seen, or the course completed.", examples=["C0017"]
    )
    low: float = Field(description="Lower end of the 80 % interval of the level today.", examples=[2.1])
    high: float = Field(description="Upper end of it.", examples=[3.9])
    is_stale: bool = Field(description="True where it is older than the half-life of its source: see again.")
    contradicted_by: str | None = Field(
        None,
        description="Other fresh evidence two levels off or more: its source and level; the interval is as wide.",
        examples=["manager 1.0"],
    )


class RequiredSkill(BaseModel):
    """A skill that the job asks for, and what the person holds of it."""

    skill_id: str = Field(examples=["sql"])
    skill: str = Field(examples=["SQL"])
    required_level: float = Field(description=Level, examples=[4.0])
    held_level: float = Field(description=f"{Level}; 0 where there is no evidence", examples=[2.0])
    gap: float = Field(description="max(0, required level − held level).", examples=[2.0])
    importance: float = Field(description="Weight in the job, 0-1.", examples=[0.9])
    required_by: Literal["given", "validated", "linked", "extracted"] = Field(
        description="Who says that the job asks for it: its record, the public occupation of its title, or its text."
    )
    required_confidence: float = Field(
        1.0,
        description="1 where it is given or the title is the occupation's; else how often such a find (`extracted`) "
        "or link (`linked`) was right on validation texts, 0-1.",
    )
    required_words: str | None = Field(
        None,
        description="The words of the job's text or title it was read from.",
        examples=["write SQL queries"],
    )
    required_from: datetime | None = Field(
        None, description="In `future_gaps`: the day from which the job asks for it."
    )
    evidence: Evidence | None = Field(None, description="Null where nothing shows that the person holds it.")


class Strength(BaseModel):
    """A skill held above what the job asks for, or advanced beside it."""

    skill_id: str = Field(examples=["python"])
    skill: str = Field(examples=["Python"])
    held_level: float = Field(description=Level, examples=[5.0])
    required_level: float | None = Field(
        description="Null where the job does not ask for it.", examples=[3.0]
    )
    surplus: float = Field(description="Held level − required level.", examples=[2.0])
    evidence: Evidence


class LinkedOccupation(BaseModel):
    """The public occupation whose requirements stand in for a job's own."""

    occupation_id: str = Field(examples=["15-2051.01"])
    name: str = Field(examples=["data analyst"])
    confidence: float = Field(description="0-1; 1 where title and name are the same words.", examples=[0.62])
    method: Literal["exact", "vector"] = Field(description="Same words, or the model's vectors and words.")
    words: str = Field(description="The words of the title that speak for it.", examples=["Data Analyst"])


class SkillGaps(BaseModel):
    """What a job asks for, what a person holds, and the difference."""

    employee_id: str = Field(examples=["E0001"])
    job_id: str = Field(
        description="The target job; the current one where none was named.", examples=["J0012"]
    )
    job: str = Field(examples=["Data analyst"])
    model_version: str | None = Field(
        description="Version of the skills model that read the job's text; null where no text had to be read."
    )
    as_of: datetime = Field(description="What the records knew.")
    fallback: str | None = Field(
        description="Why something is missing from this answer; null where nothing is."
    )
    met_share: float = Field(
        description="Share of what the job asks for, weighted by importance, that is held; 1 means no gap.",
        examples=[0.62],
    )
    gaps: list[RequiredSkill] = Field(description="Largest gap × importance first.")
    met: list[RequiredSkill] = Field(description="Required skills without a gap.")
    future_gaps: list[RequiredSkill] = Field(
        [],
        description="Gaps that open on a later day, soonest first: the job will ask for more from then on.",
    )
    strengths: list[Strength] = Field(description="Largest surplus first.")
    linked_occupation: LinkedOccupation | None = Field(
        None, description="Where the requirements come from the public occupation of the job's title."
    )
