"""How many learning events one worker keeps durably in a second, sent in bulks of 1,000, on PostgreSQL and on SQLite.

Run: ``python -m benchmarks.event_intake`` (a private PostgreSQL with fsync on where its programs are installed; ``--employees``,
``--courses``, ``--bulks``, ``--clients``). Every bulk is answered after its transaction is on the disk; afterwards the rows
are counted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.postgres import OWNER, cluster
from benchmarks.processes import machine
from benchmarks.serving import wait

BULK = 1_000
COURSES_OF_ONE = 7


def fill(url: str, employees: int, courses: int) -> str:
    """Keep people and courses; return a key."""
    from features.records.store import open_store
    from serving.keys import create_key

    store = open_store(url)
    people = [
        {"employee_id": f"E{number:06}", "spell": 1, "hired_at": 0, "known_at": 0}
        for number in range(employees)
    ]
    items = [{"course_id": f"C{number:05}", "title": f"Course {number}"} for number in range(courses)]
    with store.transaction() as connection:
        store.append(connection, "employees", people)
        store.append(connection, "courses", items)
    key = create_key(store, "benchmark", ["events:write"], datetime.now(UTC))
    store.close()
    return key


def bulk(number: int, employees: int, courses: int) -> bytes:
    """Return the body of one bulk; no two events are the same."""
    events = []
    for place in range(BULK):
        whole = number * BULK + place
        events.append({
            "event_id": f"lms-{whole:09}", "employee_id": f"E{whole * 31 % employees:06}",
            "course_id": f"C{whole * COURSES_OF_ONE % courses:05}", "kind": "progressed",
            "happened_at": "2026-01-31T09:00:00Z", "progress_share": 0.5,
        })  # fmt: skip
    return json.dumps(events).encode()


@contextmanager
def service(url: str, var: Path) -> Iterator[int]:
    """Run one worker of the service over a store; give its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SKILLPATH_VAR": str(var), "SKILLPATH_STORE_URL": url, "SKILLPATH_LOG_LEVEL": "warning"}  # fmt: skip
    command = [sys.executable, "-m", "skillpath", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait(process, f"http://127.0.0.1:{port}/health/live")
        yield port
    finally:
        process.terminate()
        process.wait()


def send(port: int, key: str, bodies: list[bytes], seconds: list[float], accepted: list[int]) -> None:
    """Send bulks one after the other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", "/v1/events", body, headers)
        answer = connection.getresponse()
        said = json.load(answer)
        if answer.status != 200:
            raise SystemExit(f"refused: {said}")
        seconds.append(time.perf_counter() - started)
        accepted.append(said["accepted"])
    connection.close()


def measure(name: str, url: str, var: Path, asked: argparse.Namespace) -> None:
    """Print how many events a second one worker keeps."""
    from features.records.store import open_store

    key = fill(url, asked.employees, asked.courses)
    bodies = [bulk(number, asked.employees, asked.courses) for number in range(asked.bulks)]
    seconds: list[float] = []
    accepted: list[int] = []
    with service(url, var) as port:
        shares = [bodies[start :: asked.clients] for start in range(asked.clients)]
        threads = [
            threading.Thread(target=send, args=(port, key, share, seconds, accepted)) for share in shares
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - started
    store = open_store(url, upgrade=False)
    rows = store.count("learning_events")
    store.close()
    cuts = statistics.quantiles(seconds, n=100)
    print(f"{name}: {sum(accepted):,} events accepted in {took:.1f} s = {sum(accepted) / took:,.0f} events/s, "
          f"{rows:,} rows kept; a bulk of {BULK:,}: p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms")  # fmt: skip


def main() -> None:
    """Measure both databases in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=100_000)
    parser.add_argument("--courses", type=int, default=5_000)
    parser.add_argument("--bulks", type=int, default=60)
    parser.add_argument("--clients", type=int, default=2)
    asked = parser.parse_args()
    print(machine("sqlalchemy", "psycopg", "fastapi"))
    print(
        f"one worker, {asked.employees:,} employees, {asked.courses:,} courses, {asked.clients} connections"
    )
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder) / "var"
        var.mkdir()
        measure("SQLite", f"sqlite:///{var / 'skillpath.db'}", var, asked)
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        print("PostgreSQL: its programs are not installed here")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as data,
        cluster(Path(data)) as port,
    ):
        url = f"postgresql://{OWNER}@127.0.0.1:{port}/postgres"
        measure("PostgreSQL", url, Path(folder), asked)


if __name__ == "__main__":
    main()
