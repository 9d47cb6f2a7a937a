"""What a course, or a set of courses, is worth to a person: the importance of the gaps it closes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from features.recommendation.catalogue import Catalogue, Floats, Integers, Needed, Profile

EPSILON = 1e-12
Gain = tuple[int, float, float, float]  # place in the needs, level from, level to, what that is worth


@dataclass(eq=False)  # not frozen: made for every answer
class Needs:
    """What a job asks for beside what a person holds, each of shape (k,).

    Parameters
    ----------
    skills : (k,) int
        Indices into ``catalogue.skill_ids``.
    required, held : (k,) float
        Proficiency levels 0–5.
    importance : (k,) float
        Weight of each skill in the job, 0–1.
    needed : dict of int to tuple of Needed
        Course → what it teaches of this, whoever asks: found once for all who have the same needs but for what they hold.
    """

    skills: Integers
    required: Floats
    held: Floats
    importance: Floats
    needed: dict[int, tuple[Needed, ...]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Make ready what `gains` looks up: the levels held as plain numbers, and what it found before by course."""
        self.starts: list[float] = self.held.tolist()
        self.known_gains: dict[int, list[Gain]] = {}

    @cached_property
    def places(self) -> dict[int, tuple[int, float, float, float]]:
        """Skill → its place here, and the levels held and required and the importance there."""
        held, required, importance = self.held.tolist(), self.required.tolist(), self.importance.tolist()
        rows = zip(range(len(held)), held, required, importance, strict=True)
        return dict(zip(self.skills.tolist(), rows, strict=True))

    @property
    def gaps(self) -> Floats:
        """The levels that are missing, (k,) float; 0 where the requirement is met."""
        return np.maximum(self.required - self.held, 0.0)

    @cached_property
    def total(self) -> float:
        """The importance-weighted sum of all missing levels."""
        return float(self.importance @ self.gaps)

    def after(self, held: Floats) -> Needs:
        """Return the same needs with other held levels."""
        return replace(self, held=held)


NO_NEEDS = Needs(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0))


def needs_of(profile: Profile | None, held: dict[int, float]) -> Needs:
    """Return a person's needs for a job; none where the job asks for nothing.

    Parameters
    ----------
    profile : Profile, optional
        What the job asks for.
    held : dict of int to float
        Skill index → level held; absent means 0.
    """
    if profile is None:
        return NO_NEEDS
    levels = np.array([held.get(skill, 0.0) for skill in profile.skills.tolist()], dtype=np.float64)
    return Needs(profile.skills, profile.levels, levels, profile.importance, profile.needed)


def gap_values(catalogue: Catalogue, needs: Needs) -> Floats:
    """Return what each course alone is worth: Σ importance × coverage × level gained.

    Parameters
    ----------
    catalogue : Catalogue
        What courses teach, and up to which level.
    needs : Needs
        What is missing; a level beyond the required one gains nothing.

    Returns
    -------
    (n_courses,) float
        0 where a course closes no gap; ``needs.total`` where it surely closes them all.
    """
    values = np.zeros(catalogue.size)
    taught = catalogue.taught_by
    for place in np.flatnonzero(needs.gaps > EPSILON):
        span = taught.of(int(needs.skills[place]))
        gained = np.minimum(taught.level[span], needs.required[place]) - needs.held[place]
        values[taught.other[span]] += (
            needs.importance[place] * taught.coverage[span] * np.maximum(gained, 0.0)
        )
    return values


def gap_shares(catalogue: Catalogue, needs: Needs) -> Floats:
    """Return the share of a person's whole weighted gap that each course closes, (n_courses,) float 0–1."""
    total = needs.total
    return gap_values(catalogue, needs) / total if total > EPSILON else np.zeros(catalogue.size)


def gains(catalogue: Catalogue, course: int, needs: Needs) -> list[Gain]:
    """Return what one course closes: place in `needs`, level from, level to, and what that is worth.

    Returns
    -------
    list of (int, float, float, float)
        The most valuable first.
    """
    known = needs.known_gains.get(course)
    if known is not None:
        return known
    needed, starts = needs.needed.get(course), needs.starts
    if needed is None:
        needed = needs.needed[course] = tuple(needed_of(catalogue, course, needs))
    found = [
        (place, start, level, worth * (level - start))
        for place, level, worth in needed
        if level > (start := starts[place]) + EPSILON
    ]
    if len(found) > 1:
        found.sort(key=lambda gain: -gain[3])
    needs.known_gains[course] = found
    return found


def needed_of(catalogue: Catalogue, course: int, needs: Needs) -> Iterator[Needed]:
    """Yield what a course teaches of what is needed: nothing beyond the required level counts."""
    for skill, level, coverage in catalogue.taught[course]:
        if skill in needs.places:
            place, _, required, importance = needs.places[skill]
            yield place, min(level, required), importance * coverage


def held_after(catalogue: Catalogue, courses: Iterable[int], needs: Needs) -> Floats:
    """Return the levels held, (k,) float, once those courses are completed; nothing is lowered."""
    held = needs.held.copy()
    for course in courses:
        for place, level in taught_places(catalogue, course, needs):
            held[place] = max(held[place], level)
    return held


def taught_places(catalogue: Catalogue, course: int, needs: Needs) -> list[tuple[int, float]]:
    """Return the needed skills that a course teaches, as place in `needs` and level."""
    return [
        (needs.places[skill][0], level)
        for skill, level, _ in catalogue.taught[course]
        if skill in needs.places
    ]


def set_value(catalogue: Catalogue, courses: Iterable[int], needs: Needs) -> float:
    """Return what a set of courses is worth together: each skill counts its best course once.

    Notes
    -----
    Monotone and submodular (a sum over skills of a maximum), so greedy selection of `n` courses reaches at
    least 1 − 1/e of the best set of `n`.

    References
    ----------
    Nemhauser, Wolsey and Fisher, "An analysis of approximations for maximizing submodular set functions",
    Mathematical Programming 14 (1978), doi:10.1007/BF01588971.
    """
    best = np.zeros(needs.skills.size)
    for course in courses:
        np.maximum(best, worth_by_skill(catalogue, course, needs), out=best)
    return float(best.sum())


def worth_by_skill(catalogue: Catalogue, course: int, needs: Needs) -> Floats:
    """Return what a course is worth for each needed skill, (k,) float."""
    worth = np.zeros(needs.skills.size)
    for place, _, _, value in gains(catalogue, course, needs):
        worth[place] = value
    return worth
