"""How far a person's skills are from what their job asks for, as one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import polars as pl

from features.history import history
from features.skills.levels import COMPLETION_KINDS, current_jobs, held_levels, required_levels
from features.timelines import MOMENT

SPELL = ["employee_id", "spell"]
PAIR = ["employee_id", "skill_id"]
NUMBER = pl.Float64
CAREER = ("job_history", "exits")
ABOUT_ONESELF = ("held_skills", "learning_events", *CAREER)  # what is told of others changes nobody's gap
ABOUT_JOBS = ("course_skills", "courses", "jobs", "job_skills")
GAP_KEYS = {"held_skills": [*PAIR, "source"], "learning_events": ["event_id"],
            "job_history": SPELL, "exits": SPELL}  # fmt: skip
CORRECTED = "_corrected"


def with_gaps(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Add the mean gap between the levels that a person's job asks for and those held, weighted by importance."""
    if tables["job_skills"].is_empty() or rows.is_empty():
        return rows.with_columns(skill_gap_levels=pl.lit(None, dtype=NUMBER))
    here = rows.select("employee_id").unique()
    own = {
        name: tables[name].join(here, "employee_id", "semi", maintain_order="left") for name in ABOUT_ONESELF
    }
    own["learning_events"] = ever_completed(own["learning_events"])
    own["job_history"] = own["job_history"].select(*SPELL, "happened_at", "known_at", "job_id")
    needed = {name: tables[name] for name in ABOUT_JOBS} | own
    moments = rows["as_of"].unique().sort()
    parts = [mean_gaps(needed, at).with_columns(as_of=pl.lit(at, dtype=MOMENT)) for at in moments]
    found = pl.concat(parts).cast({"employee_id": rows.schema["employee_id"]})
    return rows.join(found, ["employee_id", "as_of"], "left", maintain_order="left")


def ever_completed(events: pl.DataFrame) -> pl.DataFrame:
    """Return events that may be completions, and whether they have several versions: then all of these are kept."""
    marked = events.with_columns(pl.col("event_id").is_duplicated().alias(CORRECTED))
    return marked.filter(pl.col(CORRECTED) | pl.col("kind").is_in(COMPLETION_KINDS))


def mean_gaps(tables: Mapping[str, pl.DataFrame], as_of: datetime) -> pl.DataFrame:
    """Return ``employee_id, skill_gap_levels``: as `features.skills.levels.gaps` has them, for everybody, without their names.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        `ABOUT_JOBS`, `CAREER`, ``held_skills`` and the ``learning_events`` that `ever_completed` returns.
    as_of : datetime
        Aware UTC moment.

    Notes
    -----
    Evidence of skills that a person's job does not ask for is left aside before it is followed.
    """
    past = history({name: tables[name] for name in (*ABOUT_JOBS, *CAREER)}, as_of, GAP_KEYS)
    asked = required_levels(past).select("job_id", "skill_id", "importance", required="level")
    jobs = current_jobs(past)
    wanted = jobs.join(asked, "job_id")
    own = {
        "held_skills": tables["held_skills"].join(wanted, PAIR, "semi"),
        "learning_events": of_use(tables["learning_events"], jobs, asked, tables["course_skills"]),
    }
    told = replace(past, tables={**past.tables, **history(own, as_of, GAP_KEYS).tables})
    held = held_levels(told, wanted=wanted).select(*PAIR, "level")
    compared = wanted.join(held, PAIR, "left").sort(PAIR)
    gap = (pl.col("required") - pl.col("level").fill_null(0.0)).clip(lower_bound=0.0)
    weight = pl.col("importance")
    return compared.group_by("employee_id").agg(skill_gap_levels=(gap * weight).sum() / weight.sum())


def of_use(events: pl.DataFrame, jobs: pl.DataFrame, asked: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """Return the completions of courses that teach a skill of the person's job, and every event with several versions."""
    courses = asked.join(tags, "skill_id").select("job_id", "course_id").unique()
    known = (
        events.filter(~pl.col(CORRECTED))
        .join(jobs, "employee_id")
        .join(courses, ["job_id", "course_id"], "semi")
    )
    corrected = events.filter(pl.col(CORRECTED))
    return pl.concat([known.select(events.columns), corrected]).drop(CORRECTED)
