"""Skills asked by name: a text, or its vector, to a score of every concept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from features.errors import RefusedError
from training.checking.beside import beside_ours
from training.checking.contract import MOST_CELLS, PROBES, Contract, Frame
from training.evaluation import Evaluation
from training.gates import Gate
from training.loading import load_scorer
from training.rescoring.rescored import Floats
from training.skills.dataset import Dataset
from training.skills.evaluate import LEAST_TEXTS, model_scores
from training.skills.labelled import Labelled
from training.skills.metrics import measure
from training.skills.peers import random_scores

if TYPE_CHECKING:
    from training.runs import Workbench

OUTPUT = "scores"
STRANGE = ("§§§ 000", "zxqv wrpt kkkj", "…")


def contract(bench: Workbench, dataset: Dataset) -> Contract:
    """Return what a skills model takes and returns: scores in the order of the taxonomy's concept ids.

    Raises
    ------
    RefusedError
        If too few texts with known skills were held out to judge by.
    """
    texts = held_out(dataset)
    if len(texts) < LEAST_TEXTS:
        raise RefusedError("Too few texts with known skills were held out.", found=str(len(texts)),
                           allowed=f"{LEAST_TEXTS} or more")  # fmt: skip
    names = dataset.concepts.taxonomy.names
    made_up = [
        f"{names[number % len(names)]} and {names[(7 * number + 3) % len(names)]}" for number in range(PROBES)
    ]

    def frame(given: list[str]) -> Frame:
        return {"text": np.array(given), "vectors": np.asarray(bench.context.encode(given), dtype=np.float64)}

    return Contract(
        "skills", [OUTPUT], dataset.concepts.taxonomy.size, frame(made_up), frame([""] * PROBES),
        frame([STRANGE[number % len(STRANGE)] for number in range(PROBES)]), frame(list(texts.texts)),
    )  # fmt: skip


def held_out(dataset: Dataset) -> Labelled:
    """Return as many of the texts held out as one answer can hold."""
    most = max(LEAST_TEXTS, MOST_CELLS // dataset.concepts.taxonomy.size)
    return dataset.test.subset(np.arange(min(len(dataset.test), most)))


def judge(
    dataset: Dataset, said: Floats, ours: tuple[str, Path], rng: np.random.Generator
) -> tuple[Evaluation, list[Gate]]:
    """Return what scores are worth beside ours on texts whose concepts are known; who knows nothing draws them."""
    texts = held_out(dataset)
    primary = "mrr" if dataset.are_titles else "rp@5"
    name, folder = ours
    scores = {
        "theirs": said,
        "random": random_scores(len(texts), said.shape[1], rng),
        name: model_scores(load_scorer(folder), texts, dataset.are_titles),
    }
    units = {
        side: np.asarray(measure(found, texts.relevant)[primary], dtype=np.float64)
        for side, found in scores.items()
    }
    return beside_ours("skills", primary, units, name, rng)
