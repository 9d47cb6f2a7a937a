"""The gap that is probably there: levels are known within a spread, so that a course may close what no record shows."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from features.recommendation.catalogue import Floats
from features.recommendation.raises import Raises

SPREAD_LEVELS = 0.5  # standard deviation of a held level: between a test's and a manager's (`features.skills.uncertainty`)
LEAST_LEVELS = 0.05  # a course expected to raise a skill by less raises nothing
STEP = 0.05


class Probable(msgspec.Struct, frozen=True, gc=False):
    """A level that a course probably raises: place of the skill in the needs, level held, level taught."""

    place: int
    held: float
    taught: float


def expected_raise(margin: float) -> float:
    """Return by how many levels a course raises a skill on average, where it teaches `margin` levels above the held one.

    E max(0, margin + e) with e normal of mean 0 and `SPREAD_LEVELS`; 0 below `LEAST_LEVELS`.
    """
    z = margin / SPREAD_LEVELS
    below = 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))
    found = margin * below + SPREAD_LEVELS * math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    return found if found >= LEAST_LEVELS else 0.0


RAISES = np.array(
    [expected_raise(place * STEP) for place in range(-100, 101)]
)  # of margins of -5 to 5 levels


def probable_values(raises: Raises) -> Floats:
    """Return what each pair of a course and a needed skill is probably worth, (p,) float: its weight × the expected raise."""
    found: Floats = raises.lessons.weights * RAISES.take(
        np.rint(raises.margins / STEP).astype(np.int64) + 100
    )
    return found
