"""Questions trained side by side keep to the settings: their threads, and where the artefacts lie."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from training.runs import Workbench
from training.settings import TrainingSettings
from training.side_by_side import THREADS, keep_to, share_out, train_alone, trained_beside

READY = "import sys; from training.side_by_side import get_ready; get_ready(); print({'mlflow', 'lightgbm'} <= set(sys.modules))"


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put the environment of a process that MLflow's tracker was set in before; it is as it was afterwards."""
    for name in (*THREADS, "SKILLPATH_PROGRESS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SKILLPATH_VAR", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


def test_artefacts_lie_in_the_var_folder_also_where_mlflow_left_its_tracker_in_the_environment(
    process: Path,
) -> None:
    share_out(1)
    keep_to("")
    assert TrainingSettings().artifact_folder == process / "mlflow-artifacts"
    assert TrainingSettings().threads == 1


def test_a_tracker_of_the_settings_is_every_process_s_tracker(process: Path) -> None:
    share_out(2)
    keep_to("http://tracking.example:5000")
    assert TrainingSettings().tracking_uri == "http://tracking.example:5000"
    assert TrainingSettings().artifact_folder is None


class Submitted:
    """A pool that notes what it is to do, and in which order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def submit(self, *asked: Any) -> Future[Any]:
        self.asked.append(asked)
        return Future()


def test_the_key_is_made_once_before_anybody_trains_and_the_moment_is_the_same_for_all(
    bench: Workbench,
) -> None:
    pool = Submitted()
    found = trained_beside(bench, cast("Any", pool), ["impact", "skills"], True, "")
    assert list(found) == ["impact", "skills"]
    moment = bench.context.as_of.isoformat()
    assert pool.asked == [(train_alone, name, moment, True, "") for name in ("impact", "skills")]
    assert any((bench.settings.var / "keys").iterdir())


def test_a_process_that_got_ready_has_imported_what_takes_longest() -> None:
    told = subprocess.run([sys.executable, "-c", READY], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True"]
