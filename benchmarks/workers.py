"""Recommendations of one worker and of two, in turns, the load generator sharing their cores.

Beside it stands what two processes that only compute get done against one: no service can bring more than its machine.

Run: ``python -m benchmarks.workers --var DIR`` over an installation with a recommendation model (``make demo ONCE=1`` makes one).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.http_load import request
from benchmarks.lean_load import Leaned, closed_loop
from benchmarks.processes import machine
from benchmarks.serving import PORT, SCOPE, wait

PEOPLE, SECONDS, WARM_SECONDS, WANTED = 1_000, 4.0, 3.0, 1.6
LOOP_SECONDS = 2.0
LOOP = """
import time
ends, done = time.perf_counter() + {}, 0
while time.perf_counter() < ends:
    sum(range(1_000))
    done += 1
print(done)
"""
TURNS = (
    2,
    1,
    2,
    1,
    2,
)  # the first is not counted: it finds the files cold and scores that nobody has asked for yet


def prepared(var: Path) -> list[bytes]:
    """Return requests for recommendations to people of an installation."""
    from features.records.settings import RecordsSettings
    from features.records.store import open_store
    from serving.keys import create_key

    store = open_store(RecordsSettings(var=var).url)
    key = create_key(store, "benchmark", [SCOPE], datetime.now(UTC))
    people = store.frame("employees", ("employee_id",))["employee_id"].unique(maintain_order=True)
    store.close()
    return [request(f"/v1/employees/{one}/recommendations?n=20", key, PORT) for one in people[:PEOPLE]]


def measure(var: Path, workers: int, asked: list[bytes]) -> Leaned:
    """Return what a closed loop of 32 connections gets from so many workers."""
    environment = {**os.environ, "SKILLPATH_VAR": str(var), "SKILLPATH_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "skillpath", "serve", "--port", str(PORT), "--workers", str(workers)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait(process, f"http://127.0.0.1:{PORT}/health/ready")
        closed_loop(PORT, asked, WARM_SECONDS)
        return closed_loop(PORT, asked, SECONDS)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Print both figures and what the second worker brings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--var", type=Path, required=True, help="an installation with a recommendation model")
    var = parser.parse_args().var
    print(machine("fastapi", "uvicorn", "uvloop"))
    asked = prepared(var)
    found: dict[int, list[Leaned]] = {1: [], 2: []}
    computed: dict[int, list[float]] = {1: [], 2: []}
    for number, workers in enumerate(TURNS):
        one = measure(var, workers, asked)
        if number:
            found[workers].append(one)
            computed[workers].append(computing(workers))
    for workers, runs in found.items():
        for run in runs:
            load = run.load
            print(f"{workers} worker(s): {load.per_second:,.0f} recommendations/s, p50 {load.p50_ms:.1f} ms, "
                  f"p99 {load.p99_ms:.1f} ms, {load.failures} failures; the generator took {run.cores:.0%} of a core")  # fmt: skip
    rates = [statistics.median(run.load.per_second for run in found[workers]) for workers in (1, 2)]
    loops = [statistics.median(computed[workers]) for workers in (1, 2)]
    print(f"two are {rates[1] / rates[0]:.2f} × one (wanted {WANTED}); "
          f"two processes that only compute are {loops[1] / loops[0]:.2f} × one")  # fmt: skip


def computing(processes: int) -> float:
    """Return how many loops a second so many processes get done together that do nothing but compute."""
    command = [sys.executable, "-c", LOOP.format(LOOP_SECONDS)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(float(process.communicate()[0]) for process in running)


if __name__ == "__main__":
    main()
