"""From what a person can do to what a job asks for: courses in an order that respects prerequisites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from features.recommendation.alternatives import alternatives
from features.recommendation.catalogue import Bools, Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, gap_values, held_after
from features.recommendation.prerequisites import prerequisite_closure

MOST_BUNDLES = 200


@dataclass(frozen=True)
class Step:
    """One course of a path.

    Parameters
    ----------
    course : int
        Index into the catalogue.
    hours_so_far : float
        Hours of the path up to and with this step; unknown hours count as the catalogue's median.
    held : (k,) float
        Levels of the needed skills after this step.
    closed_share : float
        Share of the whole weighted gap that is closed after this step, 0–1.
    alternatives : tuple of int
        Courses that could stand in its place: all that it adds they add too, nothing before them is missing, and the
        path stays within its hours; the shortest first.
    """

    course: int
    hours_so_far: float
    held: Floats
    closed_share: float
    alternatives: tuple[int, ...] = ()


class Shortage(StrEnum):
    """Why a gap is still open after the last step."""

    NO_COURSE = "no_course"
    BEYOND_CATALOGUE = "beyond_catalogue"
    NOT_OPEN = "not_open"
    PREREQUISITE = "prerequisite"
    COMPLETED = "completed"
    HOURS = "hours"


@dataclass(frozen=True)
class Short:
    """A needed skill (a place in `Needs`) that stays short.

    Parameters
    ----------
    place : int
        Which.
    level : float
        The level after the last step, 0–5.
    reachable : float
        The highest level that any course open to the person teaches, or held.
    required : float
        The level asked for, 0–5.
    why : Shortage
        What would have to change: another course, somebody's permission, a prerequisite, or more hours.
    """

    place: int
    level: float
    reachable: float
    required: float
    why: Shortage

    @property
    def is_uncovered(self) -> bool:
        """True where more hours would not close it whole."""
        return self.why is not Shortage.HOURS or self.reachable < self.required - EPSILON


@dataclass(frozen=True)
class LearningPath:
    """Steps in order; what stays short after them; and of that what no course of the catalogue covers."""

    steps: tuple[Step, ...]
    short: tuple[Short, ...]

    @property
    def uncovered(self) -> tuple[tuple[int, float], ...]:
        """The gaps that no open course closes whole: place, highest level reachable."""
        return tuple((one.place, one.reachable) for one in self.short if one.is_uncovered)


def learning_path(
    catalogue: Catalogue,
    needs: Needs,
    allowed: Bools,
    completed: frozenset[int],
    max_hours: float = float("inf"),
) -> LearningPath:
    """Return courses that lead from the levels held to the levels required, prerequisites first.

    Bundles (a course with its unmet prerequisites) are chosen by value per hour until no gap, no course or no
    hours are left; what a later course made needless is taken out again.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        Held and required levels.
    allowed : (n_courses,) bool
        Courses the person may take now; a bundle with another one is not considered.
    completed : frozenset of int
        Courses that count as prerequisites met.
    max_hours : float
        Most hours of the whole path.

    Returns
    -------
    LearningPath
        No step stands before one of its prerequisites.

    Raises
    ------
    BadInputError
        If a course that would help asks for itself through a circle of prerequisites.
    """
    hours = known_hours(catalogue)
    bundles = possible_bundles(catalogue, needs, allowed, completed)
    chosen: list[int] = []
    left, now = max_hours, needs
    while now.total > EPSILON:
        best = best_bundle(catalogue, now, [missing(bundle, chosen) for bundle in bundles], hours, left)
        if not best:
            break
        chosen += best
        left -= float(hours[best].sum())
        now = now.after(held_after(catalogue, best, now))
    chosen = better_of(catalogue, needs, chosen, single_bundle(catalogue, needs, bundles, hours, max_hours))
    kept = without_needless(catalogue, needs, chosen)
    steps = steps_of(catalogue, needs, kept, hours)
    spare = max_hours - (steps[-1].hours_so_far if steps else 0.0)
    others = alternatives(catalogue, needs, kept, (allowed, completed, hours, spare))
    steps = tuple(replace(step, alternatives=found) for step, found in zip(steps, others, strict=True))
    last = steps[-1].held if steps else needs.held
    return LearningPath(
        steps, what_stays_short(catalogue, needs, last, (allowed, completed, {one[-1] for one in bundles}))
    )


def possible_bundles(
    catalogue: Catalogue, needs: Needs, allowed: Bools, completed: frozenset[int]
) -> list[list[int]]:
    """Return each helpful course after its unmet prerequisites, where all of them may be taken."""
    values = np.where(allowed, gap_values(catalogue, needs), 0.0)
    values[list(completed)] = 0.0
    helpful = np.argsort(-values, kind="stable")[:MOST_BUNDLES]
    closures = [
        prerequisite_closure(catalogue, int(course), completed)
        for course in helpful
        if values[course] > EPSILON
    ]
    return [closure for closure in closures if allowed[closure].all()]


def missing(bundle: list[int], chosen: list[int]) -> list[int]:
    """Return the courses of a bundle that are not chosen yet."""
    return [course for course in bundle if course not in chosen]


def best_bundle(
    catalogue: Catalogue, needs: Needs, bundles: list[list[int]], hours: Floats, left: float
) -> list[int]:
    """Return the bundle that closes most per hour within the hours left; empty where none closes anything."""
    best: list[int] = []
    best_rate = 0.0
    for bundle in bundles:
        cost = float(hours[bundle].sum())
        if not bundle or cost > left:
            continue
        rate = bundle_value(catalogue, bundle, needs) / max(cost, 0.25)
        if rate > best_rate + EPSILON:
            best, best_rate = bundle, rate
    return best


def single_bundle(
    catalogue: Catalogue, needs: Needs, bundles: list[list[int]], hours: Floats, most: float
) -> list[int]:
    """Return the one bundle that closes most within the hours, whatever it costs; empty where none fits."""
    fitting = [bundle for bundle in bundles if float(hours[bundle].sum()) <= most]
    return max(fitting, key=lambda bundle: bundle_value(catalogue, bundle, needs), default=[])


def better_of(catalogue: Catalogue, needs: Needs, chosen: list[int], single: list[int]) -> list[int]:
    """Return the greedy choice, or the single bundle where that alone closes more: together they keep the guarantee.

    References
    ----------
    Khuller, Moss and Naor, "The budgeted maximum coverage problem", 1999, doi:10.1016/S0020-0190(99)00031-9.
    """
    more = bundle_value(catalogue, single, needs) > bundle_value(catalogue, chosen, needs) + EPSILON
    return single if more else chosen


def bundle_value(catalogue: Catalogue, bundle: list[int], needs: Needs) -> float:
    """Return the weighted gap that a bundle closes together."""
    return needs.total - needs.after(held_after(catalogue, bundle, needs)).total


def without_needless(catalogue: Catalogue, needs: Needs, chosen: list[int]) -> list[int]:
    """Return the courses without those that close nothing beside the others and that none of them asks for."""
    kept = list(chosen)
    reached = needs.after(held_after(catalogue, kept, needs)).total
    for course in list(chosen):
        rest = [other for other in kept if other != course]
        is_asked_for = any(course in catalogue.prerequisites[other] for other in rest)
        if not is_asked_for and needs.after(held_after(catalogue, rest, needs)).total <= reached + EPSILON:
            kept = rest
    return kept


def steps_of(catalogue: Catalogue, needs: Needs, courses: list[int], hours: Floats) -> tuple[Step, ...]:
    """Return the steps of ordered courses, with hours and levels after each."""
    held, so_far, steps = needs.held.copy(), 0.0, []
    total = needs.total
    for course in courses:
        so_far += float(hours[course])
        held = held_after(catalogue, [course], needs.after(held))
        share = 1.0 - needs.after(held).total / total if total > EPSILON else 1.0
        steps.append(Step(course, so_far, held, share))
    return tuple(steps)


def what_stays_short(
    catalogue: Catalogue, needs: Needs, last: Floats, bounds: tuple[Bools, frozenset[int], set[int]]
) -> tuple[Short, ...]:
    """Return the needed skills that are short after the last step, and why.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        Held and required levels at the beginning.
    last : (k,) float
        Levels after the last step.
    bounds : (allowed, completed, within reach)
        What may be taken, what was completed, and the courses whose prerequisites can all be met.
    """
    allowed, completed, within_reach = bounds
    found = []
    for place in np.flatnonzero(needs.required - last > EPSILON).tolist():
        span = catalogue.taught_by.of(int(needs.skills[place]))
        level = float(last[place])
        pairs = zip(
            catalogue.taught_by.other[span].tolist(), catalogue.taught_by.level[span].tolist(), strict=True
        )
        taught = dict(pairs)
        helping = {course for course, reached in taught.items() if reached > level + EPSILON}
        reachable = max([reached for course, reached in taught.items() if allowed[course]], default=0.0)
        is_taught = bool(taught)
        why = shortage(
            is_taught, helping, {one for one in helping if allowed[one]}, (within_reach, completed)
        )
        found.append(Short(place, level, max(reachable, level), float(needs.required[place]), why))
    return tuple(found)


def shortage(
    is_taught: bool, helping: set[int], is_open: set[int], known: tuple[set[int], frozenset[int]]
) -> Shortage:
    """Return why a skill stays short, from the courses that teach it higher than it is, and those of them that are open."""
    within_reach, completed = known
    if not is_taught:
        return Shortage.NO_COURSE
    if not helping:
        return Shortage.BEYOND_CATALOGUE
    if helping & within_reach:
        return Shortage.HOURS
    if is_open - completed:
        return Shortage.PREREQUISITE
    return Shortage.COMPLETED if helping & completed else Shortage.NOT_OPEN


def known_hours(catalogue: Catalogue) -> Floats:
    """Return the hours of each course; the median of the catalogue where they are unknown (1 where all are)."""
    known = catalogue.hours[np.isfinite(catalogue.hours)]
    return np.where(np.isfinite(catalogue.hours), catalogue.hours, np.median(known) if known.size else 1.0)
