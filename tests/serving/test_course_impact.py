"""The impact of a course over HTTP: refused first, then answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.records.store import Store
from serving.house import House
from serving.models.answering import LoadedModel
from training.impact.scorer import Scorer

ESTIMATED: dict[str, Any] = {
    "course_id": "C/1", "outcome": "productivity", "unit": "index", "horizon_days": 180, "status": "estimated", "reason": "",
    "effect": {"value": 2.0, "low": 0.5, "high": 3.5},
    "n": {"trained": 80, "compared": 900, "trained_without_outcome": 4, "compared_without_outcome": 60},
    "estimand": "att", "design": "observational", "pipeline": "screening", "comparison_group": "people of …",
    "completed_share": 0.7, "later_enrolled_share": 0.02, "other_courses": {"trained": 1.2, "compared": 1.5},
    "overlap": {"effective_sample": 500.0, "outside_share": 0.4, "trained_outside_share": 0.1, "largest_weight_share": 0.01},
    "balance": {"largest_before": 0.4, "largest_after": 0.05,
                "covariates": [{"name": "grade", "before": 0.4, "after": 0.05}]},
    "sensitivity": {"robustness_value": 0.1, "robustness_value_interval": 0.02, "strongest_covariate": "grade",
                    "strongest_value": 0.05, "e_value": None},
    "placebo": {"value": 0.1, "low": -0.5, "high": 0.7, "passed": True}, "bounds": [1.0, 3.0], "q_value": 0.01,
    "verdict": {"code": "suggestive", "words": "Suggestive: …"},
}  # fmt: skip
REFUSED: dict[str, Any] = {
    "course_id": "C/1", "outcome": "quality", "unit": "percent", "horizon_days": 180, "status": "refused",
    "reason": "Too few people for an estimate.", "effect": None, "n": {"trained": 3, "compared": 40},
    "verdict": {"code": "cannot_tell", "words": "Cannot tell. Too few people for an estimate."},
}  # fmt: skip


@pytest.fixture
def answering(sqlite_house: House, sqlite_store: Store, client: TestClient) -> TestClient:
    """Return a client of a house that holds an impact model and two courses, one newer than the model."""
    with sqlite_store.transaction() as connection:
        rows = [{"course_id": name, "title": name} for name in ("C/1", "NEW")]
        sqlite_store.upsert(connection, "courses", rows)
    body = {
        "course_ids": ["C/1"], "outcomes": ["productivity", "quality"], "units": ["index", "percent"], "features": [],
        "horizon_days": 180, "as_of": "2026-01-01T00:00:00+00:00", "estimates": [ESTIMATED, REFUSED],
    }  # fmt: skip
    scorer = Scorer(body, {name: np.zeros(0) for name in ("centre", "spread", "weights", "base")})
    sqlite_house.models.hold(LoadedModel("impact", "3", "d" * 64, scorer, Path("nowhere"), {}))
    return client


def test_without_a_model_the_service_says_so(client: TestClient) -> None:
    assert client.get("/v1/courses/C1/impact").status_code == 503


def test_an_unknown_course_is_not_found(answering: TestClient) -> None:
    found = answering.get("/v1/courses/C9/impact")
    assert found.status_code == 404
    assert found.json()["found"] == "C9"


def test_an_unknown_outcome_is_told_what_can_be_asked(answering: TestClient) -> None:
    found = answering.get("/v1/courses/C%2F1/impact", params={"outcome": "joy"})
    assert found.status_code == 422
    assert found.json()["allowed"] == "productivity, quality"


@pytest.mark.parametrize(
    ("course", "params", "says"),
    [
        ("C%2F1", {"outcome": "quality"}, "Too few people"),
        ("C%2F1", {"horizon_days": 30}, "180 days after enrolling, not 30"),
        ("NEW", {}, "not there yet"),
    ],
)
def test_what_nobody_can_tell_is_refused_with_its_reason(
    answering: TestClient, course: str, params: dict[str, Any], says: str
) -> None:
    found = answering.get(f"/v1/courses/{course}/impact", params=params)
    assert found.status_code == 200
    body = found.json()
    assert body["status"] == "refused"
    assert says in body["reason"]
    assert body["effect"] is None
    assert body["verdict"]["code"] == "cannot_tell"
    assert body["model_version"] == "3"


def test_an_estimate_comes_with_everything_that_says_how_sure_one_can_be(answering: TestClient) -> None:
    body = answering.get("/v1/courses/-/impact", params={"course_id": "C/1"}).json()
    assert body["status"] == "estimated"
    assert body["outcome"] == "productivity"
    assert body["effect"] == {"value": 2.0, "low": 0.5, "high": 3.5}
    assert body["direction"] == "raised"
    assert body["unit"] == "index"
    assert body["placebo"]["passed"] is True
    assert body["overlap"]["effective_sample"] == 500.0
    assert body["balance"]["covariates"][0]["name"] == "grade"
    assert body["sensitivity"]["robustness_value"] == 0.1
    assert body["n"]["trained"] == 80
    assert body["pipeline"] == "screening"
    assert body["verdict"]["code"] == "suggestive"
    assert body["as_of"].startswith("2026-01-01")
    assert body["fallback"] is None
