"""Score a saved model again, by its question's own way; where there is none, by its whole evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.questions import Question
from training.rescoring import attrition, recommendation
from training.rescoring.rescored import Bools, Rescored

if TYPE_CHECKING:
    from training.runs import Workbench

LAST_BLOCK: Mapping[str, Callable[[Any], Any]] = {
    "attrition": attrition.last_block,
    "recommendation": recommendation.last_block,
}
RESCORE: Mapping[str, Callable[[Path, Any], Rescored]] = {
    "attrition": attrition.rescore,
    "recommendation": recommendation.rescore,
}
SLICES: Mapping[str, Callable[[Any, Any], dict[str, Bools]]] = {
    "attrition": attrition.slices,
    "recommendation": recommendation.slices,
}


def judging_dataset(bench: Workbench, question: Question) -> Any:
    """Return what a comparison needs of a question's dataset: the last block alone, where the question knows how."""
    if question.name not in LAST_BLOCK or question.name in bench.datasets:
        return bench.dataset(question)
    bench.say(f"{question.name}: building the last block")
    if question.name in bench.begun:
        return bench.begun[question.name].result()
    bench.context.rng = bench.rng(question.name, "dataset")
    return LAST_BLOCK[question.name](bench.context)


def rescore(bench: Workbench, question: Question, folder: Path, dataset: Any) -> Rescored:
    """Return a payload's units on the last block; no baseline is fitted where the question knows how."""
    if question.name in RESCORE:
        return RESCORE[question.name](folder, dataset)
    found = bench.evaluate(question, folder)
    return Rescored(found.primary, np.asarray(found.per_unit, dtype=np.float64))


def slices(bench: Workbench, question: Question, dataset: Any) -> dict[str, Bools]:
    """Return the slices of a question's units; none where the question names none."""
    found = SLICES.get(question.name)
    return found(bench.context, dataset) if found else {}
