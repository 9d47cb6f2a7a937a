"""From what a person can do to what a job asks for: courses in an order that respects prerequisites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.recommendation.catalogue import Bools, Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, gap_values, held_after, taught_places
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
    """

    course: int
    hours_so_far: float
    held: Floats
    closed_share: float


@dataclass(frozen=True)
class LearningPath:
    """Steps in order, and the needed skills (places in `Needs`) with the level no course of the catalogue reaches."""

    steps: tuple[Step, ...]
    uncovered: tuple[tuple[int, float], ...]


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
    kept = without_needless(catalogue, needs, chosen)
    return LearningPath(steps_of(catalogue, needs, kept, hours), uncovered(catalogue, needs, allowed))


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


def uncovered(catalogue: Catalogue, needs: Needs, allowed: Bools) -> tuple[tuple[int, float], ...]:
    """Return the gaps that no allowed course closes whole: place in `needs`, highest level reachable."""
    reachable = needs.held.copy()
    for course in np.flatnonzero(allowed & (gap_values(catalogue, needs) > EPSILON)):
        for place, level in taught_places(catalogue, int(course), needs):
            reachable[place] = max(reachable[place], level)
    short = np.flatnonzero(needs.required - reachable > EPSILON)
    return tuple((int(place), float(reachable[place])) for place in short)


def known_hours(catalogue: Catalogue) -> Floats:
    """Return the hours of each course; the median of the catalogue where they are unknown (1 where all are)."""
    known = catalogue.hours[np.isfinite(catalogue.hours)]
    return np.where(np.isfinite(catalogue.hours), catalogue.hours, np.median(known) if known.size else 1.0)
