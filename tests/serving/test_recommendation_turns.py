"""Every third place of a list goes to what closes most of the gap that is probably left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.recommendation_cases import case_at_random, catalogue_at_random
from features.recommendation.catalogue import Catalogue, Profile
from features.recommendation.gap_value import needs_of
from features.recommendation.person_state import PersonState
from features.recommendation.probable_gap import expected_raise
from features.recommendation.raises import raises_of
from features.recommendation.reasons import Cause, Place, Unsure, reason
from serving.recommendation.boosts import NONE
from serving.recommendation.case import Candidates, Case
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Ranked, Wishes, rank
from serving.recommendation.turns import Offers


@pytest.fixture
def catalogue() -> Catalogue:
    """Return forty courses and a job that asks for six skills at 3."""
    found = catalogue_at_random(40, 12, np.random.default_rng(7))
    asked = Profile(np.arange(6), np.full(6, 3.0), np.ones(6))
    return replace(found, jobs={"J": asked})


def case_of(catalogue: Catalogue, held: dict[int, float]) -> Case:
    """Return a person whom the model would rather show what closes nothing."""
    needs = needs_of(catalogue.jobs["J"], held)
    useful = np.isin(np.arange(catalogue.size), catalogue.closing(needs.skills).course)
    scores = np.where(useful, 0.0, 5.0) + np.arange(catalogue.size) / 100
    return Case(catalogue, needs, Candidates(scores, 0.1, np.arange(catalogue.size)), PersonState(held=held))


def ranking(case: Case, n: int, policy: RankingPolicy) -> list[Ranked]:
    """Return the first courses."""
    return rank(case, Wishes(n, 0, np.ones(case.catalogue.size, dtype=bool)), policy, NONE)


def raised(case: Case, course: int) -> dict[int, float]:
    """Return what a course probably raises: place in the needs → worth, from what it teaches and how uncertain levels are."""
    found = {}
    for skill, level, coverage in case.catalogue.taught[course]:
        if skill in case.needs.places:
            place, held, required, importance = case.needs.places[skill]
            found[place] = importance * coverage * expected_raise(min(level, required) - held)
    return {place: worth for place, worth in found.items() if worth > 0}


def closing(case: Case, found: list[Ranked]) -> list[bool]:
    """Return which of the courses probably raise something."""
    return [bool(raised(case, one.course)) for one in found]


def test_the_third_place_of_three_goes_to_the_gap(catalogue: Catalogue) -> None:
    case = case_of(catalogue, {})
    found = ranking(case, 7, RankingPolicy(level_weight=0.0))
    assert closing(case, found) == [False, False, True, False, False, True, False]
    assert not any(closing(case, ranking(case, 7, RankingPolicy(gap_turn=0))))


def test_the_beginning_of_a_list_does_not_depend_on_its_length(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        case = case_at_random(catalogue, rng)
        long = [one.course for one in ranking(case, 15, RankingPolicy())]
        assert [one.course for one in ranking(case, 6, RankingPolicy())] == long[:6]


def test_nobody_gets_a_turn_where_every_level_is_surely_there(catalogue: Catalogue) -> None:
    case = case_of(catalogue, dict.fromkeys(range(6), 5.0))
    policy = RankingPolicy(level_weight=0.0)
    assert [one.course for one in ranking(case, 9, policy)] == [
        one.course for one in ranking(case, 9, policy.model_copy(update={"gap_turn": 0}))
    ]


def test_what_is_met_on_record_is_made_sure_and_said_so(catalogue: Catalogue) -> None:
    case = case_of(catalogue, dict.fromkeys(range(6), 3.0))
    third = ranking(case, 3, RankingPolicy())[2]
    assert third.turn is not None
    assert third.turn.taught >= 3.0 == third.turn.held
    surely = case_of(
        catalogue, {**dict.fromkeys(range(6), 3.0), third.turn.place: 5.0}
    )  # its cause taken away
    assert third.turn.place not in raised(surely, third.course)
    skill = catalogue.skill_names[third.turn.place]
    said = reason(catalogue, [], Cause(), ("J", None), Place(unsure=Unsure(skill, 3.0, third.turn.taught)))
    assert said.startswith(f"Makes sure of {skill}, which J asks for")


def test_a_recorded_gap_needs_no_doubt(catalogue: Catalogue) -> None:
    found = ranking(case_of(catalogue, {}), 9, RankingPolicy(level_weight=0.0))
    assert all(one.turn is None for one in found)


def test_the_expected_raise_is_the_mean_over_where_the_level_may_be() -> None:
    drawn = np.random.default_rng(7).normal(0.0, 0.5, 200_000)
    for margin in (0.0, 0.5, 1.0, 3.0):
        assert expected_raise(margin) == pytest.approx(np.maximum(margin + drawn, 0.0).mean(), abs=0.005)
    assert expected_raise(-2.0) == 0.0


def test_what_is_offered_is_worth_what_it_probably_raises(catalogue: Catalogue) -> None:
    case = case_at_random(catalogue, np.random.default_rng(5))
    everything = np.ones(catalogue.size, dtype=bool)
    offers = Offers(case.needs, raises_of(catalogue, case.needs), everything, case.candidates.scores)
    for course, pairs in offers.taught.pairs.items():
        worths = {offers.taught.places[one]: offers.worths[one] for one in pairs if offers.worths[one] > 0}
        assert worths == pytest.approx(raised(case, course))
        assert offers.more(course) == pytest.approx(sum(worths.values()))


def test_each_offer_closes_most_of_what_those_before_it_left(catalogue: Catalogue) -> None:
    for seed in range(10):
        case = case_at_random(catalogue, np.random.default_rng(seed))
        everything = np.ones(catalogue.size, dtype=bool)
        offers = Offers(case.needs, raises_of(catalogue, case.needs), everything, case.candidates.scores)
        closed: dict[int, float] = {}
        while (course := offers.best(set())) is not None:
            left = {
                one: sum(
                    max(0.0, worth - closed.get(place, 0.0)) for place, worth in raised(case, one).items()
                )
                for one in range(catalogue.size)
            }
            assert left[course] == pytest.approx(max(left.values()))
            offers.note([course])
            for place, worth in raised(case, course).items():
                closed[place] = max(closed.get(place, 0.0), worth)


def test_what_is_placed_already_is_not_given_again(catalogue: Catalogue) -> None:
    found = [one.course for one in ranking(case_of(catalogue, {}), 30, RankingPolicy())]
    assert len(set(found)) == len(found) == 30
