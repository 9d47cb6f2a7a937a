"""What a saved recommendation model ranks for the people of the last block."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from training.context import TrainingContext
from training.loading import load_scorer
from training.recommendation.dataset import Dataset
from training.recommendation.evaluate import PRIMARY, model_scores
from training.recommendation.ranking import all_target_ranks, per_person
from training.rescoring.rescored import Bools, Rescored

FURTHER = ("recall@20", "mrr")
MOST_JOBS = 12


def rescore(folder: Path, dataset: Dataset) -> Rescored:
    """Return what a payload ranks, all courses but those taken before."""
    scorer, block = load_scorer(folder), dataset.test
    started = time.perf_counter()
    ranks = all_target_ranks(model_scores(scorer, dataset), block.seen, block.targets)
    seconds = time.perf_counter() - started
    people = per_person(ranks, block.targets)
    kept = counted(dataset)
    return Rescored(
        primary=PRIMARY,
        units=np.asarray(people[PRIMARY][kept], dtype=np.float64),
        further={
            name: np.asarray(people[name][kept], dtype=np.float64) for name in FURTHER if name in people
        },
        rows_per_second=block.size / max(seconds, 1e-9),
    )


def counted(dataset: Dataset) -> Bools:
    """Return the people whose units count."""
    block = dataset.test
    return ~block.is_new if dataset.is_warm_only else np.ones(block.size, dtype=bool)


def slices(context: TrainingContext, dataset: Dataset) -> dict[str, Bools]:
    """Return slices of the people asked: warm, new, and the most frequent jobs."""
    block, kept = dataset.test, counted(dataset)
    found: dict[str, Bools] = {"warm": ~block.is_new[kept], "new people (no history)": block.is_new[kept]}
    jobs = block.jobs[kept]
    values, counts = np.unique(jobs[jobs >= 0], return_counts=True)
    for job in values[np.argsort(-counts, kind="stable")][:MOST_JOBS]:
        found[f"job = {dataset.job_ids[job]}"] = jobs == job
    return found
