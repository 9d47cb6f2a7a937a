"""Requirements that hold only later: tomorrow's gap, shown today."""

from __future__ import annotations

import polars as pl

from features.history import History
from features.skills.levels import IMPORTANCE, REQUIRED_LEVEL, rows


def future_levels(history: History) -> pl.DataFrame:
    """Return what jobs will ask for from a day on that has not come yet.

    Returns
    -------
    polars.DataFrame
        ``job_id, skill_id, level, importance, source, required_from``; soonest first. Rejected ones are left out.
    """
    later = rows(history, "job_skills").filter(
        (pl.col("source").fill_null("given") != "rejected") & (pl.col("required_from") > history.as_of)
    )
    return later.select(
        "job_id",
        "skill_id",
        level=pl.col("level").fill_null(REQUIRED_LEVEL),
        importance=pl.col("importance").fill_null(IMPORTANCE),
        source=pl.col("source").fill_null("given"),
        required_from="required_from",
    ).sort("required_from", "job_id", "skill_id")
