"""What is declared of a training programme, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from serving.impact.answers import Balance, EffectInterval, Overlap, Placebo, Sensitivity, Verdict
from serving.impact.level_answers import Levels
from serving.records.derived import moment

Design = Literal["randomised", "offer", "staggered", "observational"]
Moment = Annotated[datetime, BeforeValidator(moment)]


class Declaration(BaseModel):
    """A training programme and its question, before it starts."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    programme_id: str = Field(min_length=1, max_length=200, examples=["P-2026-FOCUS"])
    title: str = Field("", max_length=300, examples=["Focus and Feedback"])
    course_id: str = Field(min_length=1, max_length=1000, examples=["PR-101"])
    kpi: str = Field(
        min_length=1,
        max_length=200,
        description="The outcome it should move: a KPI, `rating`, `survey ITEM`, `skill ID` (as assessed), `promotion` or "
        "`voluntary_exit`.",
        examples=["productivity"],
    )
    population: str = Field("", max_length=1000, description="Who it is for, in words.")
    departments: list[str] = Field(
        default_factory=list, max_length=200, description="Who is eligible; empty: everybody."
    )
    design: Design = Field(examples=["randomised"])
    expected_effect: float | None = Field(
        None, description="The effect hoped for, in the KPI's unit.", examples=[2.0]
    )
    starts_at: Moment = Field(description="First day; must lie ahead.")
    ends_at: Moment | None = None
    trained_share: float = Field(
        0.5, gt=0, lt=1, description="Share of the eligible who are trained (or offered it)."
    )
    draw: bool = Field(
        False, description="Let the service draw the lot, from the digest, and keep who belongs where."
    )
    cost_amount: float | None = Field(None, ge=0, description="What the whole programme costs.")
    value_per_unit: float | None = Field(
        None, description="What one unit of the KPI of one person is worth, same currency."
    )


class DesignProspect(BaseModel):
    """What one design could show."""

    design: Design
    minimum_detectable_effect: float | None = Field(
        description="Found four times in five at 5 %, in the KPI's unit."
    )
    power: float | None = Field(description="Probability 0-1 of finding the expected effect.")
    reaches: str = Field(description="The highest rung of the ladder that it can reach.")


class Plan(BaseModel):
    """A plan as it stands, frozen when it was declared."""

    programme_id: str
    digest: str = Field(description="SHA-256 of the plan: whoever reports later shows the same.")
    declared_at: datetime
    is_declared_before: bool = Field(description="False where it was written down after the start.")
    plan: dict[str, Any]
    eligible: int | None = Field(None, description="People it is for, now.")
    baseline: dict[str, float] | None = Field(
        None, description="The KPI in the last year: people, mean, spread, earlier_r2."
    )
    designs: list[DesignProspect] = Field(default_factory=list)
    proposal: str | None = Field(None, description="Which roll-out would tell most.")
    arms: dict[str, int] = Field(default_factory=dict, description="How many belong to each arm.")


class Return(BaseModel):
    """Return on investment, told only where the verdict allows it."""

    status: Literal["estimated", "refused"]
    reason: str | None = None
    benefit: EffectInterval | None = Field(None, description="Effect × people trained × value of a unit.")
    roi: EffectInterval | None = Field(None, description="(Benefit − cost) / cost; 0 pays for itself.")


class ProgrammeImpact(BaseModel):
    """A programme's report against its plan."""

    programme_id: str
    outcome: str | None
    unit: str | None = None
    status: Literal["estimated", "refused"]
    reason: str | None
    effect: EffectInterval | None
    design: str | None
    estimand: str | None = Field(
        description="itt: having been drawn; late: taking part, for those moved; att: the trained."
    )
    n: dict[str, int]
    placebo: Placebo | None = None
    overlap: Overlap | None = None
    balance: Balance | None = None
    sensitivity: Sensitivity | None = None
    bounds: list[float] | None = Field(
        None, description="The effect if all missing outcomes were as bad, or as good, as they come."
    )
    event_study: dict[str, EffectInterval] | None = Field(
        None, description="Of a roll-out: effects by periods since training; those before 0 should be 0."
    )
    verdict: Verdict
    levels: Levels | None = Field(
        None, description="Kirkpatrick's four levels, of the programme's course since its start."
    )
    roi: Return
    plan_digest: str
    is_as_planned: bool = Field(
        description="True where the report answers the plan that was declared before the start."
    )
    changed: list[str] = Field(description="What the report's plan has otherwise than the declared one.")
    added_later: list[dict[str, Any]] = Field(
        description="Looked at although the plan did not name it: exploratory."
    )
    model_version: str
    as_of: datetime
    fallback: str | None = None
