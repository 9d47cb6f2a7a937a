"""The greedy choice of a set: each course by its worth, by the gap that those before it leave open, and unlike them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Iterator, Sequence

import numpy as np

from features.recommendation.catalogue import Floats, Integers
from features.recommendation.gap_value import EPSILON, gains
from features.recommendation.level_fit import Misfit, misfit
from features.recommendation.raises import Raises
from serving.recommendation.case import Case

NOTHING: dict[int, range] = {}
PART = 64  # about so many of the pool are put in order at once


class Pool:
    """Courses, best first, put in order a part at a time: a ranking seldom looks at more than the first part.

    Parameters
    ----------
    courses, worths : (m,) int, (m,) float
        The courses in the order of the catalogue, and what each is worth.
    bound : float
        About where the first part may end: what is worth as much belongs to it, where that is neither nothing nor too much.
    """

    def __init__(self, courses: Integers, worths: Floats, bound: float = math.inf) -> None:
        self.courses, self.worths, self.bound = courses, worths, bound
        self.part: Integers | None = None  # places of those that were put in order last
        self.listed: list[int] = []
        self.values: list[float] = []
        self.place = 0

    def more(self) -> bool:
        """Return whether another course is left, putting the next part in order where that is needed."""
        if self.place < len(self.values):
            return True
        if self.part is not None:
            rest = np.ones(self.courses.size, dtype=bool)
            rest[self.part] = False
            self.courses, self.worths, self.part = self.courses[rest], self.worths[rest], None
        if not self.courses.size:
            return False
        part, self.bound = self.next_part(), math.inf
        self.part = part.take((-self.worths.take(part)).argsort(kind="stable"))
        self.listed, self.values = self.courses.take(self.part).tolist(), self.worths.take(self.part).tolist()
        self.place = 0
        return True

    def next_part(self) -> Integers:
        """Return the places of those that come next, in the order of the catalogue: none of the others is worth more."""
        part: Integers = (self.worths >= self.bound).nonzero()[0]
        if 0 < part.size <= 2 * PART:
            return part
        if self.worths.size <= PART:
            return np.arange(self.worths.size)
        return np.sort(self.worths.argpartition(-PART)[-PART:])


class Picker:
    """Lazy greedy choice: what a course adds only shrinks as others are placed, so only those that lead are looked at.

    A pool holds the courses to choose among, by what each is worth alone.

    Parameters
    ----------
    case : Case
        The courses, what is missing, and what is held: a course far below or above it is pushed back.
    raises : Raises
        What courses would raise: only those may close a gap.
    weights : (float, float, float)
        What closing the whole gap adds; what likeness and a level of misfit take off.

    References
    ----------
    Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978, doi:10.1007/BFb0006528.
    """

    def __init__(self, case: Case, raises: Raises, weights: tuple[float, float, float]) -> None:
        self.catalogue, self.needs, self.held = case.catalogue, case.needs, case.state.held
        self.closers = raises.taught.pairs
        gap_weight, self.diversity, self.level_weight = weights
        self.scale = gap_weight / self.needs.total if self.needs.total > EPSILON else 0.0
        self.best: dict[int, float] = {}
        self.taught: dict[int, int] = {}
        self.misfits: dict[int, Misfit] = {}
        self.again: list[tuple[float, int, float]] = []  # looked at once more: worth now, course, worth alone

    def choices(self, pool: Pool) -> Iterator[int]:
        """Yield the best course that is left, again and again; what was noted meanwhile counts."""
        again, best, taught = self.again, self.best, self.taught
        closers, looked_at = self.closers, self.looked_at
        while True:
            is_fresh = pool.place < len(pool.values) or pool.more()
            if again and (not is_fresh or -again[0][0] >= pool.values[pool.place]):
                bound, course, alone = heapq.heappop(again)
            elif is_fresh:
                course, bound = pool.listed[pool.place], -pool.values[pool.place]
                pool.place += 1
                alone = looked_at(course, -bound)
            else:
                return
            value = -self.now(course, alone) if taught or (best and course in closers) else -alone
            if value <= bound + EPSILON:
                yield course
            else:
                heapq.heappush(again, (value, course, alone))

    def looked_at(self, course: int, alone: float) -> float:
        """Return what a course is worth alone, pushed back where it does not fit what is held."""
        found = misfit(self.catalogue, course, self.held)
        if found is None:
            return alone
        self.misfits[course] = found
        return alone - self.level_weight * found.distance

    def misfits_of(self, courses: Sequence[int], unseen: Container[int]) -> list[Misfit | None]:
        """Return how far each of some courses lies below or above what is held; None where it fits.

        Parameters
        ----------
        courses : sequence of int
            The courses.
        unseen : container of int
            Those that were placed without being looked at: before a better one, or because they must be done.
        """
        if not self.level_weight:
            return [None] * len(courses)
        for course in courses:
            if course in unseen:
                self.looked_at(course, 0.0)
        return list(map(self.misfits.get, courses))

    def now(self, course: int, value: float) -> float:
        """Return what a course of some worth alone is worth beside those placed."""
        if course in self.closers:
            best, scale = self.best, self.scale
            for place, _, _, worth in gains(self.catalogue, course, self.needs):
                if place in best:
                    before = best[place]
                    value -= scale * (worth if worth < before else before)
        if self.diversity > 0 and self.taught:
            skills = self.catalogue.taught[course]
            alike = sum(self.taught.get(skill, 0) for skill, _, _ in skills)
            value -= self.diversity * alike / max(len(skills), 1)
        return value

    def note(self, courses: Sequence[int]) -> None:
        """Take into account what was placed: its gaps are closed, its like is less needed."""
        best, closers = self.best, self.closers if self.scale > 0 else NOTHING
        for course in courses:
            if course in closers:
                for place, _, _, worth in gains(self.catalogue, course, self.needs):
                    if worth > best.get(place, 0.0):
                        best[place] = worth
            if self.diversity > 0:
                for skill, _, _ in self.catalogue.taught[course]:
                    self.taught[skill] = self.taught.get(skill, 0) + 1
