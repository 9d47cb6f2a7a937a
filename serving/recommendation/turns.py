"""Every so many places a turn for the gap: the course that closes most of what is probably missing and left open.

Closing a gap is a matter of what a list holds, ranking by people's choices a matter of its first places. A turn every
few places gives nearly all of the one for little of the other; a weight that did as much would push what people choose
down the whole list (`docs/decisions/0013-a-ranking-policy-is-a-file.md`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from features.recommendation.catalogue import Bools, Floats
from features.recommendation.gap_value import EPSILON, Needs, gains
from features.recommendation.level_fit import misfit
from features.recommendation.probable_gap import Probable, probable_values
from features.recommendation.raises import Raises
from serving.recommendation.case import Case
from serving.recommendation.line import Line

MOST_LOOKED_AT = 32  # courses, those that close most alone
NO_PAIRS = range(0)
NO_PLACE = -1
EVERY = np.arange(MOST_LOOKED_AT)
# What a course closes at most (below 0), its place among all, the course, the place of its skill where it teaches one alone.
Bound = tuple[float, int, int, int]


class Turns:
    """Greedy choice of the courses that turns go to.

    Parameters
    ----------
    case : Case
        The courses, what is missing, and what is held: a course far below or above it gets no turn.
    raises : Raises
        What courses would raise.
    every : int
        The last of so many places is a turn; 0 gives none.
    """

    def __init__(self, case: Case, raises: Raises, every: int) -> None:
        self.case, self.raises, self.every = case, raises, every
        self.offers: Offers | None = None
        self.noted = 0
        self.given: dict[int, Probable] = {}  # what a turn went to though no record shows a gap

    def next(self, line: Line, totals: Floats) -> int | None:
        """Return the course that a turn goes to; None where nothing closes more.

        Parameters
        ----------
        line : Line
            What is placed.
        totals : (n_courses,) float
            What each course is worth alone: decides between courses that close alike.
        """
        if not self.raises.margins.size:
            return None
        if self.offers is None:
            self.offers = Offers(self.case.needs, self.raises, line.allowed, totals)
        self.offers.note(line.courses[self.noted :])
        self.noted = len(line.courses)
        while (course := self.offers.best(line.placed)) is not None:
            if misfit(self.case.catalogue, course, self.case.state.held) is None:
                if not gains(self.case.catalogue, course, self.case.needs):
                    self.given[course] = self.offers.most_raised(course)
                return course
        return None


class Offers:
    """The courses that probably close most alone, each looked at again only when it leads: what it adds only shrinks.

    Parameters
    ----------
    needs : Needs
        What is missing, of k skills.
    raises : Raises
        What courses would raise: at least one of them something.
    allowed : (n_courses,) bool
        Courses that may be offered; any may close.
    totals : (n_courses,) float
        Decides between courses that close alike.
    """

    def __init__(self, needs: Needs, raises: Raises, allowed: Bools, totals: Floats) -> None:
        self.needs, self.taught, courses = needs, raises.taught, raises.taught.courses
        self.closed = [0.0] * (
            needs.skills.size + 1
        )  # worth of what closes each needed skill; the last is none
        self.worths = probable_values(raises)
        self.worth = self.worths.item  # of a pair
        alone = -raises.by_course(self.worths) * allowed.take(courses)  # most first
        leading = (
            alone.argpartition(MOST_LOOKED_AT)[:MOST_LOOKED_AT]
            if alone.size > MOST_LOOKED_AT
            else EVERY[: alone.size]
        )
        order = leading.take(np.lexsort((-totals.take(courses.take(leading)), alone.take(leading))))
        bounds, listed, places = (
            each.take(order).tolist() for each in (alone, courses, self.taught.only_place)
        )
        self.fresh: list[Bound] = list(zip(bounds, range(order.size), listed, places, strict=True))
        self.place = 0  # of the first of those that was not looked at yet
        self.again: list[Bound] = []  # looked at once more

    def note(self, placed: Iterable[int]) -> None:
        """Take into account what was placed."""
        closed, places, pairs = self.closed, self.taught.places, self.taught.pairs
        for course in placed:
            for pair in pairs.get(course, NO_PAIRS):
                closed[places[pair]] = max(closed[places[pair]], self.worth(pair))

    def best(self, placed: set[int]) -> int | None:
        """Return the course that closes most beyond what is closed, and offer it no more; None where none closes any."""
        fresh, again = self.fresh, self.again
        while True:
            if again and (self.place == len(fresh) or again[0] < fresh[self.place]):
                bound, order, course, only = heapq.heappop(again)
            elif self.place < len(fresh):
                bound, order, course, only = fresh[self.place]
                self.place += 1
            else:
                return None
            if self.closed[only] >= -bound or course in placed:
                continue
            value = -self.more(course)
            if value >= -EPSILON:
                continue
            if value <= self.bound() + EPSILON:
                return course
            heapq.heappush(again, (value, order, course, NO_PLACE))

    def bound(self) -> float:
        """Return what none of the others closes more than, most first; 0 where no other is left."""
        first = self.fresh[self.place][0] if self.place < len(self.fresh) else 0.0
        return min(first, self.again[0][0]) if self.again else first

    def more(self, course: int) -> float:
        """Return what a course probably closes beyond what is closed."""
        value, closed, places, worth = 0.0, self.closed, self.taught.places, self.worth
        for pair in self.taught.pairs[course]:
            added = worth(pair) - closed[places[pair]]
            if added > 0.0:
                value += added
        return value

    def most_raised(self, course: int) -> Probable:
        """Return the most valuable of what a course probably raises beyond what is placed."""
        places = self.taught.places
        pair = max(self.taught.pairs[course], key=lambda one: self.worth(one) - self.closed[places[one]])
        place = places[pair]
        return Probable(place, self.needs.held.item(place), self.taught.level.item(pair))
