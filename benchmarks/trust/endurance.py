"""Rows 12 and 13: callers that never finish what they send, and many requests on end; on loopback, as it runs."""

from __future__ import annotations

import http.client
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.trust.killing import Running, running
from benchmarks.trust.scorecard import Effort, Fact

SLOW_CLIENTS, SLOW_SECONDS = 200, 10.0
MOST_TIMES, MOST_MIB = 2.0, 10.0
WARM = 5_000


def slow_clients(effort: Effort) -> Iterator[Fact]:
    """Let 200 clients send a byte now and then; ask beside them, and compare with asking alone."""
    asked = max(500, effort.of(10_000))
    with running() as service:
        latencies(service, 500)
        alone = latencies(service, asked)
        stop = threading.Event()
        dripping = threading.Thread(target=drip, args=(service.port, stop))
        dripping.start()
        time.sleep(1.0)
        beside = latencies(service, asked)
        stop.set()
        dripping.join()
    p99 = [float(np.percentile(some, 99)) * 1e3 for some in (alone, beside)]
    found = f"p99 {p99[0]:.1f} ms alone, {p99[1]:.1f} ms beside them"
    yield Fact(f"{SLOW_CLIENTS} slow clients, {asked:,} requests beside", found, "≤ 2 times", p99[1] <= MOST_TIMES * p99[0])  # fmt: skip


def latencies(service: Running, count: int) -> list[float]:
    """Return the seconds of requests one after the other on a kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    found = []
    for _ in range(count):
        started = time.perf_counter()
        connection.request("GET", "/v1/courses/C1", headers={"X-API-Key": service.key})
        connection.getresponse().read()
        found.append(time.perf_counter() - started)
    connection.close()
    return found


def drip(port: int, stop: threading.Event) -> None:
    """Hold connections whose requests come a byte at a time."""
    opened = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(SLOW_CLIENTS)]
    text = b"POST /v1/events HTTP/1.1\r\nHost: here\r\nX-Slow: " + b"x" * 4096
    for place in range(len(text)):
        for connection in opened:
            try:
                connection.send(text[place : place + 1])
            except OSError:  # the service has had enough of it
                continue
        if stop.wait(0.2):
            break
    for connection in opened:
        connection.close()


def endurance(effort: Effort) -> Iterator[Fact]:
    """Send many requests, good and bad, on kept connections; look at memory and open files after the first and at the end."""
    asked = effort.of(1_000_000)
    with running() as service:
        worker = service.workers()[0]
        mixed(service, WARM)
        before = (memory_mib(worker), open_files(worker))
        answered = mixed(service, asked)
        after = (memory_mib(worker), open_files(worker))
        is_same = service.workers() == [worker]
    grown, opened = after[0] - before[0], after[1] - before[1]
    found = f"{answered:,} answered; + {grown:.1f} MiB, {opened:+d} open files; the same worker: {is_same}"
    holds = answered == asked and grown <= MOST_MIB and opened <= 0 and is_same
    yield Fact(f"{asked:,} requests, a third of them bad", found, "≤ + 10 MiB, + 0 files", holds)


def mixed(service: Running, count: int) -> int:
    """Ask for a course, for one that does not exist, and with a body that is none; return how many were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    headers = {"X-API-Key": service.key, "Content-Type": "application/json"}
    wanted = (
        ("GET", "/v1/courses/C1", None, 200),
        ("GET", "/v1/courses/none", None, 404),
        ("POST", "/v1/events", "{", 400),
    )
    answered = 0
    for number in range(count):
        method, path, body, status = wanted[number % len(wanted)]
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        answered += answer.status == status
    connection.close()
    time.sleep(0.5)
    return answered


def memory_mib(pid: int) -> float:
    """Return the memory a process has now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def open_files(pid: int) -> int:
    """Return how many files and sockets a process holds open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
