"""Metrics: by hand, and against the field's own libraries."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sksurv.metrics import concordance_index_ipcw, integrated_brier_score
from sksurv.util import Surv

from training.attrition.judging import metrics
from training.attrition.judging.survival import (
    brier_contributions,
    censoring_curve,
    concordance,
    kaplan_meier,
)

ONE = np.ones(4)


def test_the_area_under_the_curve_is_the_one_worked_out_by_hand() -> None:
    # leavers .8 and .4, stayers .4 and .1: pairs won 1 + 1 + ½ + 1 of 4
    assert metrics.auc(np.array([True, True, False, False]), np.array([0.8, 0.4, 0.4, 0.1])) == 3.5 / 4


def test_lift_and_ratio_are_the_ones_worked_out_by_hand() -> None:
    left = np.arange(20) < 4
    said = np.where(left, 0.9, 0.1)
    weight = np.ones(20)
    assert metrics.lift_at_tenth(left, said, weight) == pytest.approx(5.0)  # 2 of 2 against 4 of 20
    assert metrics.observed_to_expected(left, said, weight) == pytest.approx(4 / (4 * 0.9 + 16 * 0.1))
    assert metrics.brier(left, said, weight) == pytest.approx(0.01)


def test_the_calibration_slope_of_overstated_odds_is_the_factor_they_were_overstated_by() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(-2, 1, 60_000)
    left = rng.random(60_000) < 1 / (1 + np.exp(-odds))
    said = 1 / (1 + np.exp(-2 * odds))
    weight = np.ones(60_000)
    assert metrics.calibration_slope(left, said, weight) == pytest.approx(0.5, abs=0.03)
    honest = 1 / (1 + np.exp(-odds))
    assert metrics.calibration_slope(left, honest, weight) == pytest.approx(1.0, abs=0.05)
    assert metrics.calibration_intercept(left, honest, weight) == pytest.approx(0.0, abs=0.05)


def test_ranking_metrics_agree_with_scikit_learn_also_when_people_are_redrawn() -> None:
    rng = np.random.default_rng(1)
    left, said = rng.random(300) < 0.3, np.round(rng.random(300), 2)
    weight = rng.integers(0, 3, 300).astype(float)
    assert metrics.auc(left, said, weight) == pytest.approx(roc_auc_score(left, said, sample_weight=weight))
    assert metrics.average_precision(left, said, weight) == pytest.approx(
        average_precision_score(left, said, sample_weight=weight)
    )
    assert metrics.brier(left, said, weight) == pytest.approx(
        brier_score_loss(left, said, sample_weight=weight)
    )


def test_kaplan_meier_is_the_one_worked_out_by_hand() -> None:
    curve = kaplan_meier(np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, True]))
    # 3/4, then of three here one leaves, then of one here one leaves
    np.testing.assert_allclose(curve.at(np.array([0.5, 1.0, 2.5, 3.0])), [1.0, 0.75, 0.5, 0.0])


def test_unos_c_and_the_integrated_brier_score_agree_with_scikit_survival() -> None:
    rng = np.random.default_rng(2)
    risk = rng.normal(size=400)
    time = rng.exponential(10 * np.exp(-0.7 * risk))
    end = rng.uniform(2, 30, 400)
    left, duration = time <= end, np.minimum(time, end)
    fit, check = slice(0, 200), slice(200, 400)
    train = Surv.from_arrays(left[fit], duration[fit])
    test = Surv.from_arrays(left[check], duration[check])
    until = 15.0
    expected = concordance_index_ipcw(train, test, risk[check], tau=until)[0]
    censoring = censoring_curve(duration[fit], left[fit])
    pairs = concordance(duration[check], left[check], risk[check], censoring, until)
    assert pairs.value(np.ones(200)) == pytest.approx(expected, abs=1e-3)
    times = np.linspace(1, 14, 30)
    stays = np.exp(-times * np.exp(0.7 * risk[check])[:, None] / 10)
    squared = brier_contributions(duration[check], left[check], stays, times, censoring)
    assert squared.mean() == pytest.approx(integrated_brier_score(train, test, stays, times), abs=2e-3)


def test_redrawing_people_keeps_all_rows_of_a_person_together() -> None:
    people, weights = metrics.redrawn(np.array([4, 4, 9, 1]), np.random.default_rng(0), draws=50)
    assert people.tolist() == [1, 4, 9]
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 3).all()
