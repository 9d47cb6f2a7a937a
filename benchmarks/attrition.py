"""Attrition on real tables and on a planted truth, each figure beside its references in the same run.

Run: python -m benchmarks.attrition [--data ../shared/data/attrition] [--only babushkin,ibm,job_change,promotion,planted]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.attrition.population import NAMES, TABLES
from training.attrition.dataset import CAUSES, Dataset, build
from training.attrition.evaluate import evaluate
from training.attrition.evaluate_table import run
from training.attrition.fit import Parameters, fit
from training.attrition.judging.drivers import ranked_alike
from training.attrition.judging.metrics import auc
from training.context import TrainingContext
from training.evaluation import Evaluation, Interval, versions
from training.loading import load_scorer
from training.payload import write_payload

TARGETS: Mapping[str, str] = {
    "babushkin": "uno_c ≥ .64, ibs ≤ .185; above .70 is a leak",
    "ibm": "auc ≥ .85, brier ≤ the logistic's",
    "job_change": "auc and brier ahead of default LightGBM and logistic, ece ≤ .02",
    "promotion": "auc and brier ahead of default LightGBM and logistic, ece ≤ .02 (not about exits at all)",
    "planted": "drivers ranked like the planted ones (Spearman ≥ .8), level and slope .9 to 1.1 where exits suffice, auc within .02 of the true hazard's own",
}


def main() -> None:
    """Print each figure with its interval, its references, and its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/attrition"))
    parser.add_argument("--only", default=",".join(TARGETS))
    parser.add_argument("--repeats", type=int, default=0, help="0: as the protocol says")
    parser.add_argument("--employees", type=int, default=10_000, help="of the sample organisation")
    options = parser.parse_args()
    print("versions", dict(versions()))
    tasks: Mapping[str, Callable[[], Evaluation]] = {
        "babushkin": lambda: run(babushkin(options.data, options.repeats or 2)),
        "ibm": lambda: run(ibm(options.data, options.repeats or 10)),
        "job_change": lambda: run(job_change(options.data, options.repeats or 1)),
        "promotion": lambda: run(promotion(options.data, options.repeats or 1)),
        "planted": lambda: planted(options.employees),
    }
    for name in options.only.split(","):
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


def planted(employees: int) -> Evaluation:
    """Return the evaluation on a sample organisation, the true hazard's own ranking beside it."""
    from features.records.protected import protected_attributes
    from features.records.reading import import_organisation
    from features.records.sample import write_sample
    from features.records.store import open_store

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "organisation"
        write_sample(folder, employees=employees, years=3, seed=7)
        store = open_store(f"sqlite:///{scratch}/records.db")
        import_organisation(store, folder)
        end = datetime(2026, 1, 1, tzinfo=UTC)
        context = TrainingContext(store.frames(TABLES), end, protected_attributes(store))
        marks = [time.perf_counter()]
        dataset = build(context)
        marks.append(time.perf_counter())
        payload = fit(dataset, Parameters(), np.random.default_rng(7))
        marks.append(time.perf_counter())
        write_payload(payload, Path(scratch) / "payload")
        found = evaluate(Path(scratch) / "payload", dataset, np.random.default_rng(7))
        scorer = load_scorer(Path(scratch) / "payload")
        started = time.perf_counter()
        scorer.scores(dataset.test.features)
        rate = len(dataset.test.features) / (time.perf_counter() - started)
        print(
            f"planted: features {marks[1] - marks[0]:.1f} s, fit {marks[2] - marks[1]:.1f} s, {rate:,.0f} people scored/s"
        )
        print(f"planted: the true hazard's own auc {oracle(folder, dataset):.3f}")
        print(f"planted: drivers found and planted, Spearman {driver_ranks(folder, dataset, scorer):.2f}")
        for row in found.diagnostics["back_test"]:
            print(
                f"planted: {row['period']} expected {row['predicted']:.1f}, came {row['actual']}, o/e {row['o_e']:.2f}"
            )
        store.close()
        return found


COLUMNS_OF: Mapping[str, Sequence[str]] = {
    "pay_against_median": ("pay_to_job_median",),
    "promotion_wait": ("days_since_promotion",),
    "manager_change": ("days_since_manager_change", "manager_changes_365_days"),
    "team_exits": ("team_exit_share_180_days",),
    "engagement": ("engagement_share", "satisfaction_share", "intent_to_stay_share", "engagement_change",
                   "satisfaction_change", "intent_to_stay_change"),
    "overtime": ("overtime_hours",),
    "commute": ("commute_minutes",),
    "learning": ("learning_hours_365_days", "completions_365_days"),
    "tenure": ("tenure_days",),
    "season": ("season_sine", "season_cosine"),
    "on_leave": ("is_on_leave",),
    "contract": ("is_temporary",),
}  # fmt: skip


def driver_ranks(folder: Path, dataset: Dataset, scorer: Any) -> float:
    """Return Spearman's correlation of planted and found sizes of the drivers, each the spread of its term."""
    drivers = json.loads((folder / "truth.json").read_text("utf-8"))["hazard_drivers"]["voluntary"]
    true = {row["driver"]: float(row["importance"]) for row in drivers}
    both = true.get("overtime_times_commute", 0.0)
    planted = {
        name: true[name] + (both / 2 if name in ("overtime", "commute") else 0.0) for name in COLUMNS_OF
    }
    rows = dataset.panel.features[:: len(dataset.panel) // 20_000 + 1]
    parts = scorer.contributions(rows)
    found = {
        name: float(parts[:, [NAMES.index(column) for column in columns]].sum(axis=1).std())
        for name, columns in COLUMNS_OF.items()
    }
    print("planted: " + ", ".join(f"{name} {planted[name]:.2f}/{found[name]:.2f}" for name in COLUMNS_OF))
    return ranked_alike(planted, found)


def oracle(folder: Path, dataset: Dataset) -> float:
    """Return how well the true hazard of the month of the test ranks who leaves within 180 days."""
    truth = pl.read_parquet(folder / "truth" / "person_months.parquet")
    month = truth["month"].unique().sort()[-6]
    known = (
        truth.filter(pl.col("month") == month)
        .select("employee_id", "voluntary")
        .unique("employee_id", keep="last")
    )
    asked = pl.DataFrame({"employee_id": list(dataset.test.names)})
    hazard = asked.join(known, "employee_id", "left", maintain_order="left")["voluntary"].to_numpy()
    there = ~np.isnan(hazard)
    left = (dataset.test.cause == CAUSES.index("voluntary") + 1) & (dataset.test.duration <= 180)
    return auc(left[there], hazard[there])


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
