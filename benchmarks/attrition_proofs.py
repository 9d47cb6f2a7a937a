"""What must hold of attrition whatever the data: leaks stop it, noise says nothing, groups are judged fairly, ranges cover.

Run: python -m benchmarks.attrition_proofs [--data ../shared/data/attrition] [--only leaks,shuffled,noise,...]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.attrition import babushkin
from benchmarks.attrition_leaks import LEAKS, honest_panel, honest_table
from features.errors import RefusedError
from training.attrition.evaluate_table import guard, run
from training.attrition.judging.alarms import level_alarms
from training.attrition.plain.reading import read_encoded, read_request
from training.drift import drifts_of
from training.fairness.report import report

IBM = Path("ibm_hr_attrition") / "WA_Fn-UseC_-HR-Employee-Attrition.csv.gz"


def main() -> None:
    """Print each proof with its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/attrition"))
    parser.add_argument("--only", default=",".join(PROOFS))
    options = parser.parse_args()
    asked = options.only.split(",")
    if unknown := [name for name in asked if name not in PROOFS]:
        parser.error(f"no such proof: {', '.join(unknown)}; there are {', '.join(PROOFS)}")
    for name in asked:
        started = time.perf_counter()
        print(f"{name}: {PROOFS[name](options.data)}; {time.perf_counter() - started:.0f} s")


def leaks(_: Path) -> str:
    """Return how many planted leaks stop a training, and how many honest tables do."""
    stopped = sum(is_stopped(*plant(np.random.default_rng(5))) for plant in LEAKS.values())
    honest = [
        make(np.random.default_rng(seed)) for seed in range(25) for make in (honest_table, honest_panel)
    ]
    false = sum(is_stopped(*one) for one in honest)
    return f"{stopped} of {len(LEAKS)} planted leaks stopped (all), {false} of {len(honest)} honest tables stopped (0)"


def is_stopped(frame: pd.DataFrame, arguments: list[str]) -> bool:
    """Say whether the guards refuse a table."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "table.parquet"
        frame.to_parquet(path)
        request = read_request(["--table", str(path), *arguments])
        try:
            guard(read_encoded(request), request)
        except RefusedError:
            return True
    return False


def shuffled(data: Path) -> str:
    """Return the AUC on IBM's table with its label shuffled."""
    frame = pd.read_csv(data / IBM)
    frame["Attrition"] = np.random.default_rng(1).permutation(frame["Attrition"].to_numpy())
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "shuffled.csv"
        frame.to_csv(path, index=False)
        found = run(["--table", str(path), "--label", "Attrition", "--positive", "Yes", "--drop", "EmployeeNumber",
                     "--repeats", "1", "--peers", "none"])  # fmt: skip
    auc = found.metrics["auc"]
    return f"auc {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}), to hold .50"


def noise(_: Path, tables: int = 10) -> str:
    """Return on how many tables of pure noise a column is reported as significant."""
    false = 0
    for seed in range(tables):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({f"column_{place}": rng.normal(size=500) for place in range(10)})
        frame["left"] = (rng.random(500) < 0.2).astype(int)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "noise.csv"
            frame.to_csv(path, index=False)
            found = run(["--table", str(path), "--label", "left", "--repeats", "1", "--peers", "none"])
        false += bool(found.diagnostics["drivers_significant"])
    return f"{false} of {tables} tables of noise report a driver (0; 5 % a table is what the test allows)"


def fair(_: Path, models: int = 1_000) -> str:
    """Return how often fair models are blocked, and twofold disparities found."""
    rng = np.random.default_rng(2)
    groups, origin = np.repeat(["a", "b", "c", "d"], [800, 100, 60, 40]), rng.choice(["x", "y"], 1000)
    attributes = {"group": groups.tolist(), "origin": origin.tolist()}
    blocked = sum(not report(attributes, rng.random(1000) < 0.1).passes for _ in range(models))
    two = np.repeat(["a", "b"], [2500, 500])
    rate = np.where(two == "b", 0.2, 0.1)
    found = sum(not report({"group": two.tolist()}, rng.random(3000) < rate).passes for _ in range(models))
    return f"{blocked / models:.1%} of {models} fair models blocked (≤ 5 %), {found / models:.1%} of twofold disparities found (≥ 95 %)"


def coverage(data: Path) -> str:
    """Return how the conformal range of Babushkin's exits covers over resplits."""
    found = run([*babushkin(data, 1), "--peers", "none"]).diagnostics["time_range"]["coverage"]
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f} over 100 resplits), to be .88 to .92"


def alarms(_: Path, worlds: int = 1_000) -> str:
    """Return how often alarms are false, and shifts noticed within one period."""
    rng = np.random.default_rng(3)
    false = sum(
        any(one.is_raised for one in level_alarms(rng.poisson(30, 24).tolist(), [30.0] * 24))
        for _ in range(worlds)
    )
    noticed = sum(
        level_alarms([*rng.poisson(40, 12).tolist(), int(rng.poisson(80))], [40.0] * 13)[-1].is_raised
        for _ in range(worlds)
    )
    names = [str(place) for place in range(30)]
    drifts = sum(
        any(one.is_alarm for one in drifts_of(rng.normal(size=(500, 30)), rng.normal(size=(100, 30)), names))
        for _ in range(100)
    )
    return (
        f"level: {false / worlds:.1%} of quiet two years alarmed (≤ 5 %), {noticed / worlds:.1%} of doublings noticed in "
        f"their first period; drift: {drifts} of 100 quiet samples alarmed (≤ 5)"
    )


PROOFS: Mapping[str, Callable[[Path], str]] = {
    "leaks": leaks,
    "shuffled": shuffled,
    "noise": noise,
    "fair": fair,
    "alarms": alarms,
    "coverage": coverage,
}


if __name__ == "__main__":
    main()
