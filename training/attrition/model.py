"""Make the payload an MLflow model: find it, load its scorer by path, and map data frames to arrays and back."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import pandas as pd


class ExitProbability(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A data frame of features to exit probabilities, one column per horizon and cause."""

    def load_context(self, context: Any) -> None:
        """Execute the payload's scorer."""
        folder = Path(context.artifacts["payload"])
        module = sys.modules["attrition_scorer"] = ModuleType("attrition_scorer")
        source = (folder / "scorer.py").read_bytes()  # compiled here: byte code beside it would not be signed
        exec(compile(source, "scorer.py", "exec"), module.__dict__)  # noqa: S102
        self.scorer = module.Scorer.load(folder)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the probability of each cause by each horizon, and whether it is the person's own."""
        features = model_input[self.scorer.features].to_numpy(dtype=float, na_value=float("nan"))
        horizons = self.scorer.model["horizon_names"]
        names = [f"{cause} {horizon}" for horizon in horizons for cause in self.scorer.causes]
        found = pd.DataFrame(self.scorer.scores(features), columns=names, index=model_input.index)
        return found.assign(is_personal=self.scorer.is_personal(features))


mlflow.models.set_model(ExitProbability())
