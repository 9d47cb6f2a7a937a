"""Recommendations over HTTP against a constant body of the same service: throughput, and latency at half of it.

Run: ``python -m benchmarks.recommendation_http`` (100,000 employees, 5,000 courses; the store is made once, under
``var/benchmarks``; ``--postgres`` copies it once more, into a private PostgreSQL). Server and client have one core each.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from benchmarks.http_load import Load, request, run_load
from benchmarks.processes import machine, on_core
from benchmarks.recommendation_postgres import in_postgres
from benchmarks.recommendation_world import NOW, World, ready_world
from benchmarks.serving import PORT, SCOPE, cpu_seconds, make_key, server
from features.records.settings import RecordsSettings

SECONDS, WARM_SECONDS, ROUNDS = 16.0, 10.0, 8  # warm: everybody who will be asked was asked before
PEOPLE_ASKED = 5_000
SHARES_WANTED, P99_WANTED_MS = {"sqlite": 0.35, "postgresql": 0.20}, 20.0


def app() -> FastAPI:
    """Return the service with the world's model, and one more operation: its own answer, constant."""
    from serving import access
    from serving.app import create_app
    from serving.models.answering import LoadedModel, Models
    from serving.models.scorers import load_scorer
    from serving.opening import build_house
    from serving.recommendation.filters import RecommendationQuery
    from serving.recommendation.routes import recommend
    from serving.settings import ServingSettings

    settings = ServingSettings()
    models = Models()
    payload = settings.var / "payload"
    models.hold(LoadedModel("recommendation", "1", "benchmark", load_scorer(payload), payload, {}))
    house = build_house(settings, models=models, clock=time_of_day)
    body = recommend(house, "E000001", RecommendationQuery(n=20)).body
    router = APIRouter(tags=["benchmark"])

    @router.get("/v1/employees/{employee_id}/constant")
    async def get_constant(employee_id: str) -> Response:
        return Response(body, media_type="application/json")

    access.SCOPES["get_constant"] = SCOPE
    return create_app(house=house, routers=[router])


def time_of_day() -> datetime:
    """Return the moment that it is now, on the world's day: time goes on, so that the ledger grows at its end."""
    return NOW + timedelta(seconds=time.time() % 86_400)


def keep_scores(place: Path, world: World) -> None:
    """Keep everybody's scores, where they do not stand yet."""
    from serving.models.answering import LoadedModel, Models
    from serving.models.scorers import load_scorer
    from serving.opening import build_house
    from serving.recommendation.kept import score_everybody
    from serving.settings import ServingSettings

    models = Models()
    models.hold(
        LoadedModel("recommendation", "1", "benchmark", load_scorer(place / "payload"), place / "payload", {})
    )
    house = build_house(ServingSettings(var=place), models=models, clock=lambda: NOW)
    if house.store.count("kept_scores") < world.employees:
        started = time.perf_counter()
        people = [f"E{one:06}" for one in range(world.employees)]
        for start in range(0, len(people), 5_000):
            rows = score_everybody(house, people[start : start + 5_000], lambda _done: None)
            house.kept.write("recommendation", "benchmark", rows, as_of=NOW, computed_at=NOW)
        took = time.perf_counter() - started
        print(f"scored {world.employees:,} people in {took:.0f} s ({world.employees / took:,.0f}/s)")
    house.store.close()


def measure(place: Path, world: World, url: str) -> None:
    """Print the figures, beside what is wanted; processor time is what a busy machine cannot falsify."""
    key = make_key(url)
    people = np.random.default_rng(7).integers(0, world.employees, PEOPLE_ASKED)
    asked = {
        "constant": [request(f"/v1/employees/E{one:06}/constant", key, PORT) for one in people],
        "recommendations": [
            request(f"/v1/employees/E{one:06}/recommendations?n=20", key, PORT) for one in people
        ],
    }
    with on_core(max), server("benchmarks.recommendation_http:app", place, url=url) as process:
        full, each = in_turns(asked, process.pid)
        half = run_load(PORT, asked["recommendations"], SECONDS, rate=full["recommendations"].per_second / 2)
    for name, load in full.items():
        said(f"{name}, 20 items", load)
    said("recommendations at half that load", half)
    share = full["recommendations"].per_second / full["constant"].per_second
    wanted = SHARES_WANTED[url.partition(":")[0]]
    print(f"throughput: {share:.1%} of the constant body (wanted {wanted:.0%} or more)")
    print(f"processor time: {each['recommendations'] * 1e6:.0f} µs against {each['constant'] * 1e6:.0f} µs "
          f"({each['constant'] / each['recommendations']:.1%})")  # fmt: skip
    print(f"p99 at half load: {half.p99_ms:.1f} ms (wanted {P99_WANTED_MS:.0f} or less)")


def in_turns(asked: dict[str, list[bytes]], pid: int) -> tuple[dict[str, Load], dict[str, float]]:
    """Return what each kind of request came to, and its processor seconds, asked in turns: a machine has moods."""
    for requests in asked.values():
        run_load(PORT, requests, WARM_SECONDS)
    loads: dict[str, list[Load]] = {name: [] for name in asked}
    spent = dict.fromkeys(asked, 0.0)
    for turn in range(ROUNDS):
        for name, requests in asked.items():
            start = turn * len(requests) // ROUNDS
            before = cpu_seconds(pid)
            loads[name].append(run_load(PORT, requests[start:] + requests[:start], SECONDS / ROUNDS))
            spent[name] += cpu_seconds(pid) - before
    full = {name: together(parts) for name, parts in loads.items()}
    return full, {name: spent[name] / full[name].requests for name in asked}


def together(parts: list[Load]) -> Load:
    """Return rounds as one load; its latencies are the rounds' medians."""
    p50, p99 = (float(np.median([getattr(part, name) for part in parts])) for name in ("p50_ms", "p99_ms"))
    requests, failures = (sum(getattr(part, name) for part in parts) for name in ("requests", "failures"))
    return Load(requests, sum(part.seconds for part in parts), failures, p50, p99)


def read_once(path: Path) -> None:
    """Read a file, so that the system has it in memory as it has a store that is in use."""
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass


def said(what: str, load: Load) -> None:
    """Print one load."""
    print(f"{what}: {load.per_second:,.0f} requests/s, p50 {load.p50_ms:.1f} ms, p99 {load.p99_ms:.1f} ms, "
          f"{load.failures} failures of {load.requests:,}")  # fmt: skip


def main() -> None:
    """Make the world where it does not stand, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=World.employees)
    parser.add_argument("--courses", type=int, default=World.courses)
    parser.add_argument("--postgres", action="store_true", help="measure on PostgreSQL instead of SQLite")
    arguments = parser.parse_args()
    world = World(employees=arguments.employees, courses=arguments.courses)
    place = ready_world(RecordsSettings().var / "benchmarks", world)
    keep_scores(place, world)
    print(machine("fastapi", "uvicorn", "numpy", "sqlalchemy", "msgspec", "psycopg"))
    where = "PostgreSQL" if arguments.postgres else "SQLite"
    print(f"{world.employees:,} employees, {world.courses:,} courses, one worker, {where}")
    if arguments.postgres:
        with in_postgres(place) as url:
            measure(place, world, url)
    else:
        read_once(place / "skillpath.db")
        measure(place, world, f"sqlite:///{place / 'skillpath.db'}")


if __name__ == "__main__":
    main()
