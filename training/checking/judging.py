"""From what a model answered to gates: its contract first, then its worth on the last block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.attrition.judging.metrics import calibration_slope, log_likelihood
from training.checking.contract import MOST_SECONDS_PER_1000, PROBES, Contract
from training.checking.examination import SINGLES, Examined
from training.evaluation import Evaluation, Interval, bootstrap_mean, bootstrap_rows, paired_difference
from training.fairness import report as fairness
from training.gates import Gate, margin, non_inferiority, of_the_numbers
from training.rescoring.attrition import placements
from training.rescoring.rescored import Bools, Floats

FLAGGED_SHARE = 0.1
TOLERANCE = 1e-9
SLOPE_DRAWS = 100
STAGES = {"load": "loads alone", "signature": "signature", "answer": "answers", "missing": "missing values",
          "unknown": "unknown values", "asked": "answers"}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """What came of the people asked, and what else judging needs.

    Parameters
    ----------
    left : (n,) bool
        Who had left by the horizon.
    protected : mapping of str to sequence
        Protected attributes in the same order, for the fairness report alone.
    incumbent : (n,) float
        What the champion says of them.
    incumbent_name : str
        In words.
    """

    left: Bools
    protected: dict[str, Any]
    incumbent: Floats
    incumbent_name: str


def contract_gates(found: Examined, contract: Contract) -> Iterator[Gate]:
    """Yield what the contract asks for, up to the first thing that could not be asked."""
    if found.stage:
        yield Gate(STAGES[found.stage], False, found.error)
        return
    yield Gate("loads alone", True, "it loads and answers where our packages cannot be imported")
    yield whole_answers(found, contract)
    yield in_range(found, contract)
    yield deterministic(found)
    yield rows_apart(found)
    for name in ("missing", "unknown"):
        yield (
            refused(found.answers[name], name)
            if contract.may_refuse
            else finite(found.answers[name], name, contract)
        )
    yield fast(found, contract)


def whole_answers(found: Examined, contract: Contract) -> Gate:
    """Say whether every row has its answer."""
    expected = {
        "first": PROBES,
        "single": SINGLES,
        "missing": PROBES,
        "unknown": PROBES,
        "asked": contract.size("asked"),
    }
    wrong = [
        f"{name}: {len(found.answers[name])} of {n}"
        for name, n in expected.items()
        if len(found.answers[name]) != n
    ]
    return Gate("answers", not wrong, "; ".join(wrong) or "one answer a row")


def in_range(found: Examined, contract: Contract) -> Gate:
    """Say whether every answer lies where an answer can lie: of attrition, whether it is a probability."""
    values = np.concatenate([found.answers[name].ravel() for name in ("first", "asked")])
    given = values[~np.isnan(values)] if contract.may_refuse else values
    low, high = float(np.nanmin(given, initial=np.inf)), float(np.nanmax(given, initial=-np.inf))
    passed = low >= contract.low and high <= contract.high and bool(np.isfinite(given).all())
    name = "probability" if (contract.low, contract.high) == (0.0, 1.0) else "numbers"
    lost = int(np.isnan(values).sum())
    return Gate(name, passed, f"answers from {low:.3g} to {high:.3g}, {lost} are no number")


def deterministic(found: Examined) -> Gate:
    """Say whether the same rows get the same answers."""
    apart = largest_difference(found.answers["first"], found.answers["again"])
    return Gate("determinism", apart <= TOLERANCE, f"asked twice, answers differ by {apart:.3g}")


def rows_apart(found: Examined) -> Gate:
    """Say whether a row's answer depends on that row alone: not on its order, not on who is asked with it."""
    turned = largest_difference(found.answers["first"], found.answers["turned"])
    single = largest_difference(found.answers["first"][:SINGLES], found.answers["single"])
    apart = max(turned, single)
    return Gate(
        "rows apart", apart <= 1e-6, f"asked in another order, or alone, answers differ by {apart:.3g}"
    )


def largest_difference(a: Floats, b: Floats) -> float:
    """Return the largest absolute difference; infinite where shapes differ or one side only is no number."""
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        return float("inf")
    return float(np.nanmax(np.abs(a - b), initial=0.0))


def finite(values: Floats, name: str, contract: Contract) -> Gate:
    """Say whether rows with missing or unknown values get an answer all the same."""
    whole = np.isfinite(values) & (values >= contract.low) & (values <= contract.high)
    wrong = int((~whole.all(axis=1)).sum())
    return Gate(f"{name} values", not wrong, f"{wrong} of {len(values)} rows have no answer")


def refused(values: Floats, name: str) -> Gate:
    """Say whether nothing is said of what is missing or unknown."""
    wrong = int(np.isfinite(values).any(axis=1).sum())
    return Gate(
        f"{name} values", not wrong, f"of {wrong} of {len(values)} that nobody knows something is said"
    )


def fast(found: Examined, contract: Contract) -> Gate:
    """Say whether the last block is answered in time."""
    rate = found.seconds / max(contract.size("asked") / 1000, 1.0)
    words = f"{rate:.2f} s per 1,000 rows; allowed are {MOST_SECONDS_PER_1000:g}"
    return Gate("speed", rate <= MOST_SECONDS_PER_1000, words)


def worth(said: Floats, truth: Truth, rng: np.random.Generator) -> Evaluation:
    """Return what probabilities are worth beside the champion's and the block's own rate.

    Notes
    -----
    The null model is the last block's own rate, which nobody could know beforehand: it flatters the null, and so makes
    the margin a little smaller than promotion's.
    """
    left = truth.left
    units, theirs = log_likelihood(left, said), log_likelihood(left, truth.incumbent)
    null = log_likelihood(left, np.full(len(left), max(float(left.mean()), 1e-6)))
    flagged = said >= np.quantile(said, 1 - FLAGGED_SHARE)
    report = fairness.report(truth.protected, flagged, left, said)
    ones = np.ones(len(left))
    metrics = {
        "log_score": bootstrap_mean(units, rng),
        "auc": auc_interval(said, left),
        "o_e": Interval(*fairness.observed_to_expected(int(left.sum()), float(said.sum()))),
        "calibration_slope": bootstrap_rows(
            lambda rows: calibration_slope(left[rows], said[rows], ones), len(left), rng, SLOPE_DRAWS
        ),
    }
    return Evaluation(
        question="attrition", protocol="the last block, asked by name", metrics=metrics, peers={}, primary="log_score",
        per_unit=units, peer_units={truth.incumbent_name: theirs, "base_rate": null}, n={"people": len(left)},
        diagnostics={"fairness": report.as_json()}, gates={"fairness": (report.passes, report.reason)},
    )  # fmt: skip


def auc_interval(said: Floats, left: Bools) -> Interval:
    """Return the AUC with its interval after DeLong."""
    units = placements(said, left)
    half = 1.96 * float(units.std(ddof=1)) / np.sqrt(len(units))
    return Interval(float(units.mean()), float(units.mean()) - half, float(units.mean()) + half)


def worth_gates(found: Evaluation, truth: Truth, rng: np.random.Generator) -> Iterator[Gate]:
    """Yield whether a model is good enough to be shown: not inferior, its level, plausible, fair."""
    theirs = np.asarray(found.peer_units[truth.incumbent_name])
    difference = paired_difference(found.per_unit, theirs, rng)
    values = float(theirs.mean()), float(np.mean(found.per_unit))
    allowed = margin(*values, float(np.mean(found.peer_units["base_rate"])))
    yield non_inferiority(found.primary, truth.incumbent_name, difference, allowed)
    yield from of_the_numbers(found)
