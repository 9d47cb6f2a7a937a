"""Every so many places a turn for the gap: the course that closes most of what is probably missing and left open.

Closing a gap is a matter of what a list holds, ranking by people's choices a matter of its first places. A turn every
few places gives nearly all of the one for little of the other; a weight that did as much would push what people choose
down the whole list (`docs/decisions/0013-a-ranking-policy-is-a-file.md`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.recommendation.catalogue import Bools, Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, gains
from features.recommendation.level_fit import misfit
from features.recommendation.probable_gap import Probable, probable_gains, probable_pairs
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
            self.offers = Offers(self.catalogue, self.needs, line.allowed)
        self.offers.note(line.courses[self.noted :])
        self.noted = len(line.courses)
        while (course := self.offers.best(totals)) is not None:
            if misfit(self.catalogue, course, self.held) is None:
                if not gains(self.catalogue, course, self.needs):
                    self.given[course] = self.most_raised(course, self.offers.closed)
                return course
        return None

    def most_raised(self, course: int, closed: Floats) -> Probable:
        """Return the most valuable of what a course probably raises beyond what is placed."""
        found = probable_gains(self.catalogue, course, self.needs)
        return max(
            (one for one in found if one.worth > closed[one.place] + EPSILON), key=lambda one: one.worth
        )


class Offers:
    """What each allowed course probably closes of each needed skill, and how much of that is closed already.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        What is missing, of k skills.
    allowed : (n_courses,) bool
        Courses that may be offered; any may close.
    """

    def __init__(self, catalogue: Catalogue, needs: Needs, allowed: Bools) -> None:
        courses, places, values = probable_pairs(catalogue, needs)
        is_some = np.zeros(catalogue.size, dtype=bool)
        is_some[courses[values > EPSILON]] = True
        self.courses = is_some.nonzero()[0]
        self.column = np.full(catalogue.size, self.courses.size)  # one more column: of what closes nothing
        self.column[self.courses] = np.arange(self.courses.size)
        self.worth = np.zeros((needs.skills.size, self.courses.size + 1))
        self.worth[places, self.column[courses]] = values
        self.closed = np.zeros(needs.skills.size)
        alone = self.worth[:, :-1].sum(axis=0) * allowed[self.courses]
        leading = (
            np.argpartition(-alone, MOST_LOOKED_AT)[:MOST_LOOKED_AT]
            if alone.size > MOST_LOOKED_AT
            else alone.nonzero()[0]
        )
        self.leading = self.courses[leading]
        self.places = {course: place for place, course in enumerate(self.leading.tolist())}
        self.offered = self.worth[:, leading] * (alone[leading] > 0.0)

    def note(self, placed: list[int]) -> None:
        """Take into account what was placed."""
        if placed:
            np.maximum(self.closed, self.worth[:, self.column[placed]].max(axis=1), out=self.closed)
            for course in placed:
                if course in self.places:
                    self.offered[:, self.places[course]] = 0.0

    def best(self, totals: Floats) -> int | None:
        """Return the course that closes most beyond what is closed, and offer it no more; None where none closes any."""
        more = np.maximum(self.offered - self.closed[:, None], 0.0).sum(axis=0)
        most = more.max(initial=0.0)
        if most <= EPSILON:
            return None
        alike = (more >= most - EPSILON).nonzero()[0]
        column = int(alike[totals[self.leading[alike]].argmax()])
        self.offered[:, column] = 0.0
        return int(self.leading[column])
