"""What the skills question answers about groups, needs, jobs and courses."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from serving.skills.answers import Level

Pattern = Literal["isolated", "widespread", "scattered", "none", "suppressed"]


class GroupGap(BaseModel):
    """One group's part in a skill; figures are null where they would tell of too few people."""

    group: str = Field(examples=["Finance"])
    is_suppressed: bool
    n_required: int | None = Field(description="People whose job asks for the skill.", examples=[24])
    n_short: int | None = Field(description="Of them, short of the level.", examples=[9])
    mean_gap: float | None = Field(description="Levels missing, over those who are short.", examples=[1.4])


class SkillRollUp(BaseModel):
    """A skill over many people."""

    skill_id: str = Field(examples=["sql"])
    skill: str = Field(examples=["SQL"])
    n_required: int | None = Field(description="People whose job asks for it.", examples=[120])
    n_short: int | None = Field(description="Of them, short of the level.", examples=[31])
    short_share: float | None = Field(examples=[0.258])
    low: float | None = Field(description="Lower end of the 95 % interval (Wilson) of the share.")
    high: float | None
    mean_gap: float | None = Field(description="Levels missing, over those who are short.")
    pattern: Pattern = Field(
        description="`isolated`: some group is shorter than chance explains (5 % false discoveries); `widespread`: a quarter "
        "of all are short at the least; `scattered`: neither; `none`: nobody is short; `suppressed`: too few people."
    )
    isolated_in: list[str] = Field(description="The groups that are shorter than chance explains.")
    groups: list[GroupGap] = []


class GroupStrength(BaseModel):
    """A skill that many hold above what is asked."""

    skill_id: str
    skill: str
    n_strong: int = Field(description="People who hold it at level 4 or more.", examples=[18])


class SkillGapRollUp(BaseModel):
    """Gaps and strengths of many people."""

    by: str = Field(description="What the groups are.", examples=["department"])
    as_of: datetime
    model_version: str | None = Field(
        None, description="Null: counted from the records, by no trained model."
    )
    fallback: str | None = Field(None, description="Why something is missing; null where nothing is.")
    least_people: int = Field(description="Fewer people than that share no figure.", examples=[10])
    n_people: int | None = Field(description="People looked at; null where they are too few.")
    stale_share: float | None = Field(description="Share of the held levels whose evidence is stale.")
    skills: list[SkillRollUp] = Field(description="Most people short first.")
    strengths: list[GroupStrength]


class NeededSkill(BaseModel):
    """A skill of a need, and what is to be done about it."""

    skill_id: str
    skill: str
    level: float = Field(description=Level)
    importance: float
    words: str | None = Field(description="Where it was read from a text: its words there.")
    confidence: float = Field(description="1 where it was given; else how often such a find was right.")
    n_holders: int = Field(description="People at the level.")
    n_near: int = Field(description="People at most one level below it.")
    courses: list[str] = Field(description="Courses that reach the level, shortest first.")
    adaptable: list[str] = Field(
        description="Courses that come close: they teach it less far, or similar content."
    )
    decision: Literal["held", "train", "adapt", "hire"]
    reason: str


class NearPerson(BaseModel):
    """Somebody who has what is needed, or is near it."""

    employee_id: str
    distance: float = Field(
        description="Share of what is needed, by importance, that is not held: 0 has it all."
    )
    n_gaps: int
    n_uncovered: int = Field(description="Gaps that no course closes.")
    hours: float = Field(description="Of the shortest courses that close the others.")


class NeedsAssessment(BaseModel):
    """Who has what is needed, who is nearest, what covers it, and whether to train, adapt or hire."""

    as_of: datetime
    model_version: str | None = Field(description="Of the skills model, where a text was read.")
    fallback: str | None = Field(description="Why something is missing; null where nothing is.")
    verdict: Literal[
        "no_training_needed", "train", "train_and_adapt", "train_and_hire", "hire", "cannot_tell"
    ]
    verdict_words: str
    skills: list[NeededSkill] = Field(description="Most important first.")
    people: list[NearPerson] = Field(description="Nearest first.")


class NextJob(BaseModel):
    """A job that lies near a person."""

    job_id: str
    job: str
    score: float = Field(
        description="(1 − distance) × (1 + ½ move share + ¼ where related); orders the list."
    )
    distance: float = Field(description="Share of what it asks for, by importance, that is not held.")
    hours: float = Field(description="Of the shortest courses that close its gaps.")
    n_gaps: int
    n_uncovered: int = Field(description="Gaps that no course closes.")
    move_share: float = Field(
        description="Of the people who moved on from the current job, those who went there."
    )
    related_rank: int | None = Field(
        description="1 is closest in the public taxonomy; null where it relates them not."
    )
    reason: str


class NextJobs(BaseModel):
    """Jobs that lie near a person."""

    employee_id: str
    job_id: str | None = Field(description="The current job.")
    as_of: datetime
    model_version: str | None = None
    fallback: str | None = None
    jobs: list[NextJob]


class FoundCourse(BaseModel):
    """A course of the portfolio."""

    course_id: str
    title: str
    similarity: float = Field(description="Cosine of the texts, −1 to 1.")
    is_near: bool = Field(description="True where it is close but not the same: it could be adapted.")
    matched_words: list[str] = Field(description="Words of the question that stand in its text.")


class FoundCourses(BaseModel):
    """Courses that fit a question."""

    as_of: datetime
    model_version: str | None = Field(description="The encoder's vectors answer; null without one.")
    fallback: str | None = Field(
        description="`words_only` where there is no encoder: matched by words alone."
    )
    courses: list[FoundCourse]


class TrendPoint(BaseModel):
    """One day of a trend."""

    moment: datetime
    demand: int | None = Field(
        description="People whose job asks for it; null where they are too few to tell."
    )
    supply: int | None = Field(
        description="People who hold it at level 3 or more; null where they are too few."
    )


class SkillTrend(BaseModel):
    """Supply of and demand for a skill."""

    skill_id: str
    skill: str
    demand_trend: Literal["rising", "falling", "steady", "too few"] = Field(
        description="Kendall's test at 5 %."
    )
    supply_trend: Literal["rising", "falling", "steady", "too few"]
    points: list[TrendPoint]


class SkillTrends(BaseModel):
    """Trends of the skills that most people need."""

    as_of: datetime
    model_version: str | None = None
    skills: list[SkillTrend] = Field(description="Largest demand at the last point first.")
