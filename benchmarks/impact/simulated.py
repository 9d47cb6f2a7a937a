"""ACIC 2016 and IHDP, where both futures are known: error of the average, of individual effects, and of their intervals."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import fit_effect, full_pipeline
from training.impact.estimators.individual import gate, individual_effects
from training.impact.estimators.learners import Boosted
from training.impact.estimators.linear import fold_numbers
from training.impact.table import Bools, ComparisonTable, Floats, filled

TREES = 100


@dataclass(frozen=True)
class Known:
    """A table both of whose futures are known: `effect` is each person's expected one, (n,) float."""

    table: ComparisonTable
    columns: Floats
    effect: Floats


def simulated(request: argparse.Namespace) -> None:
    """Print errors per set, over the draws given."""
    draws = min(request.draws or 5, 5)
    for name, read in (("ihdp", ihdp), ("acic", acic)):
        rows = [one(read(request.data, number), request) for number in range(1, draws + 1)]
        tell(name, np.array(rows))


def ihdp(data: Path, number: int) -> Known:
    """Return a draw of IHDP: 747 children, 25 covariates."""
    values = pd.read_csv(data / "ihdp_npci" / f"ihdp_npci_{number}.csv.gz", header=None).to_numpy(
        dtype=np.float64
    )
    return known(values[:, 5:], values[:, 0] == 1, values[:, 1], values[:, 4] - values[:, 3])


def acic(data: Path, number: int) -> Known:
    """Return a setting of ACIC 2016: 4,802 births, 58 covariates."""
    z = pd.read_csv(data / "acic2016" / f"zymu_{number}.csv.gz")
    trained = (z["z"] == 1).to_numpy()
    outcome = np.where(trained, z["y1"], z["y0"])
    return known(acic_covariates(data), trained, outcome, (z["mu1"] - z["mu0"]).to_numpy(dtype=np.float64))


def acic_covariates(data: Path) -> Floats:
    """Return the covariates of ACIC 2016's births, one indicator per value of text."""
    frame = pd.get_dummies(pd.read_csv(data / "acic2016" / "x.csv.gz"), dtype=float)
    return frame.to_numpy(dtype=np.float64)


def known(covariates: Floats, trained: Bools, outcome: Floats, effect: Floats) -> Known:
    """Return a table without gaps."""
    columns, names = filled(covariates, [f"x{place}" for place in range(covariates.shape[1])])
    table = ComparisonTable(
        columns, tuple(names), trained, np.asarray(outcome, dtype=np.float64), is_filled=True
    )
    return Known(table, columns, effect)


def one(given: Known, request: argparse.Namespace) -> list[float]:
    """Return errors of one draw: average on the trained, individual (ours, T-learner, constant), gate."""
    started = time.perf_counter()
    pipeline = full_pipeline(request.threads, min(request.trees, TREES), tuple(range(min(request.seeds, 3))))
    average = fit_effect(given.table, given.columns, pipeline).effect
    truth = float(given.effect[given.table.trained].mean())
    found = individual_effects(given.table, given.columns)
    opened = gate(found)
    constant = float(found.score.mean())
    return [
        average.value - truth, float(average.low <= truth <= average.high), truth,
        pehe(found.predicted, given.effect), pehe(t_learner(given), given.effect),
        pehe(np.full(given.effect.size, constant), given.effect), float(opened.is_open), float(given.effect.std()),
        time.perf_counter() - started,
    ]  # fmt: skip


def pehe(predicted: Floats, truth: Floats) -> float:
    """Return √PEHE: the root mean squared error of individual effects."""
    return float(np.sqrt(np.mean((predicted - truth) ** 2)))


def t_learner(given: Known) -> Floats:
    """Return out-of-fold differences of two outcome models, one per side: the usual simple baseline."""
    learners, table = Boosted(), given.table
    folds = fold_numbers(table.trained, 5, np.random.default_rng(0))
    found = np.empty(table.n)
    for fold in range(5):
        held = folds == fold
        sides = [
            learners.outcome(
                Part.of(given.columns[~held & side]), table.outcome[~held & side], given.columns[held], 0
            )
            for side in (table.trained, ~table.trained)
        ]
        found[held] = sides[0] - sides[1]
    return found


def tell(name: str, rows: Floats) -> None:
    """Print one set."""
    off, covered, truth, ours, two, constant, opened, spread, seconds = rows.T
    print(
        f"\n{name}: {len(rows)} draws, effects on the trained {', '.join(f'{one:.2f}' for one in truth)}; {seconds.sum():.0f} s"
    )
    print(
        f"  average on the trained: bias {off.mean():+.3f}, RMSE {np.sqrt((off**2).mean()):.3f}, covered {covered.sum():.0f} of {len(rows)}"
    )
    for title, values in (
        ("ours (T and DR stacked)", ours),
        ("T-learner", two),
        ("one effect for all", constant),
    ):
        print(f"  √PEHE {title:24}{values.mean():.3f}  ({', '.join(f'{one:.2f}' for one in values)})")
    print(
        f"  spread of the true effects {', '.join(f'{one:.2f}' for one in spread)}; gate open in {opened.sum():.0f} of {len(rows)}"
    )
