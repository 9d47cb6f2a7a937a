"""Which of several versions of a fact are new: the rule of append-only facts, free of any database."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One version of one fact.

    Parameters
    ----------
    known_at : int
        Microseconds since 1970.
    values : hashable
        What the fact says.
    staged_no : int, optional
        Names a version that waits; None for one that is stored.
    is_derived : bool
        True where the source did not say when it became known.
    """

    known_at: int
    values: Hashable
    staged_no: int | None = None
    is_derived: bool = False


@dataclass(frozen=True)
class Decision:
    """What becomes of a waiting version.

    Parameters
    ----------
    staged_no : int
        The version.
    known_at : int, optional
        When it counts as known; None: it says nothing new.
    conflict : int, optional
        `staged_no` of another version of the same file that says something else about the same fact.
    """

    staged_no: int
    known_at: int | None = None
    conflict: int | None = None


def settle(stored: Sequence[Version], waiting: Sequence[Version], imported_at: int) -> list[Decision]:
    """Decide about the waiting versions of one fact, in the order in which they became known.

    A version that says what was known before says nothing new. One that says something else at a moment for
    which something is known already is a correction, known from the import on.

    Parameters
    ----------
    stored, waiting : sequence of Version
        Of the same fact.
    imported_at : int
        The moment of the import, microseconds since 1970.

    Returns
    -------
    list of Decision
        One for each waiting version.
    """
    known = sorted(stored, key=lambda version: version.known_at)
    decisions = []
    for version in sorted(waiting, key=lambda version: (version.known_at, version.staged_no)):
        decision = settle_one(known, version, imported_at)
        decisions.append(decision)
        if decision.known_at is not None:
            known.append(Version(decision.known_at, version.values, version.staged_no))
            known.sort(key=lambda one: one.known_at)
    return decisions


def settle_one(known: Sequence[Version], version: Version, imported_at: int) -> Decision:
    """Decide about one version, given those known already in order of time."""
    number = version.staged_no or 0
    if not known:
        return Decision(number, version.known_at)
    latest = known[-1]
    if version.is_derived:
        return against(latest, version, max(imported_at, latest.known_at + 1))
    before = [one for one in known if one.known_at <= version.known_at]
    neighbour = before[-1] if before else known[0]
    if neighbour.values == version.values:
        return Decision(number)
    if neighbour.known_at != version.known_at:
        return Decision(number, version.known_at)
    if neighbour.staged_no is not None:
        return Decision(number, conflict=neighbour.staged_no)
    if any(one.values == version.values for one in known if one.known_at > version.known_at):
        return Decision(number)  # the correction stands already
    return against(latest, version, max(imported_at, latest.known_at + 1))


def against(latest: Version, version: Version, corrected_at: int) -> Decision:
    """Decide about a version by comparing it with the latest known one."""
    number = version.staged_no or 0
    if latest.values == version.values:
        return Decision(number)
    if latest.staged_no is not None:
        return Decision(number, conflict=latest.staged_no)
    return Decision(number, corrected_at)
