"""What could stand in the place of a step of a learning path."""

from __future__ import annotations

import numpy as np

from features.recommendation.catalogue import Bools, Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, held_after, taught_places

MOST_ALTERNATIVES = 3


def alternatives(
    catalogue: Catalogue, needs: Needs, path: list[int], bounds: tuple[Bools, frozenset[int], Floats, float]
) -> list[tuple[int, ...]]:
    """Return, for each course of a path, those that could stand in its place, at most `MOST_ALTERNATIVES`.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        Held and required levels at the beginning.
    path : list of int
        Courses in order.
    bounds : (allowed, completed, hours, spare hours)
        What may be taken, which prerequisites are met, how long courses take, and how much longer the path may be.
    """
    allowed, completed, hours, spare = bounds
    full = np.minimum(held_after(catalogue, path, needs), needs.required)
    asked_for = {first for course in path for first in catalogue.prerequisites[course]}
    found: list[tuple[int, ...]] = []
    for number, course in enumerate(path):
        added = {} if course in asked_for else what_it_adds(catalogue, needs, path, course, full)
        ready = completed.union(path[:number])
        fitting = [
            other
            for other in teaching_all(catalogue, needs, added)
            if allowed[other]
            and other not in path
            and other not in completed
            and hours[other] <= hours[course] + spare
            and ready.issuperset(catalogue.prerequisites[other])
        ]
        fitting.sort(key=lambda other: (hours[other], other))
        found.append(tuple(fitting[:MOST_ALTERNATIVES]))
    return found


def what_it_adds(
    catalogue: Catalogue, needs: Needs, path: list[int], course: int, full: Floats
) -> dict[int, float]:
    """Return the levels that a path reaches only through one of its courses: place in `needs` → level."""
    without = held_after(catalogue, [one for one in path if one != course], needs)
    return {place: float(full[place]) for place in np.flatnonzero(full - without > EPSILON).tolist()}


def teaching_all(catalogue: Catalogue, needs: Needs, levels: dict[int, float]) -> list[int]:
    """Return the courses that teach all of some needed skills (places) at those levels; none for no skills."""
    if not levels:
        return []
    span = catalogue.taught_by.of(int(needs.skills[next(iter(levels))]))
    return [
        course
        for course in catalogue.taught_by.other[span].tolist()
        if (taught := dict(taught_places(catalogue, course, needs))).keys() >= levels.keys()
        and all(taught[place] >= level - EPSILON for place, level in levels.items())
    ]
