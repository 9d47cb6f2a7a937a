"""A toy question with a known answer, and a registry of its own for each test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from training.context import TrainingContext
from training.evaluation import Evaluation, bootstrap_mean
from training.loading import load_scorer
from training.payload import Payload, npz_bytes
from training.runs import Workbench
from training.settings import TrainingSettings

TOY = Path(__file__).parent / "toy"
TRUTH = np.array([1.0, -2.0, 0.5])


@dataclass(frozen=True)
class ToyData:
    features: np.ndarray
    outcome: np.ndarray
    digest: str = "toy-data"


@dataclass(frozen=True)
class Parameters:
    shrinkage: float = 0.0
    names: tuple[str, ...] = ("a", "b")
    is_sparse: bool = False


def build(context: TrainingContext) -> ToyData:
    rng = np.random.default_rng(11)
    features = rng.normal(size=(200, 3))
    return ToyData(features, features @ TRUTH + 0.1 * rng.normal(size=200))


def toy_payload(weights: np.ndarray) -> Payload:
    example = np.arange(6.0).reshape(2, 3)
    return Payload(
        question="toy",
        files={"weights.npz": npz_bytes({"weights": weights})},
        golden_inputs={"features": example},
        feature_schema={"x1": "number", "x2": "number", "x3": "number"},
        input_example={"features": example},
    )


def fit(dataset: ToyData, parameters: Parameters, rng: np.random.Generator) -> Payload:
    weights = np.linalg.lstsq(dataset.features[:100], dataset.outcome[:100])[0]
    return toy_payload(weights * (1 - parameters.shrinkage))


def evaluate(folder: Path, dataset: ToyData, rng: np.random.Generator) -> Evaluation:
    outcome, features = dataset.outcome[100:], dataset.features[100:]
    units = -np.abs(load_scorer(folder).scores(features=features) - outcome)
    baseline = -np.abs(outcome - dataset.outcome[:100].mean())
    return Evaluation(
        question="toy",
        protocol="first half teaches, second half tests",
        metrics={"mae@1": bootstrap_mean(-units, rng), "accuracy": bootstrap_mean(units, rng)},
        peers={"mean": {"accuracy": bootstrap_mean(baseline, rng)}},
        primary="accuracy",
        per_unit=units,
        peer_units={"mean": baseline},
        n={"rows": len(units)},
        figures={"errors": toy_figure},
    )


def toy_figure() -> object:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([0, 1])
    return figure


class ToyQuestion:
    name = "toy"
    folder = TOY
    dataset = SimpleNamespace(build=build)
    fit = SimpleNamespace(fit=fit, Parameters=Parameters)
    evaluate = SimpleNamespace(evaluate=evaluate)


@pytest.fixture
def toy() -> ToyQuestion:
    return ToyQuestion()


@pytest.fixture
def payload() -> Payload:
    return toy_payload(TRUTH)


@pytest.fixture(scope="session")
def empty_tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty tracking database once: its migrations take seconds."""
    from training.tracking import Tracking

    folder = tmp_path_factory.mktemp("tracking")
    Tracking(TrainingSettings(var=folder, mlflow_tracking_uri=f"sqlite:///{folder / 'mlflow.db'}"))
    return folder / "mlflow.db"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingSettings:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return TrainingSettings(var=tmp_path / "var", progress=False)


@pytest.fixture
def bench(settings: TrainingSettings, empty_tracking: Path) -> Workbench:
    from training.tracking import Tracking

    settings.var.mkdir()
    shutil.copy(empty_tracking, settings.var / "mlflow.db")
    moments = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)]
    records = {"learning_events": pl.DataFrame({"happened_at": moments, "known_at": moments})}
    context = TrainingContext(records=records, as_of=datetime(2025, 1, 1, tzinfo=UTC))
    return Workbench(settings, context, Tracking(settings))
