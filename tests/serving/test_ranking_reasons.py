"""Reasons are true: take away what a reason names, and the course falls; and no policy breaks what must hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from msgspec import structs

from features.recommendation.catalogue import DAY_MICROS, Catalogue, Priority, to_micros
from features.recommendation.catalogue_building import build_catalogue
from features.recommendation.gap_value import needs_of
from features.recommendation.level_fit import misfit
from features.recommendation.person_state import LearningEvent, PersonState, SkillEvidence, person_state
from features.recommendation.reasons import TAKERS, Place, reason
from serving.recommendation.boosts import boosts_of
from serving.recommendation.case import Candidates, Case, Causes
from serving.recommendation.person_rows import Assignment
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Ranked, Wishes, rank

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
NOW = to_micros(MOMENT)
DAY = DAY_MICROS
COURSES = ("art", "bare", "calm", "data1", "data5", "law", "sql2", "sql4")
TAUGHT = [("art", "art", 2.0), ("calm", "calm", 2.0), ("data1", "data", 1.0), ("data5", "data", 5.0),
          ("law", "law", 3.0), ("sql2", "sql", 2.0), ("sql4", "sql", 4.0)]  # fmt: skip
PROVIDERS = ["Ape", "Ape", "Ape", "Bee", "Bee", None, "Cat", "Cat"]
ASKED = [("analyst", "sql", 4.0), ("analyst", "law", 3.0)]
NO_IMPACT: dict[str, list[dict[str, Any]]] = {}


def catalogue_of(prerequisites: list[tuple[str, str]] | None = None) -> Catalogue:
    """Return eight courses; the one called bare teaches nothing, law is a certificate of a year."""
    pairs = prerequisites or []
    tables = {
        "courses": pl.DataFrame(
            {
                "course_id": COURSES,
                "title": [one.title() for one in COURSES],
                "provider": PROVIDERS,
                "modality": ["online"] * 8,
                "certificate_valid_days": [365 if one == "law" else None for one in COURSES],
            }
        ),
        "course_skills": pl.DataFrame(
            {
                "course_id": [one[0] for one in TAUGHT],
                "skill_id": [one[1] for one in TAUGHT],
                "level": [one[2] for one in TAUGHT],
                "source": ["given"] * len(TAUGHT),
                "confidence": [1.0] * len(TAUGHT),
            }
        ),
        "course_prerequisites": pl.DataFrame(
            {"course_id": [a for a, _ in pairs], "prerequisite_id": [b for _, b in pairs]},
            schema={"course_id": pl.String, "prerequisite_id": pl.String},
        ),
        "job_skills": pl.DataFrame(
            {
                "job_id": [one[0] for one in ASKED],
                "skill_id": [one[1] for one in ASKED],
                "level": [one[2] for one in ASKED],
                "importance": [1.0] * len(ASKED),
                "source": ["given"] * len(ASKED),
                "required_from": [None] * len(ASKED),
            },
            schema_overrides={"required_from": pl.Datetime("us", "UTC")},
        ),
    }
    return build_catalogue(tables, MOMENT)


def case_of(
    catalogue: Catalogue,
    held: dict[str, float] | None = None,
    scores: dict[str, float] | None = None,
    events: list[tuple[str, float]] | None = None,
    stated_days_ago: float = 10.0,
) -> Case:
    """Return a person who aims at analyst: assessed levels, the model's scores, completions (course, days ago)."""
    course, skill = catalogue.course_index, catalogue.skill_index
    done = [LearningEvent(course[name], "completed", NOW - int(days * DAY)) for name, days in events or []]
    stated = NOW - int(stated_days_ago * DAY)
    evidence = [SkillEvidence(skill[name], level, "assessed", stated) for name, level in (held or {}).items()]
    state = person_state(catalogue, done, evidence, NOW)
    values = np.zeros(catalogue.size)
    for name, score in (scores or {}).items():
        values[course[name]] = score
    every = np.arange(catalogue.size)
    causes = np.where(values > 0, TAKERS, 0)
    because = np.full(catalogue.size, course["art"])
    candidates = Candidates(values, 2.0, every, Causes((every + 1).astype(np.int32), causes, because, every))
    return Case(catalogue, needs_of(catalogue.jobs["analyst"], state.held), candidates, state)


def ranking_of(
    case: Case,
    policy: RankingPolicy | None = None,
    impact: dict[str, list[dict[str, Any]]] | None = None,
    **wishes: Any,
) -> tuple[list[str], dict[str, str], dict[str, float]]:
    """Return the courses in their order, the reason and the score of each."""
    used = policy or RankingPolicy()
    boosts = boosts_of(case, used, impact or NO_IMPACT, NOW)
    allowed = np.ones(case.catalogue.size, dtype=bool)
    allowed[list(case.state.current - case.state.renewals.keys())] = False
    found = rank(case, structs.replace(Wishes(8, 0, allowed), **wishes), used, boosts)
    said = {}
    for one in found:
        place = Place(boosts.of(one.course), one.misfit, one.opens, now=NOW)
        said[case.catalogue.course_ids[one.course]] = reason(
            case.catalogue, [], one.cause, (None, None), place
        )
    return list(said), said, {case.catalogue.course_ids[one.course]: one.score for one in found}


def fell(course: str, before: tuple[list[str], Any, Any], after: tuple[list[str], Any, Any]) -> bool:
    """Return whether a course stands later, and its score is lower."""
    return after[0].index(course) > before[0].index(course) and after[2][course] < before[2][course]


def test_without_the_gap_a_course_falls() -> None:
    catalogue = catalogue_of()
    before = ranking_of(case_of(catalogue, {"law": 3.0}))
    after = ranking_of(case_of(catalogue, {"law": 3.0, "sql": 4.0}))
    assert before[0][0] == "sql4"
    assert fell("sql4", before, after)


def test_without_the_peers_a_course_falls() -> None:
    catalogue = catalogue_of()
    before = ranking_of(case_of(catalogue, scores={"calm": 3.0}))
    after = ranking_of(case_of(catalogue))
    assert "people who took 'Art' often take it" in before[1]["calm"].lower().replace("art", "Art")
    assert "often take it" not in after[1]["calm"]
    assert fell("calm", before, after)


def test_without_the_priority_a_course_falls() -> None:
    plain = catalogue_of()
    wanted = replace(plain, priorities=(Priority(plain.skill_index["calm"], 0.8, NOW - DAY, NOW + DAY),))
    before, after = ranking_of(case_of(wanted)), ranking_of(case_of(plain))
    assert "the organisation wants more calm (priority 0.8)" in before[1]["calm"].lower()
    assert fell("calm", before, after)
    over = replace(plain, priorities=(Priority(plain.skill_index["calm"], 0.8, NOW - 2 * DAY, NOW),))
    assert ranking_of(case_of(over)) == after
    held = case_of(wanted, {"calm": 2.0})
    assert "organisation" not in ranking_of(held)[1]["calm"]  # it raises nothing any more


def test_without_fading_evidence_maintenance_falls() -> None:
    catalogue = catalogue_of()
    held = {"sql": 4.0, "law": 3.0}
    before = ranking_of(case_of(catalogue, held, stated_days_ago=1090))
    after = ranking_of(case_of(catalogue, held))
    assert before[1]["sql4"] == "Keeps up sql at 4, the evidence of which goes stale on 2026-01-06."
    assert before[1]["sql2"] == "Pushed back, for it teaches sql at 2, below your 4."  # no evidence of 4
    assert fell("sql4", before, after)
    renewed = case_of(catalogue, held, events=[("sql4", 1)], stated_days_ago=1090)
    assert catalogue.skill_index["sql"] not in renewed.state.fading


@pytest.mark.parametrize(("days", "verb"), [(340, "expires"), (400, "expired")])
def test_a_certificate_that_expires_is_offered_again_and_says_when(days: float, verb: str) -> None:
    catalogue = catalogue_of()
    order, said, _ = ranking_of(case_of(catalogue, {"sql": 4.0}, events=[("law", days)]))
    assert order[0] == "law"
    assert f"renews your certificate, which {verb} on" in said["law"].lower()
    assert "law" not in ranking_of(case_of(catalogue, {"sql": 4.0}, events=[("law", 100)]))[0]


def effect(low: float, high: float, verdict: str = "credible") -> dict[str, list[dict[str, Any]]]:
    """Return an estimated effect of calm on productivity."""
    said = {
        "value": (low + high) / 2,
        "low": low,
        "high": high,
        "outcome": "productivity",
        "verdict": verdict,
    }
    return {"calm": [said]}


def test_an_effect_moves_a_course_only_where_the_policy_names_the_outcome_and_the_verdict_allows() -> None:
    case, named = case_of(catalogue_of()), RankingPolicy(impact_outcomes={"productivity": 1.0})
    plain = ranking_of(case)
    assert ranking_of(case, impact=effect(1, 3)) == plain
    assert ranking_of(case, named, effect(-1, 3)) == plain
    assert ranking_of(case, named, effect(1, 3, "suggestive")) == plain
    raised = ranking_of(case, named, effect(1, 3))
    assert "productivity of those who took it changed by +2" in raised[1]["calm"].lower()
    assert fell("calm", raised, plain)
    assert fell("calm", plain, ranking_of(case, named, effect(-3, -1)))
    unwanted = RankingPolicy(impact_outcomes={"productivity": -1.0})
    assert fell("calm", plain, ranking_of(case, unwanted, effect(1, 3)))


def test_what_lies_far_below_or_above_the_level_held_is_pushed_back_and_says_so() -> None:
    case = case_of(catalogue_of(), {"data": 3.0}, {"data1": 0.5, "calm": 0.2})
    order, said, _ = ranking_of(case)
    assert order.index("data1") > order.index("calm")
    assert "Pushed back" in said["data1"] or "pushed back" in said["data1"]
    assert "teaches data at 1, below your 3" in said["data1"]
    free = ranking_of(case, RankingPolicy(level_weight=0.0))[0]
    assert free.index("data1") < free.index("calm")
    high = misfit(case.catalogue, case.catalogue.course_index["data5"], {})
    assert high is not None
    assert (high.held, high.taught, high.distance) == (0.0, 5.0, 2.0)
    assert (
        misfit(
            case.catalogue, case.catalogue.course_index["data5"], {case.catalogue.skill_index["data"]: 2.0}
        )
        is None
    )


def test_a_course_that_teaches_nothing_is_ranked_by_the_model_alone() -> None:
    order, said, _ = ranking_of(case_of(catalogue_of(), scores={"bare": 9.0}))
    assert order[0] == "bare"
    assert "raises" not in said["bare"]


def test_caps_hold_but_never_for_what_must_be_done() -> None:
    case = case_of(catalogue_of(), scores={"art": 3.0, "bare": 2.0, "calm": 1.0})
    order = ranking_of(case, RankingPolicy(gap_turn=0), max_per_provider=1)[0]
    assert len({"art", "bare", "calm"} & set(order)) == 1
    assert {"law", "sql4"} <= set(order)  # law has no provider, and counts towards none
    must = replace(
        case, assigned=[Assignment(case.catalogue.course_index[one], True, None) for one in ("art", "calm")]
    )
    assert ranking_of(must, max_per_provider=1)[0][:2] == ["art", "calm"]
    assert len(ranking_of(case, max_per_modality=3)[0]) == 3


def test_pages_fit_together_under_caps_and_boosts() -> None:
    plain = catalogue_of([("sql4", "sql2")])
    wanted = replace(plain, priorities=(Priority(plain.skill_index["calm"], 0.8, NOW - DAY, NOW + DAY),))
    case = case_of(wanted, scores={"art": 1.0})
    whole = ranking_of(case, max_per_provider=2)[0]
    assert [ranking_of(case, max_per_provider=2, n=n)[0] for n in (2, 4)] == [whole[:2], whole[:4]]


def test_a_pool_in_parts_gives_the_order_of_a_whole_sort() -> None:
    from serving.recommendation.picker import Pool

    rng = np.random.default_rng(7)
    worths = rng.integers(0, 50, 1_000).astype(float)
    pool, found = Pool(np.arange(1_000), worths), []
    while pool.more():
        found.append(pool.values[pool.place])
        pool.place += 1
    assert found == sorted(worths, reverse=True)


def test_an_unknown_state_ranks_by_the_model_alone() -> None:
    case = case_of(catalogue_of(), scores={"calm": 1.0})
    empty = replace(case, state=PersonState(), needs=needs_of(None, {}))
    found: list[Ranked] = rank(
        empty,
        Wishes(8, 0, np.ones(8, dtype=bool)),
        RankingPolicy(level_weight=0),
        boosts_of(empty, RankingPolicy(), {}, NOW),
    )
    assert case.catalogue.course_ids[found[0].course] == "calm"
