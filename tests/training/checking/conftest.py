"""A last block whose truth is planted, and models of other people's making: one good, the rest each bad in its own way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.attrition import FEATURE_SCHEMA
from training.attrition.dataset import Dataset, Landmark, Panel
from training.checking.contract import Contract
from training.checking.examination import Examined, examine
from training.checking.judging import Truth
from training.checking.questions import attrition
from training.quiet import quietly

NAMES = list(FEATURE_SCHEMA)
FIRST, SECOND, PROXY = 0, 1, 2
OUTPUT = "voluntary 180 days"

CODE = """
import sys, time
import mlflow
import numpy as np
import pandas as pd
{before}

class Brought(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        pass

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        x = model_input.to_numpy(dtype=float)
        rows = np.clip(np.nan_to_num(x), -4, 4)
        odds = -2.2 + 1.2 * rows[:, 0] + 0.8 * rows[:, 1]
        said = 1 / (1 + np.exp(-odds))
        {change}
        return pd.DataFrame({{"{output}": said}})

mlflow.models.set_model(Brought())
"""


def chance(rows: np.ndarray) -> np.ndarray:
    """Return the planted probability of leaving within 180 days."""
    bounded = np.clip(np.nan_to_num(rows), -4, 4)
    return np.asarray(1 / (1 + np.exp(2.2 - 1.2 * bounded[:, FIRST] - 0.8 * bounded[:, SECOND])))


@dataclass(frozen=True)
class World:
    """The last block, what came of it, and what a model is asked."""

    dataset: Dataset
    truth: Truth
    contract: Contract

    def rows(self, name: str) -> np.ndarray:
        """Return one of the contract's frames as an array."""
        return np.column_stack(list(self.contract.frames[name].values()))


@pytest.fixture(scope="session")
def world() -> World:
    rng = np.random.default_rng(7)
    n = 1_500
    sex = rng.choice(["f", "m"], n)
    rows = rng.normal(size=(n, len(NAMES)))
    rows[:, PROXY] += 3.0 * (sex == "f")
    left = rng.random(n) < chance(rows)
    duration = np.where(left, rng.uniform(1, 179, n), 184.0)
    names = [f"p{number:04d}" for number in range(n)]
    months = 6
    hazard = np.tile(1 - (1 - chance(rows)) ** (1 / 6), months)
    panel = Panel(np.tile(rows, (months, 1)), (rng.random(n * months) < hazard).astype(np.int64),
                  np.tile(np.arange(n), months), np.repeat(np.arange(months), n))  # fmt: skip
    early, late = np.flatnonzero(panel.period < 4), np.flatnonzero(panel.period >= 4)
    test = Landmark(rows, duration, left.astype(np.int64), np.arange(n), names)
    dataset = Dataset(
        panel=panel, folds=[(early, late)], final_rows=np.arange(len(panel)), test=test, past=test, schema=FEATURE_SCHEMA,
        protected=pl.DataFrame({"employee_id": names, "sex": sex}), protocol="planted", digest="planted", threads=1,
    )  # fmt: skip
    truth = Truth(left, {"sex": sex.tolist()}, chance(rows), "ours")
    return World(dataset, truth, attrition.contract(None, dataset))


@pytest.fixture(scope="session")
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that saves a model from code, changed in one line."""
    with quietly():
        import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    def make(
        name: str,
        change: str = "",
        before: str = "",
        inputs: tuple[str, ...] = tuple(NAMES[:3]),
        output: str = OUTPUT,
    ) -> Path:
        folder = tmp_path_factory.mktemp(name)
        code = folder / "model.py"
        code.write_text(CODE.format(change=change or "pass", before=before, output=output))
        columns = [ColSpec("double", each) for each in inputs]
        signature = ModelSignature(Schema(columns), Schema([ColSpec("double", output)])) if inputs else None
        with quietly():
            mlflow.pyfunc.save_model(
                folder / "model", python_model=str(code), signature=signature, pip_requirements=["numpy"]
            )
        return folder / "model"

    return make


# name → (what is changed in the model's code, the gate that must say no)
BAD: dict[str, tuple[dict[str, object], str]] = {
    "imports our packages": ({"change": "import training"}, "answers"),
    "fails when it is loaded": ({}, "loads alone"),
    "has no signature": ({"inputs": ()}, "signature"),
    "asks for the exit itself": ({"inputs": (*NAMES[:2], "exit_at")}, "signature"),
    "answers another column": ({"output": "score"}, "answers"),
    "answers fewer rows": ({"change": "said = said[:-1]"}, "answers"),
    "answers NaN": ({"change": "said = np.where(said > 0.3, np.nan, said)"}, "probability"),
    "answers log-odds": ({"change": "said = odds"}, "probability"),
    "answers by the dice": ({"change": "said = np.clip(said + np.random.rand(len(said)) * 1e-3, 0, 1)"}, "determinism"),
    "answers by who else is asked": ({"change": "said = said.argsort().argsort() / max(len(said), 2)"}, "rows apart"),
    "breaks on missing values": ({"change": "assert not np.isnan(x).any(), 'NaN is not supported'"}, "missing values"),
    "spreads missing values": ({"change": "said = said + 0 * x.sum(axis=1)"}, "missing values"),
    "breaks on unknown values": ({"change": "assert np.nanmax(np.abs(x)) < 1e5, 'out of range'"}, "unknown values"),
    "is slow": ({"change": "time.sleep(3.5 if len(x) > 1000 else 0)"}, "speed"),
    "is worse": ({"change": "said = 1 / (1 + np.exp(2.2 - 0.5 * rows[:, 0]))"}, "not inferior"),
    "says twice as much": ({"change": "said = np.clip(2 * said, 0, 1)"}, "calibration"),
    "overstates differences": ({"change": "said = 1 / (1 + np.exp(-(odds * 4 + 5.5)))"}, "calibration"),
    "ranks the wrong way round": ({"change": "said = 1 / (1 + np.exp(2.2 + 1.2 * rows[:, 0] + 0.8 * rows[:, 1]))"}, "not inferior"),
    "says the same of everybody": ({"change": "said = np.full(len(x), 0.2)"}, "not inferior"),
    "flags one sex": ({"change": "said = 1 / (1 + np.exp(-(odds - 1.5 + 1.0 * rows[:, 2])))"}, "fairness"),
}  # fmt: skip


@pytest.fixture(scope="session")
def examined(world: World, save: Callable[..., Path]) -> dict[str, Examined]:
    """Return what the good model and every bad one answered, all asked in one process."""
    folders = {"good": save("good")}
    saved = {name: change for name, (change, _) in BAD.items() if name != "fails when it is loaded"}
    folders |= {name: save(name.replace(" ", "_"), **change) for name, change in saved.items()}
    broken = save("broken")
    (broken / "model.py").write_text("raise RuntimeError('not on this machine')\n")
    folders["fails when it is loaded"] = broken
    answers = examine(list(folders.values()), world.contract)
    return dict(zip(folders, answers, strict=True))
