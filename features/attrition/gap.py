"""How far a person's skills are from what their job asks for, as one number."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from features.history import History, history
from features.skills.levels import current_jobs, held_levels, required_levels
from features.timelines import MOMENT

SPELL = ["employee_id", "spell"]
NUMBER = pl.Float64
ABOUT_ONESELF = ("held_skills", "learning_events")  # what is told of others changes nobody's gap
GAP_TABLES = (*ABOUT_ONESELF, "course_skills", "courses", "jobs", "job_skills", "job_history", "exits")
GAP_KEYS = {"held_skills": ["employee_id", "skill_id", "source"], "learning_events": ["event_id"],
            "job_history": SPELL, "exits": SPELL}  # fmt: skip


def with_gaps(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Add the mean gap between the levels that a person's job asks for and those held, weighted by importance."""
    if tables["job_skills"].is_empty() or rows.is_empty():
        return rows.with_columns(skill_gap_levels=pl.lit(None, dtype=NUMBER))
    here = rows.select("employee_id").unique()
    needed = {
        name: tables[name].join(here, "employee_id", "semi", maintain_order="left") if name in ABOUT_ONESELF else tables[name]
        for name in GAP_TABLES
    }  # fmt: skip
    needed = {
        name: frame.cast({pl.Enum: pl.String}) for name, frame in needed.items()
    }  # skills are told by their names
    parts = []
    for as_of in rows["as_of"].unique().sort():
        mean = mean_gaps(history(needed, as_of, GAP_KEYS))
        parts.append(mean.with_columns(as_of=pl.lit(as_of, dtype=MOMENT)))
    found = pl.concat(parts).cast({"employee_id": rows.schema["employee_id"]})
    return rows.join(found, ["employee_id", "as_of"], "left")


def mean_gaps(past: History) -> pl.DataFrame:
    """Return ``employee_id, skill_gap_levels``: as `features.skills.levels.gaps` has them, for everybody, without their names."""
    asked = required_levels(past).select("job_id", "skill_id", "importance", required="level")
    wanted = current_jobs(past).join(asked, "job_id")
    held = held_levels(past).select("employee_id", "skill_id", "level")
    compared = wanted.join(held, ["employee_id", "skill_id"], "left").sort("employee_id", "skill_id")
    gap = (pl.col("required") - pl.col("level").fill_null(0.0)).clip(lower_bound=0.0)
    weight = pl.col("importance")
    return compared.group_by("employee_id").agg(skill_gap_levels=(gap * weight).sum() / weight.sum())
