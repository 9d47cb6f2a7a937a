"""The skills model as MLflow sees it: text vectors in a data frame, concept scores out.

The column ``vectors`` holds one list per text, of length one, by the encoder that the payload's ``model.json`` tells apart by
its probe. The answer has one column, ``scores``: a list in the order of ``concept_ids`` there.
"""

import sys
from pathlib import Path
from types import ModuleType

import mlflow
import numpy as np
import pandas as pd


class SkillsModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined,unused-ignore]
    """Loads the payload's own scorer and maps frames to arrays and back."""

    def load_context(self, context):  # type: ignore[no-untyped-def]
        """Execute ``scorer.py`` of the payload by its path."""
        folder = Path(context.artifacts["payload"])
        module = sys.modules["skills_scorer"] = ModuleType("skills_scorer")
        source = (folder / "scorer.py").read_bytes()  # compiled here: byte code beside it would not be signed
        exec(compile(source, "scorer.py", "exec"), module.__dict__)  # noqa: S102
        self.scorer = module.Scorer.load(folder)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return one row per text: ``scores``, −1 to 1, one per concept."""
        vectors = np.array(model_input["vectors"].tolist(), dtype=np.float32)
        return pd.DataFrame({"scores": self.scorer.scores(vectors=vectors).tolist()})


mlflow.models.set_model(SkillsModel())
