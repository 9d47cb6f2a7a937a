"""Survival metrics under censoring: Uno's C and the integrated Brier score, weighted by the censoring distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.attrition.scorer import Floats

Bools = NDArray[np.bool_]
FEWEST = 1e-3


@dataclass(frozen=True)
class StepFunction:
    """A right-continuous curve: `value` from each `time` on, 1 before the first."""

    time: Floats
    value: Floats

    def at(self, times: Floats) -> Floats:
        """Return the curve at some times."""
        return np.concatenate([[1.0], self.value])[np.searchsorted(self.time, times, side="right")]

    def before(self, times: Floats) -> Floats:
        """Return the curve just before some times."""
        return np.concatenate([[1.0], self.value])[np.searchsorted(self.time, times, side="left")]


def kaplan_meier(duration: Floats, left: Bools) -> StepFunction:
    """Return the share still here after each time somebody left.

    References
    ----------
    Kaplan, Meier: Nonparametric estimation from incomplete observations, JASA 1958.
    """
    times, place = np.unique(duration, return_inverse=True)
    exits, everybody = np.bincount(place, left), np.bincount(place).astype(np.float64)
    at_risk = everybody[::-1].cumsum()[::-1]
    return StepFunction(times, np.cumprod(1.0 - exits / at_risk))


def censoring_curve(duration: Floats, left: Bools) -> StepFunction:
    """Return the share not yet censored; who leaves at a time was at risk of censoring until just before it."""
    times, place = np.unique(duration, return_inverse=True)
    exits, everybody = np.bincount(place, left), np.bincount(place).astype(np.float64)
    at_risk = everybody[::-1].cumsum()[::-1] - exits
    censored = everybody - exits
    shares: Floats = np.cumprod(1.0 - censored / np.maximum(at_risk, 1.0)).astype(np.float64)
    return StepFunction(times, shares)


@dataclass(frozen=True)
class Concordance:
    """Pairs of people of whom it is known who left first, so that people can be redrawn without counting again.

    Parameters
    ----------
    leaver : (n_exits,) int
        Rows that left before the last time considered.
    won, comparable : (n_exits, n) float
        Whether the leaver was scored above each other row (a tie counts half), and whether they can be compared.
    weight : (n_exits,) float
        Inverse squared probability of not being censored before.
    """

    leaver: NDArray[np.int64]
    won: NDArray[np.float32]
    comparable: NDArray[np.float32]
    weight: Floats

    def value(self, counts: Floats) -> float:
        """Return Uno's C of people who count some number of times; .5 means no better than chance."""
        by_leaver = self.weight * counts[self.leaver]
        others = counts.astype(np.float32)
        total = float(by_leaver @ (self.comparable @ others))
        return float(by_leaver @ (self.won @ others)) / total if total else float("nan")


def concordance(
    duration: Floats, left: Bools, risk: Floats, censoring: StepFunction, until: float
) -> Concordance:
    """Return the comparable pairs of Uno's C.

    Parameters
    ----------
    duration, left : (n,) float, bool
        When somebody was last seen, and whether they left then.
    risk : (n,) float
        Higher for whoever should leave sooner.
    censoring : StepFunction
        Share not yet censored, of the people learnt from.
    until : float
        Exits from then on are not compared.

    References
    ----------
    Uno, Cai, Pencina, D'Agostino, Wei: On the C-statistics …, Statistics in Medicine 2011, doi:10.1002/sim.4154.
    """
    leaver = np.flatnonzero(left & (duration < until))
    later = duration[None, :] > duration[leaver, None]
    above = (risk[leaver, None] > risk[None, :]) + 0.5 * (risk[leaver, None] == risk[None, :])
    kept = np.maximum(censoring.before(duration[leaver]), FEWEST)
    return Concordance(leaver, (above * later).astype(np.float32), later.astype(np.float32), kept**-2.0)


@dataclass(frozen=True)
class DatedRanking:
    """A ranking judged at several times: who had left by then against who was still here.

    Parameters
    ----------
    place : (n,) int
        Rank of each row's risk, ties alike.
    cases, controls : (n_times, n) float
        Weight of each row as somebody gone (inverse probability of having been followed), and as somebody here.
    share : (n_times,) float
        How much each time counts: the exits since the time before.
    """

    place: NDArray[np.intp]
    cases: Floats
    controls: Floats
    share: Floats

    def value(self, counts: Floats) -> float:
        """Return the mean AUC over times, of people who count some number of times; .5 means no better than chance."""
        found, total = 0.0, 0.0
        for cases, controls, share in zip(self.cases, self.controls, self.share, strict=True):
            gone = np.bincount(self.place, cases * counts)
            here = np.bincount(self.place, controls * counts)
            below = np.cumsum(here) - here
            pairs = gone.sum() * here.sum()
            if pairs:
                found += share * float((gone * (below + 0.5 * here)).sum() / pairs)
                total += share
        return found / total if total else float("nan")


def dated_ranking(
    duration: Floats, left: Bools, risk: Floats, censoring: StepFunction, times: Floats
) -> DatedRanking:
    """Return what the cumulative/dynamic AUC needs.

    Parameters
    ----------
    duration, left, risk, censoring
        As for `concordance`.
    times : (n_times,) float
        Ascending.

    References
    ----------
    Uno, Cai, Tian, Wei: Evaluating prediction rules for t-year survivors, JASA 2007.
    """
    _, place = np.unique(risk, return_inverse=True)
    gone = left & (duration <= times[:, None])
    cases = gone / np.maximum(censoring.before(duration), FEWEST)
    share = np.diff(np.concatenate([[0.0], cases.sum(axis=1)]))
    return DatedRanking(place, cases, (duration > times[:, None]).astype(np.float64), np.maximum(share, 0.0))


def brier_contributions(
    duration: Floats, left: Bools, stays: Floats, times: Floats, censoring: StepFunction
) -> Floats:
    """Return each row's part of the integrated Brier score; their mean is the score, lower is better.

    Parameters
    ----------
    duration, left : (n,) float, bool
        When somebody was last seen, and whether they left then.
    stays : (n, n_times) float
        Predicted probability of being here after each time.
    times : (n_times,) float
        Ascending, within the time that was seen.
    censoring : StepFunction
        Share not yet censored, of the people learnt from.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher: Assessment and comparison of prognostic classification schemes for
    survival data, Statistics in Medicine 1999.
    """
    gone = left[:, None] & (duration[:, None] <= times)
    here = duration[:, None] > times
    by_exit = 1.0 / np.maximum(censoring.before(duration), FEWEST)
    by_time = 1.0 / np.maximum(censoring.at(times), FEWEST)
    squared = stays**2 * gone * by_exit[:, None] + (1.0 - stays) ** 2 * here * by_time
    if len(times) == 1:
        return np.asarray(squared[:, 0])
    return np.asarray(np.trapezoid(squared, times, axis=1) / (times[-1] - times[0]))
