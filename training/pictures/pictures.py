"""The pictures of a question, beside those that its own evaluation draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.evaluation import Evaluation, Figure
from training.pictures import attrition, recommendation
from training.pictures.metrics import beside_peers

OWN: Mapping[str, Callable[[Path, Any, Evaluation], dict[str, Figure]]] = {
    "attrition": attrition.pictures,
    "recommendation": recommendation.pictures,
}


def pictures(question: str, folder: Path, dataset: Any, evaluation: Evaluation) -> dict[str, Figure]:
    """Return a question's pictures by name; none where the data could not answer.

    Parameters
    ----------
    question : str
        Which one.
    folder : Path
        The payload.
    dataset : Dataset
        With the last block.
    evaluation : Evaluation
        Of that payload.
    """
    if evaluation.status != "estimated":
        return {}
    found: dict[str, Figure] = {"beside_peers": lambda: beside_peers(evaluation)}
    if question in OWN:
        found |= OWN[question](folder, dataset, evaluation)
    return found
