"""Calibration: few exits move level and a little slope, many both slopes, and a bend only where it is called for."""

from __future__ import annotations

import numpy as np
import pytest

from training.attrition.fitting.bending import fit_bend, pooled_adjacent
from training.attrition.fitting.calibration import fit_calibration
from training.attrition.scorer import bent, calibrated, sigmoid


def drawn(slope: float, n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    odds = rng.normal(-3, 1, n)
    return odds, rng.random(n) < sigmoid(slope * odds)


def test_a_handful_of_exits_leaves_the_slope_at_one_and_moves_the_level() -> None:
    odds, left = np.linspace(-3, -2, 60), np.arange(60) % 10 == 0
    a, b, c = fit_calibration(odds, left)
    assert a == b == pytest.approx(1.0, abs=0.1)
    assert sigmoid(a * odds + c).sum() == pytest.approx(6.0, rel=0.01)


def test_some_exits_draw_the_slope_towards_the_truth_and_not_all_the_way() -> None:
    odds, left = drawn(0.5)
    first = np.flatnonzero(np.cumsum(left) <= 150)
    a, b, _ = fit_calibration(odds[first], left[first])
    assert a == b
    assert 0.45 < a < 0.95


def test_many_exits_move_both_slopes_and_keep_the_order() -> None:
    odds, left = drawn(0.5)
    a, b, c = fit_calibration(odds, left)
    assert (a, b) != (1.0, 1.0)
    said = calibrated(odds, [a, b, c])
    assert said.sum() == pytest.approx(left.sum(), rel=0.01)
    assert np.abs(said - sigmoid(0.5 * odds)).mean() < 0.01
    assert (np.diff(said[np.argsort(odds)]) >= -1e-12).all()


def test_rates_that_fall_are_pooled_as_worked_out_by_hand() -> None:
    pools, sizes = pooled_adjacent(np.array([[1.0, 10.0], [4.0, 10.0], [2.0, 10.0], [6.0, 10.0]]))
    np.testing.assert_array_equal(pools, [[1, 10], [6, 20], [6, 10]])
    assert sizes.tolist() == [1, 2, 1]


def test_an_error_shaped_like_a_step_is_bent_and_an_honest_score_is_left_alone() -> None:
    rng = np.random.default_rng(4)
    odds = rng.normal(-1, 1.5, 20_000)
    stepped = np.where(odds > -0.5, 0.4, 0.1)
    left = rng.random(20_000) < stepped
    bend = fit_bend(odds, left)
    assert bend is not None
    assert np.abs(sigmoid(bent(odds, *bend)) - stepped).mean() < 0.04
    assert (np.diff(bend[0]) > 0).all()
    assert (np.diff(bend[1]) > 0).all()
    assert fit_bend(odds, rng.random(20_000) < sigmoid(odds)) is None


def test_beyond_the_last_knot_log_odds_move_on_alike() -> None:
    np.testing.assert_allclose(bent(np.array([-5.0, 0.5, 9.0]), [0.0, 1.0], [1.0, 3.0]), [-4.0, 2.0, 11.0])
