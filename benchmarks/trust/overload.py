"""Row 7: ten times as much as one caller may send; what is let in is answered as ever, the rest told when to come again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import uvloop

from benchmarks.http_load import Connection, pace, request
from benchmarks.trust.killing import Running, running
from benchmarks.trust.scorecard import Effort, Fact

LIMIT, TIMES, SECONDS = 200, 10, 60
CONNECTIONS = 64
MOST_TIMES, REFUSED_MS, LIVE_MS = 2.0, 50.0, 100.0
LATER = (b"429", b"503")


@dataclass(frozen=True)
class Answer:
    """One answer: its status, whether it says when to come again, and how long it took from when it was due."""

    status: bytes
    says_when: bool
    seconds: float


def overload(effort: Effort) -> Iterator[Fact]:
    """Send half of what one caller may, then ten times as much, asking meanwhile whether the service lives."""
    seconds = max(3, effort.of(SECONDS))
    with running(requests_per_second=str(LIMIT)) as service:
        flood(service, LIMIT / 2, 2.0)
        nominal = flood(service, LIMIT / 2, seconds)
        stop, alive = threading.Event(), [0.0]
        asking = threading.Thread(target=ask_whether_it_lives, args=(service, stop, alive))
        asking.start()
        flood(service, LIMIT * TIMES, 2.0)  # a second's worth comes at once; the time after is asked about
        found = flood(service, LIMIT * TIMES, seconds)
        stop.set()
        asking.join()
    yield judged(nominal, found, max(alive) * 1e3, seconds)


def judged(nominal: Sequence[Answer], found: Sequence[Answer], live_ms: float, seconds: float) -> Fact:
    """Return what came of a flood, beside what a caller within the limit got."""
    let_in = [each for each in found if each.status == b"200"]
    refused = [each for each in found if each.status in LATER and each.says_when]
    before, during, refusal = (p99_ms(some) for some in (nominal, let_in, refused))
    other = len(found) - len(let_in) - len(refused)
    what = f"{LIMIT * TIMES:,} requests/s for {seconds} s, {LIMIT}/s allowed"
    said = (
        f"{len(let_in):,} answered, p99 {during:.1f} ms ({before:.1f} ms at half the limit); {len(refused):,} refused with "
        f"Retry-After, p99 {refusal:.1f} ms; {other} otherwise; live {live_ms:.0f} ms at most"
    )
    holds = during <= MOST_TIMES * before and refusal <= REFUSED_MS and live_ms <= LIVE_MS and not other
    return Fact(what, said, f"≤ {MOST_TIMES:.0f} times; ≤ {REFUSED_MS:.0f} ms; 0; ≤ {LIVE_MS:.0f} ms", holds)


def p99_ms(answers: Sequence[Answer]) -> float:
    """Return the 99th percentile of latencies in milliseconds; NaN, which is below nothing, without any."""
    return float(np.percentile([each.seconds for each in answers], 99)) * 1e3 if answers else float("nan")


def ask_whether_it_lives(service: Running, stop: threading.Event, seconds: list[float]) -> None:
    """Note how long `/health/live` takes, a few times a second; an answer that is none took for ever."""
    while not stop.wait(0.2):
        started = time.perf_counter()
        is_live = service.ask("GET", "/health/live") == 200
        seconds.append(time.perf_counter() - started if is_live else float("inf"))


def flood(service: Running, rate: float, seconds: float) -> list[Answer]:
    """Send requests at an even rate, whether or not earlier ones were answered."""
    return uvloop.run(flooding(service.port, request("/v1/courses/C1", service.key, service.port), rate, seconds))  # fmt: skip


async def flooding(port: int, asked: bytes, rate: float, seconds: float) -> list[Answer]:
    """Send requests on kept connections, and note each answer."""
    answers: list[Answer] = []
    idle: deque[Connection] = deque()

    def answered(connection: Connection, _is_good: bool) -> None:
        head, took = connection.head, time.perf_counter() - connection.due_at
        answers.append(Answer(head[9:12], b"\r\nretry-after: " in head, took))
        idle.append(connection)

    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        idle.append((await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port))[1])
    opened, started = list(idle), time.perf_counter()
    await pace(idle, lambda: asked, rate, (started, started + seconds))
    while len(idle) < CONNECTIONS and time.perf_counter() < started + seconds + 10:
        await asyncio.sleep(0.01)
    for connection in opened:
        connection.transport.close()
    return answers
