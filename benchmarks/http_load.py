"""A load generator of one process: keep-alive connections, closed loop for throughput, open loop for latency."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import uvloop

SPIN_SECONDS = 0.001
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What a run of requests took."""

    requests: int
    seconds: float
    failures: int
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.requests / self.seconds


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way.

    Parameters
    ----------
    on_answer : callable
        Called with the connection and whether the answer was a good one.
    """

    def __init__(self, on_answer: Callable[[Connection, bool], None]) -> None:
        self.on_answer = on_answer
        self.head = b""  # of an answer, until it is whole
        self.missing = 0  # bytes of the body of an answer whose head was read
        self.is_good = False
        self.due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Tell when an answer is whole."""
        if self.missing:
            self.missing -= len(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            self.is_good = self.head[9:12] == b"200"
            self.missing = end + 4 + length_of(self.head) - len(self.head)
            self.head = b""
        if not self.missing:
            self.on_answer(self, self.is_good)

    def ask(self, request: bytes, due_at: float) -> None:
        """Send a request; its latency counts from when it was due."""
        self.due_at = due_at
        self.transport.write(request)


def length_of(head: bytes) -> int:
    """Return how long an answer's body is; raise ValueError where its head does not say."""
    found = LENGTH.search(head)
    if found is None:
        raise ValueError("the answer does not say how long it is")
    return int(found[1])


def request(path: str, key: str, port: int) -> bytes:
    """Return the bytes of a GET."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {key}", "", ""]
    return "\r\n".join(lines).encode()


def run_load(
    port: int, requests: Sequence[bytes], seconds: float, *, connections: int = 32, rate: float | None = None
) -> Load:
    """Send requests in turn for so many seconds.

    Parameters
    ----------
    port : int
        Of a server on loopback.
    requests : sequence of bytes
        Sent one after the other, from the first again.
    seconds : float
        How long.
    connections : int
        Kept open.
    rate : float, optional
        Requests per second, evenly spaced, whether or not earlier ones were answered (open loop);
        without it each connection asks again as soon as it is answered (closed loop).
    """
    return uvloop.run(load(port, requests, seconds, connections, rate))


async def load(
    port: int, requests: Sequence[bytes], seconds: float, connections: int, rate: float | None
) -> Load:
    """Run one load."""
    latencies: list[float] = []
    failures = 0
    idle: deque[Connection] = deque()
    started = time.perf_counter()
    ends = started + seconds
    sent = 0

    def next_request() -> bytes:
        nonlocal sent
        sent += 1
        return requests[(sent - 1) % len(requests)]

    def answered(connection: Connection, is_good: bool) -> None:
        nonlocal failures
        now = time.perf_counter()
        latencies.append(now - connection.due_at)
        failures += not is_good
        if rate is None and now < ends:
            connection.ask(next_request(), now)
        else:
            idle.append(connection)

    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    started = time.perf_counter()
    ends = started + seconds
    if rate is None:
        for connection in opened:
            connection.ask(next_request(), started)
    else:
        idle.extend(opened)
        await pace(idle, next_request, rate, (started, ends))
    while len(idle) < connections and time.perf_counter() < ends + 10:
        await asyncio.sleep(0.01)
    took = time.perf_counter() - started
    for connection in opened:
        connection.transport.close()
    ms = np.array(latencies) * 1000
    return Load(len(latencies), took, failures, float(np.percentile(ms, 50)), float(np.percentile(ms, 99)))


async def pace(
    idle: deque[Connection], next_request: Callable[[], bytes], rate: float, span: tuple[float, float]
) -> None:
    """Send at an even rate; what finds no free connection is sent late, and its wait counts."""
    due, ends = span
    while due < ends:
        now = time.perf_counter()
        while due <= now and idle:
            idle.popleft().ask(next_request(), due)
            due += 1.0 / rate
        await asyncio.sleep(max(0.0, min(SPIN_SECONDS, due - time.perf_counter())))
