"""The sample organisation: courses with planted effects, and courses that do not exist."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from benchmarks.impact.contrast import contrasts, planted_in, tell
from features.impact.months import EXIT
from features.records.reading import import_organisation
from features.records.sample import write_sample
from features.records.store import open_store
from training.context import TrainingContext
from training.impact import evaluate as judging
from training.impact.dataset import Dataset, build
from training.impact.estimators.crossfit import screening_pipeline
from training.impact.screening import Answer, screen
from training.impact.telling.shares import wilson

FAMILY = 20  # courses that are asked about together


def organisation(request: argparse.Namespace, folder: Path) -> tuple[Dataset, dict[str, Any]]:
    """Return the dataset of a sample organisation, and what is planted in it."""
    write_sample(folder / "files", employees=request.employees or 2_000, years=3, seed=request.seed)
    store = open_store(f"sqlite:///{folder / 'records.db'}")
    import_organisation(store, folder / "files")
    truth = json.loads((folder / "files" / "truth.json").read_text())
    started = time.perf_counter()
    as_of = datetime.fromisoformat(truth["as_of"]).astimezone(UTC)
    dataset = build(TrainingContext(store.frames(), as_of, threads=2))
    store.close()
    print(f"dataset: {dataset.covariates.shape[0]:,} person-months in {time.perf_counter() - started:.1f} s")
    return dataset, truth


def sample(request: argparse.Namespace) -> None:
    """Print how near the screening comes to what is planted, over all courses."""
    with tempfile.TemporaryDirectory() as scratch:
        dataset, truth = organisation(request, Path(scratch))
    started = time.perf_counter()
    found = screen(dataset, range(len(dataset.course_ids)), screening_pipeline(), request.seed, 2)
    estimated = [answer for answer in found if answer.estimate is not None]
    seconds = time.perf_counter() - started
    print(f"screening: {len(dataset.course_ids)} courses × {len(dataset.outcome_names)} outcomes in {seconds:.1f} s; "
          f"{len(estimated)} estimated, {len(found) - len(estimated)} refused")  # fmt: skip
    for outcome, name in enumerate(dataset.outcome_names):
        rows = [answer for answer in estimated if answer.outcome == outcome]
        if name == EXIT or not rows:
            continue
        planted = planted_in(dataset, truth["effects"], name)
        truths = [contrasts(dataset, row, planted) for row in rows]
        plain = [float(planted.effects[row.course]) for row in rows]
        tell(name, rows, truths, plain, [unadjusted(dataset, row) for row in rows])
        placebo = [
            not row.estimate.placebo.excludes_zero for row in rows if row.estimate and row.estimate.placebo
        ]
        print(f"{'':18} placebo passes {np.mean(placebo):.1%}")


def unadjusted(dataset: Dataset, row: Any) -> float:
    """Return the difference in means of a comparison."""
    outcome = dataset.outcomes[row.comparison.rows, row.outcome]
    trained = row.comparison.trained
    return float(np.nanmean(outcome[trained]) - np.nanmean(outcome[~trained]))


def null(request: argparse.Namespace) -> None:
    """Print how often courses that do not exist are significant."""
    judging.FAKES = request.fakes
    with tempfile.TemporaryDirectory() as scratch:
        dataset, _ = organisation(request, Path(scratch))
    started = time.perf_counter()
    found = judging.fake_answers(dataset, np.random.default_rng(request.seed))
    print(f"{len(found)} tests of {request.fakes} courses in {time.perf_counter() - started:.0f} s")
    for outcome, name in enumerate(dataset.outcome_names):
        share = judging.null_share([answer for answer in found if answer.outcome == outcome])
        print(f"{name:18} significant {share.value:.1%} ({share.low:.1%} to {share.high:.1%}); 5 % is right")
    share = judging.null_share(found)
    print(f"{'all':18} significant {share.value:.1%} ({share.low:.1%} to {share.high:.1%}); wanted 3.5–6.5 %")
    tell_families(found)


def tell_families(found: list[Answer]) -> None:
    """Print in how many families of courses anything is left after the correction for their number."""
    families: dict[int, list[float]] = {}
    for answer in found:
        if answer.estimate is not None:
            families.setdefault(answer.course // FAMILY, []).append(answer.estimate.effect.p_value)
    hits = sum(bool((false_discovery_control(values) <= 0.05).any()) for values in families.values())
    share = wilson(hits, len(families))
    every = false_discovery_control([value for values in families.values() for value in values])
    print(f"after Benjamini–Hochberg: anything significant in {share.value:.1%} ({share.low:.1%} to {share.high:.1%}) of "
          f"{len(families)} families of {FAMILY} courses; {int((every <= 0.05).sum())} of {every.size} if all are asked at once")  # fmt: skip
