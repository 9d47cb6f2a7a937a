"""The second lock: where the first fails, PostgreSQL still shows a manager nobody but their own people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from features.records import row_security
from features.records.moments import to_micros
from features.records.store import Store, open_store
from serving import access
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.opening import open_records
from serving.settings import ServingSettings
from serving.skills.company import company_of

pytestmark = pytest.mark.postgres
LONG_AGO = to_micros(datetime(2024, 1, 1, tzinfo=UTC))


@pytest.fixture
def house(make_house: Any, postgres_url: str) -> Iterator[House]:
    """Return a house over PostgreSQL: boss leads ann, nobody leads bob; each has a course and a goal."""
    store = open_store(postgres_url)
    keep(store)
    yield make_house(store)
    store.close()


def keep(store: Store) -> None:
    people = {"boss": None, "ann": "boss", "bob": None}
    known = {"known_at": LONG_AGO}
    with store.transaction() as connection:
        store.upsert(connection, "jobs", [{"job_id": "j", "title": "Analyst"}])
        store.upsert(connection, "courses", [{"course_id": "c", "title": "Course"}])
        store.upsert(connection, "skills", [{"skill_id": "s", "name": "SQL"}])
        asked = [{"job_id": "j", "skill_id": "s", "required_level": 3.0, "happened_at": LONG_AGO, **known}]
        store.append(connection, "job_skills", asked)
        for name, manager in people.items():
            who = {"employee_id": name, "spell": 1, **known}
            store.upsert(connection, "employees", [{**who, "hired_at": LONG_AGO}])
            job = {"happened_at": LONG_AGO, "job_id": "j", "manager_id": manager, "department": "sales"}
            store.append(connection, "job_history", [who | job])


def client_of(house: House, employee_id: str | None) -> TestClient:
    key = create_key(house.store, "tests", ALL_SCOPES, datetime.now(UTC), employee_id=employee_id)
    return TestClient(create_app(house=house), headers={"X-API-Key": key}, raise_server_exceptions=False)


def paths(person: str) -> list[str]:
    """Return what may be read about a person without a model."""
    said = ("", "/skill-gaps", "/accesses", "/opt-outs", "/corrections")
    return [f"/v1/employees/{person}{each}" for each in said]


def test_what_a_manager_may_see_is_the_same_behind_the_lock(house: House) -> None:
    everyone, boss = client_of(house, None), client_of(house, "boss")
    answered = 0
    for path in [*paths("boss"), *paths("ann"), "/v1/courses/c"]:
        free, locked = everyone.get(path), boss.get(path)
        if locked.status_code == 200:
            assert without_moments(locked.json()) == without_moments(free.json()), path
            answered += 1
    assert answered == 8


def without_moments(body: Any) -> Any:
    return (
        {name: value for name, value in body.items() if name != "as_of"} if isinstance(body, dict) else body
    )


def test_a_guard_that_lets_everybody_through_still_shows_nobody_elses_rows(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_objection(*_given: object) -> None:
        return None

    monkeypatch.setattr(access, "why_not_for", no_objection)
    boss, everyone = client_of(house, "boss"), client_of(house, None)
    assert everyone.get("/v1/employees/bob").status_code == 200
    assert boss.get("/v1/employees/ann").status_code == 200
    assert [boss.get(path).status_code for path in ("/v1/employees/bob", "/v1/employees/bob/skill-gaps")] == [
        404,
        404,
    ]
    assert boss.delete("/v1/employees/bob").status_code == 404
    assert everyone.get("/v1/employees/bob").status_code == 200


def test_what_a_manager_asks_first_does_not_narrow_what_others_get_later(house: House) -> None:
    boss = client_of(house, "boss")
    assert boss.get("/v1/teams/boss/skill-gaps").json()["n_people"] == 1
    assert company_of(house).people["employee_id"].to_list() == ["ann", "bob", "boss"]


def test_a_role_that_passes_over_the_lock_is_warned_of(
    serving_settings: ServingSettings,
    postgres_cluster: Any,
    postgres_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    open_records(serving_settings.model_copy(update={"store_url": postgres_url})).close()
    assert caplog.text == ""
    above = postgres_cluster.url(postgres_url.rpartition("/")[2], "skillpath")
    open_records(serving_settings.model_copy(update={"store_url": above})).close()
    assert "passes over row-level security" in caplog.text


def test_a_role_without_tables_of_its_own_serves_and_keeps_events(
    serving_settings: ServingSettings, postgres_cluster: Any, postgres_url: str, make_house: Any
) -> None:
    open_store(postgres_url).close()
    database = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_cluster.url(database, "skillpath"), autocommit=True) as owner:
        owner.execute("CREATE ROLE only_rows LOGIN")
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO only_rows")
        owner.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO only_rows")
    url = postgres_cluster.url(database, "only_rows")
    store = open_records(serving_settings.model_copy(update={"store_url": url}))
    keep(store)
    event = {
        "event_id": "1",
        "employee_id": "ann",
        "course_id": "c",
        "kind": "completed",
        "happened_at": "2025-01-01T00:00:00Z",
    }
    said = client_of(make_house(store), None).post("/v1/events", json=event)
    assert (said.status_code, said.json()["accepted"]) == (200, 1)
    store.close()
    with psycopg.connect(postgres_cluster.url(database, "skillpath"), autocommit=True) as owner:
        owner.execute("DROP OWNED BY only_rows")
        owner.execute("DROP ROLE only_rows")


def test_what_a_person_does_is_audited_and_done_once_behind_the_lock(house: House) -> None:
    ann = client_of(house, "ann")
    house.audit.record("sk_1", "export_employee", "bob", "subject_access")
    with row_security.only(["ann"]):
        house.audit.record("sk_2", "get_attrition_risk", "ann", "audit")
    house.audit.record("sk_1", "export_employee", "bob", "subject_access")
    assert house.audit.verify().holds
    assert house.audit.verify().rows == 3
    looked = ann.get("/v1/employees/ann/accesses").json()["items"]
    assert [each["actor"] for each in looked] == ["sk_2"]
    key = {"spell": 1, "happened_at": "2024-01-01T00:00:00Z"}
    body = {"table": "job_history", "key": key, "column": "department", "value": "hr"}
    asked = [
        ann.post("/v1/employees/ann/corrections", json=body, headers={"Idempotency-Key": "once"})
        for _ in "12"
    ]
    assert [each.status_code for each in asked] == [201, 201]
    assert asked[1].headers["Idempotency-Replayed"] == "true"
    assert asked[1].json() == asked[0].json()
