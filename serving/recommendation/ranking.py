"""The live part of a recommendation: exclusions, filters, gaps, prerequisites, diversity. No model, numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from features.recommendation.catalogue import Bools, Catalogue, Floats, Integers
from features.recommendation.gap_value import EPSILON, Needs
from features.recommendation.level_fit import Misfit
from features.recommendation.reasons import Cause
from serving.recommendation.boosts import Boosts
from serving.recommendation.case import NO_CAUSE, Candidates, Case
from serving.recommendation.line import Cap, Line
from serving.recommendation.person_rows import Assignment
from serving.recommendation.picker import Picker, Pool
from serving.recommendation.policy import RankingPolicy


@dataclass(frozen=True)
class Wishes:
    """What the caller asked for.

    Parameters
    ----------
    n, offset : int
        How many, from which place.
    allowed : (n_courses,) bool
        Courses that pass the caller's filters.
    diversity : float
        0 ranks by score alone; 1 weighs likeness to what is listed already as much as a standard deviation of it.
    max_per_provider, max_per_modality : int, optional
        The most courses of one kind; None where there is no limit.
    """

    n: int
    offset: int
    allowed: Bools
    diversity: float = 0.0
    max_per_provider: int | None = None
    max_per_modality: int | None = None


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
    misfit : Misfit, optional
        How far it lies from the level held, where that pushed it back.
    is_explored : bool
        True where a lot put it there.
    """

    course: int
    score: float
    assignment: Assignment | None
    unmet: tuple[int, ...]
    opens: int = -1
    cause: Cause = NO_CAUSE
    misfit: Misfit | None = None
    is_explored: bool = False


def worth_of(catalogue: Catalogue, needs: Needs) -> tuple[Integers, Floats]:
    """Return what closes a gap, as pairs of course and share of the whole weighted gap; a course may stand twice."""
    total = needs.total
    if total <= EPSILON:
        return np.empty(0, np.int64), np.empty(0)
    pairs = catalogue.closing(needs.skills)
    reached = np.minimum(pairs.level, needs.required[pairs.place]) - needs.held[pairs.place]
    shares = pairs.coverage * (needs.importance / total)[pairs.place] * np.maximum(reached, 0.0)
    return pairs.course, shares


def rank(case: Case, wishes: Wishes, policy: RankingPolicy, boosts: Boosts, more: int = 0) -> list[Ranked]:
    """Return the ranking: what must be done first, then the best set, nothing before its prerequisites.

    Parameters
    ----------
    case : Case
        The person.
    wishes : Wishes
        What may be listed, and how much.
    policy : RankingPolicy
        What weighs how much.
    boosts : Boosts
        What raises courses beside model and gap.
    more : int
        How many beyond those wished for.

    Returns
    -------
    list of Ranked
        At most ``wishes.offset + wishes.n + more``.
    """
    catalogue, candidates = case.catalogue, case.candidates
    gap_weight = candidates.gap_weight * policy.gap_factor
    closing, shares = worth_of(catalogue, case.needs)
    totals = candidates.scores
    if closing.size:
        totals = totals + np.bincount(closing, weights=gap_weight * shares, minlength=catalogue.size)
    if boosts.courses.size:
        totals = totals + np.bincount(boosts.courses, weights=boosts.worths, minlength=catalogue.size)
    asked = {
        one.course: one
        for one in sorted(case.assigned, key=urgency)
        if one.is_mandatory or one.due is not None
    }
    most = wishes.offset + wishes.n + more
    line = Line(catalogue, wishes.allowed, set(case.state.current), most, caps_of(catalogue, wishes))
    for course in asked:
        line.add(course, is_capped=False)
    some = promising(candidates, (closing, boosts.courses), wishes.allowed)
    weights = (gap_weight, wishes.diversity, policy.level_weight)
    picker = Picker(catalogue, case.needs, case.state.held, pool_of(totals, some), weights)
    picker.note(line.courses)
    fill(line, picker)
    if not line.is_full:
        picker.pool = pool_of(totals, wishes.allowed & ~some)
        fill(line, picker)
    return [ranked(case, line, picker, (course, totals.item(course), asked.get(course)))
            for course in line.courses[:most]]  # fmt: skip


def caps_of(catalogue: Catalogue, wishes: Wishes) -> list[Cap]:
    """Return the caps that are wished for."""
    kinds = ((catalogue.providers, wishes.max_per_provider), (catalogue.modalities, wishes.max_per_modality))
    return [(labels, most) for labels, most in kinds if most is not None and labels]


def fill(line: Line, picker: Picker) -> None:
    """Place the best courses until the line is full or nothing is left."""
    while len(line.courses) < line.most:
        best = picker.next()
        if best is None:
            return
        picker.note(line.add(best))


def ranked(case: Case, line: Line, picker: Picker, place: tuple[int, float, Assignment | None]) -> Ranked:
    """Return a course in its place, from what it is worth alone and what that rests on."""
    course, worth, assignment = place
    before, completed = case.catalogue.prerequisites[course], case.state.current
    unmet = tuple(one for one in before if one not in completed) if before else ()
    score = round(0.5 + math.atan(worth - picker.pushed_back(course)) / math.pi, 4)
    found = picker.misfits[course] if picker.level_weight else None
    cause, opens = case.candidates.cause_of(course), line.opens.get(course, -1)
    return Ranked(course, score, assignment, unmet, opens, cause, found)


def urgency(assignment: Assignment) -> tuple[bool, float, int]:
    """Return what assignments are ordered by: mandatory first, then the earliest due date."""
    due = math.inf if assignment.due is None else float(assignment.due)
    return (not assignment.is_mandatory, due, assignment.course)


def promising(candidates: Candidates, more: Sequence[Integers], allowed: Bools) -> Bools:
    """Return the allowed courses that have a score of their own, close a gap or are raised; all others are worth less."""
    some = np.zeros(allowed.size, dtype=bool)
    some[candidates.kept] = True
    for courses in more:
        some[courses] = True
    some &= allowed
    return some


def pool_of(totals: Floats, some: Bools) -> Pool:
    """Return a pool of some courses by what each is worth alone."""
    places = np.flatnonzero(some)
    return Pool(places, totals[places])
