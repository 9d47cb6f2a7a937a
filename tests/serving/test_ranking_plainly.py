"""The ranking, which looks at few courses and at most of them once, chooses as one that looks at all of them each time."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recommendation_cases import candidates_at_random, case_at_random, catalogue_at_random
from features.recommendation.catalogue import Floats
from features.recommendation.gap_value import gap_shares, worth_by_skill
from features.recommendation.level_fit import misfit
from features.recommendation.probable_gap import probable_values
from features.recommendation.raises import raises_of
from serving.recommendation.boosts import NONE, Boosts, boosts_of
from serving.recommendation.case import Candidates, Case, Causes
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Wishes, rank


def worths_alone(case: Case, policy: RankingPolicy, boosts: Boosts) -> Floats:
    """Return what each course is worth alone: the model's score, the share of the gap it closes, and what raises it."""
    gap_weight = case.candidates.gap_weight * policy.gap_factor
    worths = case.candidates.scores + gap_weight * gap_shares(case.catalogue, case.needs)
    for course, worth in zip(boosts.courses.tolist(), boosts.worths.tolist(), strict=True):
        worths[course] += worth
    for course in range(worths.size):
        found = misfit(case.catalogue, course, case.state.held)
        worths[course] -= policy.level_weight * found.distance if found else 0.0
    return worths


def probably_closed(case: Case) -> Floats:
    """Return what each course probably closes of each needed skill, (n_courses, k) float."""
    raises = raises_of(case.catalogue, case.needs)
    found = np.zeros((case.catalogue.size, case.needs.skills.size))
    courses = raises.taught.courses[raises.taught.row]
    found[courses, raises.taught.place] = probable_values(raises)
    return found


def plainly(case: Case, wishes: Wishes, policy: RankingPolicy, boosts: Boosts) -> list[int]:
    """Return the ranking of courses without prerequisites, each chosen among all of those that are left."""
    alone, probable = worths_alone(case, policy, boosts), probably_closed(case)
    closed = np.array([worth_by_skill(case.catalogue, one, case.needs) for one in range(alone.size)])
    scale = case.candidates.gap_weight * policy.gap_factor / case.needs.total
    fits = np.array([misfit(case.catalogue, one, case.state.held) is None for one in range(alone.size)])
    left, placed = wishes.allowed.copy(), list[int]()
    while left.any() and len(placed) < wishes.n:
        best = np.max(probable[placed], axis=0, initial=0.0)
        adds = np.where(left & fits, np.maximum(probable - best, 0.0).sum(axis=1), 0.0)
        is_turn = policy.gap_turn and (len(placed) + 1) % policy.gap_turn == 0 and adds.max() > 0
        before = np.max(closed[placed], axis=0, initial=0.0)
        now = alone - scale * np.minimum(closed, before).sum(axis=1)
        course = int(np.argmax(adds if is_turn else np.where(left, now, -np.inf)))
        placed.append(course)
        left[course] = False
    return placed


def wishes_of(case: Case, n: int, rng: np.random.Generator) -> Wishes:
    """Return a wish for so many of nine in ten courses."""
    allowed = rng.random(case.catalogue.size) < 0.9
    allowed[list(case.state.current)] = False
    return Wishes(n, 0, allowed)


@pytest.mark.parametrize("is_boosted", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_a_large_catalogue_is_ranked_as_if_every_course_was_looked_at(seed: int, *, is_boosted: bool) -> None:
    rng, policy = np.random.default_rng(seed), RankingPolicy(gap_turn=0)
    catalogue = catalogue_at_random(600, 60, rng)
    candidates = candidates_at_random(catalogue, rng)
    spread = candidates.scores + rng.random(catalogue.size) / 1e3  # no two alike
    kept = np.argsort(-spread)[: candidates.kept.size]
    case = case_at_random(catalogue, rng, Candidates(spread, candidates.gap_weight, kept, candidates.causes))
    boosts = boosts_of(case, policy, {}, 0) if is_boosted else NONE
    wishes = wishes_of(case, 150, rng)
    found = rank(case, wishes, policy, boosts)
    assert [one.course for one in found] == plainly(case, wishes, policy, boosts)


@pytest.mark.parametrize("seed", range(12))
def test_turns_go_to_what_closes_most_of_all_that_is_left(seed: int) -> None:
    rng, policy = np.random.default_rng(seed), RankingPolicy(gap_turn=3)
    catalogue = catalogue_at_random(32, 20, rng)
    every = np.arange(catalogue.size)
    causes = Causes((every + 1).astype(np.int32), every * 0, every, every)
    case = case_at_random(catalogue, rng, Candidates(rng.normal(size=every.size), 2.0, every, causes))
    wishes = wishes_of(case, 15, rng)
    found = rank(case, wishes, policy, NONE)
    assert [one.course for one in found] == plainly(case, wishes, policy, NONE)
