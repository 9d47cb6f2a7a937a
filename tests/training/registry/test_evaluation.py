"""Intervals by hand, and the object that programs read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from training.evaluation import (
    Evaluation,
    Interval,
    as_json,
    bootstrap_mean,
    bootstrap_rows,
    paired_difference,
    paired_differences,
    percentile_interval,
    plain,
)


def some(**changes: object) -> Evaluation:
    given = {
        "question": "attrition", "protocol": "temporal", "metrics": {"auc": Interval(0.7, 0.6, 0.8)},
        "peers": {"cohort": {"auc": Interval(0.5)}}, "primary": "auc",
        "per_unit": np.ones(3), "peer_units": {"cohort": np.zeros(3)},
    }  # fmt: skip
    return Evaluation(**{**given, **changes})


class TestRefusals:
    def test_units_that_do_not_match_are_not_paired(self) -> None:
        with pytest.raises(ValueError, match="must match"):
            paired_difference(np.ones(3), np.ones(4), np.random.default_rng(7))

    @pytest.mark.parametrize("chunk", [1, 1_000, 10_000_000])
    def test_several_metrics_of_the_same_people_are_drawn_once_and_told_the_same(
        self, chunk: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(11)
        many = {name: (rng.normal(size=301), rng.normal(size=301)) for name in ("one", "two")}
        pairs = {
            **many,
            "few": (rng.integers(0, 2, 301) * 1.0, np.zeros(301)),
            "none": (np.full(301, np.nan), np.ones(301)),
        }
        alone = {name: paired_difference(*pair, np.random.default_rng(7)) for name, pair in pairs.items()}
        monkeypatch.setattr("training.evaluation.CHUNK", chunk)
        together = paired_differences(pairs, lambda: np.random.default_rng(7))
        assert repr(together) == repr(alone)
        assert together["one"] != together["two"]

    def test_no_values_give_no_interval(self) -> None:
        found = bootstrap_mean(np.array([]), np.random.default_rng(7))
        assert np.isnan([found.value, found.low, found.high]).all()

    def test_a_missing_value_gives_no_interval(self) -> None:
        assert np.isnan(bootstrap_mean(np.array([1.0, np.nan]), np.random.default_rng(7)).low)

    def test_a_refusal_carries_its_reason_in_json(self) -> None:
        found = as_json(some(status="refused", reason="too few exits"))
        assert (found["status"], found["reason"]) == ("refused", "too few exits")


class TestIntervals:
    def test_equal_values_have_an_interval_of_no_width(self) -> None:
        found = bootstrap_mean(np.full(50, 0.25), np.random.default_rng(7))
        assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)

    def test_the_interval_of_a_share_is_the_binomial_one(self) -> None:
        # 400 of 1,000: standard error sqrt(.4 · .6 / 1000) = .0155, so 95 % is .4 ± .0304
        values = np.repeat([1.0, 0.0], [400, 600])
        found = bootstrap_mean(values, np.random.default_rng(7), draws=4000)
        assert found.value == pytest.approx(0.4)
        assert (found.low, found.high) == pytest.approx((0.3696, 0.4304), abs=0.002)

    def test_many_distinct_values_are_drawn_row_by_row_to_the_same_width(self) -> None:
        values = np.random.default_rng(1).normal(size=400)
        found = bootstrap_mean(values, np.random.default_rng(7), draws=4000)
        half = 1.96 * values.std() / 20  # standard error of the mean of 400
        assert found.high - found.low == pytest.approx(2 * half, rel=0.06)

    def test_a_constant_advantage_is_found_however_noisy_the_units(self) -> None:
        noise = np.random.default_rng(1).normal(size=300)
        found = paired_difference(noise + 0.1, noise, np.random.default_rng(7))
        assert (found.low, found.high) == pytest.approx((0.1, 0.1))

    def test_the_same_seed_draws_the_same_interval(self) -> None:
        values = np.random.default_rng(1).random(100)
        first, second = (bootstrap_mean(values, np.random.default_rng(7)) for _ in range(2))
        assert first == second

    def test_a_statistic_of_rows_is_drawn_over_rows(self) -> None:
        values = np.arange(101.0)
        found = bootstrap_rows(lambda rows: float(np.median(values[rows])), 101, np.random.default_rng(7))
        assert found.value == 50.0
        assert 30 < found.low < 50 < found.high < 70

    def test_percentiles_are_of_the_draws_that_are_numbers(self) -> None:
        draws = np.concatenate([np.arange(1001.0), [np.nan]])
        found = percentile_interval(500.0, draws)
        assert (found.value, found.low, found.high) == pytest.approx((500.0, 25.0, 975.0))


class TestTheContract:
    def test_the_object_has_the_names_that_programs_rely_on(self) -> None:
        assert set(as_json(some())) == {
            "question", "protocol", "status", "n", "metrics", "peers",
            "diagnostics", "verdict", "seeds", "versions", "data_digest",
        }  # fmt: skip

    def test_everything_in_it_is_plain_json(self) -> None:
        diagnostics = {
            "array": np.array([1.5, np.nan]), "when": datetime(2025, 1, 1, tzinfo=UTC), "pair": (np.int64(1), True),
            "nested": Interval(1.0), 3: "number as key",
        }  # fmt: skip
        found = json.loads(json.dumps(as_json(some(diagnostics=diagnostics)), allow_nan=False))
        assert found["diagnostics"] == {
            "array": [1.5, None], "when": "2025-01-01T00:00:00+00:00", "pair": [1, True],
            "nested": {"value": 1.0, "low": None, "high": None}, "3": "number as key",
        }  # fmt: skip
        assert found["metrics"] == {"auc": {"value": 0.7, "low": 0.6, "high": 0.8}}

    def test_infinite_numbers_become_null(self) -> None:
        assert plain({"a": float("inf"), "b": np.float32("nan")}) == {"a": None, "b": None}
