"""The gap that is probably there: levels are known within a spread, so that a course may close what no record shows."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from features.recommendation.catalogue import Catalogue, Floats, Integers
from features.recommendation.gap_value import Needs

SPREAD_LEVELS = 0.5  # standard deviation of a held level: between a test's and a manager's (`features.skills.uncertainty`)
LEAST_LEVELS = 0.05  # a course expected to raise a skill by less raises nothing
STEP = 0.05


class Probable(NamedTuple):
    """A level that a course probably raises: place in the needs, level held, level taught, what that is worth."""

    place: int
    held: float
    taught: float
    worth: float


def expected_raise(margin: float) -> float:
    """Return by how many levels a course raises a skill on average, where it teaches `margin` levels above the held one.

    E max(0, margin + e) with e normal of mean 0 and `SPREAD_LEVELS`; 0 below `LEAST_LEVELS`.
    """
    z = margin / SPREAD_LEVELS
    below = 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))
    found = margin * below + SPREAD_LEVELS * math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    return found if found >= LEAST_LEVELS else 0.0


MARGINS = np.arange(-100, 101) * STEP
RAISES = np.array([expected_raise(margin) for margin in MARGINS.tolist()])


def probable_pairs(catalogue: Catalogue, needs: Needs) -> tuple[Integers, Integers, Floats]:
    """Return what closes a gap that is probably there, as pairs of course and place in the needs, and their worth.

    Returns
    -------
    (p,) int, (p,) int, (p,) float
        Worth is importance × coverage × expected raise; nothing beyond the level required counts.
    """
    pairs = catalogue.closing(needs.skills)
    margins = np.minimum(pairs.level, needs.required[pairs.place]) - needs.held[pairs.place]
    raises = RAISES[np.rint(margins / STEP).astype(np.int64) + 100]
    return pairs.course, pairs.place, needs.importance[pairs.place] * pairs.coverage * raises


def probable_gains(catalogue: Catalogue, course: int, needs: Needs) -> list[Probable]:
    """Return what one course probably raises, in the order in which it teaches it."""
    found = []
    for skill, level, coverage in catalogue.taught[course]:
        if skill in needs.places:
            place, held, required, importance = needs.places[skill]
            worth = importance * coverage * expected_raise(min(level, required) - held)
            if worth > 0.0:
                found.append(Probable(place, held, level, worth))
    return found
