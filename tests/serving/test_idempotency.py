"""A POST with an Idempotency-Key: another payload refused, a running one refused, a finished one answered again."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from serving import access
from serving.app import create_app
from serving.house import House
from serving.http.idempotency import TABLE


class Counter:
    """Counts what was done."""

    def __init__(self) -> None:
        self.done = 0
        self.status = 200


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def counting(
    sqlite_house: House, full_key: str, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> TestClient:
    """Return a client of a service with an operation that counts."""
    router = APIRouter(tags=["tests"])

    @router.post("/v1/count")
    async def count_once(body: dict[str, Any]) -> dict[str, int]:
        if counter.status >= 500:
            raise RuntimeError("not now")
        counter.done += 1
        return {"done": counter.done}

    monkeypatch.setitem(access.SCOPES, "count_once", "events:write")
    app = create_app(house=sqlite_house, routers=[router])
    return TestClient(app, headers={"X-API-Key": full_key})


def test_the_same_key_with_another_payload_is_refused(counting: TestClient, counter: Counter) -> None:
    headers = {"Idempotency-Key": "one"}
    assert counting.post("/v1/count", json={"a": 1}, headers=headers).status_code == 200
    assert counting.post("/v1/count", json={"a": 2}, headers=headers).status_code == 422
    assert counter.done == 1


def test_a_key_whose_first_request_is_running_is_refused(
    counting: TestClient, counter: Counter, sqlite_house: House
) -> None:
    headers = {"Idempotency-Key": "one"}
    counting.post("/v1/count", json={}, headers=headers)
    with sqlite_house.store.transaction() as connection:
        connection.execute(TABLE.update().values(status=0))
    answer = counting.post("/v1/count", json={}, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"], counter.done) == (409, "1", 1)


def test_a_finished_request_is_answered_again_in_the_same_words(
    counting: TestClient, counter: Counter
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = counting.post("/v1/count", json={}, headers=headers)
    again = counting.post("/v1/count", json={}, headers=headers)
    assert (again.status_code, again.content, counter.done) == (200, first.content, 1)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]


def test_a_refusal_is_answered_again_as_a_problem(counting: TestClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = counting.post("/v1/events", json={}, headers=headers)
    again = counting.post("/v1/events", json={}, headers=headers)
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["content-type"] == "application/problem+json"


def test_a_request_that_failed_here_can_be_tried_again(counting: TestClient, counter: Counter) -> None:
    headers = {"Idempotency-Key": "one"}
    counter.status = 500
    assert counting.post("/v1/count", json={}, headers=headers).status_code == 500
    counter.status = 200
    assert counting.post("/v1/count", json={}, headers=headers).status_code == 200


def test_without_a_key_everything_is_done(counting: TestClient, counter: Counter) -> None:
    counting.post("/v1/count", json={})
    counting.post("/v1/count", json={})
    assert counter.done == 2


def test_a_key_too_long_is_refused(counting: TestClient) -> None:
    assert counting.post("/v1/count", json={}, headers={"Idempotency-Key": "x" * 256}).status_code == 400
