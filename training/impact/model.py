"""The impact model as MLflow sees it: courses and outcomes in a data frame, average effects with intervals out.

Columns: ``course_id`` and ``outcome``. The answer: ``effect``, ``low``, ``high`` (95 %, in the unit of the outcome; empty
where the estimate is refused), ``status``, ``verdict`` and ``words``.
"""

import sys
from pathlib import Path
from types import ModuleType

import mlflow
import numpy as np
import pandas as pd


class ImpactModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined,unused-ignore]
    """Loads the payload's own scorer and maps frames to arrays and back."""

    def load_context(self, context):  # type: ignore[no-untyped-def]
        """Execute ``scorer.py`` of the payload by its path."""
        folder = Path(context.artifacts["payload"])
        module = sys.modules["impact_scorer"] = ModuleType("impact_scorer")
        source = (folder / "scorer.py").read_bytes()  # compiled here: byte code beside it would not be signed
        exec(compile(source, "scorer.py", "exec"), module.__dict__)  # noqa: S102
        self.scorer = module.Scorer.load(folder)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return one row per pair; 0 means no effect, empty means that nothing can be said."""
        courses = {name: place for place, name in enumerate(self.scorer.course_ids)}
        outcomes = {name: place for place, name in enumerate(self.scorer.outcomes)}
        pairs = list(zip(model_input["course_id"], model_input["outcome"], strict=True))
        found = self.scorer.scores(
            course_index=np.array([courses.get(course, -1) for course, _ in pairs], dtype=np.int64),
            outcome_index=np.array([outcomes.get(outcome, -1) for _, outcome in pairs], dtype=np.int64),
        )
        by_pair = {(one["course_id"], one["outcome"]): one for one in self.scorer.estimates()}
        told = [by_pair.get(pair) for pair in pairs]
        return pd.DataFrame(
            {
                "effect": found[:, 0],
                "low": found[:, 1],
                "high": found[:, 2],
                "status": [one["status"] if one else "refused" for one in told],
                "verdict": [one["verdict"]["code"] if one else "cannot_tell" for one in told],
                "words": [
                    one["verdict"]["words"] if one else "There is no such course or outcome." for one in told
                ],
            }
        )


mlflow.models.set_model(ImpactModel())
