"""The live part of a recommendation: exclusions, filters, gaps, prerequisites, diversity. No model, numpy only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Bools, Catalogue, Floats, Integers
from features.gap_value import EPSILON, Needs
from features.prerequisites import chain_to
from features.reasons import Cause
from serving.recommendation_records import Assignment

SMALLEST_POOL = 200


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
        What a score rests on (`features.reasons`), and the course it points to.
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

    def cause(self, course: int) -> Cause:
        """Return what a course's score rests on."""
        place = self.position[course]
        return Cause() if place < 0 else Cause(int(self.causes[place]), int(self.because[place]))


@dataclass(frozen=True)
class Ranked:
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
    """

    course: int
    score: float
    assignment: Assignment | None
    unmet: tuple[int, ...]
    opens: int = -1


@dataclass(frozen=True)
class Worth:
    """What courses close, as pairs: course, place in the needs, share of the whole weighted gap."""

    courses: Integers
    places: Integers
    shares: Floats

    def totals(self, size: int) -> Floats:
        """Return the share of the gap that each course alone closes, (size,) float."""
        return np.bincount(self.courses, weights=self.shares, minlength=size).astype(np.float64)


def worth_of(catalogue: Catalogue, needs: Needs) -> Worth:
    """Return what each course closes of each gap (as `features.gap_value.gap_shares`, skill by skill)."""
    total = needs.total
    if total <= EPSILON:
        return Worth(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    taught = catalogue.taught_by
    short = np.flatnonzero(needs.gaps > EPSILON)
    spans = [taught.of(skill) for skill in needs.skills[short].tolist()]
    places = np.repeat(short, [span.stop - span.start for span in spans])
    pairs = np.concatenate([np.arange(span.start, span.stop) for span in spans])
    reached = np.minimum(taught.level[pairs], needs.required[places]) - needs.held[places]
    shares = needs.importance[places] * taught.coverage[pairs] * np.maximum(reached, 0.0) / total
    return Worth(taught.other[pairs], places, shares)


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
    worth = worth_of(catalogue, needs)
    totals = candidates.scores + candidates.gap_weight * worth.totals(catalogue.size)
    most = wishes.offset + wishes.n
    asked = {
        one.course: one for one in sorted(assigned, key=urgency) if one.is_mandatory or one.due is not None
    }
    line = Line(catalogue, wishes.allowed, set(completed), most)
    for course in asked:
        line.add(course)
    if not line.is_full:
        picker = Picker(catalogue, needs, candidates, worth, totals, wishes)
        picker.note(line.courses)
        while not line.is_full:
            best = picker.next()
            if best is None:
                break
            picker.note(line.add(best))
    return [ranked(line, course, totals, asked, completed) for course in line.courses[:most]]


def ranked(
    line: Line,
    course: int,
    totals: Floats,
    asked: Mapping[int, Assignment],
    completed: frozenset[int],
) -> Ranked:
    """Return a course in its place."""
    before = line.catalogue.prerequisites[course]
    unmet = tuple(one for one in before if one not in completed) if before else ()
    score = 0.5 + math.atan(float(totals[course])) / math.pi
    return Ranked(course, round(score, 4), asked.get(course), unmet, line.opens.get(course, -1))


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
    """Greedy choice: each course by its score and by the gap that those before it leave open."""

    def __init__(
        self,
        catalogue: Catalogue,
        needs: Needs,
        candidates: Candidates,
        worth: Worth,
        totals: Floats,
        wishes: Wishes,
    ) -> None:
        most = max(SMALLEST_POOL, 2 * (wishes.offset + wishes.n))
        self.pool = best_allowed(totals, promising(candidates, worth, wishes.allowed, most), most)
        self.place = np.full(catalogue.size, -1, dtype=np.int64)
        self.place[self.pool] = np.arange(self.pool.size)
        self.catalogue, self.diversity, self.gap_weight = catalogue, wishes.diversity, candidates.gap_weight
        self.worth = np.zeros((self.pool.size, needs.skills.size))
        mine = self.place[worth.courses]
        kept = mine >= 0
        self.worth[mine[kept], worth.places[kept]] = worth.shares[kept]
        self.best = np.zeros(needs.skills.size)
        self.base = candidates.scores[self.pool]
        self.likeness = np.zeros(self.pool.size)
        self.is_out = np.zeros(self.pool.size, dtype=bool)
        self.value = self.valued()

    def valued(self) -> Floats:
        """Return what each course of the pool is worth now, (n_pool,) float."""
        added = np.maximum(self.worth, self.best).sum(axis=1) - self.best.sum()
        value = self.base + self.gap_weight * added - self.diversity * self.likeness
        value[self.is_out] = -np.inf
        return np.asarray(value)

    def next(self) -> int | None:
        """Return the best course that is left, or None."""
        if self.pool.size == 0:
            return None
        best = int(self.value.argmax())
        if self.is_out[best]:
            return None
        self.is_out[best] = True
        self.value[best] = -np.inf
        return int(self.pool[best])

    def note(self, courses: Sequence[int]) -> None:
        """Take into account what was placed: its gaps are closed, its like is less needed."""
        is_changed = False
        for course in courses:
            place = int(self.place[course])
            if place < 0:
                continue
            self.is_out[place] = True
            self.value[place] = -np.inf
            closes = self.worth[place]
            if closes.any():
                np.maximum(self.best, closes, out=self.best)
                is_changed = True
            if self.diversity > 0:
                self.liken(course)
                is_changed = True
        if is_changed:
            self.value = self.valued()

    def liken(self, course: int) -> None:
        """Add to each course of the pool the share of its skills that a placed course teaches too."""
        teaches, taught = self.catalogue.teaches, self.catalogue.taught_by
        for skill in teaches.other[teaches.of(course)].tolist():
            others = self.place[taught.other[taught.of(skill)]]
            others = others[others >= 0]
            sizes = np.diff(teaches.start)[self.pool[others]]
            self.likeness[others] += 1.0 / np.maximum(sizes, 1)


def promising(candidates: Candidates, worth: Worth, allowed: Bools, most: int) -> Bools:
    """Return the allowed courses that have a score or close a gap; all allowed ones where those are too few."""
    some = np.zeros(allowed.size, dtype=bool)
    some[candidates.kept] = True
    some[worth.courses] = True
    some &= allowed
    return some if np.count_nonzero(some) >= most else allowed


def best_allowed(totals: Floats, allowed: Bools, most: int) -> Integers:
    """Return the best allowed courses, best first."""
    places = np.flatnonzero(allowed)
    values = totals[places]
    if places.size > most:
        keep = np.argpartition(-values, most)[:most]
        places, values = places[keep], values[keep]
    return places[np.lexsort((places, -values))]
