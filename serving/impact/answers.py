"""What the impact question answers: an effect with its interval, or why there is none, and everything beside it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Code = Literal["randomised_evidence", "credible", "suggestive", "cannot_tell"]


class EffectInterval(BaseModel):
    """An average effect over those who enrolled; 0 means no effect."""

    value: float = Field(description="In `unit`; positive where the outcome was higher.", examples=[2.1])
    low: float = Field(description="Lower end of the 95 % interval.", examples=[0.4])
    high: float = Field(description="Upper end of the 95 % interval.", examples=[3.8])


class Counts(BaseModel):
    """How many people stand behind a number; those who left stay counted."""

    trained: int = Field(description="Enrolled, whatever came of it.", examples=[84])
    compared: int = Field(examples=[1212])
    trained_without_outcome: int = Field(
        0, description="Enrolled, and not measured later (left).", examples=[6]
    )
    compared_without_outcome: int = Field(0, examples=[101])


class Overlap(BaseModel):
    """Whether there were comparable people."""

    effective_sample: float = Field(
        description="So many equally weighted people the compared count for; below 50 nothing is said.",
        examples=[640.0],
    )
    outside_share: float = Field(
        description="Share 0-1 of people whose probability of enrolling lies outside 0.05-0.95.",
        examples=[0.4],
    )
    trained_outside_share: float = Field(description="The same among those who enrolled.", examples=[0.1])
    largest_weight_share: float = Field(
        description="Share 0-1 of the comparison that rests on one person.", examples=[0.01]
    )


class CovariateBalance(BaseModel):
    """How far the groups differ in one thing known before, in standard deviations."""

    name: str = Field(examples=["last productivity"])
    before: float = Field(description="Before weighting.", examples=[0.31])
    after: float = Field(description="After weighting; within ±0.1 is called balanced.", examples=[0.02])


class Balance(BaseModel):
    """How alike the groups are after weighting."""

    largest_before: float = Field(examples=[0.42])
    largest_after: float = Field(examples=[0.06])
    covariates: list[CovariateBalance] = Field(description="The largest differences before weighting.")


class HiddenCause(BaseModel):
    """The hidden cause that the placebo shows, if any, and what it would leave of the effect."""

    strength: float = Field(
        description="Least partial R² (0-1), on the scale of `robustness_value`; 0 where the placebo passes.",
        examples=[0.0],
    )
    left: float = Field(description="Effect that a cause as strong as the placebo shows would leave.")
    left_low: float = Field(description="Lower end of its 95 % interval.")
    left_high: float = Field(description="Upper end of its 95 % interval.")


class Sensitivity(BaseModel):
    """How strong something unrecorded would have to be to explain the effect away."""

    robustness_value: float = Field(
        description="Partial R² (0-1) it would need with both enrolling and the outcome.", examples=[0.09]
    )
    robustness_value_interval: float = Field(
        description="The same for reaching the end of the interval.", examples=[0.03]
    )
    strongest_covariate: str = Field(examples=["last productivity"])
    strongest_value: float = Field(
        description="How strong the strongest recorded thing is on that scale.", examples=[0.04]
    )
    e_value: float | None = Field(
        None, description="For yes/no outcomes: the risk ratio it would need.", examples=[1.9]
    )
    hidden: HiddenCause | None = Field(None, description="What the placebo shows of it.")


class Placebo(EffectInterval):
    """The “effect” on a measurement from before the enrolment, where none is possible."""

    passed: bool = Field(description="True where the interval includes 0.", examples=[True])


class Verdict(BaseModel):
    """How far the number can be believed."""

    code: Code = Field(examples=["suggestive"])
    words: str = Field(
        examples=["Suggestive: productivity of people who enrolled was 2.1 index higher 180 days later …"]
    )


class IndividualEffects(BaseModel):
    """Whether it helped some more than others, as far as anybody can tell."""

    gate: Literal["open", "shut"] = Field(
        description="`shut`: one average for everybody, and no choosing by predicted effects."
    )
    verdict: str = Field(examples=["no usable heterogeneity"])
    words: str
    policy_value: dict[str, EffectInterval] | None = Field(
        None,
        description="What training is worth per person: `everybody`; behind an open gate also those `chosen` by their "
        "predicted effect, the `best_half`, `any_half` by lot, and `best_half_gain`, their difference.",
    )
