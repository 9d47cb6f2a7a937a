"""One person has many names: whoever is not known yet waits, and is taken in when the mapping comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key

LMS = "https://lms.example"
FIRST = "11111111-2222-4333-8444-55555555555"


def statement(number: int, name: str) -> dict[str, Any]:
    """Return a completion by somebody that the LMS knows by a name."""
    return {
        "id": f"{FIRST}{number}",
        "actor": {"account": {"homePage": LMS, "name": name}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {
            "id": f"{LMS}/courses/python",
            "definition": {"type": "http://adlnet.gov/expapi/activities/course"},
        },
        "timestamp": "2026-01-01T08:00:00Z",
    }


def identity(identifier: str = "3", employee_id: str = "E0001") -> dict[str, str]:
    return {"issuer": LMS, "identifier": identifier, "employee_id": employee_id}


@pytest.fixture
def house(make_house: Any, store: Store) -> House:
    """Return a house over two people and a course, on either database."""
    people = [{"employee_id": name, "spell": 1, "hired_at": 0, "known_at": 0} for name in ("E0001", "E0002")]
    with store.transaction() as connection:
        store.upsert(connection, "employees", people)
        store.upsert(connection, "courses", [{"course_id": "python", "title": "Python"}])
    found: House = make_house(store)
    return found


@pytest.fixture
def hris(house: House) -> TestClient:
    """Return a client with every scope."""
    key = create_key(house.store, "hris", ALL_SCOPES, datetime.now(UTC))
    headers = {"X-API-Key": key, "X-Experience-API-Version": "1.0.3"}
    return TestClient(create_app(house=house), headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        {},
        identity(employee_id="nobody"),
        identity(identifier=""),
        {**identity(), "colour": "red"},
        {**identity(), "identifier": 3},
        {**identity(), "issuer": "a\x00b"},
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(hris: TestClient, store: Store, body: Any) -> None:
    assert hris.put("/v1/identities", json=body).status_code == 422
    assert store.count("identities") == 0


def test_an_unknown_person_s_events_wait_and_are_taken_in_with_the_mapping(
    hris: TestClient, house: House, store: Store
) -> None:
    assert hris.post("/xapi/statements", json=[statement(1, "3"), statement(2, "4711")]).status_code == 200
    assert (store.count("learning_events"), store.count("quarantine")) == (0, 2)
    before = datetime.now(UTC)
    receipt = hris.put("/v1/identities", json=identity()).json()
    assert {name: receipt[name] for name in ("accepted", "replayed", "waiting")} == {
        "accepted": 1,
        "replayed": 1,
        "waiting": 0,
    }
    (event,) = store.frame("learning_events").to_dicts()
    assert (event["employee_id"], event["happened_at"]) == ("E0001", datetime(2026, 1, 1, 8, tzinfo=UTC))
    assert event["known_at"] >= before  # until then nobody knew whose it was
    assert "E0001" in house.changes.take(10)
    assert store.count("quarantine") == 1
    again = hris.put("/v1/identities", json=identity()).json()
    assert (again["accepted"], again["duplicates"], again["replayed"]) == (0, 1, 0)
    assert hris.post("/xapi/statements", json=statement(1, "3")).status_code == 200
    assert store.count("learning_events") == 1


def test_of_many_the_good_ones_are_kept_and_each_other_has_its_reason(hris: TestClient, store: Store) -> None:
    hris.post("/xapi/statements", json=[statement(1, "3"), statement(2, "4 ü/")])
    many = [identity(), identity("x", "nobody"), identity("4 ü/", "E0002")]
    receipt = hris.post("/v1/identities:bulk", json={"identities": many}).json()
    assert (receipt["accepted"], receipt["replayed"], receipt["waiting"]) == (2, 2, 0)
    assert [(each["index"], each["found"]) for each in receipt["rejected"]] == [(1, "nobody")]
    assert sorted(store.frame("learning_events")["employee_id"].to_list()) == ["E0001", "E0002"]


def test_what_is_still_not_understood_goes_on_waiting(hris: TestClient, store: Store) -> None:
    other = statement(1, "3") | {"verb": {"id": "http://example.org/juggled"}}
    hris.post("/xapi/statements", json=other)
    receipt = hris.put("/v1/identities", json=identity()).json()
    assert (receipt["replayed"], receipt["waiting"]) == (0, 1)
    assert store.count("quarantine") == 1


def test_a_platform_s_noted_mistake_is_no_waiting_event(hris: TestClient, store: Store) -> None:
    hris.put("/v1/identities", json=identity())
    hris.post("/xapi/statements", json=statement(1, "3") | {"result": {"response": ""}})
    receipt = hris.put("/v1/identities", json=identity("3", "E0002")).json()
    assert (receipt["replayed"], receipt["waiting"]) == (0, 0)
    assert (store.count("learning_events"), store.count("quarantine")) == (1, 1)


def test_mappings_are_listed_page_by_page_and_forgotten(hris: TestClient) -> None:
    many = [identity(str(number), "E0001" if number % 2 else "E0002") for number in range(5)]
    hris.post("/v1/identities:bulk", json={"identities": many})
    first = hris.get("/v1/identities?limit=3").json()
    rest = hris.get(f"/v1/identities?limit=3&cursor={first['next_cursor']}").json()
    assert first["identities"] + rest["identities"] == many
    assert rest["next_cursor"] is None
    mine = hris.get("/v1/identities?employee_id=E0002").json()["identities"]
    assert [each["identifier"] for each in mine] == ["0", "2", "4"]
    query = {"issuer": LMS, "identifier": "2"}
    assert hris.delete("/v1/identities", params=query).status_code == 204
    assert hris.delete("/v1/identities", params=query).status_code == 404
