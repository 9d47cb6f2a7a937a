"""A closed loop on bare sockets: where generator and service share the cores, each microsecond of the one is taken from the other."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.http_load import Load, length_of

MOST_BYTES = 1 << 17
OK = b"HTTP/1.1 200"


@dataclass(frozen=True)
class Leaned:
    """What a run took, and the generator's own part of it.

    Parameters
    ----------
    load : Load
        As the service was seen.
    generator_seconds : float
        Processor time of the generator.
    """

    load: Load
    generator_seconds: float

    @property
    def cores(self) -> float:
        """How much of a core the generator took."""
        return self.generator_seconds / self.load.seconds


class Connection:
    """One kept connection with one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read, self.asked_at = b"", 0.0

    def ask(self, request: bytes) -> None:
        """Send a request; it is far shorter than what a socket takes at once."""
        self.asked_at = time.perf_counter()
        self.socket.send(request)

    def is_answered(self) -> bool:
        """Read what has come, and say whether the answer is whole; it lies in `read` then."""
        part = self.socket.recv(MOST_BYTES)
        if not part:
            raise ConnectionError("closed in the middle of an answer")
        self.read = self.read + part if self.read else part
        end = self.read.find(b"\r\n\r\n")
        return end >= 0 and len(self.read) >= end + 4 + length_of(self.read[: end + 2])


def closed_loop(port: int, requests: Sequence[bytes], seconds: float, connections: int = 32) -> Leaned:
    """Let each connection ask again as soon as it is answered.

    Parameters
    ----------
    port : int
        Of a server on loopback.
    requests : sequence of bytes
        Made before; sent one after the other, from the first again.
    seconds : float
        How long.
    connections : int
        Kept open.
    """
    opened = {one.socket.fileno(): one for one in (Connection(port) for _ in range(connections))}
    latencies: list[float] = []
    failures = sent = 0
    with select.epoll() as polling:
        began, started = time.process_time(), time.perf_counter()
        for number, one in opened.items():
            polling.register(number, select.EPOLLIN)
            one.ask(requests[sent % len(requests)])
            sent += 1
        while time.perf_counter() < started + seconds:
            for number, _ in polling.poll():
                one = opened[number]
                if not one.is_answered():
                    continue
                latencies.append(time.perf_counter() - one.asked_at)
                failures += not one.read.startswith(OK)
                one.read = b""
                one.ask(requests[sent % len(requests)])
                sent += 1
        took, spent = time.perf_counter() - started, time.process_time() - began
    for one in opened.values():
        one.socket.close()
    p50, p99 = np.percentile(np.array(latencies) * 1e3, [50, 99]).tolist()
    return Leaned(Load(len(latencies), took, failures, p50, p99), spent)
