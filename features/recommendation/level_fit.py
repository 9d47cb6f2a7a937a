"""Does a course fit the level a person holds: not far below it, not far above it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from features.recommendation.catalogue import Catalogue

TOO_EASY = 1.0  # everything it teaches lies at least so many levels below what is held
TOO_HARD = 3.0  # everything it teaches lies more than so many levels above what is held


class Misfit(NamedTuple):
    """How far a course lies from what a person holds.

    Parameters
    ----------
    skill : int
        The taught skill that comes nearest.
    held, taught : float
        Its levels, 0–5.
    distance : float
        Levels, above 0: below what is held, or above `TOO_HARD` more than it.
    """

    skill: int
    held: float
    taught: float
    distance: float


def misfit(catalogue: Catalogue, course: int, held: Mapping[int, float]) -> Misfit | None:
    """Return how far a course lies below or above what a person holds; None where it fits, or teaches nothing.

    Parameters
    ----------
    catalogue : Catalogue
        What courses teach.
    course : int
        Index into the catalogue.
    held : mapping of int to float
        Skill → level 0–5; a skill without evidence counts as 0.
    """
    taught = catalogue.taught[course]
    if catalogue.lowest_taught[course] > TOO_HARD:
        above, skill, level = least_above(taught, held)
        if above > TOO_HARD:
            return Misfit(skill, held.get(skill, 0.0), level, above - TOO_HARD)
    for skill, level, _ in taught:
        if skill not in held or held[skill] < level + TOO_EASY:
            return None
    if not taught:
        return None
    skill, level, _ = max(taught, key=lambda one: one[1] - held[one[0]])
    return Misfit(skill, held[skill], level, held[skill] - level)


def least_above(
    taught: Sequence[tuple[int, float, float]], held: Mapping[int, float]
) -> tuple[float, int, float]:
    """Return how far above what is held the nearest of the taught skills lies, that skill, and the level taught."""
    found = (math.inf, -1, 0.0)
    for skill, level, _ in taught:
        above = level - held.get(skill, 0.0)
        if above < found[0]:
            found = (above, skill, level)
    return found
