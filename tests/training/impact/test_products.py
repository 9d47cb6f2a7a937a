"""What two columns do together is found where neither does it alone, and nothing is found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import fit_effect, full_pipeline
from training.impact.estimators.grown import Grown
from training.impact.estimators.linear import expit
from training.impact.estimators.products import MOST, ratios, standing_out
from training.impact.table import ComparisonTable, Floats


def noise(n: int, width: int, seed: int = 3) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, width))


def test_the_pair_that_counts_is_found_and_stands_beside_the_columns() -> None:
    columns = noise(2_000, 12)
    left = columns[:, 4] * columns[:, 9] + noise(2_000, 1, 1)[:, 0]
    found = standing_out(columns, left)
    assert found.pairs == ((4, 9),)
    wide = found(columns)
    assert wide.shape == (2_000, 13)
    assert np.corrcoef(wide[:, -1], columns[:, 4] * columns[:, 9])[0, 1] > 0.98  # far values are drawn in


def test_in_noise_a_pair_is_found_one_time_in_twenty_at_most_as_it_is_meant() -> None:
    found = [
        bool(standing_out(noise(300, 8, seed), noise(300, 1, seed + 500)[:, 0]).pairs) for seed in range(200)
    ]
    assert np.mean(found) < 0.09  # 5 % and three standard errors of 200 draws


def test_without_a_pair_nothing_changes() -> None:
    columns = noise(100, 3)
    found = standing_out(columns, columns.sum(axis=1))  # a line
    assert found.pairs == ()
    assert found(columns) is columns
    part = Part.of(columns)
    assert found.part(part) is part
    assert standing_out(columns[:, :1], columns[:, 0]).pairs == ()


def test_only_the_strongest_few_are_kept() -> None:
    columns = noise(4_000, 9)
    left = np.sum([columns[:, k] * columns[:, j] for k in range(9) for j in range(k)], axis=0)
    assert len(standing_out(columns, left).pairs) == MOST


def test_the_ratio_is_that_of_a_covariance_by_hand_and_0_where_a_product_is_constant() -> None:
    drawn = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])
    left = np.array([1.0, -1.0, -1.0, 3.0])
    found = ratios(drawn, left)
    # products of the first two: 1, -1, -1, 1; left less its mean of .5: .5, -1.5, -1.5, 2.5 with a spread of √2.75
    assert found[0, 1] == pytest.approx((6.0 / 4) / (np.sqrt(2.75) / 2))
    assert found[1, 2] == 0  # always 1


def test_confounding_by_two_columns_together_alone_is_adjusted_for() -> None:
    rng = np.random.default_rng(5)
    columns = noise(3_000, 30)
    both = columns[:, 2] * columns[:, 3]
    trained = rng.random(3_000) < expit(both - 1)
    outcome = both + trained + rng.normal(size=3_000)
    table = ComparisonTable(columns, tuple(map(str, range(30))), trained, outcome, is_filled=True)
    found = fit_effect(table, columns, full_pipeline(1, 5, (0,))).effect
    assert outcome[trained].mean() - outcome[~trained].mean() > 1.6
    assert found.low < 1 < found.high
    assert found.value == pytest.approx(1.0, abs=0.1)


def test_trees_bend_the_product_that_was_found() -> None:
    columns = noise(3_000, 30)
    truth = np.sign(columns[:, 2] * columns[:, 3])
    target = truth + noise(3_000, 1, 1)[:, 0]
    known = Part.of(columns).rows(np.arange(3_000) < 2_500)
    found = Grown(1).outcome(known, target[:2_500], columns[2_500:], 0)
    assert (
        np.sqrt(np.mean((found - truth[2_500:]) ** 2)) < 0.5
    )  # a plane through the product alone leaves .77
