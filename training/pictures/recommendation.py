"""Pictures of a recommendation model: how much of the catalogue is shown, and how novel it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import Evaluation, Figure
from training.loading import load_scorer
from training.pictures.canvas import GREY, OURS, canvas
from training.recommendation.dataset import Dataset
from training.recommendation.estimators import popularity
from training.recommendation.evaluate import model_scores
from training.recommendation.ranking import batches, top, without_seen

LIST_LENGTH = 10


def pictures(folder: Path, dataset: Dataset, evaluation: Evaluation) -> dict[str, Figure]:
    """Return the pictures of a payload on the dataset's last block."""
    return {"coverage_and_novelty": lambda: coverage_and_novelty(folder, dataset)}


def coverage_and_novelty(folder: Path, dataset: Dataset) -> Any:
    """Draw how often each course is listed against how often it was taken, courses in order of popularity."""
    score = model_scores(load_scorer(folder), dataset)
    shown = np.zeros(len(dataset.course_ids))
    for rows in batches(dataset.test.size, len(shown)):
        best = top(without_seen(np.array(score(rows)), dataset.test.seen[rows]), LIST_LENGTH)
        shown += np.bincount(best.ravel(), minlength=len(shown))
    taken = np.asarray(popularity(dataset.known), dtype=np.float64)
    order = np.argsort(-taken, kind="stable")
    figure, axes = canvas(7, 4)
    axes.plot(taken[order] / max(taken.sum(), 1), color=GREY, label="share of what was taken")
    axes.plot(
        shown[order] / max(shown.sum(), 1), ".", color=OURS, markersize=4, label="share of what is shown"
    )
    axes.set(xlabel="courses, the most popular first", ylabel="share")
    axes.legend(frameon=False)
    covered = float((shown > 0).mean())
    axes.set_title(
        f"{covered:.0%} of the catalogue is shown to somebody in a list of {LIST_LENGTH}", loc="left"
    )
    return figure
