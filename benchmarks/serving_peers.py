"""One exit probability over HTTP: our service beside MLServer and `mlflow models serve`, the same champion, the same run.

Run: ``python -m benchmarks.serving_peers --var DIR`` (an installation with a promoted attrition model, as `skillpath demo`
leaves it; it is copied). Each peer gets an environment of its own below ``benchmarks/`` of the settings' folder, made once
with pip; no peer is a part of this project. Servers share one core and are asked in turns; whoever is not asked waits.

What is asked is what a caller would ask. A peer is sent the features of one person and answers bare probabilities. Ours is
sent whose probability is wanted, by whom and for which purpose; it checks the key, writes the audit, reads the person's kept
scores and answers them with intervals, drivers and review state. The peers have neither keys nor audit to pay for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attrition_http import asking, prepared
from benchmarks.http_load import Load, run_load
from benchmarks.processes import machine, on_core
from benchmarks.serving import PORT, server, wait
from features.records.settings import RecordsSettings

SECONDS, WARM_SECONDS, ROUNDS, CONNECTIONS = 5.0, 2.0, 3, 8
NO_LIMIT = "1000000000"
VERSIONS = ("lightgbm", "numpy", "pandas", "mlflow")  # the champion runs on the same ones everywhere


@dataclass(frozen=True)
class Peer:
    """A server that is not ours.

    Parameters
    ----------
    name : str
        Of its environment, too.
    packages : sequence of str
        What pip installs beside the champion's own requirements.
    command : callable
        (environment's programs, champion's folder, scratch folder, port) → command line.
    ready : str
        Path that answers 200 when it serves.
    path : str
        Path that scores.
    body : callable
        (feature names, one person's features) → body.
    """

    name: str
    packages: Sequence[str]
    command: Callable[[Path, Path, Path, int], list[str]]
    ready: str
    path: str
    body: Callable[[Sequence[str], Sequence[float]], dict[str, Any]]


def mlserver_command(programs: Path, champion: Path, scratch: Path, port: int) -> list[str]:
    """Write MLServer's settings and return its command: one process, as one core has it."""
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {**ports, "host": "127.0.0.1", "parallel_workers": 0, "debug": False}
    runtime = "mlserver_mlflow.MLflowRuntime"
    model = {"name": "attrition", "implementation": runtime, "parameters": {"uri": str(champion)}}
    (scratch / "settings.json").write_text(json.dumps(settings))
    (scratch / "model-settings.json").write_text(json.dumps(model))
    return [str(programs / "mlserver"), "start", str(scratch)]


def mlflow_command(programs: Path, champion: Path, _scratch: Path, port: int) -> list[str]:
    """Return the command of MLflow's own server: one worker."""
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--env-manager", "local"]
    return [str(programs / "mlflow"), "models", "serve", "--model-uri", str(champion), *where]


def tensors(names: Sequence[str], row: Sequence[float]) -> dict[str, Any]:
    """Return a row as the Open Inference Protocol has it: a tensor a column."""
    columns = [
        {"name": name, "datatype": "FP64", "shape": [1, 1], "data": [value]}
        for name, value in zip(names, row, strict=True)
    ]
    return {"parameters": {"content_type": "pd"}, "inputs": columns}


def split_frame(names: Sequence[str], row: Sequence[float]) -> dict[str, Any]:
    """Return a row as MLflow's scoring protocol has it."""
    return {"dataframe_split": {"columns": list(names), "data": [list(row)]}}


MLSERVER = Peer("mlserver", ("mlserver==1.7.1", "mlserver-mlflow==1.7.1"), mlserver_command,
                "/v2/health/ready", "/v2/models/attrition/infer", tensors)  # fmt: skip
MLFLOW = Peer("mlflow", (), mlflow_command, "/ping", "/invocations", split_frame)


def free_port() -> int:
    """Return a port on loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment_of(peer: Peer) -> Path:
    """Return the programs of a peer's own environment, made at the first call.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be installed.
    """
    folder = RecordsSettings().var.resolve() / "benchmarks" / "peers" / peer.name
    whole = folder / "whole"
    if not whole.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        wanted = [*peer.packages, *(f"{package}=={version(package)}" for package in VERSIONS)]
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        whole.touch()
    return folder / "bin"


def exported_champion(var: Path, scratch: Path) -> Path:
    """Return the champion's MLflow model, taken from the installation's registry."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{var / 'mlflow.db'}")
    return Path(mlflow.artifacts.download_artifacts("models:/attrition@champion", dst_path=str(scratch)))


def people_of(champion: Path) -> tuple[list[str], list[list[float]]]:
    """Return the names of the features, and the rows that the champion was signed with."""
    payload = champion / "artifacts" / "payload"
    with np.load(payload / "golden.npz", allow_pickle=False) as golden:
        rows: list[list[float]] = golden["input_features"].tolist()
    names: list[str] = json.loads((champion / "serving_input_example.json").read_text())["dataframe_split"]["columns"]  # fmt: skip
    return names, rows


@contextmanager
def running(peer: Peer, champion: Path, core: int = 0) -> Iterator[int]:
    """Run a peer on one core; give its port."""
    port, programs = free_port(), environment_of(peer)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        command = peer.command(programs, champion, Path(folder), port)
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], env={**os.environ, **quiet, "PATH": path}, cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            wait(process, f"http://127.0.0.1:{port}{peer.ready}")
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def posted(peer: Peer, port: int, names: Sequence[str], rows: Sequence[Sequence[float]]) -> list[bytes]:
    """Return requests for a score of each row."""
    requests = []
    for row in rows:
        body = json.dumps(peer.body(names, row)).encode()
        head = f"POST {peer.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return requests


def in_turns(asked: Mapping[str, tuple[int, list[bytes]]]) -> dict[str, list[Load]]:
    """Ask one server after the other, round after round; the first seconds of each are not counted."""
    found: dict[str, list[Load]] = {name: [] for name in asked}
    for port, requests in asked.values():
        run_load(port, requests, WARM_SECONDS, connections=CONNECTIONS)
    for _ in range(ROUNDS):
        for name, (port, requests) in asked.items():
            found[name].append(run_load(port, requests, SECONDS, connections=CONNECTIONS))
    return found


def report(found: Mapping[str, list[Load]]) -> None:
    """Print each server's medians over the rounds, and how many times ours is ahead."""
    ours = median_of(found["ours"])
    for name, loads in found.items():
        per_second, p50, p99 = median_of(loads)
        failures = sum(load.failures for load in loads)
        ahead = "" if name == "ours" else (
            f"; ours: {ours[0] / per_second:.1f} times the requests, p99 {p99 / ours[2]:.1f} times shorter"
        )  # fmt: skip
        print(f"{name}: {per_second:,.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {failures} failures{ahead}")  # fmt: skip


def median_of(loads: Sequence[Load]) -> tuple[float, float, float]:
    """Return requests per second, p50 and p99 in milliseconds: medians over rounds."""
    parts = ([load.per_second for load in loads], [load.p50_ms for load in loads], [load.p99_ms for load in loads])  # fmt: skip
    per_second, p50, p99 = map(statistics.median, parts)
    return per_second, p50, p99


def installed(peers: Sequence[Peer]) -> Iterator[Peer]:
    """Yield the peers that can be installed on this Python; say so of the others."""
    for peer in peers:
        try:
            programs = environment_of(peer)
        except subprocess.CalledProcessError as error:
            print(f"{peer.name}: cannot be installed on this Python ({error})")
            continue
        said = f"from importlib.metadata import version; print(', '.join(f'{{p}} {{version(p)}}' for p in {(peer.name, *VERSIONS)}))"
        found = subprocess.run(
            [str(programs / "python"), "-c", said], capture_output=True, text=True, check=True
        )
        print(f"{peer.name}'s environment: {found.stdout.strip()}")
        yield peer


def main() -> None:
    """Run the three on one core, ask them in turns, and print what they did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--var", type=Path, required=True)
    options = parser.parse_args()
    print(machine("fastapi", "uvicorn", "lightgbm"))
    print(
        f"{CONNECTIONS} connections, each asking again when answered; servers on one core, the asker on another"
    )
    peers = list(installed((MLSERVER, MLFLOW)))
    os.environ |= {"SKILLPATH_REQUESTS_PER_SECOND": NO_LIMIT, "SKILLPATH_PERSON_REQUESTS_PER_SECOND": NO_LIMIT}  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        var = Path(scratch) / "var"
        shutil.copytree(options.var, var)
        champion = exported_champion(var, Path(scratch))
        names, rows = people_of(champion)
        key, people = prepared(var)
        stack.enter_context(on_core(max))
        process = stack.enter_context(server("serving.app:create_app", var))
        wait(process, f"http://127.0.0.1:{PORT}/health/ready")
        asked = {"ours": (PORT, [asking(person, key) for person in people])}
        for peer in peers:
            port = stack.enter_context(running(peer, champion))
            asked[peer.name] = (port, posted(peer, port, names, rows))
        report(in_turns(asked))


if __name__ == "__main__":
    main()
