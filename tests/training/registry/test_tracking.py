"""A run keeps what was found; a registered model is plain files and nobody's data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from features.errors import UnavailableError, UnknownRecordError
from training.evaluation import Interval
from training.logged import Part, example_frame, flattened, legal, requirements
from training.payload import payload_digest
from training.runs import Workbench
from training.settings import TrainingSettings

PICKLE_SUFFIXES = {".pkl", ".pickle", ".joblib", ".skops", ".pth", ".pyc"}


class TestRefusals:
    def test_a_tracking_server_that_does_not_answer_is_named_without_its_password(
        self, settings: TrainingSettings
    ) -> None:
        from training.tracking import Tracking

        elsewhere = settings.model_copy(update={"mlflow_tracking_uri": "http://anna:geheim@127.0.0.1:1"})
        with pytest.raises(UnavailableError, match="cannot be used") as raised:
            Tracking(elsewhere)
        assert "geheim" not in str(raised.value)

    def test_a_model_that_was_never_trained_is_unknown(self, bench: Workbench) -> None:
        with pytest.raises(UnknownRecordError, match="train it first"):
            bench.tracking.model("toy")

    def test_a_version_that_does_not_exist_is_refused_with_those_that_do(self, bench: Workbench, toy) -> None:
        bench.train(toy)
        with pytest.raises(UnknownRecordError, match="Allowed: 1"):
            bench.tracking.model("toy", "7")


class TestTheLog:
    def test_a_run_keeps_metrics_with_intervals_peers_parameters_figures_and_digests(
        self, bench: Workbench, toy
    ) -> None:
        logged = bench.train(toy, ["shrinkage=0.1"]).logged
        run = bench.tracking.client.get_run(logged.run_id).data
        assert {"mae_at_1", "mae_at_1_low", "mae_at_1_high", "accuracy", "mean/accuracy", "n/rows"} <= set(
            run.metrics
        )
        assert run.params["shrinkage"] == "0.1"
        assert run.tags["payload_digest"] == logged.payload_digest
        assert run.tags["data_digest"] == "toy-data"
        assert run.tags["window"] == "2024-01-01 to 2025-01-01"
        assert run.tags["code_version"]
        papers = json.loads(bench.tracking.attached(logged, "evaluation.json") or "")
        assert papers["peers"]["mean"]["accuracy"]["value"] < papers["metrics"]["accuracy"]["value"]
        figures = bench.tracking.client.list_artifacts(logged.run_id, "figures")
        assert [each.path for each in figures] == ["figures/beside_peers.png", "figures/errors.png"]
        assert run.metrics["system/cpu_seconds"] > 0
        assert (run.tags["question"], run.tags["as_of"]) == ("toy", "2025-01-01T00:00:00+00:00")
        (data,) = bench.tracking.client.get_run(logged.run_id).inputs.dataset_inputs
        assert data.dataset.digest == "toy-data"

    def test_folds_and_trials_are_runs_beneath_the_trainings_and_metrics_stand_on_the_model_too(
        self, bench: Workbench, toy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fold = Part(
            "fold",
            "fold 1",
            {"steps_back": 1},
            {"accuracy": Interval(-0.1, -0.2, 0.0)},
            {"status": "estimated"},
        )
        monkeypatch.setattr("training.rolling.back_test", lambda *_: [fold])
        logged = bench.train(toy, folds=1).logged
        experiment = bench.tracking.experiment("toy")
        query = f"tags.`mlflow.parentRunId` = '{logged.run_id}'"
        (beneath,) = bench.tracking.client.search_runs([experiment], query)
        assert (beneath.data.tags["part"], beneath.data.metrics["accuracy_low"]) == ("fold", -0.2)
        (model,) = bench.tracking.client.search_logged_models([experiment])
        assert {"accuracy", "accuracy_low"} <= {metric.key for metric in model.metrics}

    def test_the_same_data_gives_the_same_payload_digest_in_two_versions(self, bench: Workbench, toy) -> None:
        first, second = bench.train(toy).logged, bench.train(toy).logged
        assert (first.version, second.version) == ("1", "2")
        assert first.payload_digest == second.payload_digest
        assert first.data_digest == second.data_digest

    def test_other_parameters_give_another_payload_digest(self, bench: Workbench, toy) -> None:
        assert (
            bench.train(toy).logged.payload_digest
            != bench.train(toy, ["shrinkage=0.5"]).logged.payload_digest
        )

    def test_versions_are_found_by_number_by_run_and_as_the_newest(self, bench: Workbench, toy) -> None:
        first, second = bench.train(toy).logged, bench.train(toy).logged
        assert bench.tracking.model("toy") == second
        assert bench.tracking.model("toy", "1") == first == bench.tracking.model("toy", first.run_id)
        assert bench.tracking.champion("toy") is None


class TestTheModel:
    def test_the_registry_gives_back_the_very_files(self, bench: Workbench, toy, tmp_path: Path) -> None:
        logged = bench.train(toy).logged
        folder = bench.tracking.fetch_payload(logged, tmp_path / "fetched")
        assert payload_digest(folder) == logged.payload_digest

    def test_there_is_no_pickle_and_no_machine_specific_requirement(self, bench: Workbench, toy) -> None:
        bench.train(toy)
        folder = bench.settings.artifact_folder
        assert folder is not None
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert not {path.suffix for path in files} & PICKLE_SUFFIXES
        (needed,) = [path for path in files if path.name == "requirements.txt"]
        assert {line.split("==")[0] for line in needed.read_text().split()} == {"mlflow", "numpy", "pandas"}

    def test_signature_and_input_example_are_kept(self, bench: Workbench, toy) -> None:
        import mlflow

        logged = bench.train(toy).logged
        info = mlflow.models.get_model_info(logged.uri)
        assert info.signature.inputs.input_names() == ["features"]
        assert info.signature.outputs.input_names() == ["score"]
        assert info.metadata["payload_digest"] == logged.payload_digest


def test_metric_names_are_made_legal() -> None:
    assert legal("ndcg@10") == "ndcg_at_10"
    assert legal("share > 0.5 (%)") == "share _ 0.5 ___"


def test_what_is_no_number_is_not_logged() -> None:
    assert flattened({"auc": Interval(0.7), "ece": Interval(float("nan"))}) == {"auc": 0.7}


def test_rows_of_a_matrix_become_lists_in_the_example() -> None:
    frame = example_frame({"x": np.eye(2), "name": np.array(["a", "b"])})
    assert frame["x"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert frame["name"].tolist() == ["a", "b"]


def test_requirements_are_what_the_scorer_imports(tmp_path: Path) -> None:
    path = tmp_path / "scorer.py"
    path.write_text("import json\nimport lightgbm as lgb\nfrom scipy.sparse import csr_matrix\n")
    assert [line.split("==")[0] for line in requirements(path)] == ["lightgbm", "pandas", "scipy"]
