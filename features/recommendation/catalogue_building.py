"""Building the catalogue from records as stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from features.history import History
from features.recommendation.catalogue import DAY_MICROS, Bools, Catalogue, Integers, Links, Priority, Profile
from features.skills.levels import required_levels, taught_levels

FIRST_MOMENT, LAST_MOMENT = -(2**62), 2**62
COURSE_COLUMNS: dict[str, Any] = {
    "course_id": pl.String, "title": pl.String, "description": pl.String, "url": pl.String, "level": pl.Float64,
    "hours": pl.Float64, "modality": pl.String, "language": pl.String, "valid_from": pl.Datetime("us", "UTC"),
    "valid_until": pl.Datetime("us", "UTC"), "certificate_valid_days": pl.Int64, "eligibility": pl.String,
    "provider": pl.String,
}  # fmt: skip


def build_catalogue(records: Mapping[str, pl.DataFrame], as_of: datetime) -> Catalogue:
    """Return the catalogue of records as stored; tables that are missing count as empty.

    Parameters
    ----------
    records : mapping of str to polars.DataFrame
        Reads `courses`, `course_skills`, `course_prerequisites`, `skills`, `jobs`, `job_skills`, `job_aliases`,
        `strategic_priorities`.
    as_of : datetime
        Aware UTC; requirements that hold only later are left out.
    """
    courses = course_rows(records)
    history = History(as_of, {**records, "courses": courses})
    taught = taught_levels(history).join(courses.select("course_id"), "course_id", "semi")
    required = required_levels(history)
    names = skill_names(records, taught, required)
    course_ids, skill_ids = courses["course_id"].to_list(), list(names)
    course_index, skill_index = numbered(course_ids), numbered(skill_ids)
    is_open, only_for = eligibility(courses["eligibility"].to_list())
    return Catalogue(
        course_ids=tuple(course_ids),
        skill_ids=tuple(skill_ids),
        course_index=course_index,
        skill_index=skill_index,
        titles=tuple(courses["title"].fill_null("")),
        urls=tuple(courses["url"]),
        modalities=tuple(courses["modality"]),
        languages=tuple(courses["language"]),
        skill_names=tuple(names.values()),
        hours=courses["hours"].fill_null(float("nan")).to_numpy(),
        valid_from=micros_of(courses["valid_from"], FIRST_MOMENT),
        valid_until=micros_of(courses["valid_until"], LAST_MOMENT),
        certificate_days=courses["certificate_valid_days"]
        .cast(pl.Float64)
        .fill_null(float("inf"))
        .to_numpy(),
        is_open=is_open,
        only_for=only_for,
        teaches=links(taught, "course_id", "skill_id", (course_index, skill_index)),
        taught_by=links(taught, "skill_id", "course_id", (skill_index, course_index)),
        prerequisites=prerequisites(records, course_index),
        jobs=job_profiles(required, skill_index),
        job_titles=job_titles(records),
        providers=tuple(courses["provider"]),
        priorities=priorities(records, skill_index),
    )


def course_rows(records: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the courses in the order of their identifiers, every column present."""
    stored = records.get("courses", pl.DataFrame(schema=COURSE_COLUMNS))
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in COURSE_COLUMNS.items()
               if name not in stored.columns]  # fmt: skip
    return stored.with_columns(missing).select(list(COURSE_COLUMNS)).sort("course_id")


def skill_names(
    records: Mapping[str, pl.DataFrame], taught: pl.DataFrame, required: pl.DataFrame
) -> dict[str, str]:
    """Return identifier → name of every skill that a course teaches or a job asks for."""
    used = pl.concat([taught.select("skill_id"), required.select("skill_id")]).unique().sort("skill_id")
    named = records.get("skills")
    if named is None:
        return {skill: skill for skill in used["skill_id"]}
    both = used.join(named.select("skill_id", "name"), "skill_id", "left")
    return dict(zip(both["skill_id"], both.select(pl.coalesce("name", "skill_id")).to_series(), strict=True))


def numbered(values: Sequence[str]) -> dict[str, int]:
    """Return each value's place."""
    return {value: place for place, value in enumerate(values)}


def micros_of(moments: pl.Series, missing: int) -> Integers:
    """Return moments as whole microseconds since 1970 UTC."""
    return moments.cast(pl.Int64).fill_null(missing).to_numpy()


def eligibility(texts: Sequence[str | None]) -> tuple[Bools, dict[str, Bools]]:
    """Return which courses are open to all, and those reserved for each department that is named."""
    allowed = [{part.strip() for part in (text or "").split(",") if part.strip()} for text in texts]
    is_open = np.array([not names for names in allowed], dtype=bool)
    departments = sorted(set().union(*allowed)) if allowed else []
    return is_open, {name: np.array([name in names for names in allowed], dtype=bool) for name in departments}


def links(
    taught: pl.DataFrame, by: str, other: str, index: tuple[Mapping[str, int], Mapping[str, int]]
) -> Links:
    """Return the pairs of a frame grouped by one of its two sides."""
    rows = np.array([index[0][value] for value in taught[by]], dtype=np.int64)
    others = np.array([index[1][value] for value in taught[other]], dtype=np.int64)
    order = np.lexsort((others, rows))
    start = np.searchsorted(rows[order], np.arange(len(index[0]) + 1))
    level, coverage = taught["level"].to_numpy()[order], taught["confidence"].to_numpy()[order]
    return Links(start.astype(np.int64), others[order], level.astype(np.float64), coverage.astype(np.float64))


def prerequisites(
    records: Mapping[str, pl.DataFrame], course_index: Mapping[str, int]
) -> tuple[tuple[int, ...], ...]:
    """Return the courses to complete before each course; a pair with an unknown course is left out."""
    before: list[set[int]] = [set() for _ in course_index]
    pairs = records.get("course_prerequisites")
    if pairs is not None:
        for course, first in pairs.select("course_id", "prerequisite_id").iter_rows():
            if course in course_index and first in course_index:
                before[course_index[course]].add(course_index[first])
    return tuple(tuple(sorted(group)) for group in before)


def job_profiles(required: pl.DataFrame, skill_index: Mapping[str, int]) -> dict[str, Profile]:
    """Return what each job asks for, the most important skill first."""
    ordered = required.sort("job_id", -pl.col("importance"), "skill_id")
    profiles = {}
    for (job,), group in ordered.group_by(["job_id"], maintain_order=True):
        skills = np.array([skill_index[skill] for skill in group["skill_id"]], dtype=np.int64)
        profiles[str(job)] = Profile(skills, group["level"].to_numpy(), group["importance"].to_numpy())
    return profiles


def job_titles(records: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Return the name of each job."""
    jobs = records.get("jobs")
    return {} if jobs is None else dict(jobs.select("job_id", "title").iter_rows())


def priorities(records: Mapping[str, pl.DataFrame], skill_index: Mapping[str, int]) -> tuple[Priority, ...]:
    """Return the skills the organisation wants more of; one that no course teaches and no job asks for is left out."""
    stored = records.get("strategic_priorities")
    if stored is None:
        return ()
    known = stored.filter(pl.col("skill_id").is_in(list(skill_index)) & (pl.col("weight") > 0))
    start = micros_of(known["valid_from"], FIRST_MOMENT).tolist()
    end = [day + DAY_MICROS if day < LAST_MOMENT else day for day in
           micros_of(known["valid_until"], LAST_MOMENT).tolist()]  # fmt: skip
    rows = zip(known["skill_id"], known["weight"], start, end, strict=True)
    return tuple(Priority(skill_index[skill], weight, first, last) for skill, weight, first, last in rows)
