"""What another way to recommend would have brought, from what was shown with logged probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import BadInputError, RefusedError
from training.evaluation import Interval, percentile_interval

Floats = NDArray[np.float64]

LEAST_EFFECTIVE = 50.0  # a smaller effective sample tells nothing
DRAWS = 1_000
SURE_ERRORS = 3.3  # one fair log in a thousand is refused
ROUNDING = 1e-6
ESTIMATORS = ("ips", "snips", "dr")


@dataclass(frozen=True)
class Log:
    """What was shown, how likely that was, and what came of it; one row per place that was drawn by lot.

    Parameters
    ----------
    reward : (n,) float
        What came of it, in any one unit (1 taken up, 0 not).
    propensity : (n,) float
        Probability with which the logging policy showed that course there, above 0 and at most 1.
    target : (n,) float
        Probability with which the policy in question would show it there, 0–1.
    people : (n,) int
        Whose row it is: rows of one person are drawn together.
    expected : (n,) float, optional
        Reward predicted out of fold for the course shown.
    expected_of_target : (n,) float, optional
        Mean reward predicted over the courses that the policy in question would show there.
    """

    reward: Floats
    propensity: Floats
    target: Floats
    people: NDArray[np.int64]
    expected: Floats | None = None
    expected_of_target: Floats | None = None

    @property
    def weights(self) -> Floats:
        """Importance weights, target over propensity, (n,) float; their mean is 1 where the log covers the target."""
        return np.asarray(self.target / self.propensity)


@dataclass(frozen=True)
class Overlap:
    """How well the log covers the policy in question.

    Parameters
    ----------
    effective_rows : float
        (Σw)² / Σw²: so many rows of the policy itself would tell as much.
    largest_share : float
        Of the weights, on one row, 0–1.
    mean_weight : Interval
        1 where everything that the policy would show could have been shown.
    """

    effective_rows: float
    largest_share: float
    mean_weight: Interval


def policy_value(
    log: Log, rng: np.random.Generator
) -> tuple[dict[str, Interval], dict[str, Interval], Overlap]:
    """Return the mean reward of the policy in question, by every estimator the log allows.

    Parameters
    ----------
    log : Log
        Checked here.
    rng : numpy.random.Generator
        Draws people for the intervals.

    Returns
    -------
    dict of str to Interval
        ``ips``, ``snips`` and, with predictions, ``dr``; in the unit of the reward, 95 % over people.
    dict of str to Interval
        What each is above the mean reward of what was shown, paired; 0 means no difference.
    Overlap
        How far to trust them.

    Raises
    ------
    BadInputError
        If a number is out of its range.
    RefusedError
        If propensities are missing, or the log does not cover the policy.

    Notes
    -----
    Assumes that propensities are those really drawn with, and that a reward depends on the row's own course only.

    References
    ----------
    Swaminathan & Joachims, "The self-normalized estimator for counterfactual learning", NeurIPS 2015.
    Dudík, Langford & Li, "Doubly robust policy evaluation and learning", ICML 2011, arXiv:1103.4601.
    """
    check(log)
    sums = sums_by_person(log)
    n = len(sums["rows"])
    drawn = [estimates(drawn_sums(sums, rng, n)) for _ in range(DRAWS)]
    found = estimates({name: float(each.sum()) for name, each in sums.items()})

    def interval(name: str, minus: str = "") -> Interval:
        def of(one: Mapping[str, float]) -> float:
            return one[name] - (one[minus] if minus else 0.0)

        return percentile_interval(of(found), np.array([of(one) for one in drawn]))

    overlap = overlap_of(log, interval("mean_weight"))
    refuse_without_overlap(overlap)
    names = [name for name in ESTIMATORS if name in found]
    values = {name: interval(name) for name in names} | {"logged": interval("logged")}
    return values, {name: interval(name, "logged") for name in names}, overlap


def sums_by_person(log: Log) -> dict[str, Floats]:
    """Return what the estimators add up, one value a person: people are what is drawn."""
    weights = log.weights
    columns = {
        "rows": np.ones(log.reward.size),
        "reward": log.reward,
        "weight": weights,
        "weighted": weights * log.reward,
    }
    if log.expected is not None and log.expected_of_target is not None:
        columns["doubly"] = log.expected_of_target + weights * (log.reward - log.expected)
    codes = np.unique(log.people, return_inverse=True)[1]
    return {name: np.bincount(codes, weights=each).astype(np.float64) for name, each in columns.items()}


def drawn_sums(sums: Mapping[str, Floats], rng: np.random.Generator, n: int) -> dict[str, float]:
    """Return the totals of as many people, drawn with replacement."""
    times = np.bincount(rng.integers(0, n, n), minlength=n)
    return {name: float(times @ each) for name, each in sums.items()}


def estimates(totals: Mapping[str, float]) -> dict[str, float]:
    """Return every estimate from totals over rows; ``logged`` is the mean reward of what was shown."""
    rows = totals["rows"]
    found = {
        "ips": totals["weighted"] / rows,
        "snips": totals["weighted"] / totals["weight"] if totals["weight"] > 0 else float("nan"),
        "logged": totals["reward"] / rows,
        "mean_weight": totals["weight"] / rows,
    }
    if "doubly" in totals:
        found["dr"] = totals["doubly"] / rows
    return found


def check(log: Log) -> None:
    """Raise where a column cannot be what it is said to be."""
    if log.reward.size == 0:
        raise RefusedError("The log is empty.", allowed="rows that were drawn by lot")
    missing = int((~np.isfinite(log.propensity)).sum())
    if missing:
        raise RefusedError(
            "Propensities are missing: what another policy would have brought cannot be told without them.",
            found=f"{missing} of {log.propensity.size} rows without one",
            allowed="the probability with which each row was shown",
            hint="Keep the rows of the exploration slot only; the ledger logs their propensities.",
        )
    limits = {"propensity": (log.propensity, 0.0, 1.0), "target": (log.target, -1e-12, 1.0)}
    for name, (values, low, high) in limits.items():
        bad = ~((values > low) & (values <= high + 1e-12))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            above = "above 0 and at most 1" if name == "propensity" else "0 to 1"
            raise BadInputError(
                f"A {name} is no such probability.", found=f"{values[row]} in row {row + 1}", allowed=above
            )
    for name, each in (
        ("reward", log.reward),
        ("prediction", log.expected),
        ("prediction", log.expected_of_target),
    ):
        if each is not None and not np.isfinite(each).all():
            row = int(np.flatnonzero(~np.isfinite(each))[0])
            raise BadInputError(f"A {name} is missing.", found=f"row {row + 1}", allowed="numbers")


def overlap_of(log: Log, mean_weight: Interval) -> Overlap:
    """Return how well a log covers the policy in question."""
    weights = log.weights
    total = float(weights.sum())
    if total <= 0:
        return Overlap(0.0, 1.0, mean_weight)
    return Overlap(total**2 / float((weights**2).sum()), float(weights.max()) / total, mean_weight)


def refuse_without_overlap(overlap: Overlap) -> None:
    """Raise where the log cannot speak for the policy in question."""
    if overlap.effective_rows < LEAST_EFFECTIVE:
        raise RefusedError(
            "What was shown and what the other policy would show hardly overlap.",
            found=f"an effective sample of {overlap.effective_rows:.1f} rows",
            allowed=f"{LEAST_EFFECTIVE:.0f} or more",
            hint="Explore more, or ask about a policy nearer to the one that was logged.",
        )
    error = (overlap.mean_weight.high - overlap.mean_weight.low) / (2 * 1.96)
    if abs(overlap.mean_weight.value - 1.0) > SURE_ERRORS * error + ROUNDING:
        raise RefusedError(
            "The policy would show what was never shown, or the propensities are not those drawn with.",
            found=f"a mean weight of {overlap.mean_weight.value:.3f}"
            f" ({overlap.mean_weight.low:.3f} to {overlap.mean_weight.high:.3f})",
            allowed=f"1, within {SURE_ERRORS:g} standard errors",
        )
