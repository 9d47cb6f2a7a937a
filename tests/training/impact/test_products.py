"""What two columns do together is found where neither does it alone, and nothing is found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.doubts.together import moved_by_products
from training.impact.doubts.variants import variants
from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import Pipeline, fit_effect
from training.impact.estimators.grown import Grown
from training.impact.estimators.linear import expit, ridge
from training.impact.estimators.products import MOST, REACH, ratios, standing_out
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


def test_two_rare_things_that_met_in_three_people_say_nothing() -> None:
    rng = np.random.default_rng(4)
    rare = (rng.random((1_000, 4)) < 0.05).astype(float)
    rare[:3, :2] = 1.0
    rare[3:, 0] *= 1 - rare[3:, 1]  # nobody else has both
    left = rng.normal(size=1_000)
    left[:3] += 40.0
    left -= ridge(rare, left)(rare)
    assert standing_out(rare, left).pairs == ()


def test_two_rare_things_that_meet_in_a_row_to_predict_make_no_certainty() -> None:
    rng = np.random.default_rng(8)
    columns = np.column_stack(
        [np.where(rng.random(2_000) < 0.03, -2.0, 0.1), rng.random(2_000) < 0.03]
    ).astype(float)
    columns[:, 1] *= columns[:, 0] > 0  # they never meet among those who teach
    left = rng.normal(size=2_000) + 3.0 * (columns[:, 0] < 0)
    found = standing_out(columns, left - left.mean())
    assert found.pairs == ((0, 1),)
    assert abs(found(np.array([[-2.0, 1.0]]))[0, -1]) == REACH
    assert np.abs(found(columns)[:, -1]).max() <= REACH


def test_only_the_strongest_few_are_kept() -> None:
    columns = noise(4_000, 9)
    left = np.sum([columns[:, k] * columns[:, j] for k in range(9) for j in range(k)], axis=0)
    assert len(standing_out(columns, left).pairs) == MOST


def test_the_ratio_is_that_of_a_covariance_by_hand_and_0_where_a_product_is_constant() -> None:
    drawn = np.tile([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]], (9, 1))
    left = np.tile([1.0, -1.0, -1.0, 3.0], 9)
    found = ratios(drawn, left)
    # products of the first two: 1, -1, -1, 1; left less its mean of .5: .5, -1.5, -1.5, 2.5 with a spread of √2.75
    assert found[0, 1] == pytest.approx((6.0 / 4) / (np.sqrt(2.75) / np.sqrt(36)))
    assert found[1, 2] == 0  # always 1


def test_confounding_by_two_columns_together_alone_is_adjusted_for() -> None:
    rng = np.random.default_rng(5)
    columns = noise(2_000, 12)
    both = columns[:, 2] * columns[:, 3]
    trained = rng.random(2_000) < expit(both - 1)
    outcome = both + trained + rng.normal(size=2_000)
    table = ComparisonTable(columns, tuple(map(str, range(12))), trained, outcome, is_filled=True)
    found = fit_effect(table, columns, Pipeline("full", Grown(1), 2, (0,))).effect
    assert outcome[trained].mean() - outcome[~trained].mean() > 1.6
    assert found.low < 1 < found.high
    assert found.value == pytest.approx(1.0, abs=0.15)


def test_trees_bend_the_product_that_was_found() -> None:
    columns = noise(2_000, 12)
    truth = np.sign(columns[:, 2] * columns[:, 3])
    target = truth + noise(2_000, 1, 1)[:, 0]
    known = Part.of(columns).rows(np.arange(2_000) < 1_600)
    found = Grown(1).outcome(known, target[:1_600], columns[1_600:], 0)
    assert (
        np.sqrt(np.mean((found - truth[1_600:]) ** 2)) < 0.5
    )  # a plane through the product alone leaves .77


def small_world(is_together: bool, seed: int = 6) -> ComparisonTable:
    """Return a table for forests in which two columns move choice and outcome, by their product or each by itself."""
    rng, columns = np.random.default_rng(seed), noise(1_200, 6, seed)
    cause = columns[:, 1] * columns[:, 4] if is_together else columns[:, 1] + columns[:, 4]
    trained = rng.random(1_200) < expit(cause - 1)
    return ComparisonTable(
        columns, tuple(map(str, range(6))), trained, cause + trained + rng.normal(size=1_200), is_filled=True
    )


def test_on_a_small_table_what_products_would_change_is_told() -> None:
    table = small_world(is_together=True)
    found = moved_by_products(table, table.covariates)
    assert found is not None
    assert found[0].low < 1 < found[0].high
    beside = variants(table, table.covariates, found[1])[-1]
    assert beside.name == "with_products"
    assert 50 < beside.effective_sample < beside.n_trained + (~table.trained).sum()


def test_where_columns_count_by_themselves_products_change_nothing() -> None:
    for seed in range(8):
        table = small_world(is_together=False, seed=seed)
        assert moved_by_products(table, table.covariates) is None
    assert moved_by_products(table, table.covariates[:, :1]) is None
