"""Employees, courses and jobs over HTTP: written whole, read as they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from features.records.store import Store
from serving.house import House
from serving.keys import create_key


@pytest.fixture
def stocked(client: TestClient, sqlite_house: House) -> TestClient:
    """Return a client over two skills."""
    store = sqlite_house.store
    with store.transaction() as connection:
        rows = [{"skill_id": name, "name": name} for name in ("python", "sql")]
        store.upsert(connection, "skills", rows)
    return client


def test_a_course_is_added_replaced_and_read_with_its_lists(stocked: TestClient) -> None:
    assert stocked.put("/v1/courses/c0", json={"title": "First"}).status_code == 201
    body = {
        "title": "Python",
        "hours": 3,
        "skills": [{"skill_id": "python", "level": 2}],
        "prerequisites": ["c0"],
    }
    assert stocked.put("/v1/courses/c1", json=body).status_code == 201
    body["skills"] = [{"skill_id": "sql", "level": 1.5}]
    answer = stocked.put("/v1/courses/c1", json={**body, "course_id": "c1"})
    assert answer.status_code == 200
    found = stocked.get("/v1/courses/c1").json()
    assert found == answer.json()
    assert (found["course_id"], found["hours"], found["prerequisites"]) == ("c1", 3.0, ["c0"])
    assert [(skill["skill_id"], skill["level"]) for skill in found["skills"]] == [("sql", 1.5)]


def test_a_list_that_is_absent_leaves_what_stands_and_an_empty_one_removes_it(stocked: TestClient) -> None:
    stocked.put("/v1/jobs/j1", json={"title": "Analyst", "skills": [{"skill_id": "sql", "level": 3}]})
    stocked.put("/v1/jobs/j1", json={"title": "Senior analyst"})
    found = stocked.get("/v1/jobs/j1").json()
    assert (found["title"], len(found["skills"]), found["taxonomy"]) == ("Senior analyst", 1, "organisation")
    stocked.put("/v1/jobs/j1", json={"title": "Senior analyst", "skills": []})
    assert stocked.get("/v1/jobs/j1").json()["skills"] == []


def test_a_list_that_names_a_skill_twice_is_refused(stocked: TestClient) -> None:
    skills = [{"skill_id": "sql", "level": 3}, {"skill_id": "sql", "level": 4}]
    assert stocked.put("/v1/jobs/j1", json={"title": "Analyst", "skills": skills}).status_code == 422


def test_an_employee_brings_a_job_and_evidence_and_an_unchanged_fact_adds_nothing(
    stocked: TestClient, sqlite_store: Store
) -> None:
    stocked.put("/v1/jobs/j1", json={"title": "Analyst"})
    body = {
        "hired_at": "2024-01-01",
        "job": {"job_id": "j1", "department": "Finance", "happened_at": "2024-01-01"},
        "skills": [{"skill_id": "sql", "level": 2, "source": "manager", "happened_at": "2025-01-01"}],
    }
    assert stocked.put("/v1/employees/ann", json=body).status_code == 201
    assert stocked.put("/v1/employees/ann", json=body).status_code == 200
    assert sqlite_store.count("job_history") == sqlite_store.count("held_skills") == 1
    body["job"] = {"job_id": "j1", "department": "Sales", "happened_at": "2024-01-01"}
    found = stocked.put("/v1/employees/ann", json=body).json()
    assert sqlite_store.count("job_history") == 2
    assert (found["job"]["department"], found["spell"], found["skills"][0]["level"]) == ("Sales", 1, 2.0)
    assert found["hired_at"] == "2024-01-01T00:00:00Z"


def test_a_fact_in_the_future_is_refused(stocked: TestClient, sqlite_store: Store) -> None:
    stocked.put("/v1/jobs/j1", json={"title": "Analyst"})
    body = {"hired_at": "2024-01-01", "job": {"job_id": "j1", "happened_at": "2999-01-01"}}
    assert stocked.put("/v1/employees/ann", json=body).status_code == 422
    assert sqlite_store.count("employees") == 0


@pytest.mark.parametrize(
    "identifier", ["https://lms.example/c/7?x=1&y=2", "urn:course:7", "a b/c%2Fd", "-", "ü/…", "//"]
)
def test_an_identifier_may_hold_anything_encoded_or_in_the_query(
    stocked: TestClient, identifier: str
) -> None:
    in_path = f"/v1/courses/{quote(identifier, safe='')}"
    in_query = f"/v1/courses/-?course_id={quote(identifier, safe='')}"
    first = in_query if identifier == "-" else in_path
    assert stocked.put(first, json={"title": "A course"}).status_code == 201
    assert stocked.get(in_query).json()["course_id"] == identifier
    assert stocked.get(first).json()["course_id"] == identifier


def test_pay_and_rating_need_a_scope_of_their_own(client: TestClient, sqlite_house: House) -> None:
    job = {"job_id": "J1", "happened_at": "2026-01-01", "pay_amount": 50_000, "rating": 4, "location": "Lyon"}
    assert client.put("/v1/jobs/J1", json={"title": "Analyst"}).status_code == 201
    whole = client.put("/v1/employees/ann", json={"hired_at": "2024-03-01", "job": job}).json()
    assert (whole["job"]["pay_amount"], whole["withheld"]) == (50_000, [])
    key = create_key(sqlite_house.store, "reader", ["records:read"], datetime.now(UTC))
    shown = client.get("/v1/employees/ann", headers={"Authorization": f"Bearer {key}"}).json()
    assert shown["withheld"] == ["job.pay_amount", "job.rating"]
    assert (shown["job"]["pay_amount"], shown["job"]["rating"], shown["job"]["location"]) == (
        None,
        None,
        "Lyon",
    )
