"""The service as it really runs: processes on loopback, signals, swaps without a restart, nothing left behind."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from features.records.store import open_store
from serving.access import ALL_SCOPES
from serving.keys import create_key
from serving.models.puller import Puller
from serving.settings import ServingSettings

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60


@dataclass
class Service:
    """A running `skillpath serve`."""

    process: subprocess.Popen[str]
    url: str
    key: str
    said: list[str] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and body of an answer."""
        request = urllib.request.Request(self.url + path, headers={"X-API-Key": self.key})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def children(self) -> list[int]:
        """Return the processes it started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return when something holds; fail after a minute."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {WAIT_SECONDS} s; it said: {self.said}")


def environment(var: Path, **more: str) -> dict[str, str]:
    """Return the environment of a service that writes below a folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SKILLPATH_", "MLFLOW_"))
    }
    return {**kept, "SKILLPATH_VAR": str(var), "SKILLPATH_DRAIN_SECONDS": "0.3", **more}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "skillpath", *arguments]


@pytest.fixture
def service(serving_settings: ServingSettings) -> Iterator[Service]:
    """Start the service on a free port and stop it gently afterwards."""
    store = open_store(serving_settings.url)
    key = create_key(store, "tests", ALL_SCOPES, datetime.now(UTC))
    store.close()
    process = subprocess.Popen(
        command("serve", "--port", "0"),
        env=environment(serving_settings.var),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stderr is not None
    line = next(line for line in process.stderr if "listens on" in line)
    started = Service(process, line.split("listens on ")[1].split(" ")[0], key)
    try:
        yield started
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)


def test_a_worker_imports_neither_mlflow_nor_what_trains() -> None:
    program = (
        "import sys, serving.worker\n"
        "print(sorted({'mlflow', 'torch', 'sentence_transformers', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("SKILLPATH_WORKERS", "0", 2),
        ("SKILLPATH_CLOCK", "noon", 2),
        ("SKILLPATH_STORE_URL", "mysql://x/y", 2),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start(
    tmp_path: Path, setting: str, value: str, code: int
) -> None:
    done = subprocess.run(
        command("serve", "--port", "0"),
        env=environment(tmp_path, **{setting: value}),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == code, done.stderr
    assert "Allowed:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("serve", "--port", str(port)),
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 5
    assert "cannot be opened" in done.stderr


def test_it_stops_gently_and_leaves_nothing_behind(service: Service) -> None:
    children = service.children()
    assert len(children) == 2
    host, port = service.url.removeprefix("http://").split(":")
    kept_open = http.client.HTTPConnection(host, int(port), timeout=10)
    kept_open.request("GET", "/health/live")
    assert kept_open.getresponse().read()
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.15)
    kept_open.request("GET", "/health/live")
    last = kept_open.getresponse()
    assert (last.status, last.headers["connection"]) == (200, "close")
    last.read()
    kept_open.close()
    service.process.communicate(timeout=WAIT_SECONDS)
    assert service.process.returncode == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_workers_and_puller_end_when_their_parent_is_killed(service: Service) -> None:
    children = service.children()
    service.process.kill()
    service.process.wait()
    service.wait_until(lambda: not any(is_running(pid) for pid in children))


def is_running(pid: int) -> bool:
    """Say whether a process turns; one that nobody waits for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_promoted_model_answers_without_a_restart_and_still_after_its_worker_is_killed(
    service: Service, serving_settings: ServingSettings, bundler: Any, registry: Any, tmp_path: Path
) -> None:
    status, body = service.get("/health/ready")
    assert (status, body["missing"]) == (503, ["model of any question"])
    puller = Puller(serving_settings, registry)
    for version, weight in (("1", 2.0), ("2", 5.0)):
        folder = bundler.write(tmp_path / version, weight)
        registry.promote(
            "skills", version, folder, bundler.sign(bundler.statement(folder, "skills", version))
        )
        assert puller.turn() == ["skills"]
        service.wait_until(lambda: service.get("/health/ready")[1]["models"] == {"skills": version})  # noqa: B023
    assert service.get("/health/ready") == (
        200,
        {"status": "ready", "missing": [], "models": {"skills": "2"}},
    )
    folder = bundler.write(tmp_path / "3", 7.0)
    registry.promote("skills", "3", folder, None)
    puller.turn()
    listed = next(model for model in service.get("/v1/models")[1]["models"] if model["name"] == "skills")
    assert (listed["version"], listed["metrics"], listed["refused"][0]["version"]) == ("2", {"auc": 0.5}, "3")
    worker = next(
        pid for pid in service.children() if b"serving.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(worker, signal.SIGKILL)
    service.wait_until(lambda: worker not in service.children() and service.get("/health/ready")[0] == 200)
    assert service.get("/health/ready")[1]["models"] == {"skills": "2"}


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_by_https_with_metrics_on_a_port_of_their_own(
    serving_settings: ServingSettings, tmp_path: Path
) -> None:
    chain, key = certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {"SKILLPATH_TLS_CERTIFICATE": chain, "SKILLPATH_TLS_KEY": key, "SKILLPATH_METRICS_PORT": port}
    process = subprocess.Popen(
        command("serve", "--port", "0"),
        env=environment(serving_settings.var, **{name: str(value) for name, value in given.items()}),
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    line = next(line for line in process.stderr if "listens on" in line)
    url = line.split("listens on ")[1].split(" ")[0]
    service = Service(process, url, "")
    try:
        context = ssl.create_default_context(cafile=chain)
        assert url.startswith("https://")
        with urllib.request.urlopen(url + "/health/live", timeout=10, context=context) as answer:
            assert answer.status == 200

        def counted() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                said = answer.read().decode()
            return 'skillpath_requests_total{operation="get_live",status="200"} 1.0' in said

        service.wait_until(counted)
        with (
            pytest.raises(urllib.error.HTTPError),
            urllib.request.urlopen(url + "/metrics", timeout=10, context=context),
        ):
            pass
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)


def test_a_hang_up_replaces_the_worker_by_one_that_already_answers(service: Service) -> None:
    def workers() -> list[int]:
        named = [(pid, Path(f"/proc/{pid}/cmdline")) for pid in service.children()]
        return [pid for pid, line in named if b"serving.worker" in line.read_bytes()]

    before = workers()
    service.process.send_signal(signal.SIGHUP)
    answers = []

    def is_replaced() -> bool:
        answers.append(service.get("/health/live")[0])
        return bool(workers()) and not set(before) & set(workers())

    service.wait_until(is_replaced)
    assert set(answers) == {200}
