"""The live part of a recommendation: exclusions, filters, gaps, prerequisites, diversity. No model, numpy only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import repeat

import msgspec
import numpy as np

from features.recommendation.catalogue import Bools, Catalogue, Floats, Integers
from features.recommendation.gap_value import EPSILON, Needs
from features.recommendation.level_fit import Misfit
from features.recommendation.probable_gap import Probable
from features.recommendation.raises import Raises, raises_of
from features.recommendation.reasons import Cause
from serving.recommendation.boosts import Boosts
from serving.recommendation.case import NO_CAUSE, NOTHING, Candidates, Case
from serving.recommendation.line import Cap, Line
from serving.recommendation.person_rows import Assignment
from serving.recommendation.picker import PART, Picker, Pool
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.turns import Turns

NO_SHARES = np.empty(0)


class Wishes(msgspec.Struct, frozen=True, gc=False):
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


class Ranked(msgspec.Struct, frozen=True, gc=False):
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
    turn : Probable, optional
        The level that it probably raises, where no gap is on record and a turn put it there.
    """

    course: int
    score: float
    assignment: Assignment | None
    unmet: tuple[int, ...]
    opens: int = -1
    cause: Cause = NO_CAUSE
    misfit: Misfit | None = None
    is_explored: bool = False
    turn: Probable | None = None


def gap_part(raises: Raises, needs: Needs) -> tuple[Integers, Floats]:
    """Return what closes a gap: each course once, and its share of the whole weighted gap; nothing where none is open."""
    if needs.total <= EPSILON:
        return NOTHING, NO_SHARES
    return raises.taught.courses, raises.by_course(raises.on_record()) / needs.total


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
    raises = raises_of(catalogue, case.needs)
    closing, shares = gap_part(raises, case.needs)
    totals = candidates.scores.copy()
    totals[closing] = totals.take(closing) + gap_weight * shares
    if boosts.courses.size:
        np.add.at(totals, boosts.courses, boosts.worths)  # a course may stand there twice
    urgent = [one for one in case.assigned if one.is_mandatory or one.due is not None]
    asked = {one.course: one for one in sorted(urgent, key=urgency)} if urgent else {}
    most = wishes.offset + wishes.n + more
    line = Line(catalogue, wishes.allowed, set(case.state.current), most, caps_of(catalogue, wishes))
    for course in asked:
        line.add(course, is_capped=False)
    some = promising(candidates.kept, raises if closing.size else None, boosts, wishes.allowed)
    weights = (gap_weight, wishes.diversity, policy.level_weight)
    picker = Picker(case, raises, weights)
    picker.note(line.courses)
    turns = Turns(case, raises, policy.gap_turn)
    fill(line, picker, Pool(some, totals.take(some), bound_of(candidates)), turns, totals)
    if not line.is_full:
        others = wishes.allowed.copy()
        others[some] = False
        rest = others.nonzero()[0]
        fill(line, picker, Pool(rest, totals.take(rest)), turns, totals)
    return ranked(case, line, (picker, turns), totals, asked)


def caps_of(catalogue: Catalogue, wishes: Wishes) -> list[Cap]:
    """Return the caps that are wished for."""
    kinds = ((catalogue.providers, wishes.max_per_provider), (catalogue.modalities, wishes.max_per_modality))
    return [(labels, most) for labels, most in kinds if most is not None and labels]


def fill(line: Line, picker: Picker, pool: Pool, turns: Turns, totals: Floats) -> None:
    """Place the best courses, and those that a turn goes to, until the line is full or nothing is left."""
    choices = picker.choices(pool)
    every, most, courses = turns.every, line.most, line.courses
    while len(courses) < most:
        best = turns.next(line, totals) if every and not (len(courses) + 1) % every else None
        if best is None and (best := next(choices, None)) is None:
            return
        if placed := line.add(best):
            picker.note(placed)


def ranked(
    case: Case, line: Line, by: tuple[Picker, Turns], totals: Floats, asked: Mapping[int, Assignment]
) -> list[Ranked]:
    """Return the courses in their places, from what each is worth alone and what that rests on."""
    picker, turns = by
    courses = line.courses[: line.most]
    misfits = picker.misfits_of(courses, {*line.opens, *asked})
    worths: list[float] = totals.take(courses).tolist() if courses else []
    before = case.catalogue.prerequisites
    columns = (
        courses,
        [
            shown_score(worth if found is None else worth - picker.level_weight * found.distance)
            for worth, found in zip(worths, misfits, strict=True)
        ],
        map(asked.get, courses),
        [unmet(case, course) if before[course] else () for course in courses],
        map(line.opens.get, courses, repeat(-1)),
        case.candidates.causes.of_each(courses),
        misfits,
        repeat(False),
        map(turns.given.get, courses),
    )
    return list(map(Ranked, *columns))


def shown_score(worth: float) -> float:
    """Return what a course is worth as callers see it: 0–1, to four places."""
    return round((0.5 + math.atan(worth) / math.pi) * 1e4) / 1e4


def unmet(case: Case, course: int) -> tuple[int, ...]:
    """Return the prerequisites of a course that are not completed."""
    done = case.state.current
    return tuple(one for one in case.catalogue.prerequisites[course] if one not in done)


def urgency(assignment: Assignment) -> tuple[bool, float, int]:
    """Return what assignments are ordered by: mandatory first, then the earliest due date."""
    due = math.inf if assignment.due is None else float(assignment.due)
    return (not assignment.is_mandatory, due, assignment.course)


def bound_of(candidates: Candidates) -> float:
    """Return the score about as many courses reach as a ranking looks at: the best stand first among those kept."""
    kept = candidates.kept
    return candidates.scores.item(kept.item(min(PART, kept.size) - 1)) if kept.size else math.inf


def promising(kept: Integers, raises: Raises | None, boosts: Boosts, allowed: Bools) -> Integers:
    """Return the allowed courses that have a score of their own, close a gap or are raised; all others are worth less."""
    some = np.zeros(allowed.size, dtype=bool) if raises is None else raises.lessons.is_among.copy()
    some[kept] = True
    if boosts.courses.size:
        some[boosts.courses] = True
    some &= allowed
    return some.nonzero()[0]
