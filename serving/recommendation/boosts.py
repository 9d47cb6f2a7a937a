"""What raises a course beside the model and the gap: maintenance, strategic priorities, estimated impact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.recommendation.catalogue import Catalogue, Floats, Integers
from features.recommendation.gap_value import Needs
from features.recommendation.person_state import PersonState
from features.recommendation.reasons import IMPACT, MAINTAINS, PRIORITY, RENEWS, Ground
from serving.recommendation.case import Case
from serving.recommendation.policy import RankingPolicy

NEARLY = 0.5  # a course that teaches a skill up to so little below the level held is evidence of it
IMPACT_VERDICTS = ("credible", "randomised_evidence")  # what a ranking may rest on; "suggestive" may not
NO_COURSES, NO_WORTHS = np.empty(0, np.int64), np.empty(0)


@dataclass(frozen=True)
class Boosts:
    """Pairs of a course and a reason to raise it; a course may stand more than once.

    Parameters
    ----------
    courses : (k,) int
        Indices into the catalogue.
    worths : (k,) float
        In standard deviations of the model's score.
    grounds : sequence of Ground
        What each rests on; of the form that `features.recommendation.reasons` puts into words.
    """

    courses: Integers
    worths: Floats
    grounds: Sequence[Ground]

    @cached_property
    def raised(self) -> frozenset[int]:
        """Which courses are among the pairs."""
        return frozenset(self.courses.tolist())

    def of(self, course: int) -> Sequence[Ground]:
        """Return what one course's boosts rest on, the largest first."""
        if course not in self.raised:
            return ()
        places = np.flatnonzero(self.courses == course)
        return [self.grounds[place] for place in places[np.argsort(-self.worths[places], kind="stable")]]


NONE = Boosts(NO_COURSES, NO_WORTHS, ())


def boosts_of(
    case: Case, policy: RankingPolicy, impact: Mapping[str, list[dict[str, Any]]], now: int
) -> Boosts:
    """Return what raises courses for a person under a policy; nothing where nothing applies.

    Parameters
    ----------
    case : Case
        The courses, the strategic priorities, what the target job asks for (only that is maintained), and what is
        held, fades, or expires.
    policy : RankingPolicy
        The weights.
    impact : mapping of str to list
        Course → its estimated effects.
    now : int
        Microseconds since 1970 UTC.
    """
    catalogue, state = case.catalogue, case.state
    found: list[tuple[int, float, Ground]] = []
    if policy.maintenance_weight and (state.renewals or state.fading):
        found += renewals(state, policy.maintenance_weight)
        found += maintenance(catalogue, case.needs, state, policy.maintenance_weight)
    if policy.priority_weight and catalogue.priorities:
        found += priorities(catalogue, state, policy.priority_weight, now)
    if policy.impact_weight and policy.impact_outcomes and impact:
        found += impacts(catalogue, policy, impact)
    if not found:
        return NONE
    return Boosts(
        np.array([course for course, _, _ in found], dtype=np.int64),
        np.array([worth for _, worth, _ in found]),
        [ground for _, _, ground in found],
    )


def renewals(state: PersonState, weight: float) -> list[tuple[int, float, Ground]]:
    """Return the completed courses whose certificate expires soon, or did."""
    return [(course, weight, Ground(RENEWS, at=end)) for course, end in state.renewals.items()]


def maintenance(
    catalogue: Catalogue, needs: Needs, state: PersonState, weight: float
) -> list[tuple[int, float, Ground]]:
    """Return the courses that are new evidence of a skill the job asks for, whose evidence fades; by its importance."""
    found: list[tuple[int, float, Ground]] = []
    asked: list[int] = needs.skills.tolist()
    for skill, end in state.fading.items():
        if skill not in asked:
            continue
        held, importance = state.held[skill], needs.importance.item(asked.index(skill))
        taught = catalogue.closing(np.array([skill]))
        near = taught.level >= held - NEARLY
        ground = Ground(MAINTAINS, skill, held, end)
        pairs = zip(taught.course[near].tolist(), taught.coverage[near].tolist(), strict=True)
        found += [
            (course, weight * importance * coverage, ground)
            for course, coverage in pairs
            if course not in state.renewals
        ]
    return found


def priorities(
    catalogue: Catalogue, state: PersonState, weight: float, now: int
) -> list[tuple[int, float, Ground]]:
    """Return the courses that raise a skill the organisation wants more of; a raise of one level counts whole."""
    found: list[tuple[int, float, Ground]] = []
    for one in catalogue.priorities:
        if not one.start <= now < one.end:
            continue
        taught = catalogue.closing(np.array([one.skill]))
        raised = np.clip(taught.level - state.held.get(one.skill, 0.0), 0.0, 1.0)
        worths = weight * one.weight * taught.coverage * raised
        ground = Ground(PRIORITY, one.skill, one.weight)
        pairs = zip(taught.course.tolist(), worths.tolist(), strict=True)
        found += [(course, worth, ground) for course, worth in pairs if worth > 0]
    return found


def impacts(
    catalogue: Catalogue, policy: RankingPolicy, impact: Mapping[str, list[dict[str, Any]]]
) -> list[tuple[int, float, Ground]]:
    """Return the courses with a credible effect on an outcome that the policy names.

    What counts is the end of the interval nearer to 0, as a share of the largest such effect on the same outcome; an
    interval that holds 0 counts nothing, and an effect in the unwanted direction pushes the course back.
    """
    told = [
        (catalogue.course_index[course], one)
        for course, effects in impact.items()
        if course in catalogue.course_index
        for one in effects
        if one["verdict"] in IMPACT_VERDICTS and policy.impact_outcomes.get(one["outcome"])
    ]
    largest: dict[str, float] = {}
    for _, one in told:
        largest[one["outcome"]] = max(largest.get(one["outcome"], 0.0), abs(sure_part(one)))
    found: list[tuple[int, float, Ground]] = []
    for course, one in told:
        outcome, sure = one["outcome"], sure_part(one)
        if sure:
            share = policy.impact_outcomes[outcome] * sure / largest[outcome]
            ground = Ground(IMPACT, number=one["value"], text=outcome)
            found.append((course, policy.impact_weight * share, ground))
    return found


def sure_part(effect: Mapping[str, float]) -> float:
    """Return the end of an effect's interval that is nearer to 0; 0 where the interval holds it."""
    low, high = effect["low"], effect["high"]
    return low if low > 0 else high if high < 0 else 0.0
