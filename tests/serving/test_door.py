"""Who was just told to come later is told so again before anything is done for it; everybody else goes the whole way."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn

from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.http.door import MOST_CALLERS, Door, behind
from serving.http.envelope import Drain
from serving.keys import KEY_LENGTH, KeyRing, create_key
from serving.opening import build_house
from serving.settings import ServingSettings

ANN, BOB = [(b"host", b"h"), (b"authorization", b"Bearer a")], [(b"x-api-key", b"b")]


def test_a_caller_is_turned_away_until_its_time_has_come_and_nobody_else_is() -> None:
    now = [0.0]
    door = Door(lambda: now[0])
    assert door.wait(ANN) == 0.0
    door.shut(ANN, 0.25)
    assert (door.wait(ANN), door.wait(BOB), door.wait([])) == (0.25, 0.0, 0.0)
    assert door.wait([(b"accept", b"*/*"), *ANN]) == 0.25
    now[0] = 0.25
    assert door.wait(ANN) == 0.0
    door.shut(ANN, 3_600.0)
    assert door.wait(ANN) == 1.0  # a revoked key is looked at again soon
    assert all(b"Bearer" not in name for name in door.until)


def test_the_door_remembers_a_bounded_number_of_callers() -> None:
    door = Door(lambda: 0.0)
    for number in range(3 * MOST_CALLERS):
        door.shut([(b"x-api-key", str(number).encode())], 1.0)
    assert len(door.until) <= MOST_CALLERS


class Visits:
    """Requests on one kept connection; to be closed with `contextlib.closing`."""

    def __init__(self, port: int, key: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.key = key

    def close(self) -> None:
        self.connection.close()

    def ask(self, path: str = "/v1/models", method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        body = "{}" if method == "POST" else None
        sent = {"X-API-Key": self.key, "Content-Type": "application/json", **headers}
        self.connection.request(method, path, body, sent)
        answer = self.connection.getresponse()
        answer.said = answer.read()  # type: ignore[attr-defined]
        return answer


@pytest.fixture
def drain() -> Drain:
    return Drain()


@pytest.fixture
def door() -> Door:
    return Door(lambda: 0.0)  # time stands: whoever is refused stays refused


@pytest.fixture
def port(sqlite_store: Store, serving_settings: ServingSettings, door: Door, drain: Drain) -> Iterator[int]:
    """Serve a house that lets in one request a second of each caller; return the port."""
    settings = serving_settings.model_copy(update={"requests_per_second": 1e-3, "metrics_port": 1})
    app = create_app(house=build_house(settings, sqlite_store), door=door, drain=drain)
    config = uvicorn.Config(app, port=0, http=behind(door, drain), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def kept_headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    """Return the headers of an answer that do not differ from one to the next."""
    changing = {"date", "x-request-id", "retry-after", "server"}
    return {name.lower(): value for name, value in answer.getheaders() if name.lower() not in changing}


def test_the_door_says_what_the_layers_say(port: int, sqlite_store: Store, door: Door) -> None:
    keys = [create_key(sqlite_store, name, ALL_SCOPES, datetime.now(UTC)) for name in ("lms", "bob")]
    counted: list[int] = []
    measured = door.count

    def count() -> None:
        counted.append(1)
        measured()

    door.count = count
    with closing(Visits(port, keys[0])) as visits, closing(Visits(port, keys[1])) as other:
        first, by_layers, at_the_door = (visits.ask() for _ in range(3))
        assert [each.status for each in (first, by_layers, at_the_door)] == [200, 429, 429]
        assert len(counted) == 1
        assert at_the_door.said == by_layers.said  # type: ignore[attr-defined]
        assert json.loads(at_the_door.said)["type"] == "urn:skillpath:problem:too-many-requests"  # type: ignore[attr-defined]
        assert kept_headers(at_the_door) == kept_headers(by_layers)
        assert len({each.headers["x-request-id"] for each in (first, by_layers, at_the_door)}) == 3
        assert int(at_the_door.headers["retry-after"]) >= 1
        assert visits.ask("/health/live").status == 200
        assert visits.ask("/v1/events", "POST").status == 429
        assert len(counted) == 1  # a body is read by the layers
        assert visits.ask().status == 429
        assert len(counted) == 2
        assert other.ask().status == 200


def test_a_process_that_drains_closes_the_connection_with_its_answer(
    port: int, sqlite_store: Store, drain: Drain
) -> None:
    key = create_key(sqlite_store, "lms", ALL_SCOPES, datetime.now(UTC))
    with closing(Visits(port, key)) as visits:
        assert [visits.ask().status for _ in range(3)] == [200, 429, 429]
        drain.is_draining = True
        assert visits.ask().headers["connection"] == "close"


@pytest.mark.parametrize("sent", [b"", b"GET /v1/mod"])
def test_who_never_finishes_asking_is_let_go_and_a_pause_between_requests_costs_nothing(
    port: int, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("serving.http.door.HEAD_SECONDS", 0.05)
    key = create_key(sqlite_store, "lms", ALL_SCOPES, datetime.now(UTC))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as slow,
        closing(Visits(port, key)) as visits,
    ):
        slow.sendall(sent)
        assert visits.ask("/health/live").status == 200
        assert slow.recv(100) == b""
        assert visits.ask("/health/live").status == 200


def test_keys_of_nobody_are_looked_for_only_so_often(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing(sqlite_store, lambda: datetime.now(UTC))
    asked: list[str] = []
    known: Any = ring.made_just_now

    def noting(prefix: str) -> Any:
        asked.append(prefix)
        return known(prefix)

    monkeypatch.setattr(ring, "made_just_now", noting)

    async def story() -> None:
        await ring.refresh()
        key = create_key(sqlite_store, "new", ["skills:read"], datetime.now(UTC))
        assert all(await asyncio.gather(*(ring.caller(key) for _ in range(3))))
        for number in range(200):
            strange = f"sk_{number:08d}_".ljust(KEY_LENGTH, "x")
            assert await ring.caller(strange) is None
        assert await ring.caller(key) is not None

    monkeypatch.setattr("serving.keys.FRESH_SECONDS", 3_600.0)
    asyncio.run(story())
    assert 50 <= len(asked) <= 53  # the new key by up to three at once
