"""LaLonde's trained beside survey controls: what each estimator makes of it, beside DoubleML; the lot says 1,794."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from training.impact.doubts.overlap import overlap_report
from training.impact.estimators.aipw import Effect
from training.impact.estimators.crossfit import Pipeline, fit_effect
from training.impact.estimators.learners import Forests
from training.impact.evaluate_table import run
from training.impact.plain.reading import read
from training.impact.table import filled

COVARIATES = "age,education,black,hispanic,married,nodegree,re74,re75"
TRUTH = 1_794


def lalonde(request: argparse.Namespace) -> None:
    """Print what each estimator makes of LaLonde's trained beside survey controls; the lot says 1,794."""
    folder = request.data / "lalonde_imbens_xu"
    for name in ("nsw_dw", "nsw"):
        found = run(["--table", str(folder / f"{name}.dta"), "--treatment", "treat", "--outcome", "re78",
                     "--design", "randomised"])  # fmt: skip
        tell(f"{name} by lot", found.metrics["estimate"], found.verdict)
    for control in request.controls.split(","):
        arguments = ["--table", str(folder / "nsw_dw.dta"), "--treatment", "treat", "--outcome", "re78",
                     "--control-table", str(folder / f"{control}_controls.dta"), "--covariates", COVARIATES,
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
    from training.impact.plain.arguments import read_arguments

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
