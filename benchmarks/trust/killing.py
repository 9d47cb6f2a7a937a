"""Rows 1, 4 and 5: a worker killed while it answers and writes, workers restarted under load; on loopback, as it runs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.trust.requests import AT_ONCE, event
from benchmarks.trust.scorecard import Effort, Fact, own_settings, stocked
from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.keys import create_key
from serving.settings import ServingSettings

PEOPLE = 50
PATIENCE_SECONDS = 20.0


@dataclass
class Running:
    """A service on loopback, and the records beneath it."""

    process: subprocess.Popen[str]
    port: int
    key: str
    store: Store
    lost: list[str] = field(default_factory=list)

    def workers(self) -> list[int]:
        """Return the ids of its worker processes."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in listed if b"serving.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def ask(self, method: str, path: str, body: str | None = None) -> int:
        """Return the status of one request on a connection of its own; 0 where there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


@contextmanager
def running(workers: int = 1, **settings_said: str) -> Iterator[Running]:
    """Give a running service with a few settings of its own, stopped afterwards."""
    with own_settings() as settings:
        store = stocked(settings, PEOPLE)
        key = create_key(store, "trust", ALL_SCOPES, datetime.now(UTC))
        process = start(settings, workers, settings_said)
        assert process.stderr is not None
        line = next(line for line in process.stderr if "listens on" in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield Running(
                process, int(line.split("listens on ")[1].split(" ")[0].rpartition(":")[2]), key, store
            )
        finally:
            process.terminate()
            process.wait(30)
            store.close()


def start(settings: ServingSettings, workers: int, said: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the service on a free port."""
    environment = {**os.environ, "SKILLPATH_VAR": str(settings.var), "SKILLPATH_LOG_LEVEL": "error"}
    environment |= {f"SKILLPATH_{name.upper()}": value for name, value in said.items()}
    command = [sys.executable, "-m", "skillpath", "serve", "--port", "0", "--workers", str(workers)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def killed_while_writing(effort: Effort) -> Iterator[Fact]:
    """Kill the writing worker again and again; every acknowledged event is there, whole, and it is back soon."""
    times, back = effort.of(50), []
    with running() as service:
        acknowledged: list[str] = []
        stop = threading.Event()
        writing = threading.Thread(target=write_until, args=(service, stop, acknowledged))
        writing.start()
        for _ in range(times):
            time.sleep(0.3)
            back.append(kill_and_wait(service))
        stop.set()
        writing.join()
        frame = service.store.frame("learning_events")
        kept = set(frame["event_id"].to_list())
        torn = frame.filter(frame["course_id"] != "C1").height
    lost = len(set(acknowledged) - kept)
    found = (
        f"{len(acknowledged):,} acknowledged, {lost} lost, {torn} torn; back after {max(back):.1f} s at most"
    )
    yield Fact(
        f"the writing worker killed {times} times",
        found,
        "0 lost, 0 torn; back ≤ 2 s on a quiet machine",
        not lost and not torn,
    )


def write_until(service: Running, stop: threading.Event, acknowledged: list[str]) -> None:
    """Send events one by one, noting what was acknowledged."""
    number = 0
    while not stop.is_set():
        number += 1
        if service.ask("POST", "/v1/events", json.dumps(event(number))) == 200:
            acknowledged.append(f"e{number}")


def kill_and_wait(service: Running) -> float:
    """Kill a worker; return after how many seconds another one answers."""
    worker = service.workers()[0]
    os.kill(worker, signal.SIGKILL)
    started = time.perf_counter()
    while time.perf_counter() - started < PATIENCE_SECONDS:
        if service.ask("GET", "/health/live") == 200 and worker not in service.workers():
            return time.perf_counter() - started
        time.sleep(0.02)
    raise AssertionError("no worker came back")


def sent_again(effort: Effort) -> Iterator[Fact]:
    """Send events one to five times, shuffled, while the worker is killed; send again what was not acknowledged."""
    count, times, rng = effort.of(100_000), max(2, effort.of(20)), np.random.default_rng(7)
    sent = np.repeat(np.arange(count), rng.integers(1, 6, count))
    rng.shuffle(sent)
    with running() as service:
        stop, done = threading.Event(), [0]
        killing = threading.Thread(target=kill_until, args=(service, stop, times, done))
        killing.start()
        again = 0
        for start in range(0, len(sent), AT_ONCE):
            body = json.dumps([event(int(number)) for number in sent[start : start + AT_ONCE]])
            while service.ask("POST", "/v1/events", body) != 200:
                again += 1
                time.sleep(0.05)
        stop.set()
        killing.join()
        ids = service.store.frame("learning_events", ("event_id",))["event_id"]
        kept, different = ids.len(), ids.n_unique()
    found = f"{kept:,} kept, {different:,} different; {done[0]} kills, {again} requests sent again"
    holds = kept == different == count and done[0] > 0
    yield Fact(f"{count:,} events sent {len(sent):,} times, shuffled, the worker killed meanwhile", found,
               "rows = unique ids", holds)  # fmt: skip


def kill_until(service: Running, stop: threading.Event, times: int, done: list[int]) -> None:
    """Kill the worker so many times, a while after each is back."""
    while not stop.wait(0.5) and done[0] < times:
        kill_and_wait(service)
        done[0] += 1


def rolling(effort: Effort) -> Iterator[Fact]:
    """Have two workers replaced one after the other, under load on kept-alive connections; no request is lost."""
    rounds = max(1, effort.of(20) // 2)
    with running(workers=2) as service:
        stop, answered, failed = threading.Event(), [0], [0]
        load = [threading.Thread(target=load_until, args=(service, stop, answered, failed)) for _ in range(4)]
        for each in load:
            each.start()
        for _ in range(rounds):
            before = set(service.workers())
            os.kill(service.process.pid, signal.SIGHUP)
            deadline = time.perf_counter() + 6 * PATIENCE_SECONDS
            while before & set(service.workers()) and time.perf_counter() < deadline:
                time.sleep(0.05)
        stayed = before & set(service.workers())
        while answered[0] < effort.of(20_000) and not failed[0]:
            time.sleep(0.05)
        stop.set()
        for each in load:
            each.join()
    found = f"{answered[0]:,} answered, {failed[0]} lost"
    holds = not failed[0] and not stayed
    yield Fact(
        f"{2 * rounds} workers replaced (SIGHUP) under keep-alive load", found, "0 of 20,000 lost", holds
    )


def load_until(service: Running, stop: threading.Event, answered: list[int], failed: list[int]) -> None:
    """Ask on a kept-alive connection, opening another one where the service says so."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    while not stop.is_set():
        try:
            connection.request("GET", "/v1/models", headers={"X-API-Key": service.key})
            answer = connection.getresponse()
            answer.read()
            answered[0] += answer.status == 200
            failed[0] += answer.status != 200
        except (OSError, http.client.HTTPException):
            failed[0] += 1
            connection.close()
    connection.close()
