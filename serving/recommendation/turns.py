"""Every so many places a turn for the gap: the course that closes most of what is probably missing and left open.

Closing a gap is a matter of what a list holds, ranking by people's choices a matter of its first places. A turn every
few places gives nearly all of the one for little of the other; a weight that did as much would push what people choose
down the whole list (`docs/decisions/0013-a-ranking-policy-is-a-file.md`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

import numpy as np

from features.recommendation.catalogue import Bools, Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, gains
from features.recommendation.level_fit import misfit
from features.recommendation.probable_gap import Probable, probable_values, raise_of
from serving.recommendation.line import Line

MOST_LOOKED_AT = 32  # courses, those that close most alone


class Turns:
    """Greedy choice of the courses that turns go to.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        What is missing.
    held : mapping of int to float
        Skill → level; a course far below or above it gets no turn.
    every : int
        The last of so many places is a turn; 0 gives none.
    """

    def __init__(self, catalogue: Catalogue, needs: Needs, held: Mapping[int, float], every: int) -> None:
        self.catalogue, self.needs, self.held, self.every = catalogue, needs, held, every
        self.offers: Offers | None = None
        self.noted = 0
        self.given: dict[int, Probable] = {}  # what a turn went to though no record shows a gap

    def next(self, line: Line, totals: Floats) -> int | None:
        """Return the course that the next place goes to by turn; None where it is no turn, or nothing closes more.

        Parameters
        ----------
        line : Line
            What is placed.
        totals : (n_courses,) float
            What each course is worth alone: decides between courses that close alike.
        """
        if not self.every or (len(line.courses) + 1) % self.every or not self.needs.skills.size:
            return None
        if self.offers is None:
            self.offers = Offers(self.catalogue, self.needs, line.allowed, totals)
        self.offers.note(line.courses[self.noted :])
        self.noted = len(line.courses)
        while (course := self.offers.best(line.placed)) is not None:
            if misfit(self.catalogue, course, self.held) is None:
                if not gains(self.catalogue, course, self.needs):
                    self.given[course] = self.offers.most_raised(course)
                return course
        return None


class Offers:
    """The courses that probably close most alone, each looked at again only when it leads: what it adds only shrinks.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        What is missing, of k skills.
    allowed : (n_courses,) bool
        Courses that may be offered; any may close.
    totals : (n_courses,) float
        Decides between courses that close alike.
    """

    def __init__(self, catalogue: Catalogue, needs: Needs, allowed: Bools, totals: Floats) -> None:
        self.pairs = catalogue.closing(needs.skills).by_course
        self.asked = list(needs.places.values())
        self.closed = [0.0] * len(self.asked)  # worth of what closes each needed skill already
        self.known: dict[int, list[tuple[int, float]]] = {}
        self.queue: list[tuple[float, int, int]] = []
        courses = self.pairs.courses
        if not courses.size:
            return
        closes = np.add.reduceat(probable_values(self.pairs, needs), self.pairs.starts)
        alone = np.where(allowed[courses], -closes, 0.0)  # the most first
        leading = np.arange(alone.size)
        if alone.size > MOST_LOOKED_AT:
            leading = alone.argpartition(MOST_LOOKED_AT)[:MOST_LOOKED_AT]
        order = leading[np.lexsort((-totals[courses[leading]], alone[leading]))]
        self.queue = list(zip(alone[order].tolist(), range(order.size), courses[order].tolist(), strict=True))

    def note(self, placed: Iterable[int]) -> None:
        """Take into account what was placed."""
        closed = self.closed
        for course in placed:
            for place, worth in self.raises(course):
                closed[place] = max(closed[place], worth)

    def best(self, placed: set[int]) -> int | None:
        """Return the course that closes most beyond what is closed, and offer it no more; None where none closes any."""
        queue = self.queue
        while queue:
            _, order, course = heapq.heappop(queue)
            if course in placed:
                continue
            value = -self.more(course)
            if value >= -EPSILON:
                continue
            if not queue or value <= queue[0][0] + EPSILON:
                return course
            heapq.heappush(queue, (value, order, course))
        return None

    def more(self, course: int) -> float:
        """Return what a course probably closes beyond what is closed."""
        value, closed = 0.0, self.closed
        for place, worth in self.raises(course):
            if worth > closed[place]:
                value += worth - closed[place]
        return value

    def raises(self, course: int) -> list[tuple[int, float]]:
        """Return what a course alone probably closes: place in the needs, and its worth."""
        found = self.known.get(course)
        if found is None:
            found = self.known[course] = []
            for place, level, coverage in self.pairs.taught.get(course, ()):
                _, held, required, importance = self.asked[place]
                found.append((place, importance * coverage * raise_of(min(level, required) - held)))
        return found

    def most_raised(self, course: int) -> Probable:
        """Return the most valuable of what a course probably raises beyond what is placed."""
        place = max(self.raises(course), key=lambda one: one[1] - self.closed[one[0]])[0]
        taught = next(level for one, level, _ in self.pairs.taught[course] if one == place)
        return Probable(place, self.asked[place][1], taught)
