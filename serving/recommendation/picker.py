"""The greedy choice of a set: each course by its worth, by the gap that those before it leave open, and unlike them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from features.recommendation.catalogue import Floats, Integers
from features.recommendation.gap_value import EPSILON, gains
from features.recommendation.level_fit import Misfit, misfit
from features.recommendation.raises import Raises
from serving.recommendation.case import Case

PART = 64  # so many of the pool are put in order at once
NOTHING = np.empty(0, dtype=np.int64)


class Pool:
    """Courses, best first, put in order a part at a time: a ranking seldom looks at more than the first part."""

    def __init__(self, courses: Integers, worths: Floats) -> None:
        self.courses, self.worths = courses, worths
        self.rest: Integers | None = None  # where those stand that are in no part yet
        self.listed: list[int] = []
        self.values: list[float] = []
        self.place = 0

    def more(self) -> bool:
        """Return whether another course is left, putting the next part in order where that is needed."""
        if self.place < len(self.values):
            return True
        if self.rest is not None:
            self.courses, self.worths, self.rest = self.courses[self.rest], self.worths[self.rest], None
        if not self.courses.size:
            return False
        courses, below = self.courses, -self.worths
        if below.size > PART:
            split = below.argpartition(PART)
            best, self.rest = split[:PART], split[PART:]
            courses, below = courses.take(best), below.take(best)
        else:
            self.rest = NOTHING
        order = np.lexsort((courses, below))
        self.listed, self.values, self.place = courses.take(order).tolist(), (-below.take(order)).tolist(), 0
        return True


class Picker:
    """Lazy greedy choice: what a course adds only shrinks as others are placed, so only those that lead are looked at.

    Parameters
    ----------
    case : Case
        The courses, what is missing, and what is held: a course far below or above it is pushed back.
    raises : Raises
        What courses would raise: only those may close a gap.
    pool : Pool
        The courses to choose among, by what each is worth alone.
    weights : (float, float, float)
        What closing the whole gap adds; what likeness and a level of misfit take off.

    References
    ----------
    Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978, doi:10.1007/BFb0006528.
    """

    def __init__(self, case: Case, raises: Raises, pool: Pool, weights: tuple[float, float, float]) -> None:
        self.catalogue, self.needs, self.held, self.pool = case.catalogue, case.needs, case.state.held, pool
        self.closers = raises.taught.pairs
        gap_weight, self.diversity, self.level_weight = weights
        self.scale = gap_weight / self.needs.total if self.needs.total > EPSILON else 0.0
        self.best: dict[int, float] = {}
        self.taught: dict[int, int] = {}
        self.misfits: dict[int, Misfit | None] = {}
        self.again: list[tuple[float, int, float]] = []  # looked at once more: worth now, course, worth alone

    def next(self) -> int | None:
        """Return the best course that is left, or None."""
        pool, again = self.pool, self.again
        while True:
            is_fresh = pool.place < len(pool.values) or pool.more()
            if again and (not is_fresh or -again[0][0] >= pool.values[pool.place]):
                bound, course, alone = heapq.heappop(again)
            elif is_fresh:
                course, alone = pool.listed[pool.place], pool.values[pool.place]
                bound = -alone
                pool.place += 1
                found = self.misfits[course] = misfit(self.catalogue, course, self.held)
                if found is not None:
                    alone -= self.level_weight * found.distance
            else:
                return None
            value = -self.now(course, alone)
            if value <= bound + EPSILON:
                return course
            heapq.heappush(again, (value, course, alone))

    def misfit_of(self, course: int) -> Misfit | None:
        """Return how far a course lies below or above what is held; None where it fits."""
        if course not in self.misfits:  # placed before a better one, or because it must be done
            self.misfits[course] = misfit(self.catalogue, course, self.held)
        return self.misfits[course]

    def now(self, course: int, value: float) -> float:
        """Return what a course of some worth alone is worth beside those placed."""
        if self.best and course in self.closers:
            for place, _, _, worth in gains(self.catalogue, course, self.needs):
                before = self.best.get(place, 0.0)
                value -= self.scale * (worth if worth < before else before)
        if self.diversity > 0 and self.taught:
            skills = self.catalogue.taught[course]
            alike = sum(self.taught.get(skill, 0) for skill, _, _ in skills)
            value -= self.diversity * alike / max(len(skills), 1)
        return value

    def note(self, courses: Sequence[int]) -> None:
        """Take into account what was placed: its gaps are closed, its like is less needed."""
        for course in courses:
            if self.scale > 0 and course in self.closers:
                for place, _, _, worth in gains(self.catalogue, course, self.needs):
                    if worth > self.best.get(place, 0.0):
                        self.best[place] = worth
            if self.diversity > 0:
                for skill, _, _ in self.catalogue.taught[course]:
                    self.taught[skill] = self.taught.get(skill, 0) + 1
