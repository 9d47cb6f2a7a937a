"""One person's state from a few rows, without a data frame: what a request has time for.

The same rules as `features.skills.levels` and `features.recommendation.behaviour`, for one person; tests hold them equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from features.recommendation.behaviour import CLOSING_KINDS, EVENT_WEIGHTS, OPEN_KINDS, TAKEN_KINDS
from features.recommendation.catalogue import DAY_MICROS, Catalogue
from features.skills.levels import COMPLETED, COMPLETION_KINDS, HALF_LIFE_DAYS, PRECEDENCE

SOON_MICROS = (
    60 * DAY_MICROS
)  # so long before evidence goes stale, or a certificate expires, it is worth renewing
LATE_MICROS = 365 * DAY_MICROS  # so long after a certificate expired it is still offered again as a renewal
HALF_LIFE_MICROS = {source: days * DAY_MICROS for source, days in HALF_LIFE_DAYS.items()}
YEAR_MICROS = 365 * DAY_MICROS
RANK = {source: place for place, source in enumerate(PRECEDENCE)}


class Meaning(NamedTuple):
    """What a kind of event says: how much the course was wanted, whether it is completed, open (None: neither), and wished for."""

    weight: float
    is_completed: bool
    is_open: bool | None
    is_word: bool


def meaning(kind: str) -> Meaning:
    """Return what a kind of event says."""
    is_open = True if kind in OPEN_KINDS else False if kind in CLOSING_KINDS else None
    is_word = kind in TAKEN_KINDS or kind == "dismissed"
    return Meaning(EVENT_WEIGHTS.get(kind, 0.0), kind in COMPLETION_KINDS, is_open, is_word)


MEANINGS = {
    kind: meaning(kind)
    for kind in {*EVENT_WEIGHTS, *TAKEN_KINDS, *OPEN_KINDS, *CLOSING_KINDS, *COMPLETION_KINDS, "dismissed"}
}
SAYS_NOTHING = meaning("")


class LearningEvent(msgspec.Struct, frozen=True, gc=False):
    """A learning event of one person; `course` is an index, times are microseconds since 1970 UTC."""

    course: int
    kind: str
    happened: int
    snoozed_until: int | None = None


class SkillEvidence(msgspec.Struct, frozen=True, gc=False):
    """A piece of evidence for a skill; `skill` is an index, `happened` microseconds since 1970 UTC."""

    skill: int
    level: float
    source: str
    happened: int


Believed = tuple[tuple[bool, int, int], SkillEvidence]  # what evidence is ordered by, and the evidence


@dataclass
class PersonState:
    """What one person did, holds, and does not want, as of a moment.

    Parameters
    ----------
    completed : dict of int to int
        Course → when it was last completed; expired certificates are among them.
    current : frozenset of int
        Completed courses that still count.
    in_progress : frozenset of int
        Courses begun and neither finished nor withdrawn from.
    dismissed : frozenset of int
        Courses not wanted now.
    weights : dict of int to float
        Course → how much it was wanted (`EVENT_WEIGHTS`): the history that a model sees.
    held : dict of int to float
        Skill → level 0–5.
    fading : dict of int to int
        Skill → when the evidence of its level goes (or went) stale, where that is soon or was.
    renewals : dict of int to int
        Completed course → when its certificate expires (or expired), where that is soon or was not long ago.
    """

    completed: dict[int, int] = field(default_factory=dict)
    current: frozenset[int] = frozenset()
    in_progress: frozenset[int] = frozenset()
    dismissed: frozenset[int] = frozenset()
    weights: dict[int, float] = field(default_factory=dict)
    held: dict[int, float] = field(default_factory=dict)
    fading: dict[int, int] = field(default_factory=dict)
    renewals: dict[int, int] = field(default_factory=dict)


def person_state(
    catalogue: Catalogue, events: Iterable[LearningEvent], evidence: Iterable[SkillEvidence], now: int
) -> PersonState:
    """Return a person's state.

    Parameters
    ----------
    catalogue : Catalogue
        What courses teach, and for how long certificates hold.
    events : iterable of LearningEvent
        In the order in which they happened.
    evidence : iterable of SkillEvidence
        Held skills as recorded, in the order in which they happened.
    now : int
        Microseconds since 1970 UTC; nothing later is among the rows.
    """
    state = PersonState()
    last_open: dict[int, bool] = {}
    last_word: dict[int, LearningEvent] = {}
    for event in events:
        course = event.course
        weight, is_completed, is_open, is_word = MEANINGS.get(event.kind, SAYS_NOTHING)
        if weight > state.weights.get(course, 0.0):
            state.weights[course] = weight
        if is_completed:
            state.completed[course] = event.happened
        if is_open is not None:
            last_open[course] = is_open
        if is_word:
            last_word[course] = event
    state.current = still_current(catalogue, state, now)
    state.in_progress = frozenset(course for course, is_open in last_open.items() if is_open) - state.current
    put_aside(state, last_word, now)
    state.held, state.fading = levels_now(catalogue, state.completed, evidence, now)
    return state


def still_current(catalogue: Catalogue, state: PersonState, now: int) -> frozenset[int]:
    """Return the completed courses that still count, and note the certificates that are worth renewing."""
    lasting, current = catalogue.certificate_micros, []
    for course, at in state.completed.items():
        left = at + lasting[course] - now
        if left > 0:
            current.append(course)
        if -LATE_MICROS < left < SOON_MICROS:
            state.renewals[course] = int(now + left)
    return frozenset(current)


def put_aside(state: PersonState, last_word: dict[int, LearningEvent], now: int) -> None:
    """Note what is dismissed now; what is dismissed for good also leaves the history that a model sees."""
    said_no = [event for event in last_word.values() if event.kind == "dismissed"]
    lasting = {event.course for event in said_no if event.snoozed_until is None}
    snoozed = {event.course for event in said_no if (event.snoozed_until or 0) > now}
    state.dismissed = frozenset(lasting | snoozed)
    for course in lasting:
        state.weights.pop(course, None)


def held_now(
    catalogue: Catalogue, completed: dict[int, int], evidence: Iterable[SkillEvidence], now: int
) -> dict[int, float]:
    """Return skill → level held (`levels_now`)."""
    return levels_now(catalogue, completed, evidence, now)[0]


def levels_now(
    catalogue: Catalogue, completed: dict[int, int], evidence: Iterable[SkillEvidence], now: int
) -> tuple[dict[int, float], dict[int, int]]:
    """Return skill → level held, and skill → when its evidence goes stale, where that is soon or was.

    Believed evidence, raised by completed courses (`features.skills.levels.held_levels`). A course completed later
    that teaches the level held is new evidence of it.
    """
    believed: dict[int, Believed] = {}
    fading: dict[int, int] = {}
    soon = now + SOON_MICROS
    for one in evidence:
        end = one.happened + HALF_LIFE_MICROS.get(one.source, YEAR_MICROS)
        order = (now > end, RANK.get(one.source, len(RANK)), -one.happened)
        if one.skill not in believed or order < believed[one.skill][0]:
            believed[one.skill] = (order, one)
            noted(fading, one.skill, end, soon)
    held = {skill: found.level for skill, (_, found) in believed.items()}
    taught = catalogue.taught
    for course, at in completed.items():
        end = at + HALF_LIFE_MICROS[COMPLETED]
        for skill, level, _ in taught[course]:
            known = held.get(skill, -1.0)
            if level > known and may_raise(believed, skill, at):
                held[skill] = level
                noted(fading, skill, end, soon)
            elif skill in fading and level >= known and end > fading[skill]:
                noted(fading, skill, end, soon)
    return held, fading


def may_raise(believed: Mapping[int, Believed], skill: int, at: int) -> bool:
    """Say whether a course completed at a moment may raise a level: over no evidence, older one, or one's own word."""
    if skill not in believed:
        return True
    evidence = believed[skill][1]
    return at >= evidence.happened or evidence.source == "self"


def noted(fading: dict[int, int], skill: int, end: int, soon: int) -> None:
    """Note when the evidence of a skill goes stale, where that is soon or was; else forget that it fades."""
    if end < soon:
        fading[skill] = end
    elif skill in fading:
        del fading[skill]
