"""Evaluations over HTTP: refused where nobody could know, due at their time, answered by either side; comments by topic."""

from __future__ import annotations

from collections.abc import Callable
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
from serving.rights.erasure import erase
from training.impact.scorer import Scorer

NOW = datetime.now(UTC)
PATH = "/v1/employees/E1/evaluations"
TOPICS = {"words": ["examples", "platform"], "rarity": [1.0, 1.0], "weights": [[1.0, 0.0], [0.0, 1.0]]}
FEW = {"people": None, "withheld": "fewer than 10 people"}
WORK = {**FEW, "mean_rating": None, "shown_share": None}
LEVELS = {
    "reaction": {**FEW, "mean_rating": None},
    "learning": {**FEW, "passed_share": None, "test": {**FEW, "mean_share": None}},
    "behaviour": {"people_due": None, "employee": WORK, "manager": WORK},
}


def ago(days: int) -> int:
    return to_micros(NOW - timedelta(days=days))


@pytest.fixture(autouse=True)
def learners(sqlite_store: Store) -> None:
    """Keep a manager M with reports E0 … E29, of whom all but E0 completed course C; E1 completed N last week."""
    names = [f"E{number}" for number in range(30)]
    stamp = {"happened_at": ago(900), "known_at": ago(900), "spell": 1}
    with sqlite_store.transaction() as connection:
        sqlite_store.upsert(connection, "jobs", [{"job_id": "J", "title": "Job"}])
        sqlite_store.upsert(connection, "skills", [{"skill_id": "S", "name": "Skill"}])
        sqlite_store.upsert(connection, "courses", [{"course_id": c, "title": f"Course {c}"} for c in "CN"])
        sqlite_store.upsert(
            connection, "course_skills", [{"course_id": "C", "skill_id": "S", "source": "given"}]
        )
        spells = [{"employee_id": name, "spell": 1, "hired_at": ago(900), "known_at": ago(900),
                   "display_name": f"Wilma {name}"} for name in (*names, "M")]  # fmt: skip
        sqlite_store.upsert(connection, "employees", spells)
        jobs = [{"employee_id": name, "job_id": "J", "manager_id": "M", **stamp} for name in names]
        jobs.append({"employee_id": "M", "job_id": "J", "manager_id": None, **stamp})
        sqlite_store.append(connection, "job_history", jobs)
        goal = {
            "employee_id": "E1",
            "goal_id": "G",
            "skill_id": "S",
            "happened_at": ago(500),
            "known_at": ago(500),
        }
        sqlite_store.append(connection, "goals", [goal])
        done = [{"event_id": name, "employee_id": name, "course_id": "C", "kind": "completed", "happened_at": ago(120),
                 "known_at": ago(120)} for name in names[1:]]  # fmt: skip
        done.append(
            {**done[0], "event_id": "new", "course_id": "N", "happened_at": ago(7), "known_at": ago(7)}
        )
        sqlite_store.append(connection, "learning_events", done)


def answer(**changes: Any) -> dict[str, Any]:
    moment = (NOW - timedelta(days=1)).isoformat()
    return {
        "course_id": "C",
        "stage": "behaviour",
        "rater": "employee",
        "rating": 4,
        "happened_at": moment,
        **changes,
    }


@pytest.mark.parametrize(
    ("path", "changes", "status", "says"),
    [
        ("/v1/employees/nobody/evaluations", {}, 404, "no such employee"),
        ("/v1/employees/E0/evaluations", {}, 422, "did not take"),
        (PATH, {"course_id": "none"}, 422, "does not exist"),
        (PATH, {"course_id": "N"}, 422, "too early"),
        (PATH, {"happened_at": (NOW + timedelta(days=2)).isoformat()}, 422, "future"),
        (PATH, {"rating": None}, 422, "rating, a comment"),
        (PATH, {"rating": None, "comment": "  "}, 422, "rating, a comment"),
        (PATH, {"rating": 6}, 422, ""),
        (PATH, {"rater": "peer"}, 422, ""),
        (PATH, {"mood": 3}, 422, ""),
    ],
)
def test_answers_that_nobody_could_give_are_refused(
    client: TestClient, sqlite_store: Store, path: str, changes: dict[str, Any], status: int, says: str
) -> None:
    found = client.post(path, json=answer(**changes))
    assert found.status_code == status
    assert says in found.text
    assert sqlite_store.count("evaluations") == 0


def test_everybody_answers_for_their_own_side_and_nobody_for_strangers(
    acting: Callable[[str], TestClient], sqlite_store: Store
) -> None:
    with acting("E1") as employee:
        assert employee.post(PATH, json=answer(rater="manager")).status_code == 422
        assert employee.post("/v1/employees/E2/evaluations", json=answer()).status_code == 404
        assert employee.get("/v1/employees/M/evaluations").status_code == 404
        assert employee.post(PATH, json=answer()).status_code == 201
    with acting("M") as manager:
        assert manager.post(PATH, json=answer()).status_code == 422
        assert manager.post(PATH, json=answer(rater="manager", stage="reaction")).status_code == 422
        assert manager.post(PATH, json=answer(rater="manager", rated_by_id="E9")).status_code == 201
        states = {
            one["rater"]: one["state"]
            for one in manager.get(PATH).json()["evaluations"]
            if one["course_id"] == "C"
        }
    assert states == {"employee": "answered", "manager": "answered"}
    assert set(sqlite_store.frame("evaluations")["rated_by_id"]) == {None, "M"}


def test_evaluations_hang_on_what_was_completed_and_on_the_plan(client: TestClient) -> None:
    found = client.get(PATH).json()["evaluations"]
    assert [(one["course_id"], one["rater"], one["state"]) for one in found] == [
        ("C", "employee", "due"), ("C", "manager", "due"), ("N", "employee", "waiting"), ("N", "manager", "waiting"),
    ]  # fmt: skip
    assert found[0]["skill_ids"] == ["S"]
    assert found[0]["goal_ids"] == ["G"]
    due, done = (datetime.fromisoformat(found[0][name]) for name in ("due_at", "completed_at"))
    assert due - done == timedelta(days=90)
    assert client.get("/v1/employees/E0/evaluations").json()["evaluations"] == []
    assert client.get("/v1/employees/nobody/evaluations").status_code == 404


def test_what_was_imposed_has_no_evaluation(client: TestClient, sqlite_store: Store) -> None:
    bound = {
        "employee_id": "E1",
        "course_id": "C",
        "happened_at": ago(200),
        "known_at": ago(200),
        "is_mandatory": True,
    }
    with sqlite_store.transaction() as connection:
        sqlite_store.append(connection, "assignments", [bound])
    assert {one["course_id"] for one in client.get(PATH).json()["evaluations"]} == {"N"}


def test_the_same_answer_twice_is_kept_once_and_a_correction_beside_it(
    client: TestClient, sqlite_store: Store
) -> None:
    given = answer()
    assert client.post(PATH, json=given).json()["is_new"] is True
    assert client.post(PATH, json=given).json()["is_new"] is False
    assert client.post(PATH, json={**given, "rating": 2}).status_code == 201
    assert sqlite_store.frame("evaluations")["rating"].to_list() == [4.0, 2.0]


def hold(house: House) -> None:
    """Let the house hold an impact model that knows two topics."""
    refusal = {
        "status": "refused",
        "reason": "Too few.",
        "effect": None,
        "verdict": {"code": "cannot_tell", "words": "…"},
    }
    body = {
        "course_ids": ["C"], "outcomes": ["output"], "units": ["points"], "features": [], "horizon_days": 180,
        "as_of": NOW.isoformat(), "programmes": [], "levels": {"C": LEVELS}, "topics": TOPICS,
        "estimates": [{"course_id": "C", "outcome": "output", "unit": "points", "horizon_days": 180, "n": None, **refusal}],
    }  # fmt: skip
    scorer = Scorer(body, {name: np.zeros(0) for name in ("centre", "spread", "weights", "base")})
    house.models.hold(LoadedModel("impact", "3", "d" * 64, scorer, Path("nowhere"), {}))


def write(store: Store, count: int, comment: Callable[[int], str], rater: str = "employee") -> None:
    rows = [{"employee_id": f"E{n + 1}", "course_id": "C", "happened_at": ago(10), "known_at": ago(10), "rater": rater,
             "stage": "behaviour", "rating": 3.0, "comment": comment(n)} for n in range(count)]  # fmt: skip
    with store.transaction() as connection:
        store.append(connection, "evaluations", rows)


def levels(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/courses/C/impact").json()["levels"]
    return found


def test_nine_who_write_are_not_told_and_ten_are(
    client: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    hold(sqlite_house)
    write(sqlite_store, 9, lambda n: f"Good examples {'again ' * n}")
    found = levels(client)
    assert (found["topics"], found["topics_withheld"]) == ([], "fewer than 10 people wrote something")
    assert found["results"] == {"effect": None, "verdict": "cannot_tell"}
    write(sqlite_store, 10, lambda n: f"Good examples {'again ' * n}")
    topic = levels(client)["topics"][0]
    assert (topic["words"], topic["people"], topic["share"], len(topic["quotes"])) == (
        ["examples"],
        10,
        1.0,
        3,
    )


def test_a_topic_of_few_is_withheld_beside_one_of_many(
    client: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    hold(sqlite_house)
    write(sqlite_store, 15, lambda n: "Good examples." if n < 10 else "The platform crashed.")
    assert [one["words"] for one in levels(client)["topics"]] == [["examples"]]


def test_a_quote_names_nobody_and_is_no_managers(
    client: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    hold(sqlite_house)
    revealing = (
        "Wilma had examples",
        "examples from wilma@example.org",
        "7 examples",
        "x" * 300 + " examples",
    )
    write(sqlite_store, 12, lambda n: revealing[n] if n < 4 else "Plain examples")
    write(sqlite_store, 12, lambda _: "She ignores the examples", rater="manager")
    topic = levels(client)["topics"][0]
    assert topic["people"] == 12
    assert topic["quotes"] == ["Plain examples"]


def test_an_erased_comment_is_gone_from_the_next_answer(
    client: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    hold(sqlite_house)
    write(sqlite_store, 11, lambda n: "My own examples" if n == 0 else "Examples")
    assert "My own examples" in levels(client)["topics"][0]["quotes"]
    erase(sqlite_house, "E1", "tests")
    topic = levels(client)["topics"][0]
    assert (topic["people"], topic["quotes"]) == (10, ["Examples"])
