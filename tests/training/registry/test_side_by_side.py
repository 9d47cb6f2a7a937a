"""Questions trained side by side keep to the settings: their threads, and where the artefacts lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.settings import TrainingSettings
from training.side_by_side import THREADS, keep_to, share_out


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
