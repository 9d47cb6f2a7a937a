"""What people did with courses, as of a moment: what they took, finished, dismissed, and where they worked.

In the words of recommender papers an employee is a user and a course is an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from features.history import History, latest
from features.recommendation.catalogue import Catalogue, Floats
from features.recommendation.gap_value import gap_shares, needs_of
from features.skills.levels import COMPLETION_KINDS, current_jobs, held_levels

# How much an event says that the course was wanted. Being assigned or shown something says nothing.
EVENT_WEIGHTS = {
    "completed": 1.0, "passed": 1.0, "failed": 0.7, "progressed": 0.8, "started": 0.7, "enrolled": 0.6,
    "withdrawn": 0.3, "clicked": 0.2,
}  # fmt: skip
TAKEN_KINDS = ("completed", "passed", "failed", "progressed", "started", "enrolled", "withdrawn")
OPEN_KINDS = ("enrolled", "started", "progressed", "failed")
CLOSING_KINDS = ("completed", "passed", "withdrawn", "expired")
# What a recommendation model takes; a bundle made for anything else is refused by the service.
FEATURE_SCHEMA = {
    "indptr": "start of each person's history, int",
    "items": "course index of each interaction, int",
    "weights": "strength of each interaction (EVENT_WEIGHTS), share 0-1",
    "jobs": "index of each person's current job, -1 unknown, int",
    "gap_shares": "share of the weighted gap to the target job that each course closes, 0-1",
}


def interactions(history: History) -> pl.DataFrame:
    """Return what each person did with each course.

    Parameters
    ----------
    history : History
        Records as of a moment; reads `learning_events`.

    Returns
    -------
    polars.DataFrame
        ``employee_id, course_id, weight, taken_at``; one row per pair, sorted by person and course. `weight`
        (0–1) is that of the strongest event (`EVENT_WEIGHTS`); `taken_at` is when the person first enrolled
        or began, null where they only looked. Pairs dismissed for good are left out.
    """
    events = history["learning_events"].select("employee_id", "course_id", "kind", "happened_at")
    events = events.filter(pl.col("kind").is_in(list(EVENT_WEIGHTS)))
    weight = pl.col("kind").replace_strict(EVENT_WEIGHTS, default=0.0, return_dtype=pl.Float64)
    pairs = events.group_by("employee_id", "course_id").agg(
        weight=weight.max(),
        taken_at=pl.col("happened_at").filter(pl.col("kind").is_in(TAKEN_KINDS)).min(),
    )
    lasting = dismissals(history).filter(pl.col("snoozed_until").is_null())
    wanted = pairs.join(lasting, ["employee_id", "course_id"], "anti")
    return wanted.sort("employee_id", "course_id")


def dismissals(history: History) -> pl.DataFrame:
    """Return ``employee_id, course_id, snoozed_until``: what people do not want (null: for good).

    A course that was taken up after it was dismissed is no longer dismissed.
    """
    pair, events = ["employee_id", "course_id"], history["learning_events"]
    asked = events.filter(pl.col("kind") == "dismissed").select(
        pair
    )  # few: what else was said of these alone is sorted
    said = events.filter(pl.col("kind").is_in([*TAKEN_KINDS, "dismissed"])).join(
        asked, pair, "semi", maintain_order="left"
    )
    last = latest(said, pair)
    return last.filter(
        (pl.col("kind") == "dismissed")
        & (pl.col("snoozed_until").is_null() | (pl.col("snoozed_until") > history.as_of))
    ).select("employee_id", "course_id", "snoozed_until")


@dataclass(frozen=True)
class Completion:
    """Of those who began a course long enough ago: how many did, and how many completed it."""

    starters: int
    completers: int


def completion_counts(history: History, allowance_days: int = 180) -> dict[str, Completion]:
    """Return how many people began each course at least `allowance_days` ago, and how many of them completed it."""
    events = history["learning_events"].select("employee_id", "course_id", "kind", "happened_at")
    began = events.filter(pl.col("kind").is_in(TAKEN_KINDS))
    people = began.group_by("employee_id", "course_id").agg(
        began_at=pl.col("happened_at").min(), completed=pl.col("kind").is_in(COMPLETION_KINDS).any()
    )
    due = people.filter(pl.col("began_at") < pl.lit(history.as_of) - pl.duration(days=allowance_days))
    counts = due.group_by("course_id").agg(starters=pl.len(), completers=pl.col("completed").sum())
    return {course: Completion(starters, done) for course, starters, done in counts.iter_rows()}


def target_jobs(history: History) -> dict[str, str]:
    """Return employee → the job to grow into: that of the latest open goal, else the current one.

    Only people who are employed are named; a goal is open until it is due.
    """
    current = dict(current_jobs(history).iter_rows())
    if "goals" not in history.tables:
        return current
    goals = history["goals"].filter(
        pl.col("target_job_id").is_not_null()
        & (pl.col("due_at").is_null() | (pl.col("due_at") > history.as_of))
    )
    last = latest(goals, ["employee_id"]).select("employee_id", "target_job_id")
    return current | {person: job for person, job in last.iter_rows() if person in current}


def person_gap_shares(
    history: History, catalogue: Catalogue, employee_ids: Sequence[str]
) -> Iterator[Floats]:
    """Yield, for each person, the share of their weighted gap to the target job that each course closes.

    Yields
    ------
    (n_courses,) float
        0–1, in the order of `employee_ids`; zeros where the person has no job, or the job asks for nothing.
    """
    jobs = target_jobs(history)
    held: dict[str, dict[int, float]] = {}
    levels = held_levels(history, employee_ids).select("employee_id", "skill_id", "level")
    for employee, skill, level in levels.iter_rows():
        if skill in catalogue.skill_index:
            held.setdefault(employee, {})[catalogue.skill_index[skill]] = level
    for one in employee_ids:
        yield gap_shares(catalogue, needs_of(catalogue.jobs.get(jobs.get(one, "")), held.get(one, {})))
