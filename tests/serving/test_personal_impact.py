"""A person's own expected effect: nothing where no gate is open, a row per person where one is, by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.records.moments import to_micros
from features.records.store import Store
from serving.house import House
from serving.impact.personal import CACHE, score_everybody, value_of
from serving.models.answering import LoadedModel
from serving.rights.opt_outs import opt_out
from serving.scores.batch import questions_of
from serving.scores.recompute import keep_scores
from training.impact.scorer import Scorer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = ("ann", "bob")
LINE = {
    "names": ["tenure_days", "department D0", "rating unknown", "nominated"], "centre": [100.0, 0.5, 0.5, 0.1],
    "spread": [50.0, 0.5, 0.5, 1.0], "weights": [1.0, 0.5, 0.0, 9.0], "base": 2.0,
    "covariance": np.diag([0.04, 0.01, 0.0, 0.0, 0.0]).tolist(),
}  # fmt: skip


def estimate(
    course: str, outcome: str, line: dict[str, Any] | None = None, code: str = "credible"
) -> dict[str, Any]:
    return {"course_id": course, "outcome": outcome, "unit": "points", "horizon_days": 180, "status": "estimated",
            "effect": {"value": 2.0, "low": 1.0, "high": 3.0}, "verdict": {"code": code, "words": "…"},
            "individual": {"gate": "open" if line else "shut", "line": line}}  # fmt: skip


Held = Callable[..., House]


@pytest.fixture
def held(sqlite_house: House, sqlite_store: Store) -> Held:
    """Return a function that lets a house of ann (hired 150 days ago, in D0) and bob (50 days, in D1) hold estimates."""
    day = 86_400_000_000
    with sqlite_store.transaction() as connection:
        sqlite_store.upsert(connection, "jobs", [{"job_id": "J", "title": "Job"}])
        spells = [{"employee_id": name, "spell": 1, "hired_at": to_micros(NOW) - days * day, "known_at": 0}
                  for name, days in zip(PEOPLE, (150, 50), strict=True)]  # fmt: skip
        sqlite_store.upsert(connection, "employees", spells)
        jobs = [{"employee_id": name, "job_id": "J", "spell": 1, "happened_at": spell["hired_at"], "known_at": 0,
                 "department": f"D{place}"} for place, (name, spell) in enumerate(zip(PEOPLE, spells, strict=True))]  # fmt: skip
        sqlite_store.append(connection, "job_history", jobs)

    def holding(*estimates: dict[str, Any]) -> House:
        body = {"course_ids": ["C", "E"], "outcomes": ["output", "quality"], "units": ["points"] * 2, "features": [],
                "horizon_days": 180, "as_of": NOW.isoformat(), "estimates": list(estimates)}  # fmt: skip
        scorer = Scorer(body, {})
        sqlite_house.models.hold(LoadedModel("impact", "3", "d" * 64, scorer, Path("nowhere"), {}))
        return replace(sqlite_house, clock=lambda: NOW)

    return holding


def kept(house: House, person: str) -> Any:
    row = house.kept.read("impact", person, "d" * 64)
    return None if row is None else json.loads(row.payload)


def test_where_no_gate_is_open_nothing_is_computed_or_kept(held: Held) -> None:
    house = held(estimate("C", "output"))
    assert house.models.current("impact").scorer.individual_effects is False
    assert keep_scores(house, "impact", PEOPLE) == 0
    assert kept(house, "ann") is None
    assert CACHE not in house.cache


def test_where_nobody_can_tell_an_open_gate_tells_nothing_either(held: Held) -> None:
    house = held(estimate("C", "output", LINE, "cannot_tell"))
    assert keep_scores(house, "impact", PEOPLE) == 0


def test_who_opted_out_of_personal_rankings_has_no_effect_of_their_own(held: Held) -> None:
    house = held(estimate("C", "output", LINE))
    opt_out(house, "ann", "recommendation", None)
    assert keep_scores(house, "impact", PEOPLE) == 1
    assert kept(house, "ann") is None


def test_the_own_effect_is_kept_per_person_as_computed_by_hand(held: Held) -> None:
    house = held(estimate("C", "output", LINE))
    assert keep_scores(house, "impact", PEOPLE) == 2
    ann, bob = (kept(house, name)["C"][0] for name in PEOPLE)
    # ann: (150 - 100)/50 = 1 times 1, in D0: 1 times .5, nomination unknown; bob: -1 and -.5
    assert ann["value"] == pytest.approx(2 + 1 + 0.5)
    assert bob["value"] == pytest.approx(2 - 1 - 0.5)
    # variance .04 of the base and .01 of the first weight, at a distance of 1
    assert ann["high"] - ann["value"] == pytest.approx(1.96 * np.sqrt(0.05))
    assert {name: ann[name] for name in ("outcome", "unit", "horizon_days", "verdict")} == {
        "outcome": "output", "unit": "points", "horizon_days": 180, "verdict": "credible",
    }  # fmt: skip


def test_other_outcomes_of_the_course_stand_beside_with_their_average_and_other_courses_do_not(
    held: Held,
) -> None:
    house = held(
        estimate("C", "output", LINE), estimate("C", "quality"), estimate("E", "output"),
        {**estimate("E", "quality"), "effect": None},
    )  # fmt: skip
    keep_scores(house, "impact", ["ann"])
    found = kept(house, "ann")
    assert list(found) == ["C"]
    assert [(one["outcome"], round(one["value"], 1), one["is_own"]) for one in found["C"]] == [
        ("output", 3.5, True),
        ("quality", 2.0, False),
    ]


def test_impact_is_scored_with_the_other_questions(held: Held) -> None:
    house = held(estimate("C", "output", LINE))
    assert "impact" in questions_of(house, "all")
    assert [name for name, _ in score_everybody(house, ["nobody", "bob"], lambda _done: None)] == ["bob"]


def test_covariates_bear_the_names_that_training_gave_them() -> None:
    people = pl.DataFrame({"rating": [None, 0.0], "department": ["A b", None]})
    assert value_of(people, "rating unknown").tolist() == [1, 0]
    assert value_of(people, "rating is 0").tolist() == [0, 1]
    assert value_of(people, "department A b").tolist() == [1, 0]
    assert np.isnan(value_of(people, "month")).all()
    assert np.isnan(value_of(people, "rating")).tolist() == [True, False]
