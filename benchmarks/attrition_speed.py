"""Attrition at the size of a large organisation: training 100,000 people × 36 months, scoring a million.

Run: python -m benchmarks.attrition_speed [--people 100000] [--months 36] [--score 1000000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from features.attrition.meanings import FEATURE_SCHEMA, NAMES
from training.attrition.dataset import Dataset, Landmark, Panel
from training.attrition.fit import Parameters, fit
from training.attrition.scorer import sigmoid
from training.loading import load_scorer
from training.payload import write_payload

SEASON = [NAMES.index("season_sine"), NAMES.index("season_cosine")]
MOST_SECONDS, MOST_GIB, LEAST_SHARE = 360, 8, 0.7
FIXED = Parameters(shapes=("pairs",), weights=(0.7,), penalties=(100.0,), bags=0)


def main() -> None:
    """Print seconds, memory, and the scorer's rate beside the booster's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--score", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    dataset = drawn(options.people, options.months, options.threads)
    started, worked = time.perf_counter(), time.process_time()
    payload = fit(dataset, FIXED, np.random.default_rng(1))
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    grown = sum(name.startswith("blend_") for name in payload.files)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"train: {len(dataset.panel):,} person-months in {seconds:.0f} s (≤ 360; processor {work:.0f} s on "
        f"{dataset.threads} threads), peak {memory:.1f} GiB (≤ 8), trees for {grown} of {len(dataset.causes)} causes", flush=True
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        write_payload(payload, Path(scratch) / "payload")
        scorer = load_scorer(Path(scratch) / "payload")
        rows = np.resize(dataset.panel.features, (options.score, len(NAMES)))
        rates = [compare(scorer, rows) for _ in range(3)]
        ours, raw = (float(np.median([rate[place] for rate in rates])) for place in (0, 1))
        print(
            f"score: {len(rows) / ours:,.0f} people per processor second, Booster.predict of its trees "
            f"{len(rows) / raw:,.0f} rows: {raw / ours:.0%} (≥ 70 %)"
        )
    raise SystemExit(0 if seconds <= MOST_SECONDS and memory <= MOST_GIB and raw / ours >= LEAST_SHARE else 1)


def compare(scorer: Any, rows: np.ndarray) -> tuple[float, float]:
    """Return the processor seconds of scoring rows, and of the raw booster's prediction of every cause that has trees."""
    started = time.process_time()
    scorer.scores(rows)
    middle = time.process_time()
    for blend in scorer.blends:
        if blend.trees is not None:
            blend.trees.predict(rows[:, scorer.tree_columns], raw_score=True, num_threads=scorer.threads)
    return middle - started, time.process_time() - middle


def drawn(people: int, months: int, threads: int) -> Dataset:
    """Return a panel of people who leave by overtime, pay, tenure and two of them together, every month a whole population."""
    rng = np.random.default_rng(7)
    rows = people * months
    features = rng.normal(size=(rows, len(NAMES))).astype(np.float64)
    overtime, pay, tenure = (
        NAMES.index(name) for name in ("overtime_hours", "pay_to_job_median", "tenure_days")
    )
    features[:, overtime], features[:, pay] = rng.uniform(0, 15, rows), rng.normal(1, 0.2, rows)
    features[:, tenure] = rng.uniform(0, 5_000, rows)
    period = np.repeat(np.arange(months), people)
    turn = period * 2 * np.pi / 12
    features[:, SEASON[0]], features[:, SEASON[1]] = np.sin(turn), np.cos(turn)
    together = (features[:, overtime] > 10) & (
        features[:, pay] < 0.95
    )  # what a sum of columns cannot say: trees are grown
    hazard = sigmoid(
        -5.6
        + 0.3 * np.cos(turn)
        + 0.12 * features[:, overtime]
        - 2.5 * (features[:, pay] - 1)
        - 0.0002 * features[:, tenure]
        + together
    )
    others = np.array([0.0015, 0.0015, 0.0005]) * np.where(together, 4.0, 1.0)[:, None]
    edges = np.cumsum(np.column_stack([hazard, others]), axis=1)
    draw = rng.random(rows)
    cause = np.where(draw < edges[:, -1], 1 + (draw[:, None] >= edges).sum(axis=1), 0).astype(np.int64)
    panel = Panel(features, cause, np.tile(np.arange(people), months), period)
    check = np.flatnonzero(period >= months - 6)
    none = np.empty(0, dtype=np.int64)
    nobody = Landmark(np.empty((0, len(NAMES))), np.empty(0), none, none)
    return Dataset(
        panel=panel, folds=[(np.flatnonzero(period < months - 7), check)], final_rows=np.arange(rows), test=nobody,
        past=nobody, schema=FEATURE_SCHEMA, tenure=tenure, is_by_time=True, digest="drawn",
        season=SEASON, protocol="drawn", threads=threads,
    )  # fmt: skip


if __name__ == "__main__":
    main()
