"""Quality of recommendations on public data, beside its peers in the same run, tuned on the same validation.

Run: ``python -m benchmarks.recommendation`` (the real data sets are found by ``SKILLPATH_REAL_DATA``), or a part of it
with ``--only mooc``, ``movies``, ``temporal``, ``cold``; ``--only organisation`` hides courses of the records that
``SKILLPATH_URL`` names (the sample organisation after ``make demo``). Every course is ranked but those known of the
person; intervals are 95 %, differences paired by person.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.processes import machine
from training.evaluation import Evaluation, Floats, Interval, paired_difference
from training.payload import write_payload
from training.recommendation.dataset import Dataset
from training.recommendation.evaluate import evaluate
from training.recommendation.evaluate_table import run
from training.recommendation.fit import Parameters, fit
from training.recommendation.new_courses import with_hidden_courses

METRICS = ("hr@10", "ndcg@10", "recall@20", "mrr")
DATA = Path(os.environ.get("SKILLPATH_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MOOC = "learning/mooccubex_xuetangx/train.txt.gz"
MOVIES = "learning/movielens_100k/ml-100k.inter.gz"
TITLES = "learning/movielens_100k/ml-100k.item"
LIMIT_SECONDS, LIMIT_GIB = 300.0, 6.0
LIBRARY = "popularity,itemknn,ease,implicit-als,implicit-bpr"


def evaluated(file: str, split: str, seed: int, *more: str) -> Evaluation:
    """Evaluate one table under one split, and print what it took."""
    started, worked = time.perf_counter(), time.process_time()
    found = run(["--interactions", str(DATA / file), "--split", split, "--seed", str(seed), *more])
    took, worked = time.perf_counter() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{Path(file).parent.name}, {found.protocol}\n  {took:.0f} s, of the processor {worked:.0f} s, "
          f"peak memory so far {peak:.1f} GiB")  # fmt: skip
    return found


def shown(found: Evaluation) -> None:
    """Print every metric of the model and its peers, and the paired differences."""
    print(f"  {'':18}" + "".join(f"{name:>24}" for name in METRICS))
    for who, metrics in {"model": found.metrics, **found.peers}.items():
        print(f"  {who:18}" + "".join(f"{cell(metrics[name]):>24}" for name in METRICS))
    print(f"  {found.verdict}")
    for metric in METRICS:
        for who, gap in found.diagnostics.get(f"{metric}_difference_to", {}).items():
            theirs = found.peers[who][metric].value
            relative = f", {gap.value / theirs:+.1%}" if theirs > 0 else ""
            print(f"  {metric} over {who}: {gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}){relative}")
    print(f"  blend {found.diagnostics['blend']}", flush=True)


def cell(number: Interval) -> str:
    """Return a number with its interval."""
    return f"{number.value:.4f} ({number.low:.3f}-{number.high:.3f})"


def over_seeds(file: str, split: str, seeds: Sequence[int], *more: str) -> None:
    """Print mean and spread of nDCG@10 over several random splits, and the differences of all of them together."""
    values: dict[str, list[float]] = {}
    units: dict[str, list[Floats]] = {}
    for seed in seeds:
        found = evaluated(file, split, seed, *more)
        for who, metrics in {"model": found.metrics, **found.peers}.items():
            values.setdefault(who, []).append(metrics["ndcg@10"].value)
        for who, each in {"model": found.per_unit, **found.peer_units}.items():
            units.setdefault(who, []).append(each)
    for who, figures in values.items():
        spread = f" ± {np.std(figures, ddof=1):.4f}" if len(figures) > 1 else ""
        print(f"  {who:18} nDCG@10 {np.mean(figures):.4f}{spread} over {len(figures)} seeds")
    by_person = {who: np.concatenate(each) for who, each in units.items()}
    for who, per_unit in by_person.items():
        if who != "model":
            gap = paired_difference(by_person["model"], per_unit, np.random.default_rng(0))
            print(f"  over {who}: {gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})", flush=True)


def mooc(seeds: Sequence[int]) -> None:
    """Hold out one random enrolment of each MOOCCubeX learner."""
    print(f"limits for MOOCCubeX: {LIMIT_SECONDS:.0f} s, {LIMIT_GIB:.0f} GiB")
    shown(evaluated(MOOC, "leave-one", seeds[0], "--peers", "popularity,itemknn,ease"))


def movies(seeds: Sequence[int]) -> None:
    """Hold out a random quarter of each person's ratings of MovieLens-100k."""
    over_seeds(MOVIES, "per-user", seeds)


def temporal(seeds: Sequence[int]) -> None:
    """Hold out the last fifth of all ratings of MovieLens-100k."""
    shown(evaluated(MOVIES, "temporal", seeds[0], "--peers", LIBRARY))


def cold(seeds: Sequence[int]) -> None:
    """Hide a tenth of the films of MovieLens-100k with all their ratings."""
    for seed in seeds:
        items = ("--items", str(DATA / TITLES), "--peers", "random,content-knn")
        shown(evaluated(MOVIES, "new-courses", seed, *items))


def organisation(seeds: Sequence[int]) -> None:
    """Hide a tenth of an organisation's courses, and find them by their texts and skills."""
    from training.questions import question
    from training.session import workbench

    with workbench(None) as bench:
        whole = cast(Dataset, bench.dataset(question("recommendation")))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        dataset = with_hidden_courses(whole, rng)
        with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
            place = Path(folder) / "payload"
            write_payload(fit(dataset, Parameters(), rng), place)
            found = evaluate(place, dataset, rng, ("random", "content-knn", "cohort_popularity"))
        print(f"organisation, {found.protocol}; seed {seed}")
        shown(found)


PARTS: dict[str, Callable[[Sequence[int]], None]] = {
    "mooc": mooc, "movies": movies, "temporal": temporal, "cold": cold, "organisation": organisation,
}  # fmt: skip


def main() -> None:
    """Print every figure asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2,3,4", help="of the random splits, between commas")
    parser.add_argument("--only", default="mooc,movies,temporal,cold", help=f"of {', '.join(PARTS)}")
    arguments = parser.parse_args()
    print(machine("numpy", "scipy", "implicit"))
    for part in arguments.only.split(","):
        PARTS[part]([int(seed) for seed in arguments.seeds.split(",")])


if __name__ == "__main__":
    main()
