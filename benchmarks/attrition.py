"""Attrition on real tables, each figure beside its references in the same run; `benchmarks.attrition_planted` has the planted truth.

Run: python -m benchmarks.attrition [--data ../shared/data/attrition] [--only babushkin,ibm,job_change,promotion]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from training.attrition.evaluate_table import run
from training.evaluation import Evaluation, Interval, versions

TARGETS: Mapping[str, str] = {
    "babushkin": "uno_c ≥ .64, ibs ≤ .185; above .70 is a leak",
    "ibm": "auc ≥ .85, brier ≤ the logistic's",
    "job_change": "auc and brier ahead of default LightGBM and logistic, ece ≤ .02",
    "promotion": "auc and brier ahead of default LightGBM and logistic, ece ≤ .02 (not about exits at all)",
}


def main() -> None:
    """Print each figure with its interval, its references, and its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/attrition"))
    parser.add_argument("--only", default=",".join(TARGETS))
    parser.add_argument("--repeats", type=int, default=0, help="0: as the protocol says")
    options = parser.parse_args()
    print("versions", dict(versions()))
    tasks: Mapping[str, Callable[[], Evaluation]] = {
        "babushkin": lambda: run(babushkin(options.data, options.repeats or 2)),
        "ibm": lambda: run(ibm(options.data, options.repeats or 10)),
        "job_change": lambda: run(job_change(options.data, options.repeats or 1)),
        "promotion": lambda: run(promotion(options.data, options.repeats or 1)),
    }
    asked = options.only.split(",")
    if unknown := [name for name in asked if name not in tasks]:
        parser.error(f"no such table: {', '.join(unknown)}; there are {', '.join(tasks)}")
    for name in asked:
        started = time.perf_counter()
        show(name, tasks[name](), time.perf_counter() - started)


def babushkin(data: Path, repeats: int) -> list[str]:
    """Return the arguments of Babushkin's survival table; protected columns are left out in a second run."""
    table = data / "babushkin_turnover_survival" / "turnover.csv"
    return ["--table", str(table), "--encoding", "latin-1", "--duration", "stag", "--event", "event", "--drop-duplicates",
            "--censor-at", "110", "--folds", "5", "--repeats", str(repeats), "--protected", "gender,age"]  # fmt: skip


def ibm(data: Path, repeats: int) -> list[str]:
    """Return the arguments of IBM's synthetic cross-section."""
    table = data / "ibm_hr_attrition" / "WA_Fn-UseC_-HR-Employee-Attrition.csv.gz"
    return ["--table", str(table), "--label", "Attrition", "--positive", "Yes", "--drop", "EmployeeNumber", "--folds", "5",
            "--repeats", str(repeats)]  # fmt: skip


def job_change(data: Path, repeats: int) -> list[str]:
    """Return the arguments of the job-change table."""
    table = data / "job_change_data_scientists" / "aug_train.csv.gz"
    return [
        "--table",
        str(table),
        "--label",
        "target",
        "--drop",
        "enrollee_id",
        "--folds",
        "5",
        "--repeats",
        str(repeats),
    ]


def promotion(data: Path, repeats: int) -> list[str]:
    """Return the arguments of WNS's table of promotions: the same machinery on another event."""
    table = data / "wns_promotion_training" / "train_LZdllcl.csv.gz"
    return ["--table", str(table), "--label", "is_promoted", "--drop", "employee_id", "--folds", "5", "--repeats", str(repeats)]  # fmt: skip


def show(name: str, found: Evaluation, seconds: float) -> None:
    """Print one evaluation as a table."""
    print(f"\n{name}: {dict(found.n)}, {seconds:.0f} s\n  {found.protocol}\n  target   {TARGETS[name]}")
    print(line("skillpath", found.metrics))
    rest = found.diagnostics.get("without_protected")
    if rest:
        print(line("  without " + " ".join(rest["left_out"]), rest["metrics"]))
    for peer, metrics in found.peers.items():
        print(line(peer, metrics))
    print(f"  chosen   {found.diagnostics.get('chosen')}")
    print(f"  {found.verdict}")


SHOWN: Sequence[str] = ("uno_c", "ibs", "auc", "ap", "lift@10", "brier", "ece", "o_e", "calibration_slope")


def line(name: str, metrics: Mapping[str, Interval]) -> str:
    """Return one method's metrics with their intervals."""
    cells = [
        f"{metric} {one.value:.4f} [{one.low:.3f} {one.high:.3f}]"
        for metric in SHOWN
        if (one := metrics.get(metric))
    ]
    return f"  {name:24} {'  '.join(cells)}"


if __name__ == "__main__":
    main()
