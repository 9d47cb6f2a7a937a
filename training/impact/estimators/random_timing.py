"""The efficient estimate of a roll-out whose order was drawn by lot: earlier levels are used as far as they help.

References
----------
Roth, Sant'Anna, J. Political Econ. Microeconomics 1 (2023) 669, doi:10.1086/726581.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.impact.estimators.aipw import Effect, interval_effect
from training.impact.estimators.staggered import Panel
from training.impact.table import Bools, Floats


@dataclass(frozen=True)
class RandomTiming:
    """What a roll-out shows if its order was drawn by lot.

    Parameters
    ----------
    effect : Effect
        Average over all trained units and periods since.
    adjustment : float
        How much of the difference before training is taken off: 1 is Callaway and Sant'Anna, 0 the plain difference.
    before : Effect
        The difference in levels before training; 0 where the order was random.
    """

    effect: Effect
    adjustment: float
    before: Effect


def random_timing_effect(panel: Panel) -> RandomTiming:
    """Return the average effect with the adjustment for earlier levels that makes it most precise.

    With θ₀ the size-weighted mean over groups g and periods t ≥ g of Ȳ(g, t) − Ȳ(not yet, t), and X the same of period
    g − 1: θ = θ₀ − β X, β = Cov(θ₀, X) / Var(X).

    Notes
    -----
    Assumes that chance decided when a unit was trained, and that nobody changed before being trained.
    """
    plain, earlier = level_differences(panel)
    spread = float((earlier.influence**2).sum())
    beta = float(plain.influence @ earlier.influence) / spread if spread > 0 else 0.0
    influence = plain.influence - beta * earlier.influence
    effect = interval_effect(plain.value - beta * earlier.value, influence, panel.cluster)
    return RandomTiming(effect, beta, earlier)


def level_differences(panel: Panel) -> tuple[Effect, Effect]:
    """Return the size-weighted differences in levels after training, and the same just before it."""
    n, n_periods = panel.outcome.shape
    total, values, influences = 0.0, np.zeros(2), np.zeros((2, n))
    for group in np.unique(panel.first[(panel.first > 0) & (panel.first < n_periods)]):
        own = panel.first == group
        for period in range(int(group), n_periods):
            other = panel.first > period
            if not other.any():
                continue
            size = float(own.mean())
            total += size
            for place, when in enumerate((period, int(group) - 1)):
                value, influence = difference(panel.outcome[:, when], own, other)
                values[place] += size * value
                influences[place] += size * influence
    plain, earlier = (
        interval_effect(float(values[k]) / total, influences[k] / total, panel.cluster) for k in (0, 1)
    )
    return plain, earlier


def difference(values: Floats, own: Bools, other: Bools) -> tuple[float, Floats]:
    """Return the difference in means of two groups, and each unit's influence on it."""
    up, down = float(values[own].mean()), float(values[other].mean())
    influence = own * (values - up) / own.mean() - other * (values - down) / other.mean()
    return up - down, influence
