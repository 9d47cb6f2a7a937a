"""What each attrition feature means, its unit, and whether somebody can act upon it; spelled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One feature of an employee at a moment.

    Parameters
    ----------
    name : str
        The unit is part of it.
    unit : str
        Unit and range.
    words : str
        What it is, in words that fit after "because of".
    is_actionable : bool
        True where the organisation can change it for this person; else it is context.
    """

    name: str
    unit: str
    words: str
    is_actionable: bool = False


FEATURES: tuple[Feature, ...] = (
    Feature("tenure_days", "days", "time with the organisation"),
    Feature("days_in_job", "days", "time in the present job", True),
    Feature("days_since_move", "days", "time since the last move of job, department or place", True),
    Feature("days_since_promotion", "days", "time since the last promotion, or since hire", True),
    Feature("days_since_manager_change", "days", "time with the present manager"),
    Feature("manager_changes_365_days", "count", "changes of manager within a year", True),
    Feature("pay_to_job_median", "share, 1 is the median", "pay against the median of the same job and place", True),
    Feature("pay_growth_excess", "share", "pay growth within a year against the same job's", True),
    Feature("rating", "1-5", "the last performance rating"),
    Feature("rating_change", "points", "the change of the rating within a year"),
    Feature("team_exit_share_90_days", "share 0-1", "colleagues of the team who left in the last three months"),
    Feature("team_exit_share_180_days", "share 0-1", "colleagues of the team who left lately"),
    Feature("team_size", "count", "the size of the team"),
    Feature("span_of_control", "count", "the number of people led"),
    Feature("grade", "grade", "the grade of the job"),
    Feature("commute_minutes", "minutes", "the way to work", True),
    Feature("overtime_hours", "hours per week", "overtime", True),
    Feature("hours_per_week", "hours per week", "contracted hours", True),
    Feature("fte_share", "share 0-1", "full time or part time"),
    Feature("is_on_leave", "0 or 1", "being on leave"),
    Feature("is_temporary", "0 or 1", "a contract that is not permanent", True),
    Feature("engagement_share", "share 0-1 of the scale", "engagement in the last survey", True),
    Feature("engagement_mean_share", "share 0-1 of the scale", "engagement over all surveys so far"),
    Feature("engagement_change", "share of the scale", "the change of engagement between surveys", True),
    Feature("satisfaction_share", "share 0-1 of the scale", "satisfaction in the last survey", True),
    Feature("satisfaction_mean_share", "share 0-1 of the scale", "satisfaction over all surveys so far"),
    Feature("satisfaction_change", "share of the scale", "the change of satisfaction between surveys", True),
    Feature("intent_to_stay_share", "share 0-1 of the scale", "the intent to stay, as last stated", True),
    Feature("intent_to_stay_mean_share", "share 0-1 of the scale", "the intent to stay over all surveys so far"),
    Feature("intent_to_stay_change", "share of the scale", "the change of the intent to stay", True),
    Feature("days_since_survey", "days", "time since the last survey answer"),
    Feature("learning_hours_365_days", "hours", "hours of learning completed within a year", True),
    Feature("completions_365_days", "count", "courses completed within a year", True),
    Feature("skill_gap_levels", "levels 0-5", "the gap between held and required skills", True),
    Feature("paths_open", "count", "the jobs that people move to from this one"),
    Feature("season_sine", "-1 to 1", "the time of the year"),
    Feature("season_cosine", "-1 to 1", "the time of the year"),
)  # fmt: skip

FEATURE_SCHEMA: Mapping[str, str] = {feature.name: f"number; {feature.unit}" for feature in FEATURES}
NAMES: tuple[str, ...] = tuple(FEATURE_SCHEMA)
MEANINGS: Mapping[str, Feature] = {feature.name: feature for feature in FEATURES}
