"""How far people are from what is asked, and what the way would take: distance, courses and hours."""

from __future__ import annotations

import polars as pl

from features.history import History
from features.skills.levels import rows, taught_levels

UNKNOWN_HOURS = 8.0  # of a course that names none, where no course of the catalogue names any
TARGET = ["target", "skill_id", "level", "importance"]


def courses_with_hours(history: History) -> pl.DataFrame:
    """Return ``course_id, skill_id, level, hours``: what each course open now teaches, and how long it takes.

    Hours that the catalogue does not name count as its median.
    """
    courses = history.tables.get("courses", pl.DataFrame())
    taught = taught_levels(history).select("course_id", "skill_id", "level")
    if "hours" not in courses.columns:
        return taught.with_columns(hours=pl.lit(UNKNOWN_HOURS))
    if "valid_until" in courses.columns:
        courses = courses.filter(pl.col("valid_until").is_null() | (pl.col("valid_until") > history.as_of))
    median = courses["hours"].median()
    usual = float(median) if isinstance(median, float) else UNKNOWN_HOURS
    return taught.join(courses.select("course_id", pl.col("hours").fill_null(usual)), "course_id")


def cheapest_courses(needed: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Return ``target, skill_id, course_id, hours``: the shortest course that reaches each required level, where one does."""
    reach = needed.select("target", "skill_id", "level").join(
        courses.rename({"level": "taught_level"}), "skill_id"
    )
    reach = reach.filter(pl.col("taught_level") >= pl.col("level")).sort("hours", "course_id")
    return reach.unique(["target", "skill_id"], keep="first", maintain_order=True).select(
        "target", "skill_id", "course_id", "hours"
    )


def reskilling(
    needed: pl.DataFrame, people: list[str], held: pl.DataFrame, courses: pl.DataFrame
) -> pl.DataFrame:
    """Return how far each person is from each target.

    Parameters
    ----------
    needed : polars.DataFrame
        ``target, skill_id, level, importance``: what each target (a job, a need) asks for, levels above 0.
    people : list of str
        Whom to compare.
    held : polars.DataFrame
        ``employee_id, skill_id, level``.
    courses : polars.DataFrame
        As `courses_with_hours` returns it.

    Returns
    -------
    polars.DataFrame
        ``employee_id, target, distance, n_gaps, n_uncovered, hours``; sorted by target and distance. `distance` is the share
        of what is asked, weighted by importance, that is not held: 0 has it all, 1 nothing. `hours` is that of the shortest
        courses that close the gaps, each course once; gaps that no course closes (`n_uncovered`) are not in it.
    """
    asked = needed.select(TARGET).filter(pl.col("level") > 0)
    everybody = pl.DataFrame({"employee_id": people}, schema={"employee_id": pl.String})
    pairs = everybody.join(asked, how="cross").join(
        held.select("employee_id", "skill_id", held_level="level"), ["employee_id", "skill_id"], "left"
    )
    pairs = pairs.with_columns(
        gap=(pl.col("level") - pl.col("held_level").fill_null(0.0)).clip(lower_bound=0.0),
    ).join(cheapest_courses(asked, courses), ["target", "skill_id"], "left")
    key = ["employee_id", "target"]
    weight = pl.col("importance").clip(lower_bound=1e-6)
    summed = pairs.group_by(key).agg(
        distance=(pl.col("gap") * weight).sum() / (pl.col("level") * weight).sum(),
        n_gaps=(pl.col("gap") > 0).sum(),
        n_uncovered=((pl.col("gap") > 0) & pl.col("course_id").is_null()).sum(),
    )
    taken = pairs.filter((pl.col("gap") > 0) & pl.col("course_id").is_not_null())
    hours = taken.unique([*key, "course_id"]).group_by(key).agg(pl.sum("hours"))
    return (
        summed.join(hours, key, "left")
        .with_columns(pl.col("hours").fill_null(0.0))
        .sort("target", "distance", "hours", "employee_id")
    )


def names_of(history: History, skill_ids: pl.Series) -> dict[str, str]:
    """Return the name of each skill, its identifier where it has none."""
    known = dict(rows(history, "skills").filter(pl.col("skill_id").is_in(skill_ids.to_list())).iter_rows())
    return {skill: known.get(skill) or skill for skill in skill_ids.to_list()}
