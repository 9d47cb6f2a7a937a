"""Quality of recommendations on public data, beside popularity, ItemKNN and EASE in the same run.

Run: ``python -m benchmarks.recommendation`` (the real data sets are found by ``SKILLPATH_REAL_DATA``). Every course is
ranked; intervals are 95 %, differences paired by person.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.processes import machine
from training.evaluation import Evaluation, Interval
from training.recommendation.evaluate_table import run

METRICS = ("hr@10", "ndcg@10", "recall@20", "mrr")
DATA = Path(os.environ.get("SKILLPATH_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MOOC = "learning/mooccubex_xuetangx/train.txt.gz"
MOVIES = "learning/movielens_100k/ml-100k.inter.gz"
LIMIT_SECONDS, LIMIT_GIB = 300.0, 6.0


def evaluated(file: str, split: str, seed: int) -> Evaluation:
    """Evaluate one table under one split, and print what it took."""
    started = time.perf_counter()
    found = run(["--interactions", str(DATA / file), "--split", split, "--seed", str(seed)])
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{Path(file).parent.name}, {found.protocol}\n  {took:.0f} s, peak memory so far {peak:.1f} GiB")
    return found


def shown(found: Evaluation) -> None:
    """Print every metric of the model and its peers, and the paired differences."""
    print(f"  {'':12}" + "".join(f"{name:>24}" for name in METRICS))
    for who, metrics in {"model": found.metrics, **found.peers}.items():
        print(f"  {who:12}" + "".join(f"{cell(metrics[name]):>24}" for name in METRICS))
    print(f"  {found.verdict}")


def cell(number: Interval) -> str:
    """Return a number with its interval."""
    return f"{number.value:.4f} ({number.low:.3f}-{number.high:.3f})"


def over_seeds(file: str, split: str, seeds: Iterable[int]) -> None:
    """Print mean and spread of nDCG@10 over several random splits."""
    values: dict[str, list[float]] = {}
    for seed in seeds:
        found = evaluated(file, split, seed)
        for who, metrics in {"model": found.metrics, **found.peers}.items():
            values.setdefault(who, []).append(metrics["ndcg@10"].value)
    for who, each in values.items():
        print(f"  {who:12} nDCG@10 {np.mean(each):.4f} ± {np.std(each, ddof=1):.4f}")


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="random splits of MovieLens-100k")
    arguments = parser.parse_args()
    print(machine("numpy", "scipy"))
    print(f"limits for MOOCCubeX: {LIMIT_SECONDS:.0f} s, {LIMIT_GIB:.0f} GiB")
    shown(evaluated(MOOC, "leave-one", 0))
    over_seeds(MOVIES, "per-user", range(arguments.seeds))
    shown(evaluated(MOVIES, "temporal", 0))


if __name__ == "__main__":
    main()
