"""Rolling origins: learn until a moment, leave out the horizon, judge by what came next; again, later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from training.attrition.dataset import Panel

Ints = NDArray[np.int64]
ORIGINS = 3
SHORTEST_CHECK = 2  # periods
FEWEST_EXITS = 10  # on either side of an origin
MONTHS_BETWEEN = 1
MOST_ORIGINS = 2  # of the records
ENOUGH_ROWS = 1_000_000  # to fit what rows checked are told: of more, it hardly says otherwise
LEARNT_SHARE = 0.4  # at least so much of the time is learnt from before the first origin


def rolling_origins(panel: Panel, gap: int, origins: int = ORIGINS) -> list[tuple[Ints, Ints]]:
    """Return the rows to fit and to check of each origin, the latest one last.

    Parameters
    ----------
    panel : Panel
        Person-periods; an exit is seen within its own period.
    gap : int
        Periods of which neither side has any: the outcome of what is learnt ends before what is judged begins.
        A hazard's outcome ends with its period, so a gap of one period less would leave nothing in between.
    origins : int
        How many, at most.

    Returns
    -------
    list of (rows to fit, rows to check)
        Empty where the periods are too few, or exits are missing on a side. Blocks checked do not overlap.
    """
    periods = np.unique(panel.period)
    length = max(int(len(periods) * (1 - LEARNT_SHARE) / origins), SHORTEST_CHECK)
    found: list[tuple[Ints, Ints]] = []
    end = len(periods)
    while len(found) < origins and end - length - gap >= 1:
        first, last = periods[end - length], periods[end - 1]
        learnt = periods[end - length - gap]
        fit = np.flatnonzero(panel.period < learnt)
        check = np.flatnonzero((panel.period >= first) & (panel.period <= last))
        if min((panel.cause[fit] == 1).sum(), (panel.cause[check] == 1).sum()) < FEWEST_EXITS:
            break
        found.insert(0, (fit, check))
        end -= length
        if end < len(periods) * LEARNT_SHARE:
            break
    return found


def origins_of(panel: Panel, block: int) -> list[tuple[Ints, Ints]]:
    """Return the rows to fit and to check of rolling origins, the last of which checks the last block of months.

    Notes
    -----
    A month lies between: what is known of it late, or changed by it, is on neither side. An earlier origin is added
    where the months before it are at least as many again.
    """
    end, found = int(panel.period.max()) + 1, list[tuple[Ints, Ints]]()
    for first in range(end - block, 2 * block, -block):
        fit = np.flatnonzero(panel.period < first - MONTHS_BETWEEN)
        check = np.flatnonzero((panel.period >= first) & (panel.period < first + block))
        found.insert(0, (fit, check))
    latest = np.flatnonzero(panel.period < end - block), np.flatnonzero(panel.period >= end - block)
    return found[-MOST_ORIGINS:] or [latest]


def thinned(
    folds: Sequence[tuple[Ints, Ints]], person: Ints, enough: int = ENOUGH_ROWS
) -> list[tuple[Ints, Ints]]:
    """Return folds whose rows to fit are those of some people, whole, where there are more than enough.

    Parameters
    ----------
    folds : sequence of (rows to fit, rows to check) pairs
        The rows checked stay all the same.
    person : (n,) int
        Number of each row's person.
    enough : int
        About how many rows to fit are kept.

    Notes
    -----
    What is chosen and recalibrated by the rows checked goes by their exits, which are far fewer than the rows learnt from;
    the final fit has all rows.
    """
    steps = [max(round(len(fit) / enough), 1) for fit, _ in folds]
    return [(fit if step == 1 else fit[person[fit] % step == 0], check)
            for (fit, check), step in zip(folds, steps, strict=True)]  # fmt: skip
