"""Planted effects on real covariates: bias and coverage over many draws, each beside its own truth."""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.impact.organisation import organisation
from features.errors import RefusedError
from training.impact.estimate import observational_estimate
from training.impact.estimators.crossfit import Pipeline, fit_effect, full_pipeline, screening_pipeline
from training.impact.table import ComparisonTable, Floats, filled
from training.impact.telling.shares import wilson

EFFECT = 1.0  # in standard deviations of what is left unexplained
CHOSEN = 6  # covariates that move both
DRAWS = 1_000
MOST_ROWS = 2_500
CLIPPED = (0.05, 0.9)


@dataclass(frozen=True)
class Draw:
    """One planted world: its table, and the average effect on its own trained."""

    table: ComparisonTable
    truth: float


def covariates_of(name: str, request: argparse.Namespace) -> tuple[Floats, list[str]]:
    """Return real covariates, standardised, far values drawn in."""
    if name == "organisation":
        return organisation_covariates(request)
    if name == "acic":
        frame = pd.get_dummies(pd.read_csv(request.data / "acic2016" / "x.csv.gz"), dtype=float)
        return standardised(frame.to_numpy(dtype=np.float64), list(frame.columns))
    with gzip.open(request.data / "ihdp_npci" / "ihdp_npci_1.csv.gz", "rt") as file:
        values = pd.read_csv(file, header=None).to_numpy(dtype=np.float64)[:, 5:]
    return standardised(values, [f"x{place + 1}" for place in range(values.shape[1])])


def organisation_covariates(request: argparse.Namespace) -> tuple[Floats, list[str]]:
    """Return what was known of everybody in one month of the sample organisation."""
    with tempfile.TemporaryDirectory() as scratch:
        dataset, _ = organisation(request, Path(scratch))
    rows = np.flatnonzero(dataset.month_of_row == dataset.months.size // 2)
    return standardised(dataset.covariates[rows], list(dataset.names))


def standardised(values: Floats, names: list[str]) -> tuple[Floats, list[str]]:
    """Return standardised covariates without constants, values beyond 3 drawn in."""
    columns, found = filled(values[:MOST_ROWS], names)
    return np.clip((columns - columns.mean(axis=0)) / columns.std(axis=0), -3, 3), found


def draw(columns: Floats, places: np.ndarray[Any, Any], rng: np.random.Generator) -> Draw:
    """Return a planted world: six covariates move choice and outcome, bent and multiplied; gains differ a little."""
    x = columns[:, places]
    pull = unit(x @ rng.normal(size=places.size) + 0.7 * np.maximum(x[:, 0], 0) * rng.choice([-1, 1]))
    chance = np.clip(1 / (1 + np.exp(1.0 - 0.8 * pull)), *CLIPPED)
    base = unit(x @ rng.normal(size=places.size) + 0.7 * np.maximum(x[:, 0], 0) + 0.4 * x[:, 1] * x[:, 2])
    base = 1.2 * base + 0.5 * pull
    gain = EFFECT * (1 + 0.3 * np.tanh(x[:, 3]))
    trained = rng.random(len(x)) < chance
    outcome = base + gain * trained + rng.normal(size=len(x))
    earlier = base + rng.normal(size=len(x))
    table = ComparisonTable(
        columns, tuple(str(n) for n in range(columns.shape[1])), trained, outcome, earlier, is_filled=True
    )
    return Draw(table, float(gain[trained].mean()))


def unit(values: Floats) -> Floats:
    """Return values with mean 0 and standard deviation 1."""
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9), dtype=np.float64)


def one(columns: Floats, pipeline: Pipeline, seed: int) -> tuple[float, float, float, float, bool]:
    """Return estimate, standard error, truth and the difference in means of one draw, and whether the interval has the truth."""
    rng = np.random.default_rng([seed, 5])
    varied = rng.choice(columns.shape[1], CHOSEN, replace=False)
    found = draw(columns, varied, rng)
    effect = fit_effect(found.table, columns, pipeline).effect
    outcome, trained = found.table.outcome, found.table.trained
    return (
        effect.value,
        effect.standard_error,
        found.truth,
        float(outcome[trained].mean() - outcome[~trained].mean()),
        effect.low <= found.truth <= effect.high,
    )


def planted(request: argparse.Namespace) -> None:
    """Print bias and coverage over many planted draws, on each set of covariates."""
    pipeline = screening_pipeline()
    if request.pipeline == "full":
        pipeline = full_pipeline(1, request.trees, tuple(range(request.seeds)))
    for name in request.on.split(","):
        columns, _ = covariates_of(name, request)
        draws = request.draws or DRAWS
        started = time.perf_counter()
        value, error, truth, naive, inside = np.array(
            list(in_parallel(partial(one, columns, pipeline), draws, request.threads))
        ).T
        off = value - truth
        covered = wilson(int(inside.sum()), draws)
        print(f"{name:13}{columns.shape[0]} people × {columns.shape[1]} covariates, {pipeline.name}, {draws} draws, "
              f"{time.perf_counter() - started:.0f} s: bias {off.mean():+.3f} of an effect of {truth.mean():.2f} "
              f"({off.mean() / truth.mean():+.1%}; difference in means {np.mean(naive - truth):+.2f}), "
              f"RMSE {np.sqrt(np.mean(off**2)):.3f}, coverage {covered.value:.1%} ({covered.low:.1%} to {covered.high:.1%}), "
              f"error stated {error.mean():.3f}, spread {off.std():.3f}")  # fmt: skip


def in_parallel(work: Callable[[int], Any], draws: int, threads: int) -> Iterator[Any]:
    """Yield the result of each draw, several processes at a time."""
    with ProcessPoolExecutor(threads, initializer=threadpool_limits, initargs=(1,)) as pool:
        yield from pool.map(work, range(draws), chunksize=10)


def noise(request: argparse.Namespace) -> None:
    """Print what is found in files of pure noise: nothing above *cannot tell* is a story."""
    draws = request.draws or 200
    verdicts = Counter(in_parallel(of_noise, draws, request.threads))
    story = draws - verdicts["cannot tell"] - verdicts["refused"]
    share = wilson(story, draws)
    print(f"pure noise, {draws} files of 1,000 rows × 12 columns: {dict(verdicts)}; "
          f"a story in {share.value:.1%} ({share.low:.1%} to {share.high:.1%})")  # fmt: skip


def of_noise(seed: int) -> str:
    """Return the verdict on a file of pure noise."""
    rng = np.random.default_rng([seed, 3])
    values = rng.normal(size=(1_000, 14))
    names = tuple(f"x{n}" for n in range(12))
    table = ComparisonTable(
        values[:, :12], names, rng.random(1_000) < 0.3, values[:, 12], values[:, 13], is_filled=True
    )
    try:
        return observational_estimate(table, screening_pipeline()).verdict.code
    except RefusedError:
        return "refused"
