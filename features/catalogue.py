"""The course catalogue as arrays, so that a person's live part is a few vector operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.history import History
from features.skills import required_levels, taught_levels

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

FIRST_MOMENT, LAST_MOMENT = -(2**62), 2**62
COURSE_COLUMNS: dict[str, Any] = {
    "course_id": pl.String, "title": pl.String, "description": pl.String, "url": pl.String, "level": pl.Float64,
    "hours": pl.Float64, "modality": pl.String, "language": pl.String, "valid_from": pl.Datetime("us", "UTC"),
    "valid_until": pl.Datetime("us", "UTC"), "certificate_valid_days": pl.Int64, "eligibility": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Links:
    """Pairs of one thing and another, grouped by the first: row `i` is ``other[start[i]:start[i + 1]]``.

    Parameters
    ----------
    start : (n + 1,) int
        Where each group begins.
    other : (n_pairs,) int
        The other side of each pair.
    level : (n_pairs,) float
        Proficiency level 0–5 taught.
    coverage : (n_pairs,) float
        How sure it is that it is taught, 0–1.
    """

    start: Integers
    other: Integers
    level: Floats
    coverage: Floats

    def of(self, row: int) -> slice:
        """Return where the pairs of one row stand."""
        return slice(int(self.start[row]), int(self.start[row + 1]))


@dataclass(frozen=True)
class Profile:
    """What a job asks for: skills (indices), levels 0–5 and importance 0–1, each of shape (k,)."""

    skills: Integers
    levels: Floats
    importance: Floats


@dataclass(frozen=True)
class Catalogue:
    """Courses, what they teach and what they ask for, as arrays in the order of `course_ids`.

    Parameters
    ----------
    course_ids, skill_ids : tuple of str
        The callers' identifiers; indices elsewhere point into these.
    course_index, skill_index : mapping of str to int
        The way back.
    titles, urls, modalities, languages, skill_names : tuple
        Texts; None where unknown.
    hours : (n_courses,) float
        ``nan`` where unknown.
    valid_from, valid_until : (n_courses,) int
        Microseconds since 1970 UTC; `valid_until` is the first moment it may no longer be taken.
    certificate_days : (n_courses,) float
        Days until a completion expires; infinite where it never does.
    is_open : (n_courses,) bool
        True where everybody may take it.
    only_for : mapping of str to (n_courses,) bool
        Department to the courses that are reserved for it (and others named with it).
    teaches, taught_by : Links
        Course → skills, and skill → courses.
    prerequisites : tuple of tuple of int
        Courses to complete before each course.
    jobs : mapping of str to Profile
        What each job asks for.
    job_titles : mapping of str to str
        Names of jobs.
    """

    course_ids: tuple[str, ...]
    skill_ids: tuple[str, ...]
    course_index: Mapping[str, int]
    skill_index: Mapping[str, int]
    titles: tuple[str, ...]
    urls: tuple[str | None, ...]
    modalities: tuple[str | None, ...]
    languages: tuple[str | None, ...]
    skill_names: tuple[str, ...]
    hours: Floats
    valid_from: Integers
    valid_until: Integers
    certificate_days: Floats
    is_open: Bools
    only_for: Mapping[str, Bools]
    teaches: Links
    taught_by: Links
    prerequisites: tuple[tuple[int, ...], ...]
    jobs: Mapping[str, Profile]
    job_titles: Mapping[str, str]

    @cached_property
    def taught(self) -> tuple[tuple[tuple[int, float, float], ...], ...]:
        """What each course teaches as plain tuples: skill, level, coverage; quicker to walk than arrays."""
        pairs = list(
            zip(
                self.teaches.other.tolist(),
                self.teaches.level.tolist(),
                self.teaches.coverage.tolist(),
                strict=True,
            )
        )
        return tuple(tuple(pairs[self.teaches.of(course)]) for course in range(self.size))

    @cached_property
    def shown(self) -> tuple[dict[str, Any], ...]:
        """Each course as callers see it: identifier, title, address, hours (None where unknown), modality."""
        hours = [value if np.isfinite(value) else None for value in self.hours.tolist()]
        names = ("course_id", "title", "url", "hours", "modality")
        columns = (self.course_ids, self.titles, self.urls, hours, self.modalities)
        return tuple(dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))

    @property
    def size(self) -> int:
        """Number of courses."""
        return len(self.course_ids)

    def eligible(self, department: str | None) -> Bools:
        """Return which courses a department's people may take, (n_courses,) bool."""
        reserved = self.only_for.get(department or "")
        return self.is_open if reserved is None else self.is_open | reserved

    def valid(self, micros: int) -> Bools:
        """Return which courses may be taken at a moment, (n_courses,) bool."""
        return (self.valid_from <= micros) & (micros < self.valid_until)


def build_catalogue(records: Mapping[str, pl.DataFrame], as_of: datetime) -> Catalogue:
    """Return the catalogue of records as stored; tables that are missing count as empty.

    Parameters
    ----------
    records : mapping of str to polars.DataFrame
        Reads `courses`, `course_skills`, `course_prerequisites`, `skills`, `jobs`, `job_skills`, `job_aliases`.
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


def to_micros(moment: datetime) -> int:
    """Return whole microseconds since 1970 UTC of an aware moment."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
