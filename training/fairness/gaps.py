"""Beyond who is flagged: errors and level per group, what missing attributes could hide, and intersections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
LEVEL = 0.95
SMALLEST = 10
MOST_INTERSECTIONS = 24
Gap = dict[str, float | None]


def intersections(attributes: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return each pair of attributes as one, unknown where either is; groups under ten people are left to suppression.

    Parameters
    ----------
    attributes : mapping of str to (n,) values
        As groups; None where not known.
    """
    found = {}
    for first, second in combinations(attributes, 2):
        pairs = [
            None if one is None or other is None else f"{one} & {other}"
            for one, other in zip(attributes[first], attributes[second], strict=True)
        ]
        if 1 < len({pair for pair in pairs if pair is not None}) <= MOST_INTERSECTIONS:
            found[f"{first} × {second}"] = pairs
    return found


def error_gaps(inside: Bools, others: Bools, flagged: Bools, left: Bools) -> dict[str, Gap]:
    """Return how much more often a group's stayers are flagged, and its leavers missed, than the others'.

    Returns
    -------
    dict
        ``flagged_stayers`` (false positives) and ``missed_leavers`` (false negatives): the difference of shares with
        its interval; 0 is neutral. Null where a side has fewer than ten such people.
    """
    return {
        "flagged_stayers_gap": difference(flagged, inside & ~left, others & ~left),
        "missed_leavers_gap": difference(~flagged, inside & left, others & left),
    }


def difference(event: Bools, inside: Bools, others: Bools) -> Gap:
    """Return the difference of two shares with Newcombe's interval.

    References
    ----------
    Newcombe: Interval estimation for the difference between independent proportions, Statistics in Medicine 1998,
    method 10.
    """
    if min(inside.sum(), others.sum()) < SMALLEST:
        return {"value": None, "low": None, "high": None}
    (p, p_low, p_high), (q, q_low, q_high) = (
        wilson(float(event[rows].mean()), int(rows.sum())) for rows in (inside, others)
    )
    low = p - q - np.sqrt((p - p_low) ** 2 + (q_high - q) ** 2)
    high = p - q + np.sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    return {"value": p - q, "low": float(low), "high": float(high)}


def wilson(share: float, count: int) -> tuple[float, float, float]:
    """Return a share with Wilson's interval."""
    z = float(norm.ppf((1 + LEVEL) / 2))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return share, float(middle - half), float(middle + half)


def level_gap(inside: Bools, others: Bools, left: Bools, probability: Floats) -> Gap:
    """Return a group's observed per expected exits over the others'; 1 is neutral, above it was said too little of the group.

    Notes
    -----
    Given the exits of both, the group's are binomial: the interval is Clopper and Pearson's, turned into a ratio.
    """
    exits, other_exits = int(left[inside].sum()), int(left[others].sum())
    expected, other_expected = float(probability[inside].sum()), float(probability[others].sum())
    total = exits + other_exits
    if total < SMALLEST or min(expected, other_expected) <= 0:
        return {"value": None, "low": None, "high": None}
    tail = (1 - LEVEL) / 2
    low = beta.ppf(tail, exits, other_exits + 1) if exits else 0.0
    high = beta.ppf(1 - tail, exits + 1, other_exits) if other_exits else 1.0
    scale = other_expected / expected

    def ratio(share: float) -> float | None:
        return float(share / (1 - share) * scale) if share < 1 else None

    return {"value": ratio(exits / total), "low": ratio(float(low)), "high": ratio(float(high))}


def bounds_if_known(inside: Bools, others: Bools, unknown: Bools, flagged: Bools) -> dict[str, float | None]:
    """Return the lowest and highest ratio that would be found were the missing attributes known.

    Notes
    -----
    Whoever's attribute is unknown could be in the group or not; the lowest ratio puts those who were not flagged
    into the group and those who were among the others, the highest does the reverse.

    References
    ----------
    Manski: Partial identification of probability distributions, Springer 2003.
    """
    yes, no = int((unknown & flagged).sum()), int((unknown & ~flagged).sum())
    n, m = int(inside.sum()), int(others.sum())
    k, j = int(flagged[inside].sum()), int(flagged[others].sum())
    low_other, high_other = (j + yes) / max(m + yes, 1), j / max(m + no, 1)
    return {
        "low": k / max(n + no, 1) / low_other if low_other else None,
        "high": (k + yes) / max(n + yes, 1) / high_other if high_other else None,
    }
