"""Recommendation asked by name: what a person took and works as, to a score of every course."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.checking.beside import beside_ours
from training.checking.contract import MOST_CELLS, PROBES, Contract, Frame
from training.evaluation import Evaluation
from training.gates import Gate
from training.recommendation.dataset import Dataset
from training.recommendation.evaluate import PRIMARY
from training.recommendation.ranking import all_target_ranks, per_person
from training.rescoring.recommendation import counted, rescore
from training.rescoring.rescored import Floats

if TYPE_CHECKING:
    from training.runs import Workbench

OUTPUT = "scores"


def contract(bench: Workbench | None, dataset: Dataset) -> Contract:
    """Return what a recommendation model takes and returns: scores in the order of the records' course ids, ascending."""
    rng, ids = np.random.default_rng(20), np.array(dataset.course_ids)
    most = min(5, len(ids))
    taken = [rng.choice(ids, rng.integers(0, most + 1), replace=False).tolist() for _ in range(PROBES)]
    jobs = rng.choice([*dataset.job_ids, ""], PROBES).tolist()
    none: list[list[str]] = [[] for _ in range(PROBES)]
    block = people(dataset).test
    own = [[dataset.course_ids[place] for place in row.indices] for row in block.history]
    names = [*dataset.job_ids, ""]
    return Contract(
        "recommendation", [OUTPUT], len(ids), frame(taken, jobs), frame(none, [""] * PROBES),
        frame([["no such course"]] * PROBES, ["no such job"] * PROBES), frame(own, [names[job] for job in block.jobs]),
    )  # fmt: skip


def frame(taken: list[list[str]], jobs: list[str]) -> Frame:
    """Return courses taken, each a JSON list, and jobs, empty where unknown."""
    return {"course_ids": np.array([json.dumps(row) for row in taken]), "job_id": np.array(jobs)}


def people(dataset: Dataset) -> Dataset:
    """Return the dataset with as many of the last block's people as one answer can hold."""
    return replace(dataset, test=dataset.test.rows(slice(0, max(1, MOST_CELLS // len(dataset.course_ids)))))


def judge(
    dataset: Dataset, said: Floats, ours: tuple[str, Path], rng: np.random.Generator
) -> tuple[Evaluation, list[Gate]]:
    """Return what scores are worth beside ours, courses taken before left out; who knows nothing names what is popular."""
    asked = people(dataset)
    popular = np.broadcast_to(np.asarray(asked.test.history.sum(axis=0)), said.shape)
    units = {name: ndcg(scores, asked) for name, scores in (("theirs", said), ("popularity", popular))}
    name, folder = ours
    units[name] = rescore(folder, asked).units
    return beside_ours("recommendation", PRIMARY, units, name, rng)


def ndcg(scores: Floats, dataset: Dataset) -> Floats:
    """Return each counted person's nDCG@10."""
    block = dataset.test
    ranks = all_target_ranks(lambda rows: scores[rows].copy(), block.seen, block.targets)
    return np.asarray(per_person(ranks, block.targets)[PRIMARY][counted(dataset)], dtype=np.float64)
