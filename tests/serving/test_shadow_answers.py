"""Beside the champion: a canary answers its people, a shadow's lists are logged, and no answer is other or later for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from features.records.moments import to_micros
from features.records.shown import shadow_key
from features.records.store import Store
from serving.house import House
from serving.http.admission import Rate
from serving.models.answering import Canary, LoadedModel
from serving.recommendation.policy import Arm, Policies, Shadow
from serving.recommendation.shadowing import KEY, keep_shown

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCORER = Path(__file__).resolve().parents[2] / "training" / "recommendation" / "scorer.py"
COURSES = ("excel", "sql", "talk", "yoga")
QUESTION = "recommendation"


def model(version: str, liked: str) -> LoadedModel:
    """Return a model in which people who took excel take one course."""
    scope: dict[str, Any] = {"__name__": "scorer"}
    exec(compile(SCORER.read_text(), str(SCORER), "exec"), scope)
    weights = np.zeros((4, 4), dtype=np.float32)
    weights[0, COURSES.index(liked)] = 1.0
    blend = {"warm": {"takers": 1.0, "gap": 0.0}, "new": {"popularity": 1.0, "gap": 0.0}}
    facts = {"course_ids": list(COURSES), "job_ids": ["clerk"], "blend": blend, "completion": {}}
    scorer = scope["Scorer"](facts, {"weights": weights, "cohorts": np.log(np.full((2, 4), 0.25))})
    return LoadedModel(QUESTION, version, f"digest-{version}", scorer, Path(), {})


def stock(store: Store) -> None:
    """Keep a clerk who took excel, and four courses."""
    day = to_micros(NOW - timedelta(days=100))
    who = {"employee_id": "ann", "spell": 1, "known_at": day}
    took = {"event_id": "e1", "employee_id": "ann", "course_id": "excel", "kind": "completed", "happened_at": day, "known_at": day}  # fmt: skip
    with store.transaction() as connection:
        store.upsert(connection, "employees", [{**who, "hired_at": day}])
        store.upsert(connection, "courses", [{"course_id": one, "title": one.title()} for one in COURSES])
        store.upsert(connection, "jobs", [{"job_id": "clerk", "title": "Clerk"}])
        store.append(connection, "job_history", [{**who, "happened_at": day, "job_id": "clerk", "department": "Sales"}])  # fmt: skip
        store.append(connection, "learning_events", [took])


@pytest.fixture
def stocked(client: TestClient, sqlite_house: House) -> TestClient:
    """Return a client of a house whose champion, version 3, puts sql first."""
    stock(sqlite_house.store)
    sqlite_house.clock = lambda: NOW
    sqlite_house.models.hold(model("3", "sql"))
    return client


def ask(client: TestClient) -> dict[str, Any]:
    """Return the body of an answer."""
    answer = client.get("/v1/employees/ann/recommendations", params={"n": 2})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def courses(body: dict[str, Any]) -> list[str]:
    """Return the courses of an answer."""
    return [item["course_id"] for item in body["items"]]


def written(house: House, count: int) -> pl.DataFrame:
    """Return the ledger's rows once so many are written; the background writes some of them."""
    deadline = time.monotonic() + 10
    while house.store.count("recommendations_shown") < count and time.monotonic() < deadline:
        keep_shown(house)
    return house.store.frame("recommendations_shown")


def test_a_shadow_that_breaks_loses_no_row_and_one_beyond_the_budget_is_not_asked(
    stocked: TestClient, sqlite_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    broken = model("5", "talk")
    broken.scorer.parts = None
    sqlite_house.models.shadows = {QUESTION: broken}
    sqlite_house.cache[KEY] = Rate(2)
    for _ in range(6):
        ask(stocked)
    rows = written(sqlite_house, 6)
    assert rows["shadows"].null_count() == 6
    assert 1 <= caplog.text.count("the shadow gave no answer") <= 4


def test_an_answer_waits_in_the_ledger_for_its_shadow_and_a_flush_writes_it_without(
    stocked: TestClient, sqlite_house: House
) -> None:
    sqlite_house.models.shadows = {QUESTION: model("4", "yoga")}
    sqlite_house.ledger.later.append(({**row(), "recommendation_id": "r9"}, None))
    sqlite_house.ledger.flush()  # before an erasure, and at the end
    assert "r9" in sqlite_house.store.frame("recommendations_shown")["recommendation_id"]


def row() -> dict[str, Any]:
    """Return a row of the ledger."""
    shown = {"employee_id": "ann", "model_digest": "digest-3", "shown_at": to_micros(NOW), "first_rank": 1}
    return {**shown, "items": '[["sql",0.7,1.0]]', "arm": None, "shadows": None}


def test_a_canary_answers_its_people_and_the_ledger_tells_which_model_did(
    stocked: TestClient, sqlite_house: House
) -> None:
    for share, version, first in ((1.0, "4", "yoga"), (0.0, "3", "sql")):
        sqlite_house.models.canaries = {QUESTION: Canary(model("4", "yoga"), share)}
        body = ask(stocked)
        assert (body["model_version"], courses(body)[0]) == (version, first)
    assert set(written(sqlite_house, 2)["model_digest"]) == {"digest-3", "digest-4"}


def test_a_shadow_s_list_is_logged_beside_the_policies_and_the_answer_is_the_champion_s(
    stocked: TestClient, sqlite_house: House
) -> None:
    before = courses(ask(stocked))
    sqlite_house.models.shadows = {QUESTION: model("4", "yoga")}
    lots = Arm(name="bold", share=1.0, exploration_share=1.0, exploration_pool=3)
    policies = Policies(experiment="x", arms=(lots,), shadows=(Shadow(name="same"),))
    assert policies.without_lots().arms[0].exploration_share == 0.0
    sqlite_house.cache["ranking policies"] = Policies(shadows=policies.shadows)
    after = ask(stocked)
    assert (courses(after), after["model_version"]) == (before, "3")
    rows = written(sqlite_house, 2)
    assert set(rows["model_digest"]) == {"digest-3"}
    (said,) = (msgspec.json.decode(text) for text in rows["shadows"].drop_nulls())
    assert set(said) == {"same", shadow_key("digest-4")}
    assert (said["same"], said[shadow_key("digest-4")][0]) == (before, "yoga")
