"""What was shown and what became of it, from the ledger: coverage, evenness, acceptance, completion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.records.shown import shown_courses
from training.recommendation.ranking import gini

FEWEST_SHOWN = 10


@dataclass(frozen=True)
class Shown:
    """What the lists came to; NaN where too little was shown.

    Parameters
    ----------
    answers, people, courses_shown : int
        Counts.
    coverage_share : float
        Share of the catalogue shown to anybody.
    gini : float
        0 shown evenly, 1 all on one course.
    enrolled_share, completed_share, dismissed_share : float
        Share of what was shown to a person that they began, completed or put away afterwards.
    """

    answers: int
    people: int
    courses_shown: int
    coverage_share: float
    gini: float
    enrolled_share: float
    completed_share: float
    dismissed_share: float


KINDS: Mapping[str, tuple[str, ...]] = {
    "enrolled_share": ("enrolled", "started"),
    "completed_share": ("completed", "passed"),
    "dismissed_share": ("dismissed",),
}


def shown(ledger: pl.DataFrame, events: pl.DataFrame, n_courses: int) -> Shown:
    """Return what was shown, and what came of it.

    Parameters
    ----------
    ledger : polars.DataFrame
        Rows of ``recommendations_shown``, one an answer.
    events : polars.DataFrame
        Learning events: ``employee_id, course_id, kind, happened_at``.
    n_courses : int
        Size of the catalogue.
    """
    listed = shown_courses(ledger)
    if listed.height < FEWEST_SHOWN:
        return Shown(ledger.height, 0, 0, *([float("nan")] * 5))
    first = listed.group_by("employee_id", "course_id").agg(pl.col("shown_at").min())
    counts = np.zeros(max(n_courses, first["course_id"].n_unique()))
    per_course = listed["course_id"].value_counts()["count"].to_numpy()
    counts[: per_course.size] = per_course
    after = first.join(events, ["employee_id", "course_id"]).filter(
        pl.col("happened_at") >= pl.col("shown_at")
    )
    shares = {name: share(after, kinds, first.height) for name, kinds in KINDS.items()}
    return Shown(
        ledger.height, first["employee_id"].n_unique(), int((counts > 0).sum()), float((counts > 0).mean()),
        gini(counts), **shares,
    )  # fmt: skip


def share(after: pl.DataFrame, kinds: tuple[str, ...], n: int) -> float:
    """Return the share of what was shown that had an event of some kinds afterwards."""
    found = after.filter(pl.col("kind").is_in(kinds)).select("employee_id", "course_id").unique()
    return float(found.height) / n
