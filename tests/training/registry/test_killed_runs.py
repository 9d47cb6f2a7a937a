"""A training that was killed is told from one that runs, and does not stay RUNNING for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.processes import has_ended, start_of, this_process
from training.runs import Workbench
from training.settings import TrainingSettings
from training.side_by_side import train_one
from training.tracking import PROCESS, Tracking
from training.upkeep import retraining

ROOT = Path(__file__).resolve().parents[3]


def die_in_a_run(var: Path) -> None:
    """Begin a run and one beneath it, and be killed."""
    tracking = Tracking(TrainingSettings(var=var, progress=False))
    with tracking.run("toy", "half"), tracking.run("toy", "fold 1", nested=True):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    die_in_a_run(Path(sys.argv[1]))


@pytest.fixture
def half_done(bench: Workbench) -> list[str]:
    """Return the runs that a killed process left behind."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, __file__, str(bench.settings.var)]
    ended = subprocess.run(command, env=environment, timeout=120, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    client = bench.tracking.client
    found = client.search_runs([bench.tracking.experiment("toy")], "attributes.status = 'RUNNING'")
    return [run.info.run_id for run in found]


def status(bench: Workbench, run_id: str) -> str:
    """Return where a run stands."""
    return str(bench.tracking.client.get_run(run_id).info.status)


def test_the_next_training_marks_what_a_killed_one_left_and_leaves_what_runs(
    bench: Workbench, toy, half_done: list[str]
) -> None:
    assert len(half_done) == 2
    with bench.tracking.run("toy", "of this process") as alive:
        elsewhere = bench.tracking.client.create_run(
            bench.tracking.experiment("toy"), tags={PROCESS: "another-host 1 1"}
        )
        nobodys = bench.tracking.client.create_run(bench.tracking.experiment("toy"))
        assert bench.tracking.close_abandoned("toy") == half_done
        running = [alive.info.run_id, elsewhere.info.run_id, nobodys.info.run_id]
        assert [status(bench, run_id) for run_id in running] == ["RUNNING"] * 3
    assert [status(bench, run_id) for run_id in half_done] == ["KILLED"] * 2
    assert status(bench, alive.info.run_id) == "FINISHED"


def test_train_and_retrain_both_look_for_what_was_left(
    bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bench.tracking, "close_abandoned", asked.append)
    train_one(bench, toy, [], and_promote=False)
    monkeypatch.setattr(retraining, "what_changed", lambda *_: "")
    assert retraining.retrain(bench, toy, retraining.Wish())["action"] == "unchanged"
    assert asked == ["toy", "toy"]


def test_a_number_that_was_given_again_is_another_process() -> None:
    host, number, began = this_process().split(" ")
    assert not has_ended(f"{host} {number} {began}")
    assert has_ended(f"{host} {number} {began}1")
    assert not has_ended("")
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_of(child.pid) == ""  # ended, and its parent has not asked yet
