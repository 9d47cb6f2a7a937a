"""Every so many places a turn for the gap: the course that closes most of what is probably missing and left open.

Closing a gap is a matter of what a list holds, ranking by people's choices a matter of its first places. A turn every
few places gives nearly all of the one for little of the other; a weight that did as much would push what people choose
down the whole list (`docs/decisions/0013-a-ranking-policy-is-a-file.md`).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import numpy as np

from features.recommendation.catalogue import Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, gains
from features.recommendation.level_fit import misfit
from features.recommendation.probable_gap import Probable, probable_gains, probable_values
from serving.recommendation.line import Line

MOST_LOOKED_AT = 64


class Turns:
    """Lazy greedy choice of the courses that turns go to.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        What is missing.
    held : mapping of int to float
        Skill → level; a course far below or above it gets no turn.
    every : int, optional
        The last of so many places is a turn; None gives none.
    """

    def __init__(
        self, catalogue: Catalogue, needs: Needs, held: Mapping[int, float], every: int | None
    ) -> None:
        self.catalogue, self.needs, self.held, self.every = catalogue, needs, held, every
        self.heap: list[tuple[float, int]] | None = None
        self.best: dict[int, float] = {}
        self.noted = 0
        self.given: dict[int, Probable] = {}  # what a turn went to though no record shows a gap

    def next(self, line: Line, worths: Floats) -> int | None:
        """Return the course that the next place goes to by turn; None where it is no turn, or nothing closes more.

        Parameters
        ----------
        line : Line
            What is placed.
        worths : (n_courses,) float
            What each course is worth alone: decides between courses that close alike.
        """
        if self.every is None or (len(line.courses) + 1) % self.every:
            return None
        self.note(line)
        heap = self.queue(line, worths)
        while heap:
            _, course = heapq.heappop(heap)
            left = self.left(course)
            if course in line.placed or not left or misfit(self.catalogue, course, self.held) is not None:
                continue
            value = sum(one.worth - self.best.get(one.place, 0.0) for one in left)
            if not heap or value >= -heap[0][0] - EPSILON:
                if not gains(self.catalogue, course, self.needs):
                    self.given[course] = left[0]
                return course
            heapq.heappush(heap, (-value, course))
        return None

    def queue(self, line: Line, worths: Floats) -> list[tuple[float, int]]:
        """Return the allowed courses that close most alone, as a heap."""
        if self.heap is None:
            courses, values = probable_values(self.catalogue, self.needs)
            alone = np.bincount(courses, weights=values, minlength=self.catalogue.size)
            some = np.flatnonzero((alone > EPSILON) & line.allowed)
            order = np.lexsort((-worths[some], -alone[some]))[:MOST_LOOKED_AT]
            self.heap = list(zip((-alone[some[order]]).tolist(), some[order].tolist(), strict=True))
        return self.heap

    def left(self, course: int) -> list[Probable]:
        """Return what a course probably raises beyond what is placed, the most valuable first."""
        found = probable_gains(self.catalogue, course, self.needs)
        more = [one for one in found if one.worth > self.best.get(one.place, 0.0) + EPSILON]
        return sorted(more, key=lambda one: -one.worth)

    def note(self, line: Line) -> None:
        """Take into account what was placed since the last turn."""
        for course in line.courses[self.noted :]:
            for one in probable_gains(self.catalogue, course, self.needs):
                if one.worth > self.best.get(one.place, 0.0):
                    self.best[one.place] = one.worth
        self.noted = len(line.courses)
