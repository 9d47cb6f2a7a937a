"""What one saved model says of the last block's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Said:
    """Probabilities and what came of them, of everybody in the last block; it stays in memory.

    Parameters
    ----------
    probability : (n,) float
        Of leaving voluntarily within the horizon.
    outcome : (n,) bool
        True for who had left by then.
    horizon : str
        In words.
    """

    probability: Floats
    outcome: Bools
    horizon: str


@dataclass(frozen=True)
class Rescored:
    """One model's units on the last block.

    Parameters
    ----------
    primary : str
        The metric that the units add up to.
    units : (n,) float
        Its contribution of each person; higher is better.
    further : mapping of str to (n,) float
        Units of further metrics, higher is better; their mean is the metric.
    rows_per_second : float
        How fast the scorer's array interface answered.
    said : Said, optional
        Where the question is answered by a probability.
    """

    primary: str
    units: Floats
    further: Mapping[str, Floats] = field(default_factory=dict)
    rows_per_second: float = float("nan")
    said: Said | None = None
