"""Hazards: the arithmetic by hand, and a planted one found again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from training.attrition.dataset import Dataset
from training.attrition.evaluate import evaluate
from training.attrition.fit import Parameters, fit
from training.attrition.fitting.calibration import level
from training.attrition.fitting.cohort import wilson
from training.attrition.scorer import cumulative_incidence, sigmoid
from training.loading import golden_difference, load_scorer
from training.payload import Payload, write_payload

FAST = Parameters(shapes=("stumps",), penalties=(10.0,), bags=2)


def test_the_incidence_of_two_causes_is_the_one_worked_out_by_hand() -> None:
    hazards = np.array([[[0.1], [0.05]], [[0.2], [0.1]]])  # (n_periods, n_causes, n)
    # month 1: .10 and .05 leave, .85 stay; month 2: .85 × .2 = .17 and .85 × .1 = .085 leave
    found = cumulative_incidence(hazards, [1.0, 2.0])
    np.testing.assert_allclose(found[0], [[0.10, 0.05], [0.27, 0.135]], atol=1e-12)
    # half of the second month: 1 − sqrt(.7) of those here, two thirds of them for the first cause
    half = cumulative_incidence(hazards, [1.5])[0, 0]
    gone = 0.85 * (1 - np.sqrt(0.7))
    np.testing.assert_allclose(half, [0.10 + gone * 2 / 3, 0.05 + gone / 3], atol=1e-12)


def test_incidence_and_survival_add_up_to_one(scorer: Any, planted: Dataset) -> None:
    rows = planted.test.features[
        planted.test.features[:, scorer.model["features"].index("tenure_days")] >= 90
    ][:50]
    every = cumulative_incidence(scorer.hazards(rows).transpose(1, 2, 0), [float(scorer.model["periods"])])
    np.testing.assert_allclose(every[:, 0].sum(axis=1) + scorer.curve(rows)[:, -1], 1.0, atol=1e-9)


def test_a_planted_hazard_is_recovered(
    scorer: Any, planted: Dataset, truth: Callable[[np.ndarray], np.ndarray]
) -> None:
    rows = planted.test.features
    found, true = scorer.log_odds(rows)[:, 0], truth(rows)
    assert np.corrcoef(found, true)[0, 1] > 0.8
    monthly = scorer.hazards(rows)[:, 0, 0]
    assert monthly.mean() == pytest.approx(float(sigmoid(true).mean()), rel=0.25)


def test_contributions_add_up_to_the_log_odds_before_recalibration(scorer: Any, planted: Dataset) -> None:
    rows = np.vstack([planted.test.features[:200], np.full((1, planted.test.features.shape[1]), np.nan)])
    parts = scorer.contributions(rows)
    np.testing.assert_allclose(parts.sum(axis=1), scorer.log_odds(rows)[:, 0], atol=1e-6)
    assert parts.shape == (201, len(scorer.features) + 1)


def test_the_planted_drivers_are_the_largest(scorer: Any, planted: Dataset) -> None:
    size = np.abs(scorer.contributions(planted.test.features)[:, :-1]).mean(axis=0)
    largest = {scorer.features[index] for index in np.argsort(-size)[:3]}
    assert largest == {"overtime_hours", "pay_to_job_median", "tenure_days"}


def test_contributions_hardly_move_under_one_percent_noise(scorer: Any, planted: Dataset) -> None:
    rows = planted.test.features[:300]
    noise = np.random.default_rng(8).normal(1.0, 0.01, rows.shape)
    before, after = scorer.contributions(rows)[:, :-1], scorer.contributions(rows * noise)[:, :-1]
    assert np.abs(before - after).mean() < 0.1 * np.abs(before).mean()


def test_the_interval_holds_the_probability_and_fewer_exits_make_the_level_less_sure(
    scorer: Any, planted: Dataset, make_planted: Callable[..., Dataset], tmp_path: Path
) -> None:
    rows = planted.test.features[:100]
    ends = scorer.interval(rows).reshape(100, 3, 2)
    said = scorer.scores(rows).reshape(100, 3, 4)[:, :, 0]
    assert ((ends[:, :, 0] <= said + 1e-9) & (said <= ends[:, :, 1] + 1e-9)).all()
    write_payload(
        fit(
            make_planted(500, seed=5),
            Parameters(shapes=("stumps",), penalties=(10.0,), bags=0),
            np.random.default_rng(1),
        ),
        tmp_path / "few",
    )
    few = load_scorer(tmp_path / "few")
    assert few.model["level_error"] > scorer.model["level_error"]


def test_new_hires_are_told_the_rate_of_their_cohort(scorer: Any, planted: Dataset) -> None:
    tenure = scorer.features.index("tenure_days")
    rows = planted.test.features[:4].copy()
    rows[:, tenure] = [10.0, 89.9, 90.0, 400.0]
    assert scorer.is_personal(rows).tolist() == [False, False, True, True]
    said = scorer.scores(rows)
    np.testing.assert_array_equal(said[0], said[1])
    np.testing.assert_allclose(said[0].reshape(3, 4), scorer.model["new_hire"]["incidence"])
    assert not np.allclose(said[2], said[0])


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe 1998, table I: 81 of 263, 95 %: .2553 to .3662
    low, high = wilson(81 / 263, 263, level=0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_the_level_is_the_shift_that_expects_as_many_exits_as_came() -> None:
    odds = np.array([-2.0, -1.0, 0.0, 1.0])
    shift = level(odds, np.array([False, False, True, False]))
    assert sigmoid(odds + shift).sum() == pytest.approx(1.0)


def test_missing_values_and_values_never_seen_are_scored(scorer: Any, planted: Dataset) -> None:
    rows = np.vstack([np.full((1, planted.test.features.shape[1]), np.nan), planted.test.features[:2] * 1e6])
    for said in (scorer.scores(rows), scorer.interval(rows), scorer.curve(rows)):
        assert np.isfinite(said).all()
        assert ((said >= 0) & (said <= 1)).all()


def test_nobody_scored_is_an_empty_answer(scorer: Any) -> None:
    empty = np.empty((0, len(scorer.features)))
    assert scorer.scores(empty).shape == (0, 12)
    assert scorer.interval(empty).shape == (0, 6)
    assert scorer.contributions(empty).shape == (0, len(scorer.features) + 1)


def test_the_probability_of_more_days_is_never_lower(scorer: Any, planted: Dataset) -> None:
    said = scorer.scores(planted.test.features).reshape(-1, 3, 4)
    assert (np.diff(said, axis=1) >= -1e-12).all()


def test_the_written_payload_holds_no_row_of_the_data_and_answers_its_golden_input(
    folder: Path, planted: Dataset
) -> None:
    assert golden_difference(folder) == 0.0
    golden = np.load(folder / "golden.npz", allow_pickle=False)["input_features"]
    real = {tuple(np.round(row, 2)) for row in np.nan_to_num(planted.panel.features)}
    assert not real & {tuple(np.round(row, 2)) for row in np.nan_to_num(golden)}


def test_the_scorer_loads_where_our_packages_cannot_be_imported(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys, runpy, numpy as np, pathlib, json\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "scope = runpy.run_path(str(folder / 'scorer.py'))\n"
        "scorer = scope['Scorer'].load(folder)\n"
        "golden = np.load(folder / 'golden.npz')\n"
        "print(json.dumps([float(np.abs(scorer.scores(golden['input_features']) - golden['output']).max()),"
        " any(name.split('.')[0] in ('features', 'training', 'serving') for name in sys.modules)]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    difference, knows_us = json.loads(answer.stdout)
    assert difference < 1e-9
    assert not knows_us


def test_the_saved_model_ranks_and_dates_better_than_its_references(folder: Path, planted: Dataset) -> None:
    found = evaluate(folder, planted, np.random.default_rng(1))
    assert found.status == "estimated"
    assert found.metrics["auc"].low > 0.6
    assert found.metrics["o_e"].low < 1 < found.metrics["o_e"].high
    assert found.metrics["ibs"].value < found.peers["kaplan_meier"]["ibs"].value
    assert found.metrics["auc"].value > found.peers["logistic"]["auc"].value - 0.02
    assert set(found.peer_units) == {"base_rate", "logistic", "lightgbm"}
    assert found.per_unit.shape == found.peer_units["logistic"].shape
    assert found.gates["fairness"][0]
    assert found.diagnostics["horizons_not_evaluated"]["horizons"] == ["365"]


def test_where_nothing_matters_ranking_is_chance_within_its_interval(
    make_planted: Callable[..., Dataset], tmp_path: Path
) -> None:
    null = make_planted(1_200, seed=9, is_null=True)
    write_payload(fit(null, FAST, np.random.default_rng(3)), tmp_path / "null")
    found = evaluate(tmp_path / "null", null, np.random.default_rng(3))
    assert found.metrics["auc"].low <= 0.5 <= found.metrics["auc"].high
    assert "not above chance" in found.verdict


def test_training_again_with_other_protected_attributes_gives_the_same_payload(
    planted: Dataset, fitted: Payload
) -> None:
    names = list(planted.test.names)
    protected = pl.DataFrame({"employee_id": names, "sex": ["f"] * len(names)})
    again = fit(replace(planted, protected=protected), FAST, np.random.default_rng(7))
    assert dict(again.files) == dict(fitted.files)
