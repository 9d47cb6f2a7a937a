"""The recommendation model as MLflow sees it: histories in a data frame, scores of all courses out.

Columns: ``course_ids`` (a JSON list of courses taken) and ``job_id`` (empty where unknown). The answer has one column,
``scores``: a list in the order of ``course_ids`` in the payload's ``model.json``.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import mlflow
import numpy as np
import pandas as pd


class RecommendationModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined,unused-ignore]
    """Loads the payload's own scorer and maps frames to arrays and back."""

    def load_context(self, context):  # type: ignore[no-untyped-def]
        """Execute ``scorer.py`` of the payload by its path."""
        folder = Path(context.artifacts["payload"])
        module = sys.modules["recommendation_scorer"] = ModuleType("recommendation_scorer")
        source = (folder / "scorer.py").read_bytes()  # compiled here: byte code beside it would not be signed
        exec(compile(source, "scorer.py", "exec"), module.__dict__)  # noqa: S102
        self.scorer = module.Scorer.load(folder)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return one row per person: ``scores``, one per course of the model; 0 is an average course for them."""
        courses = {course: place for place, course in enumerate(self.scorer.course_ids)}
        jobs = {job: place for place, job in enumerate(self.scorer.job_ids)}
        taken = [
            [courses[one] for one in json.loads(text) if one in courses] for text in model_input["course_ids"]
        ]
        scores = self.scorer.scores(
            indptr=np.cumsum([0, *map(len, taken)]),
            items=np.array([one for row in taken for one in row], dtype=np.int64),
            weights=np.ones(sum(map(len, taken))),
            jobs=np.array([jobs.get(job, -1) for job in model_input["job_id"]], dtype=np.int64),
        )
        return pd.DataFrame({"scores": scores.tolist()})


mlflow.models.set_model(RecommendationModel())
