"""Training's settings: defaults below the var folder, MLflow's own variable honoured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.errors import BadInputError
from training.runs import end_of
from training.settings import TrainingSettings


def test_everything_is_below_the_var_folder_by_default(settings: TrainingSettings) -> None:
    assert settings.tracking_uri == f"sqlite:///{settings.var.resolve() / 'mlflow.db'}"
    assert settings.artifact_folder == settings.var.resolve() / "mlflow-artifacts"
    assert settings.key_folder == settings.var.resolve() / "keys"


def test_the_tracking_uri_of_mlflow_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    found = TrainingSettings(var=tmp_path)
    assert found.tracking_uri == "http://tracking.example:5000"
    assert found.artifact_folder is None


def test_records_without_facts_have_no_end() -> None:
    empty = pl.DataFrame(
        schema={"happened_at": pl.Datetime("us", "UTC"), "known_at": pl.Datetime("us", "UTC")}
    )
    with pytest.raises(BadInputError, match="no facts"):
        end_of({"learning_events": empty, "courses": pl.DataFrame({"course_id": ["a"]})})


def test_the_data_end_right_after_the_last_fact_was_known() -> None:
    happened, known = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 9, tzinfo=UTC)
    facts = pl.DataFrame({"happened_at": [happened, happened], "known_at": [happened, known]})
    assert end_of({"exits": facts}) == known + timedelta(microseconds=1)
