"""The course catalogue as arrays, so that a person's live part is a few vector operations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.recommendation.closing import Closing, Lessons

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
DAY_MICROS = 86_400 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


Needed = tuple[int, float, float]  # place among a job's skills, level that counts for it, worth of a level


@dataclass(frozen=True)
class Profile:
    """What a job asks for.

    Parameters
    ----------
    skills : (k,) int
        Indices.
    levels, importance : (k,) float
        Levels 0–5, and weights 0–1.
    needed : dict of int to tuple of Needed
        Course → what it teaches of this, where somebody looked (`features.recommendation.gap_value.gains`).
    """

    skills: Integers
    levels: Floats
    importance: Floats
    needed: dict[int, tuple[Needed, ...]] = field(default_factory=dict, compare=False, repr=False)


class CourseShown(msgspec.Struct, frozen=True, gc=False):
    """A course as callers see it; None where something is unknown."""

    course_id: str
    title: str
    url: str | None
    hours: float | None
    modality: str | None


class Priority(NamedTuple):
    """The organisation wants more of a skill: its index, weight 0–1, from and until when (microseconds since 1970 UTC)."""

    skill: int
    weight: float
    start: int
    end: int


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
    providers : tuple
        Who offers each course; None where unknown.
    priorities : tuple of Priority
        Skills the organisation wants more of, whenever they hold.
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
    providers: tuple[str | None, ...] = ()
    priorities: tuple[Priority, ...] = ()

    @cached_property
    def certificate_micros(self) -> list[float]:
        """For how long a completion of each course counts, microseconds; infinite where it never expires."""
        found: list[float] = (self.certificate_days * DAY_MICROS).tolist()
        return found

    @cached_property
    def lowest_taught(self) -> list[float]:
        """The lowest level that each course teaches of anything, 0–5; 0 where it teaches nothing."""
        return [min((level for _, level, _ in taught), default=0.0) for taught in self.taught]

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
    def quoted(self) -> tuple[str, ...]:
        """Titles as sentences name them."""
        return tuple(map(repr, self.titles))

    @cached_property
    def shown(self) -> tuple[CourseShown, ...]:
        """Each course as callers see it."""
        hours = [value if np.isfinite(value) else None for value in self.hours.tolist()]
        columns = (self.course_ids, self.titles, self.urls, hours, self.modalities)
        return tuple(map(CourseShown, *columns))

    @cached_property
    def heads(self) -> tuple[bytes, ...]:
        """Each course as callers see it, as the beginning of a JSON object to which more is added."""
        return tuple(msgspec.json.encode(course)[:-1] + b"," for course in self.shown)

    @property
    def size(self) -> int:
        """Number of courses."""
        return len(self.course_ids)

    def closing(self, skills: Integers) -> Closing:
        """Return every pair of a course and one of those skills, kept for the next who asks for the same skills."""
        key = skills.tobytes()
        if key not in self.closings:
            spans = [self.taught_by.of(skill) for skill in skills.tolist()]
            place = np.repeat(np.arange(skills.size), [span.stop - span.start for span in spans])
            pairs = np.concatenate(
                [np.arange(span.start, span.stop) for span in spans] or [np.empty(0, np.int64)]
            )
            found = Closing(
                self.taught_by.other[pairs],
                place,
                self.taught_by.level[pairs],
                self.taught_by.coverage[pairs],
            )
            self.closings[key] = found
        return self.closings[key]

    def allowed(self, department: str | None, micros: int) -> Bools:
        """Return which courses a department's people may take at a moment, (n_courses,) bool; a copy of one's own."""
        key = (department, bisect_right(self.turns, micros))
        if key not in self.doors:
            self.doors[key] = self.eligible(department) & self.valid(micros)
        return self.doors[key].copy()

    @cached_property
    def turns(self) -> list[int]:
        """The moments at which a course becomes valid, or ceases to be, in order."""
        found: list[int] = np.unique(np.concatenate([self.valid_from, self.valid_until])).tolist()
        return found

    @cached_property
    def doors(self) -> dict[tuple[str | None, int], Bools]:
        """What `allowed` found before."""
        return {}

    @cached_property
    def closings(self) -> dict[bytes, Closing]:
        """What `closing` found before."""
        return {}

    @cached_property
    def lessons(self) -> dict[tuple[bytes, ...], Lessons]:
        """What `features.recommendation.raises` found of what jobs ask for."""
        return {}

    @cached_property
    def told(self) -> dict[Hashable, Any]:
        """What was said of the gaps that courses close, for the next person of the same job and levels."""
        return {}

    @cached_property
    def sentences(self) -> dict[tuple[int, int, str | None], str]:
        """What the model's part says of a course by itself (`features.recommendation.reasons`), where it was asked before."""
        return {}

    def eligible(self, department: str | None) -> Bools:
        """Return which courses a department's people may take, (n_courses,) bool."""
        reserved = self.only_for.get(department or "")
        return self.is_open if reserved is None else self.is_open | reserved

    def valid(self, micros: int) -> Bools:
        """Return which courses may be taken at a moment, (n_courses,) bool."""
        return (self.valid_from <= micros) & (micros < self.valid_until)


def to_micros(moment: datetime) -> int:
    """Return whole microseconds since 1970 UTC of an aware moment."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
