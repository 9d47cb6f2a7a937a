"""Courses that ask for each other as prerequisites, so that nobody can begin: found before they are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

Asks = Mapping[str, Collection[str]]  # course → the courses to complete before it


def any_circle(asks: Asks) -> list[str]:
    """Return a circle of prerequisites, its first course again at the end; empty where there is none."""
    try:
        TopologicalSorter(asks).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


def circle_through(asks: Asks, course: str) -> list[str]:
    """Return the shortest circle of prerequisites through a course, which stands at both ends; empty where there is none."""
    came_from: dict[str, str] = {}
    waiting = [course]
    for current in waiting:  # grows while it is walked: breadth first
        for first in asks.get(current, ()):
            if first == course:
                return way_to(current, course, came_from)
            if first not in came_from:
                came_from[first] = current
                waiting.append(first)
    return []


def way_to(last: str, course: str, came_from: Mapping[str, str]) -> list[str]:
    """Return the courses from one to the last that asks for it again."""
    way = [course]
    while last != course:
        way.append(last)
        last = came_from[last]
    return [course, *way[:0:-1], course]


def in_words(circle: Sequence[str]) -> str:
    """Return a circle as a sentence names it."""
    return " asks for ".join(repr(course) for course in circle)
