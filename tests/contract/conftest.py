"""One trained and registered model per question, from the small organisation, and its answer alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.records.store import Store
from training.questions import QUESTIONS, Question
from training.runs import Trained, Workbench, open_workbench
from training.settings import TrainingSettings

# Runs alone: no package of ours can be imported, the working folder is empty.
ALONE = r"""
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("features", "training", "serving", "skillpath"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
import logging, warnings
warnings.simplefilter("ignore")
import mlflow, numpy as np, pandas as pd
from mlflow.models import Model

logging.getLogger("mlflow").setLevel(logging.ERROR)
folder = sys.argv[1]
model = mlflow.pyfunc.load_model(folder)
example = Model.load(folder).load_input_example(folder)
scorer = model.unwrap_python_model().scorer
asked, calls = scorer.scores, []

def heard(*args, **arrays):
    found = asked(*args, **arrays)
    calls.append(np.asarray(found, dtype=float))
    return found

answer = model.predict(example)
object.__setattr__(scorer, "scores", heard)
again = model.predict(example)
numbers = lambda frame: [np.asarray(frame[name].tolist(), dtype=float).reshape(len(frame), -1).tolist()
                         for name in frame.columns if np.asarray(frame[name].tolist()).dtype.kind in "fiub"]
print("\n" + json.dumps({"columns": list(answer.columns), "answer": numbers(answer), "again": numbers(again),
                         "inputs": model.metadata.signature.inputs.input_names(),
                         "flavors": sorted(model.metadata.flavors),
                         "loader": model.metadata.flavors["python_function"]["loader_module"],
                         "scores": [call.tolist() for call in calls],
                         "ours": sorted({"features", "training", "serving", "skillpath"} & set(sys.modules))}))
"""


def hashed_vectors(texts: Sequence[str]) -> np.ndarray:
    """Return vectors of length one that depend on the text alone: a contract needs no meaning."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
    vectors = np.array([np.random.default_rng(seed).normal(size=384) for seed in seeds]).reshape(-1, 384)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Saved:
    """A trained question, its model folder in the registry, and its answer alone."""

    question: str
    trained: Trained
    folder: Path
    alone: dict[str, Any]
    bench: Workbench

    @property
    def payload(self) -> Path:
        return self.folder / "artifacts" / "payload"


@pytest.fixture(scope="session", params=QUESTIONS)
def saved(
    request: pytest.FixtureRequest, small_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Saved:
    question = Question(request.param)
    var = tmp_path_factory.mktemp(question.name)
    settings = TrainingSettings(var=var, progress=False, mlflow_tracking_uri="")
    bench = open_workbench(settings, small_store)
    bench.context.encode = hashed_vectors
    trained = bench.train(question)
    (found,) = (var / "mlflow-artifacts").rglob("MLmodel")
    (var / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(found.parent)],
        capture_output=True, text=True, cwd=var / "empty", check=False,
        env={"PATH": os.environ["PATH"], "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(var)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return Saved(question.name, trained, found.parent, json.loads(done.stdout.splitlines()[-1]), bench)
