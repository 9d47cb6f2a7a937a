"""The same loop against an MLflow server of its own, its store in PostgreSQL: train, promote, go back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from training.comparison import compare
from training.context import TrainingContext
from training.promotion import Place, promote, roll_back
from training.runs import Workbench
from training.settings import TrainingSettings
from training.tracking import Tracking

READY_WITHIN_SECONDS = 180

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers; fail with its log if it ends."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    pytest.fail(f"the server was not ready: {log.read_text()[-2000:]}")


@pytest.fixture
def server(postgres_cluster, tmp_path: Path) -> Iterator[str]:
    """Start an MLflow server on loopback, with an empty PostgreSQL database of its own."""
    import psycopg

    with psycopg.connect(postgres_cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE tracking")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = postgres_cluster.url("tracking").replace("postgresql://", "postgresql+psycopg://")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--artifacts-destination",
               str(tmp_path / "artifacts"), "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # fmt: skip
    log = tmp_path / "server.log"
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, start_new_session=True, env=environment, cwd=tmp_path
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def test_train_compare_promote_and_roll_back_against_a_server_with_postgresql(
    server: str, toy, tmp_path: Path
) -> None:
    settings = TrainingSettings(var=tmp_path / "var", progress=False, mlflow_tracking_uri=server)
    moments = [datetime(2024, 1, 1, tzinfo=UTC)]
    records = {"learning_events": pl.DataFrame({"happened_at": moments, "known_at": moments})}
    bench = Workbench(
        settings, TrainingContext(records, datetime(2025, 1, 1, tzinfo=UTC)), Tracking(settings)
    )
    first, second = bench.train(toy).logged, bench.train(toy, ["shrinkage=0.001"]).logged
    assert not promote(bench, toy, first).failed
    assert compare(bench, toy, [second]).against == "champion (version 1)"
    assert not promote(bench, toy, second, place=Place("shadow")).failed
    assert not promote(bench, toy, second).failed
    assert bench.tracking.champion("toy") == second
    assert roll_back(bench.tracking, "toy") == (first, second)
    assert bench.tracking.attached(first, first.signature_path) is not None
