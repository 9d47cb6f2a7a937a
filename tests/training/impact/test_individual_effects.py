"""Individual effects: by hand, planted, and a gate that stays shut where there is nothing to tell."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.estimators.individual import (
    Individual,
    calibration_slope,
    gate,
    individual_effects,
    policies,
    qini,
)
from training.impact.scorer import Scorer
from training.impact.table import ComparisonTable
from training.impact.telling.individual import of_records

NAMES = ("a", "b", "c")


def trial(rng: np.random.Generator, uneven: float, n: int = 3000) -> tuple[ComparisonTable, np.ndarray]:
    """Return a trial by lot whose effect is 1 + uneven · a, and that effect."""
    x = rng.normal(size=(n, 3))
    effect = 1 + uneven * x[:, 0]
    trained = rng.random(n) < 0.5
    return ComparisonTable(x, NAMES, trained, x[:, 1] + effect * trained + rng.normal(size=n)), effect


def test_the_gate_stays_shut_where_everybody_gains_the_same() -> None:
    shut = 0
    for seed in range(6):
        table, _ = trial(np.random.default_rng(seed), 0.0, 1200)
        shut += not gate(individual_effects(table, table.covariates, 0.5)).is_open
    assert shut >= 5


def test_the_gate_opens_where_gains_differ_and_the_predictions_follow_them() -> None:
    table, effect = trial(np.random.default_rng(7), 1.0)
    found = individual_effects(table, table.covariates, 0.5)
    opened = gate(found)
    assert opened.is_open
    assert opened.words == "usable heterogeneity"
    assert opened.calibration_slope.low < 1 < opened.calibration_slope.high + 0.2
    assert np.corrcoef(found.predicted, effect)[0, 1] > 0.9
    assert np.sqrt(np.mean((found.predicted - effect) ** 2)) < 0.5 * effect.std()


def test_choosing_who_gains_is_worth_more_than_a_lot() -> None:
    table, _ = trial(np.random.default_rng(7), 1.0)
    found = policies(individual_effects(table, table.covariates, 0.5))
    assert found.everybody.low < 1 < found.everybody.high
    assert found.chosen.value > found.everybody.value
    # the better half of 1 + a gains 1 + .8 on average, so half of all people: .9; by lot .5
    assert found.best_half.low < 0.9 < found.best_half.high + 0.1
    assert found.best_half_gain.low > 0.25


def test_confounded_choices_are_adjusted_for() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(4000, 3))
    trained = rng.random(4000) < 1 / (1 + np.exp(-x[:, 1]))
    outcome = 3 * x[:, 1] + trained * (1 + x[:, 0]) + rng.normal(size=4000)
    found = individual_effects(ComparisonTable(x, NAMES, trained, outcome), x)
    assert abs(found.score.mean() - 1) < 0.15
    assert np.corrcoef(found.predicted, 1 + x[:, 0])[0, 1] > 0.9


def test_qini_and_slope_are_as_computed_by_hand() -> None:
    found = Individual(np.array([3.0, 1.0, 2.0, 0.0]), np.array([4.0, 0.0, 2.0, 2.0]))
    # ranks from the best: 1, 3, 2, 4; shares before: .125, .625, .375, .875
    assert qini(found).value == pytest.approx((4 * 0.375 + 0 + 2 * 0.125 + 2 * -0.375) / 4)
    # predicted - 1.5: 1.5, -.5, .5, -1.5; squared mean 1.25; with scores: 6 + 0 + 1 - 3 = 4
    assert calibration_slope(found).value == pytest.approx((4 / 4) / 1.25)


def test_predictions_that_are_all_alike_say_nothing() -> None:
    found = Individual(np.ones(50), np.arange(50.0))
    assert not gate(found).is_open
    assert qini(found).value == pytest.approx(0.0)


def test_of_a_course_the_worth_of_choosing_is_told_only_behind_an_open_gate() -> None:
    uneven, _ = trial(np.random.default_rng(7), 1.0)
    opened = of_records(uneven)
    assert opened["gate"] == "open"
    gain = opened["policy_value"]["best_half_gain"]
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    even, _ = trial(np.random.default_rng(1), 0.0, 1200)
    shut = of_records(even)
    assert shut["gate"] == "shut"
    assert list(shut["policy_value"]) == ["everybody"]


def test_the_line_that_is_served_has_a_gate_of_its_own_and_says_the_planted_effects() -> None:
    uneven, effect = trial(np.random.default_rng(7), 1.0)
    line = of_records(uneven)["line"]
    assert line["names"] == list(NAMES)
    body = {"course_ids": ["C"], "outcomes": ["o"], "features": [], "estimates": [
        {"course_id": "C", "outcome": "o", "effect": None, "individual": {"line": line}}]}  # fmt: skip
    values = {name: uneven.covariates[:, place] for place, name in enumerate(NAMES)}
    own = Scorer(body, {}).personal(0, values)
    assert np.corrcoef(own[:, 0], effect)[0, 1] > 0.95
    assert np.sqrt(np.mean((own[:, 0] - effect) ** 2)) < 0.3
    assert np.mean((own[:, 1] < effect) & (effect < own[:, 2])) > 0.8
    even, _ = trial(np.random.default_rng(1), 0.0, 1200)
    assert of_records(even)["line"] is None


def test_what_is_unknown_of_a_person_counts_as_the_average() -> None:
    uneven, _ = trial(np.random.default_rng(7), 1.0)
    line = of_records(uneven)["line"]
    body = {"course_ids": ["C"], "outcomes": ["o"], "features": [], "estimates": [
        {"course_id": "C", "outcome": "o", "effect": None, "individual": {"line": line}}]}  # fmt: skip
    unknown = Scorer(body, {}).personal(0, {"a": np.array([np.nan])})
    assert unknown[0, 0] == pytest.approx(line["base"])


def test_few_people_are_not_asked_whom_it_helped_more() -> None:
    table, _ = trial(np.random.default_rng(7), 1.0, 400)
    found = of_records(table)
    assert found["gate"] == "shut"
    assert "needed 250" in found["verdict"]
    assert found["policy_value"] is None
