"""Staggered roll-outs: beside csdid on the same panel, and beside two-way fixed effects on planted uneven effects."""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings

import numpy as np
import pandas as pd

from training.impact.estimators.random_timing import random_timing_effect
from training.impact.estimators.staggered import NEVER, Panel, staggered_effects
from training.impact.telling.shares import wilson

PERIODS = 8
MEAN_EFFECT = (2 * 21 + 0.5 * 10 + 0.5 * 3) / 12  # over the twelve cells: 2·(1 … 6), ½·(1 … 4), ½·(1, 2)


def rollout(request: argparse.Namespace) -> None:
    """Print the agreement with csdid, and bias and coverage over planted roll-outs."""
    panel, _ = planted_panel(np.random.default_rng(request.seed), 400)
    beside_csdid(panel)
    draws = request.draws or 500
    rows = []
    for seed in range(draws):
        world, truth = planted_panel(np.random.default_rng([seed, 1]), 300)
        found = staggered_effects(world)
        lot = random_timing_effect(world).effect
        rows.append((found.overall.value, found.overall.standard_error, found.twfe, lot.value, lot.standard_error, truth,
                     found.pretrend_p_value))  # fmt: skip
    ours, error, twfe, lot_value, lot_error, truth, pre = np.array(rows, dtype=np.float64).T
    print(f"\nplanted uneven effects, {draws} roll-outs of 300 units, mean effect {truth.mean():.3f}")
    fixed = np.full(
        draws, MEAN_EFFECT
    )  # group shares are estimated by the first, taken as they are by the second
    for name, value, stated, aim in (
        ("group-time, not yet trained", ours, error, fixed), ("random timing, efficient", lot_value, lot_error, truth),
        ("two-way fixed effects", twfe, None, fixed),
    ):  # fmt: skip
        off = value - aim
        told = ""
        if stated is not None:
            covered = wilson(int((np.abs(off) <= 1.96 * stated).sum()), draws)
            told = f"coverage {covered.value:.1%} ({covered.low:.1%} to {covered.high:.1%}), error stated {stated.mean():.3f}"
        print(
            f"{name:30}bias {off.mean():+.3f} ({off.mean() / truth.mean():+.1%}), spread {off.std():.3f}  {told}"
        )
    print(f"pre-trend test rejects {np.mean(pre < 0.05):.1%} of parallel worlds (5 % is right)")


def planted_panel(rng: np.random.Generator, n: int) -> tuple[Panel, float]:
    """Return a panel of a roll-out by lot whose effects grow with time and are larger for the first; with their mean."""
    first = rng.choice([2, 4, 6, NEVER], n)
    level = rng.normal(0, 2, n)
    since = np.arange(PERIODS)[None, :] - np.where(first == NEVER, 10**6, first)[:, None]
    size = np.where(first == 2, 2.0, 0.5)[:, None]
    effect = np.where(since >= 0, size * (1 + since), 0.0)
    noise = rng.normal(0, 1, (n, PERIODS))
    outcome = level[:, None] + 0.5 * np.arange(PERIODS) + effect + noise
    return Panel(outcome, np.arange(PERIODS).astype(float), first), float(effect[since >= 0].mean())


def beside_csdid(panel: Panel) -> None:
    """Print the largest difference from csdid over every group-time effect, and that of the average with its error."""
    found = staggered_effects(panel)
    theirs = csdid_effects(panel)
    if theirs is None:
        print("csdid is not installed: pip install csdid==0.4.3")
        return
    cells, overall, error = theirs
    apart = max(abs(cell.value - cells[(cell.first + 1, cell.period + 1)]) for cell in found.cells)
    print(f"csdid on the same panel: {len(found.cells)} group-time effects, largest difference {apart:.1e}; "
          f"average {found.overall.value:.6f} against {overall:.6f} (difference {abs(found.overall.value - overall):.1e}), "
          f"error {found.overall.standard_error:.6f} against {error:.6f}")  # fmt: skip


def csdid_effects(panel: Panel) -> tuple[dict[tuple[int, int], float], float, float] | None:
    """Return csdid's group-time effects by first period and period (from 1), their average and its error."""
    try:
        from csdid.att_gt import ATTgt
    except ImportError:
        return None
    n, periods = panel.outcome.shape
    first = np.where(panel.first == NEVER, 0, panel.first + 1)
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), periods), "period": np.tile(np.arange(1, periods + 1), n),
            "first": np.repeat(first, periods).astype(float), "y": panel.outcome.ravel(),
        }
    )  # fmt: skip
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        model = ATTgt(
            yname="y", tname="period", idname="unit", gname="first", data=frame, control_group="notyettreated"
        )
        model.fit(est_method="reg", base_period="varying", bstrap=False)
        model.aggte(typec="simple", bstrap=False, cband=False)
    result = model.results
    cells = {
        (int(group), int(year)): float(att)
        for group, year, att in zip(result["group"], result["year"], result["att"], strict=True)
    }
    average = model.atte
    return cells, float(average["overall_att"]), float(np.squeeze(average["overall_se"]))
