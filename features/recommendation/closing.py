"""What teaches some skills, as arrays of pairs of a course and a skill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Closing:
    """What teaches some skills, as pairs: course, place of the skill among them, level 0–5, coverage 0–1."""

    course: Integers
    place: Integers
    level: Floats
    coverage: Floats

    @cached_property
    def by_course(self) -> ClosingByCourse:
        """The same pairs, those of one course together."""
        order = np.argsort(self.course, kind="stable")
        courses, starts, row = np.unique(self.course[order], return_index=True, return_inverse=True)
        ends = [*starts[1:].tolist(), order.size]
        pairs = dict(zip(courses.tolist(), map(range, starts.tolist(), ends), strict=True))
        return ClosingByCourse(
            courses, starts, row, self.place[order], self.level[order], self.coverage[order], pairs
        )


@dataclass(frozen=True)
class ClosingByCourse:
    """What teaches some skills, as pairs in the order of their courses.

    Parameters
    ----------
    courses, starts : (m,) int
        Each course once, and where its pairs start.
    row : (p,) int
        Where the course of each pair stands in `courses`.
    place : (p,) int
        Place of the skill among those asked for.
    level, coverage : (p,) float
        Level 0–5 taught, and how sure it is taught, 0–1.
    pairs : dict of int to range
        Course → where its pairs stand.
    """

    courses: Integers
    starts: Integers
    row: Integers
    place: Integers
    level: Floats
    coverage: Floats
    pairs: dict[int, range]

    @cached_property
    def only_place(self) -> Integers:
        """The place of a course's skill where it teaches one alone, -1 where it teaches several, (m,) int."""
        several = np.bincount(self.row) > 1
        return np.where(several, -1, self.place[self.starts])

    @cached_property
    def places(self) -> list[int]:
        """`place` as plain numbers: quicker to walk than an array."""
        return list(map(int, self.place))


@dataclass(frozen=True)
class Lessons:
    """What courses teach of what a job asks for, whoever it is compared with: pairs, those of one course together.

    Parameters
    ----------
    taught : ClosingByCourse
        The pairs.
    weights : (p,) float
        Importance of the skill × how sure the course teaches it, 0–1.
    levels : (p,) float
        Level taught, 0–5; nothing beyond the required one counts.
    is_among : (n_courses,) bool
        True where a course teaches any of it.
    """

    taught: ClosingByCourse
    weights: Floats
    levels: Floats
    is_among: Bools
