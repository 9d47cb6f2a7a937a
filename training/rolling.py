"""A rolling-origin back-test: the whole fit repeated at earlier moments, each judged on its own last block."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import RefusedError
from training.earlier import dataset_before
from training.evaluation import Interval, bootstrap_mean
from training.logged import Part
from training.payload import write_payload
from training.questions import Question
from training.rescoring.rescoring import RESCORE, judging_dataset, rescore

if TYPE_CHECKING:
    from training.runs import Workbench

NO_TIME = ("skills",)


def back_test(bench: Workbench, question: Question, parameters: Any, folds: int) -> list[Part]:
    """Return what the same fit was worth at earlier moments, the latest first.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Which one.
    parameters : Parameters
        Of the fit.
    folds : int
        So many earlier moments; those whose records are too short end it.
    """
    if folds and question.name in NO_TIME:
        raise RefusedError("There is no time in this question to roll through.", found=question.name)
    found: list[Part] = []
    for step in range(1, folds + 1):
        try:
            dataset = dataset_before(bench, question, step)
            payload = question.fit.fit(dataset, parameters, bench.rng(question.name, "fit"))
        except RefusedError as error:
            bench.say(f"{question.name}: the back-test ends after {len(found)} folds: {error}")
            break
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "payload"
            digest = write_payload(payload, folder, scorer=question.folder / "scorer.py")
            judged = question.evaluate.evaluate(folder, dataset, bench.rng(question.name, "evaluate"))
            metrics = {**judged.metrics, **said_today(bench, question, folder)}
        tags = {"protocol": judged.protocol, "payload_digest": digest, "status": judged.status}
        found.append(Part("fold", f"fold {step}", {"steps_back": step}, metrics, tags))
    return found


def said_today(bench: Workbench, question: Question, folder: Path) -> dict[str, Interval]:
    """Return what a model fitted earlier is worth on the newest block: what its age costs.

    Returns
    -------
    dict of str to Interval
        ``<primary>_today``, higher is better; nothing for a question whose models are not scored again by themselves.
    """
    if question.name not in RESCORE:
        return {}
    found = rescore(bench, question, folder, judging_dataset(bench, question))
    units = np.asarray(found.units, dtype=np.float64)
    return {f"{found.primary}_today": bootstrap_mean(units, bench.rng(question.name, "evaluate"))}
