"""Rows 6, 9, 10 and 11: events sent again and out of order, malformed requests, a store that is held or full."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from fastapi.testclient import TestClient

from benchmarks.trust.direct import Direct
from benchmarks.trust.scorecard import Effort, Fact, own_settings, stocked
from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.opening import build_house, suit_requests

AT_ONCE = 500
GOOD = {
    "event_id": "good",
    "employee_id": "E1",
    "course_id": "C1",
    "kind": "completed",
    "happened_at": "2025-01-01T00:00:00Z",
}


@contextmanager
def asking(people: int = 50) -> Iterator[tuple[TestClient, House, Store]]:
    """Give a client with every scope over a few records."""
    with own_settings() as settings:
        store = stocked(settings, people)
        store.close()
        sa.event.listen(store.engine, "connect", suit_requests)
        house = build_house(settings, store)
        key = create_key(store, "trust", ALL_SCOPES, datetime.now(UTC))
        client = TestClient(
            create_app(house=house), headers={"X-API-Key": key}, raise_server_exceptions=False
        )
        yield client, house, store
        store.close()


def events(effort: Effort) -> Iterator[Fact]:
    """Send every event one to five times, shuffled, some with another content under the same id."""
    count, rng = effort.of(100_000), np.random.default_rng(7)
    with asking() as (client, _house, store):
        sent = np.repeat(np.arange(count), rng.integers(1, 6, count))
        rng.shuffle(sent)
        accepted = duplicates = 0
        for start in range(0, len(sent), AT_ONCE):
            said = client.post(
                "/v1/events", json=[event(int(number)) for number in sent[start : start + AT_ONCE]]
            ).json()
            accepted, duplicates = accepted + said["accepted"], duplicates + said["duplicates"]
        conflicts = [
            client.post("/v1/events", json=event(number) | {"hours": 7.5}).status_code for number in range(20)
        ]
        kept = store.count("learning_events")
    found = (
        f"{kept:,} kept, {accepted:,} accepted, {duplicates:,} duplicates; conflicts {sorted(set(conflicts))}"
    )
    holds = kept == accepted == count and accepted + duplicates == len(sent) and set(conflicts) == {409}
    yield Fact(
        f"{count:,} events sent {len(sent):,} times, shuffled",
        found,
        "rows = unique ids; conflicts 409",
        holds,
    )


def event(number: int) -> dict[str, Any]:
    """Return an event by its number."""
    happened = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return {
        **GOOD,
        "event_id": f"e{number}",
        "employee_id": f"E{number % 50}",
        "happened_at": happened.isoformat(),
    }


def malformed(effort: Effort) -> Iterator[Fact]:
    """Send malformed requests, each followed by a good one."""
    times = effort.of(100_000)
    with asking() as (client, _house, _store):
        direct = Direct(client.app, {"X-API-Key": client.headers["X-API-Key"]})
        bad, spoiled, statuses = asyncio.run(sending_malformed(direct, times))
    said = f"{bad} of 5xx or without a problem, {spoiled} good ones spoiled; statuses {statuses}"
    yield Fact(f"{times:,} malformed requests, a good one after each", said, "0 and 0", not bad and not spoiled)  # fmt: skip


async def sending_malformed(direct: Direct, times: int) -> tuple[int, int, list[int]]:
    """Return how many malformed requests were answered wrongly, how many good ones after them, and which statuses came."""
    rng, bad, spoiled, statuses = np.random.default_rng(7), 0, 0, set()
    for _ in range(times):
        answer = await direct.ask(*malformed_request(rng))
        statuses.add(answer.status)
        is_problem = answer.status < 400 or answer.kind == "application/problem+json"
        is_broken = answer.status == 0 or (answer.status >= 500 and answer.status != 503)
        bad += is_broken or b"Traceback" in answer.body or not is_problem
        spoiled += (await direct.ask("GET", "/v1/models")).status != 200
    return bad, spoiled, sorted(statuses)


def malformed_request(rng: np.random.Generator) -> tuple[str, str, bytes]:
    """Return method, target and body of a request that is wrong in its path, its query or its body."""
    kind = int(rng.integers(0, 4))
    noise = bytes(rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8))
    text = "".join(f"%{byte:02X}" for byte in noise)
    if kind == 0:
        return "GET", f"/v1/employees/{text}/recommendations", b""
    if kind == 1:
        return "GET", f"/v1/attrition-risks?limit={text}&cursor={text}", b""
    body = bytearray(json.dumps(GOOD).encode())
    if kind == 2:
        body[int(rng.integers(0, len(body)))] = noise[0]
    else:
        name = str(rng.choice(list(GOOD)))
        wrong: Any = [None, -1, [], {}, "\ud800", 1e400][int(rng.integers(0, 6))]
        body = bytearray(json.dumps(GOOD | {name: wrong}).encode())
    return "POST", "/v1/events", bytes(body)


def store_held(_effort: Effort) -> Iterator[Fact]:
    """Let another process hold the write lock; reads go on, writes are told to come again, and it heals."""
    with asking() as (client, _house, store):
        client.post("/v1/events", json=GOOD)
        with store.engine.connect() as holding:
            holding.execute(sa.text("DELETE FROM courses WHERE 1 = 0"))
            started = time.perf_counter()
            write = client.post("/v1/events", json=event(1))
            took = time.perf_counter() - started
            read = client.get("/v1/courses/C1").status_code
        healed = client.post("/v1/events", json=event(1)).status_code
    found = f"write {write.status_code} after {took:.2f} s (Retry-After {write.headers.get('Retry-After')}), read {read}, then {healed}"
    yield Fact(
        "the write lock held by another",
        found,
        "write 503 ≈ 1 s, read 200, heals",
        (write.status_code, read, healed) == (503, 200, 200),
    )


def store_full(effort: Effort) -> Iterator[Fact]:
    """Let the database have no room left; nothing acknowledged is lost, and it goes on when there is room."""
    with asking() as (client, _house, store):
        with store.engine.connect() as connection:
            pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)
        store.engine.dispose()

        def bounded(connection: Any, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages + 40}")

        sa.event.listen(store.engine, "connect", bounded)
        acknowledged: list[str] = []
        refused: set[int] = set()
        for number in range(max(10, effort.of(400))):  # fewer fit
            batch = [event(number * AT_ONCE + place) for place in range(AT_ONCE)]
            answer = client.post("/v1/events", json=batch)
            if answer.status_code == 200 and answer.json()["accepted"] == AT_ONCE:
                acknowledged += [one["event_id"] for one in batch]
            else:
                refused.add(answer.status_code)
        sa.event.remove(store.engine, "connect", bounded)
        store.engine.dispose()
        kept = set(store.frame("learning_events", ("event_id",))["event_id"].to_list())
        healed = client.post("/v1/events", json=event(9_999_999)).status_code
    lost = len(set(acknowledged) - kept)
    found = f"{len(acknowledged)} acknowledged, {lost} lost; then {sorted(refused)}; with room again {healed}"
    yield Fact(
        "a full disk while events come in",
        found,
        "0 lost; 507; goes on",
        not lost and refused == {507} and healed == 200,
    )
