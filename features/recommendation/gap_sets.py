"""The set of courses that closes most of a gap together: greedy from a few starts, each exchanged course by course."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.recommendation.catalogue import Bools, Catalogue, Floats, Integers
from features.recommendation.gap_value import EPSILON, Needs
from features.recommendation.raises import raises_of

STARTS = 3  # of the greedy courses, each left out once for another start
ROUNDS = 50  # each exchange closes more, so that it ends by itself long before


def best_set(catalogue: Catalogue, needs: Needs, allowed: Bools, n: int) -> list[int]:
    """Return up to `n` courses that close as much together as greedy choice and exchanges find; none that adds nothing.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    needs : Needs
        What is missing.
    allowed : (n_courses,) bool
        Courses that may be chosen.
    n : int
        Most courses to choose.

    Returns
    -------
    list of int
        The course that adds most first, then what adds most to it.

    Notes
    -----
    A ranking cannot exchange: its first five must be the beginning of its first ten. A set can, and a local optimum
    of exchanges, unlike a greedy choice, can take back a first course that two others make needless. Either alone
    guarantees at least half of the best (Nemhauser, Wolsey and Fisher 1978, doi:10.1007/BF01588971; greedy 1 − 1/e);
    exchanges start from the greedy set and only add to its value.
    """
    pool, worth = worths(catalogue, needs, allowed)
    first = greedy(worth, n)
    starts = [first, *(without(worth, row, n) for row in first[:STARTS])]
    chosen = max((exchanged(worth, start) for start in starts), key=lambda rows: value_of(worth, rows))
    return [int(pool[chosen[place]]) for place in greedy(worth[chosen], n)]


def without(worth: Floats, row: int, n: int) -> list[int]:
    """Return the greedy rows where one may not be chosen: another start, from which exchanges may lead elsewhere."""
    others = np.delete(np.arange(len(worth)), row)
    return [int(others[place]) for place in greedy(worth[others], n)]


def exchanged(worth: Floats, chosen: list[int]) -> list[int]:
    """Return the rows after exchanging one for another as long as that adds to their value."""
    for _ in range(ROUNDS):
        swap = best_exchange(worth, chosen)
        if swap is None:
            break
        place, row = swap
        chosen = [*chosen[:place], *chosen[place + 1 :], row]
    return chosen


def value_of(worth: Floats, chosen: list[int]) -> float:
    """Return what rows are worth together."""
    return float(worth[chosen].max(axis=0).sum()) if chosen else 0.0


def worths(catalogue: Catalogue, needs: Needs, allowed: Bools) -> tuple[Integers, Floats]:
    """Return the allowed courses that close something, and what each is worth for each needed skill, (m,) and (m, k)."""
    raises = raises_of(catalogue, needs)
    taught, worth = raises.taught, raises.on_record()
    courses = taught.courses[taught.row]
    kept = (worth > EPSILON) & allowed[courses]
    pool, row = np.unique(courses[kept], return_inverse=True)
    found = np.zeros((pool.size, needs.skills.size))
    found[row, taught.place[kept]] = worth[kept]
    return pool, found


def greedy(worth: Floats, n: int) -> list[int]:
    """Return up to `n` rows, each adding the most to the maxima of those before it; none that adds nothing."""
    chosen: list[int] = []
    best = np.zeros(worth.shape[1])
    while worth.shape[0] and len(chosen) < n:
        added = np.maximum(worth - best, 0.0).sum(axis=1)
        row = int(added.argmax())
        if added[row] <= EPSILON:
            break
        chosen.append(row)
        np.maximum(best, worth[row], out=best)
    return chosen


def best_exchange(worth: Floats, chosen: list[int]) -> tuple[int, int] | None:
    """Return which place of the chosen to give up, and for which row, where that adds the most; None where nothing does."""
    mine = worth[chosen]
    most, found = value_of(worth, chosen) + EPSILON, None
    for place in range(len(chosen)):
        rest = rest_of(mine, place)
        values = rest.sum() + np.maximum(worth - rest, 0.0).sum(axis=1)
        row = int(values.argmax())
        if values[row] > most:
            most, found = float(values[row]), (place, row)
    return found


def rest_of(mine: Floats, place: int) -> NDArray[np.floating]:
    """Return the maxima by skill of all rows but one, (k,) float; zeros where it is the only one."""
    others = np.delete(mine, place, axis=0)
    return others.max(axis=0) if others.size else np.zeros(mine.shape[1])
