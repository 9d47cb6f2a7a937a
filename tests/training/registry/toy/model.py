"""The toy as an MLflow model: loads the scorer by path, knows no name of ours."""

import sys
from pathlib import Path
from types import ModuleType

import mlflow
import numpy as np
import pandas as pd


class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        folder = Path(context.artifacts["payload"])
        module = sys.modules["payload_scorer"] = ModuleType("payload_scorer")
        exec(compile((folder / "scorer.py").read_bytes(), "scorer.py", "exec"), module.__dict__)
        self.scorer = module.Scorer.load(folder)

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        return pd.DataFrame({"score": self.scorer.scores(np.stack(model_input["features"].to_numpy()))})


mlflow.models.set_model(Model())
