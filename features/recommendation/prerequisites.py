"""Courses that ask for other courses first: orders that can be followed, and circles that cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from features.errors import BadInputError
from features.recommendation.catalogue import Bools, Catalogue


def prerequisite_closure(catalogue: Catalogue, course: int, completed: frozenset[int]) -> list[int]:
    """Return a course after everything that must be completed before it, in an order that can be followed.

    Parameters
    ----------
    catalogue : Catalogue
        Its prerequisites are followed as far as they reach.
    course : int
        The course aimed at; the last of the answer.
    completed : frozenset of int
        Courses that need no further look.

    Raises
    ------
    BadInputError
        If courses ask for each other in a circle; the message names the circle. Take one pair out.
    """
    order: list[int] = []
    done, open_path = set(completed), [(course, iter(catalogue.prerequisites[course]))]
    on_path = {course}
    while open_path:
        current, waiting = open_path[-1]
        first = next((one for one in waiting if one not in done), None)
        if first is None:
            open_path.pop()
            on_path.discard(current)
            done.add(current)
            order.append(current)
        elif first in on_path:
            raise cycle_error(catalogue, [one for one, _ in open_path], first)
        else:
            on_path.add(first)
            open_path.append((first, iter(catalogue.prerequisites[first])))
    return order


def cycle_error(catalogue: Catalogue, path: list[int], first: int) -> BadInputError:
    """Return the error that names a circle of prerequisites."""
    circle = [*path[path.index(first) :], first]
    named = " asks for ".join(f"{catalogue.course_ids[one]!r}" for one in circle)
    return BadInputError(
        "Courses ask for each other as prerequisites, so that nobody can begin.",
        found=named,
        allowed="prerequisites without a circle",
        hint="Take one of these prerequisites out of the catalogue.",
    )


def prerequisite_violations(
    catalogue: Catalogue, ranked: Iterable[Sequence[int]], completed: Iterable[frozenset[int]]
) -> int:
    """Return how many ranked courses stand before, or without, a prerequisite that was not completed."""
    total = 0
    for courses, done in zip(ranked, completed, strict=True):
        seen = set(done)
        for course in courses:
            total += any(first not in seen for first in catalogue.prerequisites[course])
            seen.add(course)
    return total


def in_followable_order(
    catalogue: Catalogue, ranked: Sequence[int], completed: frozenset[int], allowed: Bools
) -> list[int]:
    """Return ranked courses with unmet prerequisites put before them; what cannot be begun is left out.

    Parameters
    ----------
    catalogue : Catalogue
        Its prerequisites.
    ranked : sequence of int
        Best first.
    completed : frozenset of int
        Prerequisites that are met.
    allowed : (n_courses,) bool
        Courses that may be inserted.
    """
    placed: list[int] = []
    ready = set(completed)
    for course in ranked:
        if course not in ready:
            chain = chain_to(catalogue, course, ready, allowed)
            placed += chain
            ready.update(chain)
    return placed


def chain_to(catalogue: Catalogue, course: int, ready: set[int], allowed: Bools) -> list[int]:
    """Return a course after its unmet prerequisites; empty where one of them is not allowed or never ends."""
    if all(first in ready for first in catalogue.prerequisites[course]):
        return [course]
    order: list[int] = []
    waiting, opened = [course], set()
    while waiting:
        current = waiting[-1]
        unmet = [one for one in catalogue.prerequisites[current] if one not in ready and one not in order]
        if not unmet:
            waiting.pop()
            if current not in order:
                order.append(current)
            continue
        if current in opened or any(not allowed[one] for one in unmet):
            return []
        opened.add(current)
        waiting += unmet
    return order
