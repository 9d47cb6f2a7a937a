"""From somebody's model to the next version of a question: converted, written, evaluated and logged like ours."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import BadInputError, RefusedError
from training.checking.check import downloaded
from training.checking.converting import bundle_of
from training.checking.pickles import pickles
from training.payload import write_payload
from training.questions import Question
from training.runs import Made, Trained
from training.usage import Meter

if TYPE_CHECKING:
    from training.runs import Workbench

CONVERTIBLE = ("attrition",)
BOOSTER_NAMES = ("model.lgb", "model.txt")


def adopt(bench: Workbench, question: Question, model: Any, made_by: str) -> Trained:
    """Convert a model and log it as the next version of its question; the gates of promotion lie still ahead.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Of `CONVERTIBLE`.
    model : Linear or lightgbm.Booster
        Log-odds of leaving voluntarily within the next month.
    made_by : str
        In words; logged as a parameter.
    """
    if question.name not in CONVERTIBLE:
        raise RefusedError(
            "There is no converter for this question.", found=question.name,
            hint="Write its payload by the template in docs/bring-your-own.md.",
        )  # fmt: skip
    meter = Meter()
    dataset: Any = bench.dataset(question)
    payload = bundle_of(dataset, model)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "payload"
        write_payload(payload, folder, scorer=question.folder / "scorer.py")
        evaluation = bench.evaluate(question, folder)
        usage = meter.read()
        usage["seconds/fit"] = usage["system/wall_seconds"]
        logged = bench.log(question, Made(folder, payload, {"brought": made_by}), evaluation, usage)
    return Trained(logged, evaluation, {"convert": usage["system/wall_seconds"]})


def booster_of(bench: Workbench, uri: str) -> Any:
    """Return the LightGBM booster of an MLflow model that holds one as text.

    Raises
    ------
    BadInputError
        If it holds none, or anything that executes when it is opened.

    Notes
    -----
    A damaged text kills the process that parses it: the model is the caller's own, and its loss is this command.
    """
    import lightgbm as lgb

    with tempfile.TemporaryDirectory() as scratch:
        folder = downloaded(bench, uri, Path(scratch))
        found = pickles(folder)
        if found:
            raise BadInputError("The model holds a pickle, which nobody opens here.", found=found[0])
        texts = [path for name in BOOSTER_NAMES for path in sorted(folder.rglob(name))]
        if not texts:
            raise BadInputError(
                "The model holds no LightGBM text.", found=uri, allowed=" or ".join(BOOSTER_NAMES),
                hint="Linear models are converted in Python: training.checking.converting.linear_of.",
            )  # fmt: skip
        return lgb.Booster(model_str=texts[0].read_text(encoding="utf-8"))
