"""Prometheus metrics of all workers, on a port of their own: counts, times, ages; never a name, a key or a score.

Each worker writes into small mapped files below ``<var>/metrics``; a process of its own adds them up and answers
``/metrics``. Without ``SKILLPATH_METRICS_PORT`` nothing is measured.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from datetime import UTC, datetime
from math import isnan, nan
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.records.moments import from_micros
from features.records.schema import METADATA
from serving.house import House
from serving.models.aliases import ALIASES, CHAMPION
from serving.models.answering import Models
from serving.settings import QUESTIONS, ServingSettings, read_settings
from serving.watched import FOLDER as WATCHED
from serving.watched import LastWatch

FOLDER = "metrics"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it when it is imported
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LOOK_SECONDS = 5.0
ALIVE_SECONDS = 1.0


def folder_of(settings: ServingSettings) -> Path:
    """Return where the workers' files lie."""
    return settings.var / FOLDER


def prepare(settings: ServingSettings, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment in which workers measure, their old files removed; as it was where nothing is measured."""
    if settings.metrics_port is None:
        return environment
    folder = folder_of(settings)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {**environment, VARIABLE: str(folder)}


class Measures:
    """What a worker measures; built once per process, and only where metrics are wanted."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        own = self.registry = CollectorRegistry()
        live: Literal["livesum"] = "livesum"
        newest: Literal["livemax"] = "livemax"
        self.requests = Counter("skillpath_requests", "Answers.", ("operation", "status"), registry=own)
        self.seconds = Histogram(
            "skillpath_request_seconds", "Time to answer.", ("operation",), buckets=BUCKETS, registry=own
        )
        self.shed = Counter("skillpath_shed", "Requests told to come again.", ("reason",), registry=own)
        self.under_way = Gauge(
            "skillpath_requests_under_way", "Requests being answered.", registry=own, multiprocess_mode=live
        )
        self.queue = Gauge(
            "skillpath_queue", "Work that waits: people to score anew, shown rows to keep.", ("queue",),
            registry=own, multiprocess_mode=live,
        )  # fmt: skip
        self.model = Gauge(
            "skillpath_model_age_seconds", "Since when a model has its place; -1: no more.",
            ("question", "alias", "version", "digest"), registry=own, multiprocess_mode=newest,
        )  # fmt: skip
        self.share = Gauge(
            "skillpath_canary_share", "Share of the people that a canary answers; 0: none stands.", ("question",),
            registry=own, multiprocess_mode=newest,
        )  # fmt: skip
        self.refused = Gauge(
            "skillpath_refused_bundles", "Versions that the registry's aliases name and that are refused.", ("question",),
            registry=own, multiprocess_mode=newest,
        )  # fmt: skip
        self.registry_age = Gauge(
            "skillpath_registry_age_seconds", "Since the registry last answered the puller; -1: never.", registry=own,
            multiprocess_mode=newest,
        )  # fmt: skip
        self.data = Gauge(
            "skillpath_data_age_seconds", "Since the newest learning event became known.", registry=own,
            multiprocess_mode=newest,
        )  # fmt: skip
        self.put_aside = Gauge(
            "skillpath_quarantine_rows",
            "What could not be understood yet.",
            registry=own,
            multiprocess_mode=newest,
        )
        self.cache = Gauge(
            "skillpath_cache_entries", "Entries of the process caches.", registry=own, multiprocess_mode=live
        )
        self.shown: set[tuple[str, str, str, str]] = set()

    def look(self, house: House) -> None:
        """Set what is not counted by requests."""
        self.queue.labels("people").set(len(house.changes.waiting))
        self.queue.labels("shown").set(len(house.ledger.waiting))
        self.cache.set(len(house.cache))
        self.look_at_models(house)
        events, aside = METADATA.tables["learning_events"], METADATA.tables["quarantine"]
        with house.store.reading() as connection:
            newest = connection.scalar(sa.select(events.c.known_at).order_by(events.c.id.desc()).limit(1))
            self.put_aside.set(connection.scalar(sa.select(sa.func.count()).select_from(aside)) or 0)
        if newest is not None:
            self.data.set((house.clock() - from_micros(newest)).total_seconds())

    def look_at_models(self, house: House) -> None:
        """Set the age of each model in its place (one that has left it is forgotten), and what is refused."""
        now, models = datetime.now(UTC), house.models
        held = {
            (question, alias, model.version, model.digest[:12]): model
            for question in QUESTIONS
            for alias in ALIASES
            if (model := models.standing(question, alias)) is not None
        }
        for gone in self.shown - set(held):
            self.model.labels(*gone).set(-1)
        for labels, model in held.items():
            self.model.labels(*labels).set((now - (model.loaded_at or now)).total_seconds())
        self.shown = set(held) | self.shown
        for question in QUESTIONS:
            canary = models.canaries.get(question)
            self.share.labels(question).set(canary.share if canary else 0.0)
            self.refused.labels(question).set(refused_count(models, question))
        age = models.shelf.registry()[0] if models.shelf else nan
        self.registry_age.set(-1 if isnan(age) else age)


def refused_count(models: Models, question: str) -> int:
    """Return how many versions are refused now: by the puller while an alias names them, or by this process."""
    standing = models.shelf.standing_refused(question) if models.shelf else []
    found = {(str(each.get("alias", CHAMPION)), str(each["version"])) for each in standing}
    return len(
        found | {(alias, said[0]) for (name, alias), said in models.reasons.items() if name == question}
    )


class Measured:
    """Count and time every answer.

    Parameters
    ----------
    app : ASGI application
        What answers.
    measures : Measures
        Where it is counted.
    """

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app, self.measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        self.measures.under_way.inc()
        try:
            await self.app(scope, receive, noting)
        finally:
            self.measures.under_way.dec()
            self.count(scope, status, time.perf_counter() - started)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer by its operation: never by its path, which names people."""
        operation = getattr(scope.get("route"), "operation_id", None) or "none"
        self.measures.requests.labels(operation, str(status)).inc()
        self.measures.seconds.labels(operation).observe(seconds)
        if "shed" in scope:
            self.measures.shed.labels(scope["shed"]).inc()


def serve(settings: ServingSettings) -> tuple[Any, Any]:
    """Start answering `/metrics`; return (server, thread).

    Raises
    ------
    OSError
        If the port cannot be opened.
    """
    from prometheus_client import CollectorRegistry, multiprocess, start_http_server

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder_of(settings)))  # type: ignore[no-untyped-call]
    registry.register(LastWatch(settings.var / WATCHED))  # it has collect(), which is all it needs
    return start_http_server(settings.metrics_port or 0, settings.metrics_host, registry)


def forget_the_dead(folder: Path) -> None:
    """Remove the live gauges of processes that are gone."""
    from prometheus_client import multiprocess

    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            multiprocess.mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def main() -> int:
    """Answer `/metrics` for as long as the parent process lives."""
    settings, parent = read_settings(), os.getppid()
    try:
        server, _ = serve(settings)
    except OSError as error:
        sys.stderr.write(f"skillpath: the metrics port {settings.metrics_port} cannot be opened: {error}\n")
        return 5
    while os.getppid() == parent:
        forget_the_dead(folder_of(settings))
        time.sleep(ALIVE_SECONDS)
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
