"""What the attrition question answers: a probability with its interval, its reasons, its date and its end."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from serving.attrition.interventions import Interventions


class Horizon(IntEnum):
    """Days ahead."""

    QUARTER = 90
    HALF_YEAR = 180
    YEAR = 365


class Cause(StrEnum):
    """Why a person might leave."""

    VOLUNTARY = "voluntary"
    INVOLUNTARY = "involuntary"
    RETIREMENT = "retirement"
    OTHER = "other"


class Band(StrEnum):
    """Where a probability stands among the people the model learnt from."""

    LOW = "low"
    MODERATE = "moderate"
    ELEVATED = "elevated"
    HIGH = "high"


class Probability(BaseModel):
    """The probability of leaving for the cause within a horizon."""

    horizon_days: int = Field(examples=[180])
    value: float = Field(description="0-1.", examples=[0.083])
    low: float | None = Field(
        description="Lower end of the interval; null for causes that have none.", examples=[0.051]
    )
    high: float | None = Field(description="Upper end of the interval.", examples=[0.131])
    level: float = Field(
        description="How often such an interval should hold the probability that more data would give; it says how sure "
        "the probability is, not what this person will do.",
        examples=[0.9],
    )


class BandAnswer(BaseModel):
    """The band of the probability at the asked horizon, and where bands begin."""

    name: Band
    cut_points: dict[str, float] = Field(
        description="Probability from which each band begins; half of the people the model learnt from were `low`, a "
        "tenth `high`.",
        examples=[{"moderate": 0.041, "elevated": 0.068, "high": 0.112}],
    )


class Driver(BaseModel):
    """What moves this person's probability: an association found in the records, not a known cause."""

    feature: str = Field(examples=["overtime_hours"])
    words: str = Field(examples=["overtime (12 hours per week) raises it"])
    direction: Literal["raises", "lowers"]
    size: float = Field(
        description="What it adds to the log-odds of leaving voluntarily within the next month, before recalibration.",
        examples=[0.42],
    )
    value: float | None = Field(description="What is recorded; null where nothing is.", examples=[12.0])
    unit: str = Field(examples=["hours per week"])
    actionable: bool = Field(description="True where the organisation can change it; else it is context.")


class Reasons(BaseModel):
    """The drivers, and the rest, which together add up."""

    drivers: list[Driver]
    average_log_odds: float = Field(description="Of the average person.", examples=[-4.9])
    rest_log_odds: float = Field(description="Sum of all features that are not listed.", examples=[0.05])
    total_log_odds: float = Field(
        description="average + drivers + rest: the next month's voluntary log-odds before recalibration.",
        examples=[-4.4],
    )


class Point(BaseModel):
    """One point of the survival curve."""

    after_days: float = Field(examples=[91.3])
    stays_probability: float = Field(description="Of still being here, whatever the cause.", examples=[0.96])


class Basis(BaseModel):
    """What the number rests on."""

    kind: Literal["personal", "cohort_base_rate"]
    words: str = Field(examples=["this person's own records"])


class Review(BaseModel):
    """Whether a person has looked at this score."""

    status: Literal["unreviewed", "reviewed", "used"]
    decision: Literal["agree", "override"] | None = None
    reason: str | None = None
    used_for: str | None = Field(None, description="What a reviewed score was used for.")
    at: datetime | None = None


class ReviewBody(BaseModel):
    """What somebody says of a score."""

    decision: Literal["agree", "override", "used_for"] = Field(
        description="`agree` or `override`; `used_for` once it was reviewed and agreed with."
    )
    reason: str = Field(
        min_length=3, max_length=1_000, description="Why; of `used_for`, for what.", examples=["We talked; the workload is known."]
    )  # fmt: skip


class AttritionRisk(BaseModel):
    """One person's exit probability: a reason to talk, never a verdict."""

    employee_id: str = Field(examples=["E0001"])
    cause: Cause
    band: BandAnswer
    probability: Probability = Field(description="At the asked horizon.")
    probabilities: list[Probability] = Field(description="At every horizon.")
    curve: list[Point] = Field(
        description="Survival curve; features are held at their present values, but for the season."
    )
    reasons: Reasons | None = Field(
        description="Null for a cohort's base rate, and for causes other than voluntary."
    )
    basis: Basis
    interventions: Interventions = Field(
        description="What would keep people, where anybody knows: who to help is not who is at risk."
    )
    review: Review
    computed_at: datetime
    as_of: datetime = Field(description="What the records knew.")
    expires_at: datetime = Field(description="After this the score is no longer shown as it is.")
    model_version: str = Field(examples=["3"])
    model_digest: str
    fallback: str | None = Field(
        None, description="`stale_scores`: the model has not seen the newest records of the person yet."
    )


class AttritionRow(BaseModel):
    """One person of the list."""

    employee_id: str = Field(examples=["E0001"])
    department: str | None = Field(examples=["Sales"])
    location: str | None = Field(examples=["Lyon"])
    manager_id: str | None = Field(examples=["E0042"])
    band: Band
    probabilities: list[Probability]
    basis: Literal["personal", "cohort_base_rate"]
    drivers: list[Driver] = Field(description="The three largest.")
    review_status: Literal["unreviewed", "reviewed", "used"]
    as_of: datetime
    computed_at: datetime
    expires_at: datetime


class AttritionRisks(BaseModel):
    """People by exit probability."""

    items: list[AttritionRow]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last.")
    horizon_days: int
    cause: Cause
    cut_points: dict[str, float]
    scored: int = Field(description="People with a score, before filters.")
    not_scored: int = Field(description="Employed people who have none yet, objections left aside.")
    interventions: Interventions = Field(
        description="What would keep people, where anybody knows; the list is ordered by probability, not by who gains."
    )
    model_version: str
    model_digest: str
    as_of: datetime | None = Field(description="The oldest moment among the scores shown.")
    fallback: str | None = None


class ObjectionBody(BaseModel):
    """Why a person objects; nobody has to say."""

    reason: str | None = Field(None, max_length=1_000)


class Objection(BaseModel):
    """Whether a person's objection to being scored stands."""

    employee_id: str = Field(examples=["E0001"])
    stands: bool
    at: datetime


class SwitchBody(BaseModel):
    """Whether exit probabilities are shown, and why that changes."""

    enabled: bool
    reason: str = Field(min_length=3, max_length=500, examples=["The works council asked for a review."])


class Switch(BaseModel):
    """The kill switch."""

    enabled: bool
    at: datetime | None = Field(None, description="Since when; null where nobody ever turned it.")


class BackTestCell(BaseModel):
    """Exits expected beforehand and exits that came; null for fewer than ten people."""

    people: int | None
    predicted: float | None
    actual: int | None


class BackTestBand(BackTestCell):
    """One band of a period."""

    band: str


class BackTestPeriod(BackTestCell):
    """One period, its people told apart by what was said of them before it began."""

    period: str = Field(examples=["2025-07-01"])
    o_e: float = Field(description="Observed per expected; 1 is neutral.")
    p_value: float = Field(description="That the level moved by chance alone, corrected for all periods.")
    level_has_moved: bool
    bands: list[BackTestBand]


class BackTest(BaseModel):
    """Predicted against actual voluntary exits, by period and band: learnt from earlier periods alone, not recalibrated."""

    periods: list[BackTestPeriod]
    bands: list[str]
    model_version: str
    model_digest: str


class Change(BaseModel):
    """One circumstance of a person, moved within what nine of ten people have."""

    feature: str = Field(examples=["overtime_hours"])
    words: str
    now: float
    then: float
    unit: str
    probability: float = Field(description="What the model says of somebody with it, all else as it is.")
    difference: float = Field(description="Against the present probability; negative is lower.")


class WhatIf(BaseModel):
    """What goes with a lower probability: an association, not an effect."""

    employee_id: str = Field(examples=["E0001"])
    horizon_days: int
    probability: float
    changes: list[Change]
    kind: Literal["association"]
    words: str
    interventions: Interventions
    as_of: datetime
    model_version: str
    model_digest: str


class BatchBody(BaseModel):
    """Whose exit probabilities are asked for."""

    employee_ids: list[str] = Field(min_length=1, max_length=1_000)
    horizon_days: Horizon = Horizon.HALF_YEAR
    cause: Cause = Cause.VOLUNTARY


class BatchItem(BaseModel):
    """One person's answer, or why there is none."""

    employee_id: str
    risk: AttritionRisk | None = None
    problem: str | None = None


class Batch(BaseModel):
    """An answer for each person, in the order asked."""

    items: list[BatchItem]
