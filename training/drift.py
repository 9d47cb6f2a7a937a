"""Drift of a distribution: a population stability index that is beyond chance, and large enough to matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, false_discovery_control

Floats = NDArray[np.float64]

BINS = 10
FEWEST = 10  # people in a cell of the reference that is kept
LEVEL = 0.01
FLOOR = 0.1  # of the index: below, a shift that is sure is still too small to matter
HALF = 0.5  # added to every cell, so that an empty one has a logarithm


@dataclass(frozen=True)
class Reference:
    """How a feature or score was spread when the model was made: counts alone, nobody's value.

    Parameters
    ----------
    edges : (n_bins - 1,) float
        Inner edges of the bins; empty where there is one value only.
    counts : (n_bins + 1,) float
        People in each bin; the last cell counts the unknown.
    """

    edges: Floats
    counts: Floats


@dataclass(frozen=True)
class Drift:
    """What was found of one feature or score.

    Parameters
    ----------
    name : str
        Which.
    index : float
        Population stability index: Σ (p − q) ln(p / q); 0 means no shift.
    p_value, p_adjusted : float
        Of counts as different by chance, and after Benjamini and Hochberg's correction over all that is watched.
    n_then, n_now : int
        People.
    """

    name: str
    index: float
    p_value: float
    p_adjusted: float
    n_then: int
    n_now: int

    @property
    def is_alarm(self) -> bool:
        """True where the shift is beyond chance and large enough to matter."""
        return bool(self.p_adjusted < LEVEL and self.index > FLOOR)


def reference_of(values: Floats, bins: int = BINS) -> Reference:
    """Return how values are spread, in bins of about as many people each."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    bins = max(1, min(bins, known.size // FEWEST))
    edges = (
        np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
        if known.size and bins > 1
        else np.empty(0)
    )
    return Reference(edges, counted(values, edges))


def counted(values: Floats, edges: Floats) -> Floats:
    """Return how many values lie in each bin (an edge belongs to the bin above it), the unknown last."""
    found = np.asarray(values, dtype=np.float64)
    unknown = np.isnan(found)
    cells = np.bincount(np.searchsorted(edges, found[~unknown], side="right"), minlength=len(edges) + 1)
    return np.concatenate([cells, [unknown.sum()]]).astype(np.float64)


def compare(name: str, then: Reference, values: Floats) -> Drift:
    """Return the drift of values against a reference.

    Notes
    -----
    Where nothing changed, the index is about ``(1/n + 1/m)`` times a chi-square with one degree of freedom less than
    there are occupied cells: at a hundred people an index of .1 is chance. Pearson's test of homogeneity over the same
    cells has that chi-square as its limit too, and comes near it in smaller samples, so that it is what tells chance.
    Two looks at mostly the same people differ by less, so the test is on the safe side.

    References
    ----------
    Yurdakul, Naranjo: Statistical properties of the population stability index, Journal of Risk Model Validation 2020.
    """
    now = counted(values, then.edges)
    occupied = (then.counts + now) > 0
    before, after = then.counts[occupied], now[occupied]
    n_then, n_now = int(before.sum()), int(after.sum())
    if min(n_then, n_now) == 0 or occupied.sum() < 2:
        return Drift(name, 0.0, 1.0, 1.0, n_then, n_now)
    chance = float(chi2_contingency(np.vstack([before, after]), correction=False).pvalue)
    return Drift(name, stability(before, after), chance, chance, n_then, n_now)


def stability(before: Floats, after: Floats) -> float:
    """Return the population stability index of two counts, half a person added to each cell."""
    p, q = (before + HALF) / (before + HALF).sum(), (after + HALF) / (after + HALF).sum()
    return float(((q - p) * np.log(q / p)).sum())


def adjusted(found: Sequence[Drift]) -> list[Drift]:
    """Return drifts with p-values adjusted for how many were looked at.

    References
    ----------
    Benjamini, Hochberg: Controlling the false discovery rate, JRSS B 1995. doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    if not found:
        return []
    values = false_discovery_control([each.p_value for each in found])
    return [replace(each, p_adjusted=float(value)) for each, value in zip(found, values, strict=True)]


def drifts(then: Mapping[str, Reference], now: Mapping[str, Floats]) -> list[Drift]:
    """Return the drift of everything that both sides know, the largest index first."""
    found = adjusted([compare(name, reference, now[name]) for name, reference in then.items() if name in now])
    return sorted(found, key=lambda each: -each.index)


def drifts_of(then: Floats, now: Floats, names: Sequence[str]) -> list[Drift]:
    """Return the drift of the columns of two tables, (n, n_names) and (m, n_names), the largest index first."""
    references = {name: reference_of(then[:, place]) for place, name in enumerate(names)}
    return drifts(references, {name: now[:, place] for place, name in enumerate(names)})
