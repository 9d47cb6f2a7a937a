"""Impact against known answers: LaLonde beside DoubleML, planted courses, courses that do not exist.

Run: python -m benchmarks.impact lalonde [--data FOLDER] [--trees 500] [--seeds 5] [--controls cps,psid]
     python -m benchmarks.impact sample [--employees 2000] [--seed 7]
     python -m benchmarks.impact null [--employees 2000] [--fakes 250]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import machine
from features.impact import EXIT
from features.records.reading import import_organisation
from features.records.sample import write_sample
from features.records.store import open_store
from training.context import TrainingContext
from training.impact import evaluate as judging
from training.impact.aipw import Effect
from training.impact.crossfit import Pipeline, fit_effect, screening_pipeline
from training.impact.dataset import Dataset, build
from training.impact.evaluate_table import run
from training.impact.learners import Forests
from training.impact.overlap import overlap_report
from training.impact.plain_table import read
from training.impact.screening import screen
from training.impact.table import filled

REAL_DATA = Path(
    os.environ.get("SKILLPATH_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
COVARIATES = "age,education,black,hispanic,married,nodegree,re74,re75"
TRUTH = 1_794


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("part", choices=("lalonde", "sample", "null"))
    parser.add_argument("--data", type=Path, default=REAL_DATA / "training_impact" / "lalonde_imbens_xu")
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--controls", default="cps,psid")
    parser.add_argument("--employees", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--fakes", type=int, default=250)
    request = parser.parse_args()
    print(machine("numpy", "scikit-learn", "lightgbm", "doubleml"))
    {"lalonde": lalonde, "sample": sample, "null": null}[request.part](request)


def lalonde(request: argparse.Namespace) -> None:
    """Print what each estimator makes of LaLonde's trained beside survey controls; the lot says 1,794."""
    for name in ("nsw_dw", "nsw"):
        found = run(["--table", str(request.data / f"{name}.dta"), "--treatment", "treat", "--outcome", "re78",
                     "--design", "randomised"])  # fmt: skip
        tell(f"{name} by lot", found.metrics["estimate"], found.verdict)
    for control in request.controls.split(","):
        arguments = ["--table", str(request.data / "nsw_dw.dta"), "--treatment", "treat", "--outcome", "re78",
                     "--control-table", str(request.data / f"{control}_controls.dta"), "--covariates", COVARIATES,
                     "--placebo-outcome", "re75", "--trees", str(request.trees), "--seeds", str(request.seeds)]  # fmt: skip
        started = time.perf_counter()
        found = run(arguments)
        seconds = time.perf_counter() - started
        print(f"\n{control}: {found.n['trained']} trained, {found.n['compared']} compared")
        for peer, metrics in found.peers.items():
            note = (
                f"effective sample {metrics['effective_sample'].value:.0f}"
                if "effective_sample" in metrics
                else ""
            )
            tell(peer, metrics["estimate"], note)
        effective = found.metrics["effective_sample"].value
        tell("ours (full)", found.metrics["estimate"], f"effective sample {effective:.0f}, {seconds:.0f} s")
        print(f"{'':28}seeds {', '.join(f'{one:,.0f}' for one in found.diagnostics['by_seed'])}")
        tell("  its placebo on 1975", found.metrics["placebo"], "fails" if placebo_fails(found) else "passes")
        print(f"{'':28}verdict: {found.verdict} (off by {found.metrics['estimate'].value - TRUTH:,.0f})")
        beside(arguments, request)


def placebo_fails(found: Any) -> bool:
    """Say whether the placebo's interval excludes 0."""
    placebo = found.metrics["placebo"]
    return bool(placebo.low > 0 or placebo.high < 0)


def beside(arguments: list[str], request: argparse.Namespace) -> None:
    """Print DoubleML with forests, and ours with propensities mixed by log loss alone."""
    from training.impact.arguments import read_arguments

    table = read(read_arguments(arguments)).table
    columns, _ = filled(table.covariates, table.names)
    started = time.perf_counter()
    value, low, high = doubleml_effect(columns, table.trained, table.outcome, request)
    tell(
        "DoubleML, forests alone",
        Effect(value, low, high, 0.0, np.zeros(0)),
        f"{time.perf_counter() - started:.0f} s",
    )
    by_loss = Pipeline(
        "loss", Forests(request.trees, 2, keeps_effective_sample=False), 5, tuple(range(request.seeds))
    )
    fitted = fit_effect(table, columns, by_loss)
    report = overlap_report(fitted.nuisances.propensity, table.trained)
    tell("ours, mixed by loss alone", fitted.effect, f"effective sample {report.effective_sample:.0f}")


def doubleml_effect(
    columns: Any, trained: Any, outcome: Any, request: argparse.Namespace
) -> tuple[float, float, float]:
    """Return DoubleML's effect on the trained with the same forests, median over as many splits."""
    import doubleml
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    options = {"n_estimators": request.trees, "min_samples_leaf": 10, "n_jobs": 2, "random_state": 0}
    np.random.seed(0)
    data = doubleml.DoubleMLData.from_arrays(columns, outcome, trained.astype(float))
    model = doubleml.DoubleMLIRM(
        data, RandomForestRegressor(**options), RandomForestClassifier(**options), n_folds=5,
        n_rep=request.seeds, score="ATTE", normalize_ipw=True,
    )  # fmt: skip
    model.fit()
    interval = model.confint().iloc[0]
    return float(model.coef[0]), float(interval.iloc[0]), float(interval.iloc[1])


def tell(name: str, effect: Any, note: str = "") -> None:
    """Print one line of the table."""
    print(f"{name:28}{effect.value:>10,.0f}  ({effect.low:>9,.0f} to {effect.high:>9,.0f})  {note}")


def organisation(request: argparse.Namespace, folder: Path) -> tuple[Dataset, dict[str, Any]]:
    """Return the dataset of a sample organisation, and what is planted in it."""
    write_sample(folder / "files", employees=request.employees, years=3, seed=request.seed)
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
        if name != EXIT and rows:
            effects = [truth["effects"][dataset.course_ids[row.course]][name] for row in rows]
            planted(name, rows, effects, [unadjusted(dataset, row) for row in rows])


def planted(name: str, rows: list[Any], effects: list[float], naive: list[float]) -> None:
    """Print bias, coverage and correlation; what enrolling does is the planted effect times the share that completed."""
    truth = np.array(effects) * np.array([row.comparison.completed_share for row in rows])
    value = np.array([row.estimate.effect.value for row in rows])
    error = np.array([row.estimate.effect.standard_error for row in rows])
    covered = np.abs(value - truth) <= 1.96 * error
    real = truth != 0
    placebo = [not row.estimate.placebo.excludes_zero for row in rows if row.estimate.placebo]
    print(f"{name:18} courses {len(rows):3}  bias {np.mean(value - truth):+.2f} (unadjusted {np.mean(np.array(naive) - truth):+.2f})  "
          f"coverage {covered.mean():.1%}  z spread {np.std((value - truth) / error):.2f}  "
          f"mean where planted {value[real].mean():.2f} of {truth[real].mean():.2f}  "
          f"significant {np.mean(np.abs(value / error)[real] > 1.96):.0%} of planted, "
          f"{np.mean(np.abs(value / error)[~real] > 1.96):.1%} of empty  placebo passes {np.mean(placebo):.1%}")  # fmt: skip


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
    print(f"{'all':18} significant {share.value:.1%} ({share.low:.1%} to {share.high:.1%})")


if __name__ == "__main__":
    main()
