"""What a programme can show: power and the smallest effect it would find, for each design, before it starts.

References
----------
Bloom, Evaluation Rev. 19 (1995) 547, doi:10.1177/0193841X9501900504 (minimum detectable effects).
McKenzie, J. Dev. Econ. 99 (2012) 210, doi:10.1016/j.jdeveco.2012.01.002 (earlier measurements narrow the interval).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt

SURE, FOUND = 1.959963984540054, 0.8416212335729143  # two-sided 5 %, power 80 %
DESIGNS = ("randomised", "offer", "staggered", "observational")


@dataclass(frozen=True)
class Situation:
    """What is known of a KPI and a population before a programme starts.

    Parameters
    ----------
    n_trained, n_compared : int
        People of either side; of a staggered roll-out, those trained in the end, and those never trained.
    spread : float
        Standard deviation of the KPI over people, in its unit.
    earlier_r2 : float
        Share 0–1 of its variance that earlier measurements of the same person explain.
    team_size : float
        People assigned together; 1 where each is drawn alone.
    team_correlation : float
        How alike people of one team are, 0–1 (intraclass correlation).
    uptake_share : float
        Share 0–1 of the offered who take part (offer only).
    missing_share : float
        Share 0–1 of people who will not be measured (leavers).
    """

    n_trained: int
    n_compared: int
    spread: float
    earlier_r2: float = 0.0
    team_size: float = 1.0
    team_correlation: float = 0.0
    uptake_share: float = 1.0
    missing_share: float = 0.0


def effect_error(design: str, given: Situation) -> float:
    """Return the standard error that the effect will have, in the unit of the KPI; infinite where one side is empty.

    Notes
    -----
    A difference in means adjusted for earlier measurements: σ √((1 − R²) (1 + (m − 1) ρ) (1/n₁ + 1/n₀)). An offer's effect on
    those it moves has 1/uptake times that. A roll-out compares changes, 2 (1 − √R²) in place of 1 − R². Without a lot it
    is what chance alone leaves open; what was not recorded comes on top.
    """
    kept = 1.0 - min(max(given.missing_share, 0.0), 0.99)
    sides = (given.n_trained * kept, given.n_compared * kept)
    if min(sides) < 1:
        return float("inf")
    r2 = min(max(given.earlier_r2, 0.0), 0.99)
    left = 2 * (1 - sqrt(r2)) if design == "staggered" else 1 - r2
    grouped = 1 + (max(given.team_size, 1.0) - 1) * given.team_correlation
    error = given.spread * sqrt(left * grouped * (1 / sides[0] + 1 / sides[1]))
    return error / max(given.uptake_share, 1e-9) if design == "offer" else error


def minimum_detectable_effect(design: str, given: Situation) -> float:
    """Return the smallest effect found 80 times in 100 at 5 % (two-sided), in the unit of the KPI.

    Examples
    --------
    Two groups of 100, standard deviation 10, nothing known before: 2.8 standard errors of √2.

    >>> round(minimum_detectable_effect("randomised", Situation(100, 100, 10.0)), 2)
    3.96
    """
    return (SURE + FOUND) * effect_error(design, given)


def power(design: str, given: Situation, effect: float) -> float:
    """Return how probable it is that an effect of that size is found at 5 % (two-sided), 0–1.

    Examples
    --------
    >>> round(power("randomised", Situation(100, 100, 10.0), 3.9622), 2)
    0.8
    """
    error = effect_error(design, given)
    if error in (0.0, float("inf")):
        return 0.0 if error else 1.0
    ratio = abs(effect) / error
    return normal(ratio - SURE) + normal(-ratio - SURE)


def normal(value: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * (1 + erf(value / sqrt(2)))
