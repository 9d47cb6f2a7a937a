"""What is let in at once, what is measured of it, and what neither metrics nor logs nor errors ever hold."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import generate_latest
from starlette.types import Message, Receive, Scope, Send

from features.records.moments import to_micros
from serving.access import ALL_SCOPES, Caller
from serving.app import create_app
from serving.house import House
from serving.http.admission import Admission, Rate
from serving.http.logs import JsonLines
from serving.keys import create_key
from serving.metrics import Measured, Measures

SECRET_NAME, SECRET_ID = "Zebulon Quartermain", "E-zq-31337"


def test_a_caller_that_asks_too_often_is_told_when_to_come_again() -> None:
    rate = Rate(10)
    waits = [rate.wait("sk_1", 0.0) for _ in range(12)]
    assert waits[:10] == [0.0] * 10
    assert waits[10] == pytest.approx(0.1)
    assert rate.wait("sk_2", 0.0) == 0.0
    assert rate.wait("sk_1", 0.1) == 0.0
    assert rate.wait("sk_1", 0.1) > 0
    assert [rate.wait("sk_1", 1_000.0) for _ in range(11)].count(0.0) == 10
    assert Rate(0).wait("sk_1", 0.0) == math.inf


async def asked(admission: Admission, path: str, caller: Caller | None = None) -> tuple[int, dict[str, str]]:
    """Return status and headers of one request through a layer."""
    said: dict[str, Any] = {}

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        said.update(message)

    scope: Scope = {"type": "http", "path": path, "caller": caller, "headers": []}
    await admission(scope, receive, send)
    return said["status"], {key.decode(): value.decode() for key, value in said["headers"]}


def test_one_request_too_many_is_refused_and_health_never_is() -> None:
    async def story() -> None:
        release, entered = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, _receive: Receive, send: Send) -> None:
            if scope["path"] == "/slow":
                entered.set()
                await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        admission = Admission(slow, most_at_once=1, rate=1_000, person_rate=1_000)
        first = asyncio.create_task(asked(admission, "/slow"))
        await entered.wait()
        assert (await asked(admission, "/v1/models"))[0] == 503
        assert (await asked(admission, "/v1/models"))[1]["retry-after"] == "1"
        assert (await asked(admission, "/health/live"))[0] == 200
        release.set()
        assert (await first)[0] == 200
        assert (await asked(admission, "/v1/models"))[0] == 200
        assert admission.under_way == 0

    asyncio.run(story())


def test_a_persons_key_has_a_smaller_rate_than_an_interface() -> None:
    async def done(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def story() -> list[int]:
        admission = Admission(done, most_at_once=10, rate=5, person_rate=1)
        person, interface = Caller("sk_p", "ann", employee_id="ann"), Caller("sk_i", "lms")
        return [(await asked(admission, "/", who))[0] for who in (person, person, interface, interface)]

    assert asyncio.run(story()) == [200, 429, 200, 200]


@pytest.fixture
def planted(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[TestClient, Measures, str]:
    """Return a client over a person with a name that is nowhere else, what is measured, and the key."""
    at = to_micros(datetime(2025, 1, 1, tzinfo=UTC))
    row = {"employee_id": SECRET_ID, "spell": 1, "hired_at": at, "known_at": at, "display_name": SECRET_NAME}
    with sqlite_house.store.transaction() as connection:
        sqlite_house.store.upsert(connection, "employees", [row])
    key = create_key(sqlite_house.store, SECRET_NAME, ALL_SCOPES, datetime.now(UTC))
    sqlite_house.settings = sqlite_house.settings.model_copy(update={"metrics_port": 1})
    app = create_app(house=sqlite_house)
    measures = next(layer.kwargs["measures"] for layer in app.user_middleware if layer.cls is Measured)
    return TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False), measures, key  # type: ignore[return-value]


def ask_everything(client: TestClient, house: House) -> None:
    """Send good, bad and failing requests that hold the planted name, identifier and key."""
    for path in (
        "",
        "/skill-gaps",
        "/recommendations",
        "/attrition-risk",
        "/export",
        "/accesses",
        "/nothing",
    ):
        client.get(f"/v1/employees/{SECRET_ID}{path}", headers={"Purpose": SECRET_NAME})
    client.post("/v1/events", json={"event_id": SECRET_NAME, "employee_id": SECRET_ID})
    client.put(f"/v1/employees/{SECRET_ID}", json={"hired_at": SECRET_NAME})
    client.post("/v1/events", content=f'{{"{SECRET_NAME}"')

    def fails(*_given: Any) -> None:
        raise RuntimeError(f"{SECRET_NAME} scores 0.7713")

    house.audit.record = fails  # type: ignore[method-assign]
    answer = client.get(f"/v1/employees/{SECRET_ID}/export")
    assert answer.status_code == 500
    assert SECRET_NAME not in answer.text


def test_planted_names_keys_and_scores_are_in_no_log_and_no_metric(
    planted: tuple[TestClient, Measures, str], sqlite_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    client, measures, key = planted
    caplog.set_level(logging.DEBUG)
    ask_everything(client, sqlite_house)
    measures.look(sqlite_house)
    lines = [JsonLines().format(record) for record in caplog.records if record.name.startswith("skillpath")]
    assert len(lines) > 10
    metrics = generate_latest(measures.registry).decode()
    for planted_text in (SECRET_NAME, SECRET_ID, key, key[12:], "0.7713"):
        assert planted_text not in "\n".join(lines)
        assert planted_text not in metrics
    assert 'skillpath_requests_total{operation="export_employee",status="500"} 1.0' in metrics
    assert 'operation="none",status="404"' in metrics
    assert 'skillpath_queue{queue="people"} 0.0' in metrics
    assert json.loads(lines[-1])["key"] == key[:11]


def test_pages_of_named_origins_may_ask_and_no_others(sqlite_house: House, full_key: str) -> None:
    origin = "https://lms.example.org"
    sqlite_house.settings = sqlite_house.settings.model_copy(update={"cors_origins": origin})
    client = TestClient(create_app(house=sqlite_house))
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    good = client.options("/v1/models", headers={"Origin": origin, **asked})
    assert (good.status_code, good.headers["access-control-allow-origin"]) == (200, origin)
    assert "access-control-allow-credentials" not in good.headers
    other = client.options("/v1/models", headers={"Origin": "https://evil.example.org", **asked})
    assert other.status_code == 400
    answer = client.get("/v1/models", headers={"Origin": "https://evil.example.org", "X-API-Key": full_key})
    assert "access-control-allow-origin" not in answer.headers
