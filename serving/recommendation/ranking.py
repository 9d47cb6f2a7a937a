"""The live part of a recommendation: exclusions, filters, gaps, prerequisites, diversity. No model, numpy only."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.recommendation.catalogue import Bools, Catalogue, Floats, Integers
from features.recommendation.gap_value import EPSILON, Needs, gains
from features.recommendation.prerequisites import chain_to
from features.recommendation.reasons import Cause
from serving.recommendation.person_rows import Assignment

SMALLEST_POOL = 200
NO_CAUSE = Cause()


@dataclass(frozen=True)
class Wishes:
    """What the caller asked for.

    Parameters
    ----------
    n, offset : int
        How many, from which place.
    allowed : (n_courses,) bool
        Courses that pass the caller's filters.
    exclude_completed : bool
        True leaves out completed courses that still count.
    diversity : float
        0 ranks by score alone; 1 weighs likeness to what is listed already as much as a standard deviation of it.
    """

    n: int
    offset: int
    allowed: Bools
    exclude_completed: bool = True
    diversity: float = 0.0


@dataclass(frozen=True)
class Candidates:
    """A model's part, over the whole catalogue.

    Parameters
    ----------
    scores : (n_courses,) float
        Standardised per person; 0 is an average course.
    gap_weight : float
        What closing the whole gap would add.
    kept : (n_kept,) int
        Courses that have a score of their own.
    position : (n_courses,) int
        Where a course stands in `causes` and `because`; -1 where it has no score of its own.
    causes, because : (n_scores,) int
        What a score rests on (`features.recommendation.reasons`), and the course it points to.
    is_new : bool
        True where the person had no history to learn from.
    """

    scores: Floats
    gap_weight: float
    kept: Integers
    position: NDArray[np.int32]
    causes: NDArray[Any]
    because: NDArray[Any]
    is_new: bool = False

    def causes_of(self, courses: list[int]) -> list[Cause]:
        """Return what each course's score rests on; nothing in particular where it has none of its own."""
        if not self.causes.size:
            return [NO_CAUSE] * len(courses)
        place = self.position[courses]
        is_known = (place >= 0).tolist()
        pairs = zip(is_known, self.causes[place].tolist(), self.because[place].tolist(), strict=True)
        return [Cause(kind, course) if known else NO_CAUSE for known, kind, course in pairs]


class Ranked(NamedTuple):
    """A course in its place.

    Parameters
    ----------
    course : int
        Index into the catalogue.
    score : float
        0–1; 0.5 is an average course for this person.
    assignment : Assignment, optional
        Where somebody asked for it.
    unmet : tuple of int
        Prerequisites that are not completed; those stand before it in the same ranking.
    opens : int
        The better course it was put before, because that one asks for it; -1 where it stands for itself.
    cause : Cause
        What the model's part of its score rests on.
    """

    course: int
    score: float
    assignment: Assignment | None
    unmet: tuple[int, ...]
    opens: int = -1
    cause: Cause = NO_CAUSE


def worth_of(catalogue: Catalogue, needs: Needs) -> tuple[Integers, Floats]:
    """Return what closes a gap, as pairs of course and share of the whole weighted gap; a course may stand twice."""
    total = needs.total
    if total <= EPSILON:
        return np.empty(0, np.int64), np.empty(0)
    pairs = catalogue.closing(needs.skills)
    reached = np.minimum(pairs.level, needs.required[pairs.place]) - needs.held[pairs.place]
    shares = pairs.coverage * (needs.importance / total)[pairs.place] * np.maximum(reached, 0.0)
    return pairs.course, shares


def rank(
    catalogue: Catalogue,
    needs: Needs,
    candidates: Candidates,
    completed: frozenset[int],
    assigned: Sequence[Assignment],
    wishes: Wishes,
) -> list[Ranked]:
    """Return the ranking: what must be done first, then the best set, nothing before its prerequisites.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        Of the target job.
    candidates : Candidates
        The model's part.
    completed : frozenset of int
        Courses that meet prerequisites.
    assigned : sequence of Assignment
        Open ones; they come first, mandatory before others, the earliest due date first.
    wishes : Wishes
        What may be listed, and how much.

    Returns
    -------
    list of Ranked
        At most ``wishes.offset + wishes.n``.
    """
    closing, shares = worth_of(catalogue, needs)
    totals = candidates.scores
    if closing.size:
        totals = totals + candidates.gap_weight * np.bincount(
            closing, weights=shares, minlength=catalogue.size
        )
    most = wishes.offset + wishes.n
    asked = {
        one.course: one for one in sorted(assigned, key=urgency) if one.is_mandatory or one.due is not None
    }
    line = Line(catalogue, wishes.allowed, set(completed), most)
    for course in asked:
        line.add(course)
    if not line.is_full:
        pool = best_allowed(totals, promising(candidates, closing, wishes), max(SMALLEST_POOL, 2 * most))
        picker = Picker(catalogue, needs, (pool, totals[pool]), candidates.gap_weight, wishes.diversity)
        picker.note(line.courses)
        fill(line, picker)
    courses = line.courses[:most]
    places = zip(courses, totals[courses].tolist(), candidates.causes_of(courses), strict=True)
    return [ranked(line, place, asked, completed) for place in places]


def fill(line: Line, picker: Picker) -> None:
    """Place the best courses until the line is full or nothing is left."""
    while len(line.courses) < line.most:
        best = picker.next()
        if best is None:
            return
        picker.note(line.add(best))


def ranked(
    line: Line,
    place: tuple[int, float, Cause],
    asked: Mapping[int, Assignment],
    completed: frozenset[int],
) -> Ranked:
    """Return a course in its place, from what it is worth and what that rests on."""
    course, worth, cause = place
    before = line.catalogue.prerequisites[course]
    unmet = tuple(one for one in before if one not in completed) if before else ()
    score = round(0.5 + math.atan(worth) / math.pi, 4)
    return Ranked(course, score, asked.get(course), unmet, line.opens.get(course, -1), cause)


def urgency(assignment: Assignment) -> tuple[bool, float, int]:
    """Return what assignments are ordered by: mandatory first, then the earliest due date."""
    due = math.inf if assignment.due is None else float(assignment.due)
    return (not assignment.is_mandatory, due, assignment.course)


class Line:
    """Courses in an order that can be followed: none before its prerequisites."""

    def __init__(self, catalogue: Catalogue, allowed: Bools, ready: set[int], most: int) -> None:
        self.catalogue, self.allowed, self.ready, self.most = catalogue, allowed, ready, most
        self.courses: list[int] = []
        self.placed: set[int] = set()
        self.opens: dict[int, int] = {}

    @property
    def is_full(self) -> bool:
        """True once as many are placed as were asked for."""
        return len(self.courses) >= self.most

    def add(self, course: int) -> list[int]:
        """Place a course after its unmet prerequisites; return what was placed, nothing where they are out of reach."""
        if course in self.placed or not self.allowed[course]:
            return []
        if not self.catalogue.prerequisites[course]:
            self.courses.append(course)
            self.placed.add(course)
            self.ready.add(course)
            return [course]
        chain = chain_to(self.catalogue, course, self.ready, self.allowed)
        new = [one for one in chain if one not in self.placed]
        self.courses += new
        self.placed.update(new)
        self.ready.update(new)
        self.opens.update(dict.fromkeys((one for one in new if one != course), course))
        return new


class Picker:
    """Greedy choice: each course by its score and by the gap that those before it leave open.

    What a course adds only shrinks as others are placed, so the best one is found by looking again at the few that
    lead (lazy greedy), and not at all of them.

    References
    ----------
    Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978, doi:10.1007/BFb0006528.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        needs: Needs,
        pool: tuple[Integers, Floats],
        gap_weight: float,
        diversity: float,
    ) -> None:
        self.catalogue, self.needs, self.diversity = catalogue, needs, diversity
        self.scale = gap_weight / needs.total if needs.total > EPSILON else 0.0
        self.best: dict[int, float] = {}
        self.taught: dict[int, int] = {}
        self.courses: list[int] = pool[0].tolist()
        self.values: list[float] = pool[1].tolist()
        self.place = 0
        self.again: list[tuple[float, int, float]] = []  # looked at once more: worth now, course, worth alone

    def next(self) -> int | None:
        """Return the best course that is left, or None."""
        while True:
            is_fresh = self.place < len(self.courses)
            if self.again and (not is_fresh or -self.again[0][0] >= self.values[self.place]):
                bound, course, alone = heapq.heappop(self.again)
            elif is_fresh:
                course, alone = self.courses[self.place], self.values[self.place]
                bound = -alone
                self.place += 1
            else:
                return None
            value = -self.now(course, alone)
            if value <= bound + EPSILON:
                return course
            heapq.heappush(self.again, (value, course, alone))

    def now(self, course: int, value: float) -> float:
        """Return what a course of some worth alone is worth beside those placed."""
        if self.best:
            for place, _, _, worth in gains(self.catalogue, course, self.needs):
                value -= self.scale * min(worth, self.best.get(place, 0.0))
        if self.diversity > 0 and self.taught:
            skills = self.catalogue.taught[course]
            alike = sum(self.taught.get(skill, 0) for skill, _, _ in skills)
            value -= self.diversity * alike / max(len(skills), 1)
        return value

    def note(self, courses: Sequence[int]) -> None:
        """Take into account what was placed: its gaps are closed, its like is less needed."""
        for course in courses:
            if self.scale > 0:
                for place, _, _, worth in gains(self.catalogue, course, self.needs):
                    self.best[place] = max(self.best.get(place, 0.0), worth)
            if self.diversity > 0:
                for skill, _, _ in self.catalogue.taught[course]:
                    self.taught[skill] = self.taught.get(skill, 0) + 1


def promising(candidates: Candidates, closing: Integers, wishes: Wishes) -> Bools:
    """Return the allowed courses that have a score or close a gap; all allowed ones where those are too few."""
    some = np.zeros(wishes.allowed.size, dtype=bool)
    some[candidates.kept] = True
    some[closing] = True
    some &= wishes.allowed
    enough = max(SMALLEST_POOL, 2 * (wishes.offset + wishes.n))
    return some if np.count_nonzero(some) >= enough else wishes.allowed


def best_allowed(totals: Floats, allowed: Bools, most: int) -> Integers:
    """Return the best allowed courses, best first."""
    places = np.flatnonzero(allowed)
    values = -totals[places]
    if places.size > most:
        keep = np.argpartition(values, most)[:most]
        keep.sort()
        places, values = places[keep], values[keep]
    return places[np.argsort(values, kind="stable")]
