"""A real registry and a real service: an alias moved by hand gets nobody around the gates, and the way back is short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from features.records.store import open_store
from serving.access import ALL_SCOPES
from serving.keys import create_key
from training.promotion import promote, roll_back
from training.runs import Workbench

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 60
QUESTION = "skills"


class Service:
    """A running `skillpath serve` over the var folder of a workbench; its log is kept in a file."""

    def __init__(self, bench: Workbench, log: Path) -> None:
        settings = bench.settings
        store = open_store(settings.url)
        self.key, self.log = create_key(store, "tests", ALL_SCOPES, datetime.now(UTC)), log
        store.close()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SKILLPATH_", "MLFLOW_"))
        }
        given = {
            "SKILLPATH_VAR": str(settings.var),
            "SKILLPATH_DRAIN_SECONDS": "0.1",
            "SKILLPATH_PULL_SECONDS": "0.5",
        }
        command = [sys.executable, "-m", "skillpath", "serve", "--port", "0"]
        with log.open("w") as file:
            self.process = subprocess.Popen(
                command, env={**kept, **given}, stderr=file, stdout=file, cwd=ROOT
            )
        self.wait_until(lambda: "listens on" in log.read_text())
        self.url = log.read_text().split("listens on ")[1].split(" ")[0]

    def get(self, path: str) -> Any:
        """Return the body of an answer."""
        request = urllib.request.Request(self.url + path, headers={"X-API-Key": self.key})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return when something holds; fail after a minute."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if holds():
                return
            time.sleep(0.05)
        told = [line for line in self.log.read_text().splitlines() if "skillpath.request" not in line]
        raise AssertionError(f"not within {WAIT_SECONDS} s; it said: {told}")

    def answers_with(self) -> dict[str, str]:
        """Return which version answers each question."""
        found: dict[str, str] = self.get("/health/ready")["models"]
        return found

    def listed(self) -> dict[str, Any]:
        """Return what is told of the question's models."""
        return next(each for each in self.get("/v1/models")["models"] if each["name"] == QUESTION)

    def stop(self) -> None:
        """Stop gently."""
        self.process.terminate()
        self.process.wait(WAIT_SECONDS)


@pytest.fixture
def served(bench: Workbench, toy: Any, tmp_path: Path) -> Iterator[Service]:
    """Return the service, version 1 of the toy promoted through the gates and answering."""
    judge = toy.evaluate.evaluate
    toy.evaluate = SimpleNamespace(evaluate=lambda *given: replace(judge(*given), question=QUESTION))
    toy.name = QUESTION
    assert not promote(bench, toy, bench.train(toy).logged).failed
    service = Service(bench, tmp_path / "service.log")
    try:
        service.wait_until(lambda: service.answers_with() == {QUESTION: "1"})
        yield service
    finally:
        service.stop()


def test_an_alias_moved_by_hand_is_refused_told_and_logged_and_the_last_good_model_answers(
    served: Service, bench: Workbench, toy: Any
) -> None:
    client, second = bench.tracking.client, bench.train(toy).logged
    for alias in ("champion", "shadow"):
        client.set_registered_model_alias(QUESTION, alias, second.version)
    served.wait_until(lambda: len(served.listed()["refused"]) == 2)
    refused = {each["alias"]: (each["version"], each["reason"]) for each in served.listed()["refused"]}
    assert refused["champion"][0] == "2"
    assert "not signed" in refused["champion"][1]
    assert "no shadow" in refused["shadow"][1]
    assert served.answers_with() == {QUESTION: "1"}
    assert (served.listed()["version"], served.listed()["shadow"]) == ("1", None)
    logged = [
        line for line in served.log.read_text().splitlines() if "refused" in line and "not signed" in line
    ]
    assert logged
    # signed in the end, by the gates: the same version answers; and the way back needs no gate and no signing
    client.set_registered_model_alias(QUESTION, "champion", "1")
    third = bench.train(toy).logged
    assert not promote(bench, toy, third).failed
    served.wait_until(lambda: served.answers_with() == {QUESTION: "3"})
    roll_back(bench.tracking, QUESTION)
    served.wait_until(lambda: served.answers_with() == {QUESTION: "1"})
