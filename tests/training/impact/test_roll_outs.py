"""Staggered roll-outs: planted, beside the peers, with what their trends withstand."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.doubts.pretrends import breakdown
from training.impact.estimators.random_timing import random_timing_effect
from training.impact.estimators.staggered import NEVER, Panel, staggered_effects
from training.impact.telling.evidence import Evidence
from training.impact.telling.verdict import verdict


def roll_out(
    rng: np.random.Generator, n: int = 600, drift: float = 0.0, by_lot: bool = False
) -> tuple[Panel, float]:
    """Return a panel whose effect grows with time and is larger for those trained first, and the average effect."""
    periods = 8
    first = rng.choice([2, 4, 6, NEVER], n)
    level = rng.normal(0, 3, n) + (0 if by_lot else np.where(first == 2, 4, 0))
    since = np.arange(periods)[None, :] - np.where(first == NEVER, 10**6, first)[:, None]
    size = np.where(first == 2, 3.0, 1.0)[:, None]
    effect = np.where(since >= 0, size * (1 + since), 0.0)
    trend = drift * np.arange(periods)[None, :] * (first != NEVER)[:, None]
    outcome = level[:, None] + 0.5 * np.arange(periods) + effect + trend + rng.normal(0, 1, (n, periods))
    return Panel(outcome, np.arange(periods).astype(float), first), float(effect[since >= 0].mean())


def test_uneven_effects_are_found_where_two_way_fixed_effects_mislead() -> None:
    panel, truth = roll_out(np.random.default_rng(7))
    found = staggered_effects(panel)
    assert found.overall.low < truth < found.overall.high
    assert abs(found.twfe - truth) > 0.2 * truth
    assert found.pretrend_p_value is not None
    assert found.pretrend_p_value > 0.01
    reach = breakdown(found)
    assert reach is not None
    assert reach > 1


def test_a_drift_before_training_is_seen_and_believed_less() -> None:
    panel, _ = roll_out(np.random.default_rng(7), drift=1.0)
    found = staggered_effects(panel)
    assert found.pretrend_p_value is not None
    assert found.pretrend_p_value < 0.001
    evidence = Evidence(
        "staggered", "full", (1.0, 2.0), placebo=(-1, 1), pretrend_p_value=found.pretrend_p_value
    )
    assert verdict(evidence).code == "cannot tell"


def test_where_the_order_was_drawn_the_efficient_estimate_is_narrower_and_right() -> None:
    panel, truth = roll_out(np.random.default_rng(7), by_lot=True)
    found = random_timing_effect(panel)
    other = staggered_effects(panel).overall
    assert found.effect.low < truth < found.effect.high
    assert found.effect.standard_error < other.standard_error
    assert not found.before.excludes_zero
    lot = Evidence("staggered", "full", (found.effect.low, found.effect.high), is_random_timing=True)
    assert verdict(lot).code == "randomised evidence"


def test_without_noise_the_adjustment_changes_nothing() -> None:
    first = np.repeat([1, NEVER], 10).astype(np.int64)
    outcome = np.tile([[1.0, 1.0]], (20, 1)) + np.where(first == 1, 1.0, 0.0)[:, None] * np.array([0.0, 2.0])
    found = random_timing_effect(Panel(outcome, np.array([0.0, 1.0]), first))
    assert found.effect.value == pytest.approx(2.0)
    assert found.adjustment == 0.0


def test_an_effect_that_includes_nothing_withstands_nothing() -> None:
    rng = np.random.default_rng(7)
    first = rng.choice([2, NEVER], 60)
    assert breakdown(staggered_effects(Panel(rng.normal(size=(60, 4)), np.arange(4.0), first))) == 0.0
