"""Training programmes over HTTP: declared before they start, frozen, reported against the plan; and what-if with its refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.records.moments import to_micros
from features.records.store import Store
from serving.house import House
from serving.models.answering import LoadedModel
from training.impact.scorer import Scorer

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=30)).isoformat()
PEOPLE = 80
EFFECT = {"value": 2.0, "low": 1.0, "high": 3.0}


def ago(days: int) -> int:
    return to_micros(NOW - timedelta(days=days))


def plan(**changes: Any) -> dict[str, Any]:
    return {"programme_id": "P", "course_id": "C", "kpi": "output", "design": "randomised", "starts_at": SOON,
            "expected_effect": 3.0, **changes}  # fmt: skip


@pytest.fixture
def peopled(sqlite_store: Store) -> None:
    """Keep 80 people in two departments, whose output is measured twice; ten of the first took the course."""
    rng = np.random.default_rng(7)
    names = [f"E{number:02}" for number in range(PEOPLE)]
    level = rng.normal(100, 5, PEOPLE)
    with sqlite_store.transaction() as connection:
        sqlite_store.upsert(connection, "courses", [{"course_id": "C", "title": "Course"}])
        sqlite_store.upsert(connection, "jobs", [{"job_id": "J", "title": "Job"}])
        spell = [
            {"employee_id": name, "spell": 1, "hired_at": ago(900), "known_at": ago(900)} for name in names
        ]
        sqlite_store.upsert(connection, "employees", spell)
        jobs = [{"employee_id": name, "spell": 1, "happened_at": ago(900), "known_at": ago(900), "job_id": "J",
                 "department": "D1" if place < 50 else "D2", "manager_id": f"M{place % 8}"}
                for place, name in enumerate(names)]  # fmt: skip
        sqlite_store.append(connection, "job_history", jobs)
        measured = [{"employee_id": name, "happened_at": ago(day), "known_at": ago(day), "kpi": "output", "unit": "points",
                     "value": level[place] + rng.normal(0, 2)} for day in (200, 20) for place, name in enumerate(names)]  # fmt: skip
        sqlite_store.append(connection, "outcomes", measured)
        took = [{"event_id": name, "employee_id": name, "course_id": "C", "kind": "completed", "happened_at": ago(300),
                 "known_at": ago(300)} for name in names[:10]]  # fmt: skip
        sqlite_store.append(connection, "learning_events", took)


def hold(house: House, estimate: dict[str, Any], programmes: list[dict[str, Any]] | None = None) -> None:
    """Let the house hold an impact model with one estimate."""
    body = {
        "course_ids": ["C"], "outcomes": ["output"], "units": ["points"], "features": [], "horizon_days": 180,
        "as_of": NOW.isoformat(), "estimates": [{"course_id": "C", "outcome": "output", "unit": "points", **estimate}],
        "programmes": programmes or [],
    }  # fmt: skip
    scorer = Scorer(body, {name: np.zeros(0) for name in ("centre", "spread", "weights", "base")})
    house.models.hold(LoadedModel("impact", "3", "d" * 64, scorer, Path("nowhere"), {}))


@pytest.mark.usefixtures("peopled")
@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"starts_at": (NOW - timedelta(days=1)).isoformat()}, 422, "before it starts"),
        ({"course_id": "none"}, 422, "no such course"),
        ({"kpi": "joy"}, 422, "Nobody measures"),
        ({"departments": ["D9"]}, 422, "no such department"),
        ({"design": "guess"}, 422, ""),
        ({"trained_share": 1.0}, 422, ""),
    ],
)
def test_what_cannot_be_declared_is_refused(
    client: TestClient, change: dict[str, Any], status: int, says: str
) -> None:
    found = client.post("/v1/training-programmes", json=plan(**change))
    assert found.status_code == status
    assert says in found.text
    assert client.get("/v1/training-programmes/P").status_code == 404


@pytest.mark.usefixtures("peopled")
def test_a_declared_plan_is_frozen_with_its_power(client: TestClient) -> None:
    found = client.post("/v1/training-programmes", json=plan())
    assert found.status_code == 201
    body = found.json()
    by_design = {one["design"]: one for one in body["designs"]}
    assert body["eligible"] == PEOPLE
    assert body["baseline"]["people"] == PEOPLE
    # 2.8 · √(σ²(1 − R²)(1/37.6 + 1/37.6)), with σ about 5.4 and R² about .75
    assert 1.2 < by_design["randomised"]["minimum_detectable_effect"] < 2.4
    assert (
        by_design["offer"]["minimum_detectable_effect"] > by_design["randomised"]["minimum_detectable_effect"]
    )
    assert by_design["randomised"]["power"] > 0.9
    assert body["is_declared_before"]
    again = client.post("/v1/training-programmes", json=plan())
    assert (again.status_code, again.json()["digest"]) == (200, body["digest"])
    other = client.post("/v1/training-programmes", json=plan(kpi="output", expected_effect=9.0))
    assert other.status_code == 409
    assert "frozen" in other.text
    assert client.get("/v1/training-programmes/P").json()["plan"]["expected_effect"] == 3.0


@pytest.mark.usefixtures("peopled")
def test_a_plan_may_name_what_is_no_kpi(client: TestClient, sqlite_store: Store) -> None:
    left = {"spell": 1, "happened_at": ago(60), "known_at": ago(60), "reason_class": "voluntary"}
    said = {
        "item": "mood",
        "value": 4.0,
        "scale_low": 1.0,
        "scale_high": 5.0,
        "happened_at": ago(40),
        "known_at": ago(40),
    }
    with sqlite_store.transaction() as connection:
        sqlite_store.append(connection, "exits", [{"employee_id": f"E{n:02}", **left} for n in range(8)])
        sqlite_store.append(
            connection, "surveys", [{"employee_id": f"E{n:02}", **said} for n in range(10, 30)]
        )
    leaving = client.post(
        "/v1/training-programmes", json=plan(kpi="voluntary_exit", expected_effect=-0.05)
    ).json()
    assert leaving["baseline"] == {
        "people": PEOPLE,
        "mean": 0.1,
        "spread": pytest.approx(0.3),
        "earlier_r2": 0.0,
    }
    assert leaving["designs"][0]["minimum_detectable_effect"] > 0.1
    mood = client.post("/v1/training-programmes", json=plan(programme_id="Q", kpi="survey mood")).json()
    assert (mood["baseline"]["people"], mood["baseline"]["mean"]) == (20, 0.75)
    nobody = client.post("/v1/training-programmes", json=plan(programme_id="R", kpi="survey joy"))
    assert (nobody.status_code, "Nobody measures" in nobody.text) == (422, True)


@pytest.mark.usefixtures("peopled")
def test_where_people_are_picked_a_lot_is_proposed(client: TestClient) -> None:
    body = client.post("/v1/training-programmes", json=plan(design="observational")).json()
    assert "Let a lot decide" in body["proposal"]


@pytest.mark.usefixtures("peopled")
@pytest.mark.parametrize("design", ["randomised", "offer", "staggered"])
def test_the_lot_is_drawn_within_departments_and_can_be_drawn_again(
    client: TestClient, sqlite_store: Store, design: str
) -> None:
    arms = client.post("/v1/training-programmes", json=plan(design=design, draw=True)).json()["arms"]
    assert sum(arms.values()) == PEOPLE
    members = sqlite_store.frame("programme_members")
    if design == "staggered":
        assert arms["comparison"] == 20
        assert members["happened_at"].n_unique() == 3
    else:
        assert arms["comparison"] == PEOPLE // 2
    assert client.post("/v1/training-programmes", json=plan(design=design, draw=True)).json()["arms"] == arms


FEW = {"people": None, "withheld": "fewer than 10 people"}
MANY = {"people": 20, "withheld": None}
MEAN = {"value": 4.0, "low": 3.5, "high": 4.5}
SHARE = {"value": 0.75, "low": 0.5, "high": 0.9}


def four(**changes: Any) -> dict[str, Any]:
    """Return the four levels as a payload keeps them."""
    work = {**MANY, "mean_rating": MEAN, "shown_share": SHARE}
    return {
        "reaction": {**MANY, "mean_rating": MEAN},
        "learning": {**MANY, "passed_share": SHARE, "test": {**FEW, "mean_share": None}},
        "behaviour": {"people_due": 30, "employee": work, "manager": {**FEW, "mean_rating": None, "shown_share": None}},
        "results": {"effect": EFFECT, "verdict": "suggestive"},
        **changes,
    }  # fmt: skip


BESIDE = {
    "event_study": {"-1": MEAN, "0": MEAN, "1": EFFECT},
    "balance": {"largest_before": 0.4, "largest_after": 0.05,
                "covariates": [{"name": "last <output>", "before": 0.4, "after": -0.05}]},
    "overlap": {"effective_sample": 120.0, "outside_share": 0.1, "trained_outside_share": 0.0, "largest_weight_share": 0.02},
    "sensitivity": {"robustness_value": 0.2, "robustness_value_interval": 0.1, "strongest_covariate": "tenure",
                    "strongest_value": 0.05, "hidden": {"strength": 0.0, "left": 2.0, "left_low": 1.0, "left_high": 3.0}},
}  # fmt: skip


def report(**changes: Any) -> dict[str, Any]:
    return {
        "programme_id": "P", "outcome": "output", "unit": "points", "status": "estimated", "reason": "", "effect": EFFECT,
        "design": "randomised", "estimand": "itt", "n": {"trained": 40, "compared": 40}, "is_declared_before": True,
        "verdict": {"code": "randomised_evidence", "words": "…"}, "added_later": [], **changes,
    }  # fmt: skip


@pytest.mark.usefixtures("peopled")
def test_a_report_stands_against_its_plan_and_counts_money_only_on_evidence(
    client: TestClient, sqlite_house: House
) -> None:
    declared = client.post(
        "/v1/training-programmes", json=plan(cost_amount=1000.0, value_per_unit=50.0)
    ).json()
    words = {name: declared["plan"][name] for name in ("programme_id", "course_id", "kpi", "population", "design",
                                                       "expected_effect", "starts_at", "ends_at")}  # fmt: skip
    hold(
        sqlite_house,
        {"status": "refused", "reason": "", "effect": None, "verdict": {"code": "cannot_tell", "words": ""}},
    )
    early = client.get("/v1/training-programmes/P/impact").json()
    assert (early["status"], early["roi"]["status"]) == ("refused", "refused")
    sqlite_house.models.hold(
        LoadedModel("impact", "4", "e" * 64, loaded([report(plan=words)]), Path("nowhere"), {})
    )
    found = client.get("/v1/training-programmes/P/impact").json()
    assert found["is_as_planned"]
    # 40 people × 2 points × 50 = 4,000 against 1,000: three times the cost comes back
    assert found["roi"]["roi"] == {"value": 3.0, "low": 1.0, "high": 5.0}
    changed = report(plan={**words, "kpi": "other"}, verdict={"code": "suggestive", "words": "…"})
    sqlite_house.models.hold(LoadedModel("impact", "5", "f" * 64, loaded([changed]), Path("nowhere"), {}))
    other = client.get("/v1/training-programmes/P/impact").json()
    assert other["changed"] == ["kpi"]
    assert not other["is_as_planned"]
    assert "takes credible evidence" in other["roi"]["reason"]


@pytest.mark.usefixtures("peopled")
def test_the_page_tells_a_manager_and_runs_nothing(client: TestClient, sqlite_house: House) -> None:
    declared = client.post(
        "/v1/training-programmes", json=plan(population="<script>alert(1)</script>")
    ).json()
    words = {name: declared["plan"][name] for name in ("programme_id", "course_id", "kpi", "population", "design",
                                                       "expected_effect", "starts_at", "ends_at")}  # fmt: skip
    verdict = {"code": "suggestive", "words": "Suggestive: <b>2</b> points higher."}
    late = [{"outcome": "joy", "effect": None, "verdict": {"code": "cannot_tell"}}]
    told = report(
        plan=words,
        verdict=verdict,
        added_later=late,
        kirkpatrick=four(reaction={**FEW, "mean_rating": None}),
        bounds=[1.5, 2.5],
        **BESIDE,
    )
    sqlite_house.models.hold(LoadedModel("impact", "4", "e" * 64, loaded([told]), Path("nowhere"), {}))
    answer = client.get("/v1/training-programmes/P/report")
    assert answer.headers["content-type"].startswith("text/html")
    page = answer.text
    assert "<script" not in page
    assert "&lt;b&gt;2&lt;/b&gt; points higher" in page
    assert declared["digest"][:12] in page
    assert "<svg" in page
    assert "http" not in page
    assert "takes credible evidence" in page
    assert "withheld: fewer than 10 people" in page
    assert "75% see it at work (50% to 90%)" in page
    for drawn in ("effect with its 95 % interval", "effects by periods since training", "how alike the groups are",
                  "strength of a hidden cause", "last &lt;output&gt;", "shown by the placebo"):  # fmt: skip
        assert drawn in page
    assert "joy" in page
    for said in (
        "of having been drawn for it",
        "strength 0.2; tenure, the strongest recorded, has 0.05",
        "all bad, or all good",
        "1.5 to 2.5",
    ):
        assert said in page


def loaded(programmes: list[dict[str, Any]]) -> Scorer:
    """Return a scorer that has programmes only."""
    body = {"course_ids": ["C"], "outcomes": ["output"], "units": ["points"], "features": [], "horizon_days": 180,
            "as_of": NOW.isoformat(), "estimates": [], "programmes": programmes}  # fmt: skip
    return Scorer(body, {name: np.zeros(0) for name in ("centre", "spread", "weights", "base")})


def test_an_unknown_programme_is_not_found(client: TestClient, sqlite_house: House) -> None:
    hold(
        sqlite_house,
        {"status": "refused", "reason": "", "effect": None, "verdict": {"code": "cannot_tell", "words": ""}},
    )
    assert client.get("/v1/training-programmes/none/impact").status_code == 404


SUGGESTIVE = {
    "status": "estimated",
    "reason": "",
    "effect": EFFECT,
    "verdict": {"code": "suggestive", "words": "…"},
}


@pytest.mark.usefixtures("peopled")
def test_what_if_counts_those_who_could_have_gained(client: TestClient, sqlite_house: House) -> None:
    hold(sqlite_house, SUGGESTIVE)
    ids = [f"E{number:02}" for number in range(60)] + ["GONE"]
    found = client.post("/v1/what-if", json={"course_id": "C", "employee_ids": ids}).json()
    assert found["status"] == "estimated"
    assert found["people"] == 40
    assert found["left_out"] == {"not_employed": 1, "took_it_already": 10, "nobody_like_them_took_it": 10}
    assert found["total"] == {"value": 80.0, "low": 40.0, "high": 120.0}


@pytest.mark.usefixtures("peopled")
@pytest.mark.parametrize(
    ("asked", "estimate", "says"),
    [
        ({"departments": ["D1"], "days_earlier": 30}, SUGGESTIVE, "180 days after enrolling, not after 30"),
        ({"departments": ["D2"]}, SUGGESTIVE, "Too few of these people"),
        (
            {"departments": ["D1"]},
            {**SUGGESTIVE, "verdict": {"code": "cannot_tell", "words": "…"}},
            "Nobody can tell",
        ),
        (
            {"departments": ["D1"]},
            {**SUGGESTIVE, "status": "refused", "reason": "Too few.", "effect": None},
            "Too few.",
        ),
    ],
)
def test_what_nobody_can_expect_is_refused(
    client: TestClient, sqlite_house: House, asked: dict[str, Any], estimate: dict[str, Any], says: str
) -> None:
    hold(sqlite_house, estimate)
    found = client.post("/v1/what-if", json={"course_id": "C", **asked}).json()
    assert found["status"] == "refused"
    assert says in found["reason"]
    assert found["per_person"] is None


@pytest.mark.usefixtures("peopled")
def test_nobody_named_and_unknown_outcomes_teach(client: TestClient, sqlite_house: House) -> None:
    hold(sqlite_house, SUGGESTIVE)
    assert "Nobody is named" in client.post("/v1/what-if", json={"course_id": "C"}).text
    assert (
        client.post(
            "/v1/what-if", json={"course_id": "C", "outcome": "joy", "departments": ["D1"]}
        ).status_code
        == 422
    )
