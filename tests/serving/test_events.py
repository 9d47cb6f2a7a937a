"""Events: refused with reasons, kept once however often they are sent, durable before the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.records.store import Store
from serving.house import House
from serving.records import events


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return an event of Ann's completion of Python."""
    happened_at = "2026-01-01T00:00:00Z"
    said = {"event_id": f"e{number}", "employee_id": "ann", "course_id": "python", "kind": "completed"}
    return {**said, "happened_at": happened_at, **changes}


def stock(store: Store) -> None:
    """Keep one person and one course."""
    with store.transaction() as connection:
        store.upsert(
            connection, "employees", [{"employee_id": "ann", "spell": 1, "hired_at": 0, "known_at": 0}]
        )
        store.upsert(connection, "courses", [{"course_id": "python", "title": "Python"}])


@pytest.fixture
def stocked(client: TestClient, sqlite_house: House) -> TestClient:
    """Return a client over one person and one course."""
    stock(sqlite_house.store)
    return client


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"employee_id": "nobody"}, 422, "employee_id"),
        ({"course_id": "none"}, 422, "course_id"),
        ({"kind": "slept"}, 422, "kind"),
        ({"rating": 6}, 422, "rating"),
        ({"colour": "red"}, 422, "colour"),
        ({"happened_at": "2999-01-01T00:00:00Z"}, 422, "happened_at"),
        ({"happened_at": "2026-01-01T00:00:00"}, 422, "happened_at"),
        ({"event_id": None}, 422, "event_id"),
    ],
)
def test_a_single_event_that_cannot_be_used_is_a_problem(
    stocked: TestClient, sqlite_store: Store, change: dict[str, Any], status: int, field: str
) -> None:
    answer = stocked.post("/v1/events", json=event(**change))
    assert answer.status_code == status
    assert answer.json()["field"] == field
    assert sqlite_store.count("learning_events") == 0


@pytest.mark.parametrize("body", [[], {"events": []}, {"events": 5}, 5, "text", {"events": [], "more": 1}])
def test_a_body_that_holds_no_events_is_refused(stocked: TestClient, body: Any) -> None:
    assert stocked.post("/v1/events", json=body).status_code == 422


def test_more_than_a_thousand_events_are_refused_whole(stocked: TestClient, sqlite_store: Store) -> None:
    answer = stocked.post("/v1/events", json=[event(number) for number in range(1_001)])
    assert answer.status_code == 422
    assert answer.json()["found"] == "1001 events"
    assert sqlite_store.count("learning_events") == 0


def test_another_event_under_a_known_id_is_a_conflict_and_changes_nothing(
    stocked: TestClient, sqlite_store: Store
) -> None:
    assert stocked.post("/v1/events", json=event()).status_code == 200
    answer = stocked.post("/v1/events", json=event(kind="failed"))
    assert answer.status_code == 409
    assert sqlite_store.frame("learning_events")["kind"].to_list() == ["completed"]


def test_the_good_ones_of_many_are_kept_and_each_other_has_its_reason(
    stocked: TestClient, sqlite_store: Store
) -> None:
    assert stocked.post("/v1/events", json=event(1)).status_code == 200
    many = [
        event(2),
        event(1),
        event(1, kind="failed"),
        event(3, employee_id="nobody"),
        5,
        event(4, hours=-1),
        event(2),
        event(2, rating=3),
    ]
    answer = stocked.post("/v1/events", json={"events": many})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["duplicates"]) == (1, 2)
    rejected = [(each["index"], each["field"], each["status"]) for each in body["rejected"]]
    assert rejected == [
        (2, "event_id", 409),
        (3, "employee_id", 422),
        (4, "", 422),
        (5, "hours", 422),
        (7, "event_id", 409),
    ]
    assert sorted(sqlite_store.frame("learning_events")["event_id"].to_list()) == ["e1", "e2"]


def test_a_clock_a_little_ahead_is_taken_back_to_the_receipt_and_sent_again_is_a_duplicate(
    stocked: TestClient, sqlite_store: Store
) -> None:
    ahead = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    assert stocked.post("/v1/events", json=event(happened_at=ahead)).json()["accepted"] == 1
    assert stocked.post("/v1/events", json=event(happened_at=ahead)).json()["duplicates"] == 1
    row = sqlite_store.frame("learning_events").to_dicts()[0]
    assert row["happened_at"] == row["known_at"] <= datetime.now(UTC)


def test_receipt_is_when_an_event_became_known(stocked: TestClient, sqlite_store: Store) -> None:
    before = datetime.now(UTC)
    stocked.post("/v1/events", json=event())
    row = sqlite_store.frame("learning_events").to_dicts()[0]
    assert before <= row["known_at"] <= datetime.now(UTC)
    assert row["happened_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_whose_records_changed_is_noted(sqlite_house: House) -> None:
    stock(sqlite_house.store)
    events.receive(sqlite_house, [event(), event(2, employee_id="nobody")])
    assert sqlite_house.changes.take(10) == ["ann"]


def test_events_are_kept_the_same_on_both_databases(store: Store, make_house: Any) -> None:
    stock(store)
    house = make_house(store)
    sorting = events.receive(
        house, [event(1), event(1), event(2, employee_id="nobody"), event(3, rating=4.5)]
    )
    assert (sorting.accepted, sorting.duplicates, len(sorting.rejected)) == (2, 1, 1)
    assert events.receive(house, [event(3, rating=4.5)]).duplicates == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=8), min_size=1, max_size=6))
def test_however_often_and_in_whichever_order_events_are_sent_each_is_kept_once(
    sqlite_house: House, requests: list[list[int]]
) -> None:
    store = sqlite_house.store
    stock(store)
    before = set(store.frame("learning_events")["event_id"].to_list())
    sent = {number for request in requests for number in request}
    counted = [events.receive(sqlite_house, [event(number) for number in request]) for request in requests]
    after = store.frame("learning_events")["event_id"].to_list()
    assert len(after) == len(set(after))
    assert set(after) == before | {f"e{number}" for number in sent}
    assert sum(each.accepted + each.duplicates for each in counted) == sum(map(len, requests))
    assert not any(each.rejected for each in counted)
