"""Who benefits, on draws that no choice was made on: new surfaces on IHDP's children, ACIC's surfaces under others' assignments."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

from benchmarks.impact.planted import in_parallel
from benchmarks.impact.simulated import Known, acic_covariates, known, pehe, t_learner
from training.impact.estimators.individual import gate, individual_effects
from training.impact.table import Floats

SLOPES, SHARES = (0.0, 0.1, 0.2, 0.3, 0.4), (0.6, 0.1, 0.1, 0.1, 0.1)
OFFSET, EFFECT_ON_TRAINED = 0.5, 4.0
PLACES = tuple(permutations(range(1, 6), 2))  # of ACIC's five: whose surface, whose assignment


def untouched(request: argparse.Namespace) -> None:
    """Print √PEHE beside its peers, with paired intervals over draws."""
    draws = request.draws or 20
    for name, read in (("ihdp", hill), ("acic", crossed)):
        if name not in request.on.split(","):
            continue
        started = time.perf_counter()
        found = np.array(list(errors_of(partial(read, request.data), draws, request.threads)))
        print(f"\n{name}: {len(found)} draws, {time.perf_counter() - started:.0f} s")
        tell(found)


def errors_of(read: Callable[[int], Known], draws: int, threads: int) -> Iterator[list[float]]:
    """Yield √PEHE of ours, the T-learner and one effect for all, and whether the gate is open, draw by draw."""
    yield from in_parallel(partial(errors, read), draws, threads)


def errors(read: Callable[[int], Known], number: int) -> list[float]:
    """Return the same of one draw."""
    given = read(number)
    found = individual_effects(given.table, given.columns)
    alike = np.full(given.effect.size, found.score.mean())
    guesses = (found.predicted, t_learner(given), alike)
    return [*(pehe(guess, given.effect) for guess in guesses), float(gate(found).is_open), given.effect.std()]


def hill(data: Path, number: int) -> Known:
    """Return IHDP's children and assignment under a new draw of the surface that made the files given.

    Notes
    -----
    Hill's surface B: μ₀ = exp((x + ½)·β), μ₁ = x·β − ω, β drawn from 0 (.6), .1, .2, .3, .4 (.1 each), ω such that the trained
    gain 4, noise of 1. The five files follow it to the last digit.

    References
    ----------
    Hill, J. Comput. Graph. Stat. 20 (2011) 217, doi:10.1198/jcgs.2010.08162.
    """
    values = pd.read_csv(data / "ihdp_npci" / "ihdp_npci_1.csv.gz", header=None).to_numpy(dtype=np.float64)
    covariates, trained = values[:, 5:], values[:, 0] == 1
    rng = np.random.default_rng([number, 47])
    slopes = rng.choice(SLOPES, covariates.shape[1], p=SHARES)
    if_not, line = np.exp((covariates + OFFSET) @ slopes), covariates @ slopes
    if_trained = line - (line - if_not)[trained].mean() + EFFECT_ON_TRAINED
    outcome = np.where(trained, if_trained, if_not) + rng.normal(size=trained.size)
    return known(covariates, trained, outcome, if_trained - if_not)


def crossed(data: Path, number: int) -> Known:
    """Return ACIC's births with the surface of one of the five settings under the assignment of another, and new noise."""
    surface, assignment = PLACES[
        number * 7 % len(PLACES)
    ]  # 7 and 20 share no factor: neighbours differ in both
    folder = data / "acic2016"
    truth, given = (pd.read_csv(folder / f"zymu_{place}.csv.gz") for place in (surface, assignment))
    trained = (given["z"] == 1).to_numpy()
    noise = np.random.default_rng([number, 53]).normal(size=trained.size)
    expected = np.where(trained, truth["mu1"], truth["mu0"])
    return known(acic_covariates(data), trained, expected + noise, (truth["mu1"] - truth["mu0"]).to_numpy())


def tell(found: Floats) -> None:
    """Print one set."""
    ours, two, alike, opened, spread = found.T
    print(f"  spread of the true effects {spread.min():.2f} to {spread.max():.2f}; gate open in {opened.sum():.0f} of {len(found)}, "
          f"{np.mean(opened[spread < 1e-6]) if (spread < 1e-6).any() else 0:.0%} of those without any")  # fmt: skip
    print(f"  √PEHE ours {ours.mean():.3f}")
    for name, other in (("T-learner", two), ("one effect for all", alike)):
        value, low, high = paired(ours - other)
        print(f"  √PEHE {name:20}{other.mean():.3f}; ours less it {value:+.3f} ({low:+.3f} to {high:+.3f}); ours nearer in "
              f"{np.mean(ours < other):.0%}, level within 1 % in {np.mean(abs(ours - other) <= 0.01 * other):.0%}")  # fmt: skip


def paired(values: Floats) -> tuple[float, float, float]:
    """Return a mean over draws with its 95 % interval (Student)."""
    reach = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()), float(values.mean()) - reach, float(values.mean()) + reach
