"""The whole way as a newcomer walks it: files, records, a trained and promoted model, kept scores, HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 90


def environment(var: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SKILLPATH_", "MLFLOW_"))
    }
    return {**kept, "SKILLPATH_VAR": str(var), "SKILLPATH_DRAIN_SECONDS": "0.2"}


def skillpath(var: Path, *arguments: str) -> Any:
    """Run a command and return its JSON."""
    command = [sys.executable, "-m", "skillpath", *arguments, "--json"]
    done = subprocess.run(
        command, env=environment(var), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)


class Service:
    """A running service and a key of it."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and body of an answer."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def recommended(self, employee_id: str) -> list[str]:
        """Return the courses recommended to a person."""
        status, body = self.ask(f"/v1/employees/{employee_id}/recommendations?n=5")
        assert status == 200, body
        return [item["course_id"] for item in body["items"]]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an installation with a promoted recommendation model and everybody's scores."""
    folder = tmp_path_factory.mktemp("journey") / "var"
    sample = str(folder / "sample")
    skillpath(folder, "sample", "--employees", "800", "--years", "3", "--seed", "7", "--out", sample)
    skillpath(folder, "import", "organisation", sample)
    skillpath(folder, "train", "recommendation")
    skillpath(folder, "promote", "recommendation")
    scored = skillpath(folder, "score", "recommendation")["scored"][0]
    assert scored["scored"] == scored["people"] >= 300
    return folder


@pytest.fixture(scope="module")
def service(var: Path) -> Iterator[Service]:
    """Serve the installation on a free port."""
    scopes = "recommendations:read events:write records:write"
    key = skillpath(var, "keys", "create", "journey", "--scopes", scopes)["key"]
    command = [sys.executable, "-m", "skillpath", "serve", "--port", "0"]
    process = subprocess.Popen(command, env=environment(var), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    url = next(line for line in process.stderr if "listens on" in line).split("listens on ")[1].split(" ")[0]
    service = Service(url, key)
    deadline = time.monotonic() + WAIT_SECONDS
    while service.ask("/health/ready")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    try:
        yield service
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)


@pytest.mark.slow
def test_a_completion_posted_now_is_excluded_from_the_next_answer(service: Service) -> None:
    before = service.recommended("E000002")
    completed = {
        "event_id": "journey-1",
        "employee_id": "E000002",
        "course_id": before[0],
        "kind": "completed",
        "happened_at": datetime.now(UTC).isoformat(),
    }
    assert service.ask("/v1/events", completed) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert before[0] not in service.recommended("E000002")


@pytest.mark.slow
def test_kept_scores_of_a_changed_person_are_recomputed_in_the_background(
    service: Service, var: Path
) -> None:
    from features.records.store import open_store

    store = open_store(f"sqlite:///{var / 'skillpath.db'}", upgrade=False)

    def as_of() -> datetime:
        row = store.frame("kept_scores").row(
            by_predicate=__import__("polars").col("employee_id") == "E000003", named=True
        )
        moment: datetime = row["as_of"]
        return moment

    before = as_of()
    event = {
        "event_id": "journey-2",
        "employee_id": "E000003",
        "course_id": service.recommended("E000003")[0],
    }
    said = {**event, "kind": "started", "happened_at": datetime.now(UTC).isoformat()}
    assert service.ask("/v1/events", said)[0] == 200
    deadline = time.monotonic() + WAIT_SECONDS
    while as_of() == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert as_of() > before
    store.close()


@pytest.mark.slow
def test_the_command_line_prints_what_http_answers(service: Service, var: Path) -> None:
    said = skillpath(var, "recommend", "E000004", "-n", "5")
    assert [item["course_id"] for item in said["recommendations"]["items"]] == service.recommended("E000004")


@pytest.mark.slow
def test_a_new_person_is_written_and_answered(service: Service) -> None:
    body = {"hired_at": "2026-01-01", "display_name": "Someone New"}
    headers = {"X-API-Key": service.key, "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{service.url}/v1/employees/new%2F1", json.dumps(body).encode(), headers, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    status, body = service.ask("/v1/employees/-/recommendations?employee_id=new/1")
    assert (status, body["employee_id"]) == (200, "new/1")
    assert body["fallback"].startswith("new_person")


@pytest.mark.slow
def test_who_scores_again_finds_everything_standing(var: Path) -> None:
    scored = skillpath(var, "score", "recommendation")["scored"][0]
    assert scored["version"] == "1"
    assert Path(scored["file"]).is_file()
