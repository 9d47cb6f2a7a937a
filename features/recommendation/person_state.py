"""One person's state from a few rows, without a data frame: what a request has time for.

The same rules as `features.skills.levels` and `features.recommendation.behaviour`, for one person; tests hold them equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from features.recommendation.behaviour import CLOSING_KINDS, EVENT_WEIGHTS, OPEN_KINDS, TAKEN_KINDS
from features.recommendation.catalogue import Catalogue
from features.skills.levels import COMPLETION_KINDS, HALF_LIFE_DAYS, PRECEDENCE

DAY_MICROS = 86_400 * 1_000_000
RANK = {source: place for place, source in enumerate(PRECEDENCE)}


class LearningEvent(NamedTuple):
    """A learning event of one person; `course` is an index, times are microseconds since 1970 UTC."""

    course: int
    kind: str
    happened: int
    snoozed_until: int | None = None


class SkillEvidence(NamedTuple):
    """A piece of evidence for a skill; `skill` is an index, `happened` microseconds since 1970 UTC."""

    skill: int
    level: float
    source: str
    happened: int


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
    """

    completed: dict[int, int] = field(default_factory=dict)
    current: frozenset[int] = frozenset()
    in_progress: frozenset[int] = frozenset()
    dismissed: frozenset[int] = frozenset()
    weights: dict[int, float] = field(default_factory=dict)
    held: dict[int, float] = field(default_factory=dict)


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
        course, kind = event.course, event.kind
        weight = EVENT_WEIGHTS.get(kind, 0.0)
        if weight > state.weights.get(course, 0.0):
            state.weights[course] = weight
        if kind in COMPLETION_KINDS:
            state.completed[course] = event.happened
        if kind in OPEN_KINDS or kind in CLOSING_KINDS:
            last_open[course] = kind in OPEN_KINDS
        if kind in TAKEN_KINDS or kind == "dismissed":
            last_word[course] = event
    state.current = frozenset(
        course
        for course, at in state.completed.items()
        if now - at < catalogue.certificate_days[course] * DAY_MICROS
    )
    state.in_progress = frozenset(course for course, is_open in last_open.items() if is_open) - state.current
    put_aside(state, last_word, now)
    state.held = held_now(catalogue, state.completed, evidence, now)
    return state


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
    """Return skill → level held: believed evidence, raised by completed courses (`features.skills.levels.held_levels`)."""
    believed: dict[int, tuple[tuple[bool, int, int], SkillEvidence]] = {}
    for one in evidence:
        is_stale = now - one.happened > HALF_LIFE_DAYS.get(one.source, 365) * DAY_MICROS
        order = (is_stale, RANK.get(one.source, len(RANK)), -one.happened)
        if one.skill not in believed or order < believed[one.skill][0]:
            believed[one.skill] = (order, one)
    held = {skill: found.level for skill, (_, found) in believed.items()}
    for course, at in completed.items():
        for skill, level, _ in catalogue.taught[course]:
            stated = believed[skill][1] if skill in believed else None
            may_raise = stated is None or at >= stated.happened or stated.source == "self"
            if may_raise and level > held.get(skill, -1.0):
                held[skill] = level
    return held
