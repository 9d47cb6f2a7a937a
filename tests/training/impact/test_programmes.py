"""Training programmes against their plan: each design planted, refused where it is too early, marked where it was added later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.history import history
from features.impact.power import Situation, effect_error, minimum_detectable_effect, power
from features.impact.programmes import baseline, plan_digest, plan_of
from features.records.facts import FACT_KEYS
from features.records.store import FRAME_TYPES
from features.records.tables import IMPORTABLE
from training.impact.dataset import TABLES
from training.impact.evaluate import event_studies
from training.impact.programmes import programme_records

START = datetime(2024, 1, 1, tzinfo=UTC)
END = START + timedelta(days=500)
BEFORE = START - timedelta(days=30)
PEOPLE = 240
EFFECT = 4.0


def on(day: int) -> datetime:
    return START + timedelta(days=int(day))


def frames(rows: dict[str, list[dict[str, Any]]]) -> dict[str, pl.DataFrame]:
    found = {}
    for name in TABLES:
        schema = {column.name: FRAME_TYPES[column.kind] for column in IMPORTABLE[name].columns}
        stated = [{"known_at": row.get("happened_at"), **row} for row in rows.get(name, [])]
        found[name] = pl.DataFrame({key: [row.get(key) for row in stated] for key in schema}, schema=schema)
    return found


def organisation(design: str, declared: datetime, seed: int = 7) -> dict[str, pl.DataFrame]:
    """Return 240 people in one programme that raises the KPI of who takes part by 4."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    rows["courses"] = [{"course_id": "C", "title": "Course"}]
    rows["jobs"] = [{"job_id": "J", "title": "Job", "grade": 3.0}]
    rows["programmes"] = [
        {"programme_id": "P", "title": "Programme", "course_id": "C", "kpi": "kpi", "design": design, "population": "all",
         "expected_effect": 3.0, "starts_at": START, "ends_at": on(60), "declared_at": declared}
    ]  # fmt: skip
    for number in range(PEOPLE):
        name, level, team = f"E{number:03}", rng.normal(100, 8), number // 8
        drawn = team % 3 if design == "staggered" else number % 2
        joins = {"staggered": (0, 182, None)[drawn % 3]}.get(design, 0 if drawn else None)
        takes = joins if design != "offer" or rng.random() < 0.7 else None
        rows["employees"].append(
            {"employee_id": name, "spell": 1, "hired_at": on(-900), "known_at": on(-900)}
        )
        rows["job_history"].append({"employee_id": name, "spell": 1, "happened_at": on(-900), "job_id": "J",
                                    "department": "D", "location": "L", "manager_id": f"M{team}"})  # fmt: skip
        arm = "comparison" if joins is None else ("offered" if design == "offer" else "trained")
        rows["programme_members"].append(
            {"programme_id": "P", "employee_id": name, "happened_at": on(joins or 0), "arm": arm}
        )
        if takes is not None:
            rows["learning_events"].append(
                {"event_id": name, "employee_id": name, "course_id": "C", "kind": "completed", "happened_at": on(takes + 5),
                 "rating": 4.0 if number < 30 else None}
            )  # fmt: skip
        for day in range(-350, 500, 45):
            gain = EFFECT if takes is not None and day > takes else 0.0
            rows["outcomes"].append({"employee_id": name, "kpi": "kpi", "unit": "points", "happened_at": on(day),
                                     "value": level + gain + rng.normal(0, 2)})  # fmt: skip
    return frames(rows)


def report(design: str, declared: datetime = BEFORE, end: datetime = END) -> dict[str, Any]:
    records = organisation(design, declared)
    return programme_records(records, history(records, end, FACT_KEYS), [])[0]


def test_a_programme_may_be_meant_to_keep_people() -> None:
    records = organisation("randomised", BEFORE)
    exits = [  # one in four of the compared, none of those drawn
        {
            "employee_id": f"E{number:03}",
            "spell": 1,
            "happened_at": on(100),
            "known_at": on(100),
            "reason_class": "voluntary",
        }
        for number in range(0, PEOPLE, 8)
    ]
    schema = records["exits"].schema
    records["exits"] = pl.DataFrame(
        {name: [row.get(name) for row in exits] for name in schema}, schema=schema
    )
    records["programmes"] = records["programmes"].with_columns(kpi=pl.lit("voluntary_exit"))
    found = programme_records(records, history(records, END, FACT_KEYS), [])[0]
    assert found["verdict"]["code"] == "randomised_evidence"
    assert found["unit"] == "probability"
    assert found["effect"]["value"] == pytest.approx(-len(exits) / (PEOPLE / 2), abs=0.02)
    assert found["n"]["trained"] + found["n"]["compared"] == PEOPLE  # who left is counted
    records["programmes"] = records["programmes"].with_columns(design=pl.lit("staggered"))
    refused = programme_records(records, history(records, END, FACT_KEYS), [])[0]
    assert "measured time and again" in refused["reason"]


def test_a_programme_that_has_not_started_is_not_reported() -> None:
    records = organisation("randomised", on(-30))
    assert programme_records(records, history(records, on(-1), FACT_KEYS), []) == []


def test_before_the_horizon_it_is_too_early_to_tell() -> None:
    found = report("randomised", end=on(100))
    assert found["status"] == "refused"
    assert "too early" in found["reason"]
    assert found["verdict"]["code"] == "cannot_tell"


def test_a_course_that_nobody_estimated_is_refused() -> None:
    assert "not among those estimated" in report("observational")["reason"]


@pytest.mark.parametrize("design", ["randomised", "offer", "staggered"])
def test_each_design_finds_what_is_planted(design: str) -> None:
    found = report(design)
    assert found["status"] == "estimated"
    assert found["effect"]["low"] < EFFECT < found["effect"]["high"]
    assert found["effect"]["low"] > 2
    assert found["design"] == design
    if design != "staggered":
        assert found["verdict"]["code"] == "randomised_evidence"
        assert found["n"]["trained"] + found["n"]["compared"] == PEOPLE
    if design == "offer":
        assert found["first_stage"]["value"] == pytest.approx(0.7, abs=0.1)
        assert found["itt"]["value"] == pytest.approx(0.7 * EFFECT, abs=0.8)


def test_a_roll_out_is_drawn_before_and_after_and_other_designs_are_not() -> None:
    drawn = event_studies([report("staggered"), report("randomised")])
    assert list(drawn) == ["event_study_P"]
    axes = drawn["event_study_P"]().axes[0]
    ages = axes.containers[0].lines[0].get_xdata()
    assert min(ages) < 0 <= max(ages)


def test_a_plan_written_down_afterwards_is_marked() -> None:
    assert report("randomised")["is_declared_before"]
    assert not report("randomised", declared=on(10))["is_declared_before"]


def test_levels_stand_side_by_side_and_few_voices_are_withheld() -> None:
    levels = report("randomised")["kirkpatrick"]
    assert levels["reaction"]["people"] == 15
    assert levels["reaction"]["mean_rating"] == {"value": 4.0, "low": 4.0, "high": 4.0}
    assert levels["behaviour"]["employee"]["withheld"] == "fewer than 10 people"
    assert "withheld" in levels["learning"]["test"]
    assert levels["results"]["verdict"] == "randomised_evidence"


def test_other_outcomes_of_the_course_are_marked_as_added_later() -> None:
    records = organisation("randomised", on(-30))
    other = {
        "course_id": "C",
        "outcome": "joy",
        "effect": None,
        "verdict": {"code": "cannot_tell"},
        "status": "refused",
    }
    found = programme_records(records, history(records, END, FACT_KEYS), [other])[0]
    assert [one["outcome"] for one in found["added_later"]] == ["joy"]
    assert found["outcome"] == "kpi"


def test_a_plan_that_changes_has_another_digest() -> None:
    row = organisation("randomised", on(-30))["programmes"].row(0, named=True)
    plan = plan_of(row)
    assert plan_digest(plan) == plan_digest(dict(reversed(plan.items())))
    assert plan_digest(plan) != plan_digest({**plan, "kpi": "another"})


def test_the_baseline_says_how_far_earlier_measurements_tell() -> None:
    records = organisation("randomised", on(-30))
    found = baseline(history(records, START, FACT_KEYS), "kpi")
    assert found["people"] == PEOPLE
    assert found["spread"] == pytest.approx(8.2, abs=1.0)
    assert found["earlier_r2"] == pytest.approx((64 / 68) ** 2, abs=0.06)
    assert baseline(history(records, START, FACT_KEYS), "nothing") == {"people": 0.0}


def test_the_power_of_a_lot_is_as_simulated() -> None:
    rng = np.random.default_rng(7)
    given = Situation(80, 80, 10.0, earlier_r2=0.5)
    smallest = minimum_detectable_effect("randomised", given)
    found = 0
    for _ in range(400):
        earlier, lot = rng.normal(size=160), np.arange(160) < 80
        outcome = 10 * np.sqrt(0.5) * (earlier + rng.normal(size=160)) + smallest * lot
        left = outcome - 10 * np.sqrt(0.5) * earlier
        error = np.sqrt(left[lot].var(ddof=1) / 80 + left[~lot].var(ddof=1) / 80)
        found += abs(left[lot].mean() - left[~lot].mean()) > 1.96 * error
    assert found / 400 == pytest.approx(0.8, abs=0.06)
    assert power("randomised", given, smallest) == pytest.approx(0.8, abs=1e-6)


def test_teams_uptake_and_leavers_cost_power() -> None:
    alone = Situation(100, 100, 10.0)
    for harder in (
        Situation(100, 100, 10.0, team_size=8, team_correlation=0.1), Situation(100, 100, 10.0, missing_share=0.3),
    ):  # fmt: skip
        assert effect_error("randomised", harder) > effect_error("randomised", alone)
    half = Situation(100, 100, 10.0, uptake_share=0.5)
    assert effect_error("offer", half) == pytest.approx(2 * effect_error("randomised", alone))
    assert effect_error("randomised", Situation(100, 0, 10.0)) == float("inf")
    assert power("randomised", Situation(100, 0, 10.0), 5.0) == 0.0
