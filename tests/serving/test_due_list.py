"""Everybody's evaluations as one list: unreadable requests refused, people alone seen by whom may see them, paged, as CSV."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.records.moments import to_micros
from features.records.store import Store, open_store
from serving.app import create_app
from serving.house import House
from serving.keys import create_key

NOW = datetime.now(UTC)
PATH = "/v1/evaluations"


def ago(days: int) -> int:
    return to_micros(NOW - timedelta(days=days))


def event(person: str, course: str, days: int, **changes: Any) -> dict[str, Any]:
    return {"event_id": f"{person}-{course}-{days}", "employee_id": person, "course_id": course, "kind": "completed",
            "happened_at": ago(days), "known_at": ago(days), **changes}  # fmt: skip


@pytest.fixture(autouse=True)
def learners(sqlite_store: Store) -> None:
    """Keep people and what each completed."""
    keep(sqlite_store)


def keep(store: Store) -> None:
    """Keep manager M over A and B, manager N over Z, a leaver L, and what each completed."""
    over = {"A": "M", "B": "M", "L": "M", "Z": "N", "M": None, "N": None}
    stamp = {"happened_at": ago(900), "known_at": ago(900), "spell": 1}
    with store.transaction() as connection:
        store.upsert(connection, "jobs", [{"job_id": "J", "title": "Job"}])
        store.upsert(connection, "skills", [{"skill_id": "S", "name": "Skill"}])
        store.upsert(connection, "courses", [{"course_id": c, "title": f"={c}"} for c in "CD"])
        store.upsert(connection, "course_skills", [{"course_id": "C", "skill_id": "S", "source": "given"}])
        spells = [
            {"employee_id": name, "spell": 1, "hired_at": ago(900), "known_at": ago(900)} for name in over
        ]
        store.upsert(connection, "employees", spells)
        jobs = [
            {"employee_id": name, "job_id": "J", "manager_id": boss, **stamp} for name, boss in over.items()
        ]
        store.append(connection, "job_history", jobs)
        gone = {
            "employee_id": "L",
            "happened_at": ago(30),
            "known_at": ago(30),
            "spell": 1,
            "reason_class": "voluntary",
        }
        store.append(connection, "exits", [gone])
        done = [event("A", "C", 120), event("B", "C", 110), event("Z", "C", 100), event("L", "C", 120),
                event("A", "D", 10), event("B", "D", 800)]  # fmt: skip
        store.append(connection, "learning_events", done)


def rows(client: TestClient, **asked: Any) -> list[tuple[str, str, str]]:
    found = client.get(PATH, params=asked)
    assert found.status_code == 200, found.text
    return [(one["employee_id"], one["course_id"], one["rater"]) for one in found.json()["items"]]


def say(store: Store, person: str, rater: str, days: int) -> None:
    row = {"employee_id": person, "course_id": "C", "happened_at": ago(days), "known_at": ago(days), "rater": rater,
           "stage": "behaviour", "rating": 3.0, "comment": None}  # fmt: skip
    with store.transaction() as connection:
        store.append(connection, "evaluations", [row])


@pytest.mark.parametrize(
    "asked", [{"state": "late"}, {"rater": "peer"}, {"limit": 0}, {"limit": 1_001}, {"cursor": "nonsense"}]
)
def test_what_the_list_does_not_know_is_refused(client: TestClient, asked: dict[str, Any]) -> None:
    assert client.get(PATH, params=asked).status_code == 422


def test_a_key_without_the_scope_does_not_see_the_list(sqlite_house: House) -> None:
    key = create_key(sqlite_house.store, "reader", ["impact:read"], NOW)
    with TestClient(create_app(house=sqlite_house), headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.get(PATH).status_code == 403


def test_a_manager_sees_the_own_team_and_an_employee_themselves(acting: Callable[[str], TestClient]) -> None:
    with acting("M") as manager:
        assert {person for person, *_ in rows(manager)} == {"A", "B"}
        assert rows(manager, manager_id="N") == []
    with acting("A") as employee:
        assert rows(employee) == [("A", "C", "employee"), ("A", "C", "manager")]
    with acting("L") as leaver:
        assert rows(leaver) == []


def test_due_is_what_was_completed_long_enough_ago_by_who_still_works_here(client: TestClient) -> None:
    both = ("employee", "manager")
    assert rows(client) == [(person, "C", rater) for person in "ABZ" for rater in both]
    assert rows(client, state="waiting") == [("A", "D", rater) for rater in both]
    first = client.get(PATH, params={"limit": 2}).json()["items"]
    assert [one["ask_id"] for one in first] == ["A", "M"]
    assert (first[0]["title"], first[0]["skill_ids"], first[0]["state"]) == ("=C", ["S"], "due")
    due, done = (datetime.fromisoformat(first[0][name]) for name in ("due_at", "completed_at"))
    assert due - done == timedelta(days=90)


def test_the_list_says_of_everybody_what_is_said_person_by_person(
    client: TestClient, sqlite_store: Store
) -> None:
    say(sqlite_store, "A", "employee", 20)
    say(sqlite_store, "B", "manager", 108)  # two days after the completion: too early
    states = {"state": ["waiting", "due", "answered"]}
    listed = client.get(PATH, params=states).json()["items"]
    told = {(one["employee_id"], one["course_id"], one["rater"]): one["state"] for one in listed}
    assert told["A", "C", "employee"] == "answered"
    assert told["B", "C", "manager"] == "due"
    for person in "ABZ":
        own = client.get(f"/v1/employees/{person}/evaluations").json()["evaluations"]
        assert {(person, one["course_id"], one["rater"]): one["state"] for one in own} == {
            key: state for key, state in told.items() if key[0] == person
        }


def test_what_was_imposed_or_corrected_away_is_not_asked_about(
    client: TestClient, sqlite_store: Store
) -> None:
    bound = {
        "employee_id": "A",
        "course_id": "C",
        "happened_at": ago(200),
        "known_at": ago(200),
        "is_mandatory": True,
    }
    with sqlite_store.transaction() as connection:
        sqlite_store.append(connection, "assignments", [bound])
        corrected = event("B", "C", 110, kind="withdrawn", known_at=ago(5))
        sqlite_store.append(connection, "learning_events", [corrected])
    assert {person for person, *_ in rows(client)} == {"Z"}
    with sqlite_store.transaction() as connection:
        freed = {**bound, "is_mandatory": False, "known_at": ago(3)}
        sqlite_store.append(connection, "assignments", [freed])
    assert {person for person, *_ in rows(client)} == {"A", "Z"}


def test_who_took_a_course_again_is_asked_after_the_last_time(
    client: TestClient, sqlite_store: Store
) -> None:
    with sqlite_store.transaction() as connection:
        sqlite_store.append(connection, "learning_events", [event("A", "C", 5)])
    assert "A" not in {person for person, *_ in rows(client)}


def test_filters_of_one_name_are_or_and_of_several_are_and(client: TestClient) -> None:
    asked = {"state": ["due", "waiting"], "rater": "manager"}
    assert rows(client, **asked, manager_id="M") == [(p, c, "manager") for p, c in ("AC", "BC", "AD")]
    assert rows(client, **asked, course_id="D") == [("A", "D", "manager")]
    assert rows(client, **asked, manager_id=["M", "N"], course_id=["C"])[-1] == ("Z", "C", "manager")


def test_pages_hang_together_and_none_comes_twice(client: TestClient) -> None:
    whole, cursor, seen = rows(client), None, []
    while True:
        page = client.get(PATH, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [(one["employee_id"], one["course_id"], one["rater"]) for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole


@pytest.mark.postgres
def test_postgresql_lists_the_same_and_shows_a_manager_their_own(make_house: Any, postgres_url: str) -> None:
    store = open_store(postgres_url)
    try:
        keep(store)
        house = make_house(store)
        for person, seen in ((None, {"A", "B", "Z"}), ("M", {"A", "B"}), ("N", {"Z"})):
            key = create_key(store, "tests", ["evaluations:read"], NOW, employee_id=person)
            headers = {"Authorization": f"Bearer {key}"}
            with TestClient(create_app(house=house), headers=headers) as client:
                assert {name for name, *_ in rows(client)} == seen
                assert client.get(PATH, params={"limit": 1, "cursor": ""}).json()["next_cursor"]
    finally:
        store.close()


def test_as_csv_no_title_becomes_a_formula(client: TestClient) -> None:
    found = client.get(PATH, params={"limit": 1}, headers={"Accept": "text/csv"})
    assert found.headers["content-type"].startswith("text/csv")
    assert found.headers["x-next-cursor"]
    header, row = found.text.splitlines()
    assert header.startswith("employee_id,ask_id,rater,course_id,title")
    assert row.startswith("A,A,employee,C,'=C,S,")
