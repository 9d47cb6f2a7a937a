"""Attrition asked by name: features to the chance of leaving by the main horizon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.attrition.dataset import Dataset
from training.checking.contract import FAR, PROBES, Contract, Frame
from training.checking.judging import Truth, worth, worth_gates
from training.evaluation import Evaluation
from training.fairness import report as fairness
from training.gates import Gate
from training.rescoring.attrition import main_horizon, rescore
from training.rescoring.rescored import Floats

if TYPE_CHECKING:
    from training.runs import Workbench


def contract(bench: Workbench | None, dataset: Dataset) -> Contract:
    """Return what an attrition model takes and returns."""
    names = list(dataset.schema)
    probes = made_up(dataset.test.features)
    missing, unknown = probes.copy(), probes.copy()
    missing[::2, ::2] = missing[1::2, 1::2] = missing[0] = np.nan
    unknown[: PROBES // 2], unknown[PROBES // 2 :] = FAR, -FAR

    def frame(rows: Floats) -> Frame:
        return dict(zip(names, rows.T, strict=True))

    output = f"voluntary {dataset.horizons[main_horizon(dataset)]:g} {dataset.units}"
    asked = frame(dataset.test.features)
    return Contract(
        "attrition", [output], 1, frame(probes), frame(missing), frame(unknown), asked, low=0.0, high=1.0
    )


def made_up(rows: Floats) -> Floats:
    """Return rows whose columns are drawn one by one between their deciles: none of them is anybody."""
    rng = np.random.default_rng(20)
    found = np.zeros((PROBES, rows.shape[1]))
    for column in range(rows.shape[1]):
        known = rows[~np.isnan(rows[:, column]), column]
        if known.size:
            low, high = np.quantile(known, [0.1, 0.9])
            found[:, column] = rng.uniform(low, high, PROBES) if high > low else low
    return found


def judge(
    dataset: Dataset, said: Floats, ours: tuple[str, Path], rng: np.random.Generator
) -> tuple[Evaluation, list[Gate]]:
    """Return what chances are worth beside ours, and whether they are good enough to be shown."""
    truth = truth_of(dataset, ours)
    found = worth(said, truth, rng)
    return found, list(worth_gates(found, truth, rng))


def truth_of(dataset: Dataset, ours: tuple[str, Path]) -> Truth:
    """Return what came of the last block's people, beside what our payload says of them."""
    name, folder = ours
    said: Any = rescore(folder, dataset).said
    left = (dataset.test.cause == 1) & (dataset.test.duration <= dataset.horizons[main_horizon(dataset)])
    return Truth(left, fairness.of_people(dataset.protected, dataset.test.names), said.probability, name)
