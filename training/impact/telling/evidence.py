"""Everything a verdict is made of."""

from __future__ import annotations

from dataclasses import dataclass

from training.impact.doubts.sensitivity import Sensitivity


@dataclass(frozen=True)
class Evidence:
    """Everything a verdict is made of.

    Parameters
    ----------
    design : str
        randomised, offer, observational or staggered.
    pipeline : str
        full or screening.
    interval : (float, float)
        95 % interval of the effect.
    effective_sample : float
        Of the compared; counts only where nothing was randomised.
    placebo : (float, float), optional
        95 % interval of the effect on an outcome from before the training.
    placebo_alone : (float, float), optional
        Interval, widened for their number, of the single placebo furthest from 0, where `placebo` pools several.
    by_products : float, optional
        The effect with what pairs of columns do together alone, where that moves it.
    sensitivity : Sensitivity, optional
        How much hidden confounding the estimate withstands.
    largest_imbalance : float
        Largest standardised difference after weighting.
    largest_weight_share : float
        Share of all weight that one compared person carries.
    missing_share : float
        Share of people whose outcome could not be measured.
    is_completers_only : bool
        True where only completions are recorded, so that who enrolled is unknown.
    q_value : float, optional
        Benjamini–Hochberg over all courses tested together.
    first_stage : float, optional
        F of the offer on uptake.
    negative_control : (float, float), optional
        95 % interval of the effect on an outcome that the training cannot move.
    clusters : float
        Independent groups behind the interval; infinite where rows are independent.
    pretrend_p_value : float, optional
        Joint test that nothing differed before a staggered roll-out.
    breakdown : float, optional
        How many times the largest break in trend before a staggered roll-out would explain its effect away.
    is_random_timing : bool
        True where the order of a staggered roll-out was drawn by lot.
    is_unadjusted : bool
        True where nothing from before is known of anybody, so that the sides are compared as they are.
    missing_gap : float
        By how much more outcomes are missing on one side than on the other, where chance does not explain it; else 0.
    """

    design: str
    pipeline: str
    interval: tuple[float, float]
    effective_sample: float = float("inf")
    placebo: tuple[float, float] | None = None
    sensitivity: Sensitivity | None = None
    largest_imbalance: float = 0.0
    largest_weight_share: float = 0.0
    missing_share: float = 0.0
    is_completers_only: bool = False
    q_value: float | None = None
    first_stage: float | None = None
    negative_control: tuple[float, float] | None = None
    clusters: float = float("inf")
    pretrend_p_value: float | None = None
    missing_gap: float = 0.0
    breakdown: float | None = None
    is_random_timing: bool = False
    is_unadjusted: bool = False
    placebo_alone: tuple[float, float] | None = None
    by_products: float | None = None
