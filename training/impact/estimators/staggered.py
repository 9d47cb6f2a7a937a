"""Staggered roll-out: group-time average effects with not-yet-trained units as comparison.

References
----------
Callaway, Sant'Anna, J. Econometrics 225 (2021) 200, doi:10.1016/j.jeconom.2020.12.001.
Goodman-Bacon, J. Econometrics 225 (2021) 254, doi:10.1016/j.jeconom.2021.03.014 (why two-way fixed effects mislead).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.errors import RefusedError
from training.impact.estimators.aipw import Effect, interval_effect
from training.impact.table import Floats, Ints

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Panel:
    """A balanced panel.

    Parameters
    ----------
    outcome : (n_units, n_periods) float
        Measured in every period.
    periods : (n_periods,) float
        In order.
    first : (n_units,) int
        Index of the period from which a unit is trained; `NEVER` for never.
    cluster : (n_units,) int, optional
        Units of one number are counted as one draw.
    """

    outcome: Floats
    periods: Floats
    first: Ints
    cluster: Ints | None = None


@dataclass(frozen=True)
class GroupTime:
    """The effect on one group of units in one period; `is_before` where the group was not trained yet."""

    first: int
    period: int
    value: float
    is_before: bool


@dataclass(frozen=True)
class StaggeredEffects:
    """What a staggered roll-out shows.

    Parameters
    ----------
    overall : Effect
        Average over all trained units and periods since.
    before : Effect, optional
        Average difference in trend before training; 0 where trends were parallel.
    pretrend_p_value : float, optional
        Joint test that all differences before training are 0.
    by_age : mapping of int to Effect
        Periods since training (negative: before) to effect: the event study.
    twfe : float
        Two-way fixed effects, for contrast only.
    cells : tuple of GroupTime
        Every group-time effect.
    """

    overall: Effect
    before: Effect | None
    pretrend_p_value: float | None
    by_age: dict[int, Effect]
    twfe: float
    cells: tuple[GroupTime, ...]


def staggered_effects(panel: Panel) -> StaggeredEffects:
    """Estimate the effects of a staggered roll-out.

    Raises
    ------
    RefusedError
        If no group was ever seen both before and after its training beside somebody not trained yet.

    Notes
    -----
    Assumes that, without the training, the trained would have moved in parallel with those not trained yet, and that nobody
    changed before being trained. The differences before training test the first, and do not prove it.
    """
    cells, influence = group_times(panel)
    after = [place for place, cell in enumerate(cells) if not cell.is_before]
    ahead = [place for place, cell in enumerate(cells) if cell.is_before]
    if not after:
        raise RefusedError(
            "No effect can be told from this roll-out: no group is seen before and after its training "
            "beside units that are not trained yet.",
            hint="Give earlier periods, or units trained later or never.",
        )
    ages = sorted({cells[place].period - cells[place].first for place in range(len(cells))})
    by_age = {
        age: average(panel, cells, influence, [k for k, c in enumerate(cells) if c.period - c.first == age])
        for age in ages
    }
    return StaggeredEffects(
        average(panel, cells, influence, after),
        average(panel, cells, influence, ahead) if ahead else None,
        joint_p_value(panel, cells, influence, ahead),
        by_age,
        two_way_fixed_effects(panel),
        tuple(cells),
    )


def group_times(panel: Panel) -> tuple[list[GroupTime], Floats]:
    """Return every group-time effect, and the (n_units, n_cells) influences on them."""
    n, n_periods = panel.outcome.shape
    cells: list[GroupTime] = []
    influences: list[Floats] = []
    for group in np.unique(panel.first[(panel.first > 0) & (panel.first < n_periods)]):
        for period in range(1, n_periods):
            is_before = period < group
            start = period - 1 if is_before else int(group) - 1
            own = panel.first == group
            other = (panel.first > max(period, start)) & ~own
            if not other.any():
                continue
            change = panel.outcome[:, period] - panel.outcome[:, start]
            up, down = change[own].mean(), change[other].mean()
            influence = own * (change - up) * (n / own.sum()) - other * (change - down) * (n / other.sum())
            cells.append(GroupTime(int(group), period, float(up - down), is_before))
            influences.append(influence)
    return cells, np.column_stack(influences) if influences else np.zeros((n, 0))


def average(panel: Panel, cells: list[GroupTime], influence: Floats, chosen: list[int]) -> Effect:
    """Return the average of chosen cells, each weighted by the size of its group; weights are estimated too."""
    values = np.array([cells[place].value for place in chosen])
    member = np.column_stack([panel.first == cells[place].first for place in chosen]).astype(float)
    share = member.mean(axis=0)
    total = share.sum()
    weights = share / total
    of_weights = (member - share) / total - np.outer((member - share).sum(axis=1), share) / total**2
    combined = influence[:, chosen] @ weights + of_weights @ values
    return interval_effect(float(weights @ values), combined, panel.cluster)


def joint_p_value(panel: Panel, cells: list[GroupTime], influence: Floats, ahead: list[int]) -> float | None:
    """Return the p-value of the joint test that all differences before training are 0; None where it cannot be made.

    Notes
    -----
    Hotelling's T² over independent units (or clusters): with few of them, χ² would reject too often.
    """
    if not ahead:
        return None
    from scipy.stats import f

    values = np.array([cells[place].value for place in ahead])
    rows = influence[:, ahead]
    if panel.cluster is not None:
        _, codes = np.unique(panel.cluster, return_inverse=True)
        rows = np.column_stack([np.bincount(codes, weights=column) for column in rows.T])
    draws, tests = len(rows), len(ahead)
    spread = rows.T @ rows / len(influence) ** 2 * draws / (draws - 1)
    if draws <= tests or np.linalg.matrix_rank(spread) < tests:
        return None
    squared = float(values @ np.linalg.solve(spread, values))
    return float(f.sf(squared * (draws - tests) / (tests * (draws - 1)), tests, draws - tests))


def two_way_fixed_effects(panel: Panel) -> float:
    """Return the coefficient of being trained with unit and period effects: a contrast, not an answer."""
    trained = (np.arange(panel.outcome.shape[1])[None, :] >= panel.first[:, None]).astype(float)
    rest = demeaned(trained)
    return float((rest * demeaned(panel.outcome)).sum() / (rest**2).sum())


def demeaned(values: Floats) -> Floats:
    """Return values without unit means and period means."""
    by_unit = values.mean(axis=1, keepdims=True)
    by_period = values.mean(axis=0, keepdims=True)
    return np.asarray(values - by_unit - by_period + values.mean(), dtype=np.float64)


def refuse_unusable_panel(panel: Panel) -> None:
    """Raise RefusedError for a panel with no comparison, no training, or too few units."""
    n_periods = panel.outcome.shape[1]
    trained = (panel.first > 0) & (panel.first < n_periods)
    if not trained.any():
        raise RefusedError(
            "Nobody starts being trained after the first period.",
            found=f"{int((panel.first == 0).sum())} units trained from the first period on",
        )
    if int(trained.sum()) < 10 or panel.first.size < 20:
        raise RefusedError(
            "Too few units for an estimate.",
            found=f"{int(trained.sum())} trained of {panel.first.size}",
            allowed="at least 10 trained of 20",
        )
    if panel.cluster is not None and np.unique(panel.cluster).size < 2:
        raise RefusedError("There is one cluster only: its members cannot be told apart from chance.")
    if np.ptp(panel.outcome) == 0:
        raise RefusedError("The outcome is the same everywhere.", found=f"{panel.outcome.flat[0]:g}")
