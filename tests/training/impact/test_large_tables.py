"""Large tables: trees are grown until held-out rows stop to gain, and forests are left to small ones."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.estimators import learners
from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import fit_effect, full_pipeline
from training.impact.estimators.grown import GROWING, Grown, Taught
from training.impact.estimators.learners import Boosted, Forests
from training.impact.estimators.linear import expit
from training.impact.table import ComparisonTable, Floats


def wide(n: int, width: int = 40) -> Floats:
    """Return so many rows of noise."""
    return np.random.default_rng(7).normal(size=(n, width))


def off(found: Floats, truth: Floats) -> float:
    """Return the root mean squared error."""
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def test_what_counts_is_the_whole_table_and_its_width() -> None:
    half = np.arange(2_000) < 1_000
    assert Part.of(wide(2_000)).is_of_large_table
    assert Part.of(wide(2_000)).rows(half).is_of_large_table
    assert not Part.of(wide(1_000)).is_of_large_table
    assert not Part.of(np.zeros((16_177, 10))).is_of_large_table  # LaLonde's largest


def test_a_narrow_table_of_amounts_is_large_where_sorting_them_costs_more_than_lalondes() -> None:
    amounts = np.random.default_rng(7).normal(size=(20_000, 10))
    assert Part.of(amounts).is_of_large_table
    assert Part.of(amounts[:, :3]).is_of_large_table
    assert not Part.of(amounts[:, :2]).is_of_large_table
    assert not Part.of(np.round(amounts[:, :8])).is_of_large_table  # a handful of values each
    assert Part.of(np.round(amounts)).is_of_large_table  # more cells than LaLonde's, whatever they hold


def test_a_large_table_is_given_no_forest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(Grown, "outcome", lambda self, *_: asked.append(self.threads))
    monkeypatch.setattr(learners, "out_of_fold", lambda *_: pytest.fail("a forest was about to be fitted"))
    Forests(500, 3).outcome(Part.of(wide(2_000)), np.zeros(2_000), wide(2), 0)
    assert asked == [3]


def test_what_two_columns_do_together_is_found() -> None:
    columns = wide(3_000)
    truth = columns[:, 0] + columns[:, 1] * columns[:, 2] + np.abs(columns[:, 3])
    target = truth + np.random.default_rng(1).normal(size=3_000)
    known, held = Part.of(columns).rows(np.arange(3_000) < 2_500), columns[2_500:]
    found = Grown(1).outcome(known, target[:2_500], held, 0)
    few = Boosted(1).outcome(known, target[:2_500], held, 0)
    assert off(found, truth[2_500:]) < 0.85 * off(few, truth[2_500:])


def test_where_a_line_says_it_all_trees_add_nothing() -> None:
    columns = wide(2_000, 5)
    line, watched = columns[:, 0], np.arange(2_000) < 400
    sure = Taught(Part.of(columns), line, line)
    assert Grown(1).correction("regression", sure, watched, columns[:3], 0).tolist() == [0, 0, 0]
    noisy = Taught(Part.of(columns), line + np.random.default_rng(1).normal(size=2_000), line)
    options = {**GROWING, "objective": "regression", "seed": 0, "num_threads": 1}
    assert Grown(1).rounds(options, noisy, watched) < 20


def test_a_bent_chance_of_being_trained_is_found() -> None:
    columns = wide(4_000, 30)
    chance = expit(1.5 * np.abs(columns[:, 0]) - 2)
    trained = np.random.default_rng(1).random(4_000) < chance
    known = Part.of(columns).rows(np.arange(4_000) < 3_000)
    found = Grown(1).propensity(known, trained[:3_000], columns[3_000:], 0)
    assert ((found > 0) & (found < 1)).all()
    assert np.corrcoef(found, chance[3_000:])[0, 1] > 0.9


def test_the_effect_on_a_large_table_is_the_planted_one() -> None:
    rng = np.random.default_rng(7)
    columns = wide(1_300)
    trained = rng.random(1_300) < expit(columns[:, 0] - 1)
    outcome = columns[:, 0] * columns[:, 1] + columns[:, 0] + trained + rng.normal(size=1_300)
    table = ComparisonTable(columns, tuple(map(str, range(40))), trained, outcome, is_filled=True)
    found = fit_effect(table, columns, full_pipeline(1, 5, (0,))).effect
    assert found.low < 1 < found.high
    assert found.standard_error < 0.15


def test_the_answer_does_not_depend_on_the_number_of_threads() -> None:
    columns = wide(600)
    target = columns[:, 0] * columns[:, 1]
    one, two = (Grown(threads).outcome(Part.of(columns), target, columns[:50], 0) for threads in (1, 2))
    assert one == pytest.approx(two, abs=1e-9)
