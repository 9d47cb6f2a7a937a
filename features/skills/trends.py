"""Supply of and demand for skills over time: who could do what the jobs of that day asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import polars as pl

from features.history import History
from features.skills.levels import current_jobs, held_levels, required_levels

Remember = Callable[[datetime], History]
LEAST_POINTS = 5  # fewer say nothing of a direction
CHANCE = 0.05


def supply_and_demand(remember: Remember, moments: Sequence[datetime]) -> pl.DataFrame:
    """Return, for each moment and skill, how many people's jobs ask for it and how many of them hold it.

    Parameters
    ----------
    remember : callable
        The records as they were known at a moment.
    moments : sequence of datetime
        Ascending.

    Returns
    -------
    polars.DataFrame
        ``skill_id, moment, demand, supply``: people employed then whose job asks for the skill; people employed then who
        hold it at level 3 (independent) or more, whatever their job.

    Notes
    -----
    What a job asks for is as the records say at the last moment: they do not keep how requirements were before, but for
    those dated ahead.
    """
    parts = []
    for moment in moments:
        known = remember(moment)
        jobs = current_jobs(known)
        demand = jobs.join(required_levels(known), "job_id").group_by("skill_id").agg(demand=pl.len())
        able = (
            held_levels(known)
            .join(jobs.select("employee_id"), "employee_id", "semi")
            .filter(pl.col("level") >= 3)
        )
        supply = able.group_by("skill_id").agg(supply=pl.len())
        joined = demand.join(supply, "skill_id", "full", coalesce=True).with_columns(
            pl.col("demand", "supply").fill_null(0).cast(pl.Int64),
            moment=pl.lit(moment, dtype=pl.Datetime("us", "UTC")),
        )
        parts.append(joined.select("skill_id", "moment", "demand", "supply"))
    return pl.concat(parts).sort("skill_id", "moment")


def direction(values: Sequence[float]) -> str:
    """Return ``rising``, ``falling``, ``steady`` or ``too few``: Kendall's test against order by chance.

    Examples
    --------
    >>> direction([1, 2, 3, 4, 5, 6]), direction([3, 3, 3, 3, 3]), direction([1, 2])
    ('rising', 'steady', 'too few')
    """
    from scipy.stats import kendalltau

    if len(values) < LEAST_POINTS:
        return "too few"
    if min(values) == max(values):
        return "steady"
    found = kendalltau(range(len(values)), values)
    if found.pvalue >= CHANCE:
        return "steady"
    return "rising" if found.statistic > 0 else "falling"
