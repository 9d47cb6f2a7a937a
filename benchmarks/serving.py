"""The serving core against its own ceiling: a constant 20-item body, cold start, what is imported.

Run: ``python -m benchmarks.serving`` (server and client on one core each; ``--var DIR`` measures the cold start of a real
installation, with its bundles and records, instead of an empty one).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from benchmarks.http_load import request, run_load
from benchmarks.processes import machine, on_core

PORT = 8765
SECONDS = 4.0
SCOPE = "recommendations:read"
ITEMS = [
    {
        "rank": rank,
        "course_id": f"C{rank:05}",
        "title": f"A course of medium title length, number {rank}",
        "url": f"https://lms.example/courses/{rank}",
        "hours": 12.5,
        "modality": "online",
        "score": 0.9 - rank / 100,
        "closes": [{"skill_id": f"S{rank}", "skill_name": "a skill", "gap_before": 2.0, "gap_after": 0.5}],
        "reason": "Closes 1.5 of 2.0 levels of a skill that your job requires; people in your job completed it.",
    }
    for rank in range(1, 21)
]


def constant_app() -> FastAPI:
    """Return the service with one more operation: a constant 20-item body behind the same layers and guard."""
    from serving import access
    from serving.app import create_app
    from serving.settings import ServingSettings

    body = json.dumps({"items": ITEMS}).encode()
    router = APIRouter(tags=["benchmark"])

    @router.get("/v1/employees/{employee_id}/constant")
    async def get_constant(employee_id: str) -> Response:
        return Response(body, media_type="application/json")

    access.SCOPES["get_constant"] = SCOPE
    return create_app(ServingSettings(), routers=[router])


@contextmanager
def server(
    factory: str, var: Path, core: int = 0, url: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an application factory as one worker runs, pinned to a core; over the records at a URL where one is given."""
    program = (
        f"import os, uvicorn; os.sched_setaffinity(0, {{{core}}});"
        f"uvicorn.run('{factory}', factory=True, port={PORT}, loop='uvloop', http='httptools', ws='none',"
        "log_config=None, access_log=False, server_header=False)"
    )
    environment = {**os.environ, "SKILLPATH_VAR": str(var), "SKILLPATH_LOG_LEVEL": "warning"}
    if url is not None:
        environment["SKILLPATH_STORE_URL"] = url
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        wait(process, f"http://127.0.0.1:{PORT}/health/live")
        yield process
    finally:
        process.terminate()
        process.wait()


def wait(process: subprocess.Popen[Any], url: str, statuses: tuple[int, ...] = (200,)) -> None:
    """Return when a URL answers with one of the statuses."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        if status in statuses:
            return
        time.sleep(0.02)
    sys.exit(f"the server ended with {process.returncode}")


def make_key(url: str) -> str:
    """Return a new key of the installation whose records are at a URL."""
    from features.records.store import open_store
    from serving.keys import create_key

    store = open_store(url)
    key = create_key(store, "benchmark", [SCOPE], datetime.now(UTC))
    store.close()
    return key


def measure_ceiling(var: Path) -> None:
    """Print throughput of the constant body, and latency at half of it."""
    key = make_key(f"sqlite:///{var / 'skillpath.db'}")
    with on_core(max), server("benchmarks.serving:constant_app", var) as process:
        asked = [request(f"/v1/employees/E{number:06}/constant", key, PORT) for number in range(1_000)]
        run_load(PORT, asked, 1.0)
        before = cpu_seconds(process.pid)
        full = run_load(PORT, asked, SECONDS)
        each = (cpu_seconds(process.pid) - before) / full.requests
        half = run_load(PORT, asked, SECONDS, rate=full.per_second / 2)
    size = len(json.dumps({"items": ITEMS}))
    print(f"constant body of 20 items ({size:,} bytes), authenticated: {full.per_second:,.0f} requests/s, "
          f"p50 {full.p50_ms:.1f} ms, p99 {full.p99_ms:.1f} ms, {full.failures} failures, "
          f"{each * 1e6:.0f} µs of processor time each")  # fmt: skip
    print(f"at half that load: p50 {half.p50_ms:.1f} ms, p99 {half.p99_ms:.1f} ms, {half.failures} failures")


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_cold_start(var: Path, wanted: tuple[int, ...]) -> None:
    """Print how long `skillpath serve` takes from nothing to live and to ready."""
    environment = {**os.environ, "SKILLPATH_VAR": str(var)}
    command = [sys.executable, "-m", "skillpath", "serve", "--port", str(PORT)]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait(process, f"http://127.0.0.1:{PORT}/health/live")
        live = time.perf_counter() - started
        wait(process, f"http://127.0.0.1:{PORT}/health/ready", wanted)
        ready = time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()
    print(f"skillpath serve: live after {live:.2f} s, ready after {ready:.2f} s (limit 5 s)")


def measure_imports() -> None:
    """Print what a worker imports."""
    program = (
        "import time; t = time.perf_counter(); import sys, serving.worker;"
        "heavy = {'mlflow', 'sentence_transformers', 'torch', 'sklearn', 'pandas'} & set(sys.modules);"
        "print(f'{len(sys.modules)} modules in {time.perf_counter() - t:.2f} s, of the heavy ones: {sorted(heavy)}')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    print(f"a worker imports {done.stdout.strip()}")


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--var", type=Path, help="an installation whose cold start is measured")
    arguments = parser.parse_args()
    print(machine("fastapi", "uvicorn", "uvloop", "httptools"))
    measure_imports()
    with tempfile.TemporaryDirectory() as empty:
        measure_ceiling(Path(empty))
        if arguments.var is None:
            measure_cold_start(Path(empty), (200, 503))
    if arguments.var is not None:
        measure_cold_start(arguments.var, (200,))


if __name__ == "__main__":
    main()
