"""A drift alarm is silent where nothing moved, in small samples too, and finds what did."""

from __future__ import annotations

import numpy as np
import pytest

from training.drift import Drift, Reference, adjusted, compare, drifts, drifts_of, reference_of, stability


class TestDrift:
    def test_the_index_by_hand(self) -> None:
        # 40 and 60 became 60 and 40: cells of 40.5 and 60.5 of 101, and the other way round
        then = Reference(np.array([0.5]), np.array([40.0, 60.0, 0.0]))
        found = compare("x", then, np.array([0.0] * 60 + [1.0] * 40))
        p, q = 40.5 / 101, 60.5 / 101
        assert found.index == pytest.approx(2 * (q - p) * np.log(q / p))
        assert (found.n_then, found.n_now) == (100, 100)

    def test_the_chance_by_hand(self) -> None:
        # 40 and 60 became 60 and 40: each of four cells is 10 off 50, so chi-square is 4 · 100 / 50 = 8 with one degree
        then = Reference(np.array([0.5]), np.array([40.0, 60.0, 0.0]))
        assert compare("x", then, np.array([0.0] * 60 + [1.0] * 40)).p_value == pytest.approx(
            0.0046777, rel=1e-4
        )

    def test_equal_shares_have_no_index_and_nobody_to_compare_with_is_no_drift(self) -> None:
        assert stability(np.array([50.0, 50.0]), np.array([100.0, 100.0])) == pytest.approx(0.0, abs=1e-12)
        assert compare("x", reference_of(np.arange(50.0)), np.empty(0)).p_value == 1.0
        assert drifts({}, {}) == []

    def test_nothing_changed_and_nobody_is_woken(self) -> None:
        alarms = 0
        for number in range(60):
            rng = np.random.default_rng([3, number])
            then = {f"f{place}": reference_of(rng.normal(size=300)) for place in range(20)}
            alarms += any(
                each.is_alarm for each in drifts(then, {name: rng.normal(size=300) for name in then})
            )
        assert alarms <= 3  # at most 2 % of 1,000 in benchmarks/drift.py

    def test_half_a_standard_deviation_is_found_among_twenty_others(self) -> None:
        found = 0
        for number in range(40):
            rng = np.random.default_rng([4, number])
            then = {f"f{place}": reference_of(rng.normal(size=500)) for place in range(20)}
            now = {name: rng.normal(size=500) for name in then}
            now["f7"] = now["f7"] + 0.5
            found += next(each for each in drifts(then, now) if each.name == "f7").is_alarm
        assert found >= 38

    def test_values_that_became_unknown_are_drift_too(self) -> None:
        rng = np.random.default_rng(1)
        values = rng.normal(size=1_000)
        then = reference_of(values)
        assert not compare("x", then, rng.normal(size=1_000)).is_alarm
        assert compare("x", then, np.where(rng.random(1_000) < 0.3, np.nan, values)).is_alarm

    def test_a_sure_but_tiny_shift_wakes_nobody(self) -> None:
        rng = np.random.default_rng(2)
        found = compare("x", reference_of(rng.normal(size=200_000)), rng.normal(0.1, 1, 200_000))
        assert found.p_value < 1e-6
        assert not found.is_alarm

    def test_a_reference_holds_counts_of_ten_people_and_more(self) -> None:
        found = reference_of(np.arange(35.0))
        assert found.counts[:-1].min() >= 10
        assert reference_of(np.full(50, 3.0)).counts.sum() == 50

    def test_the_correction_by_hand(self) -> None:
        given = [Drift(str(p), 1.0, p, p, 9, 9) for p in (0.01, 0.04, 0.03, 0.5)]
        assert [each.p_adjusted for each in adjusted(given)] == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])

    def test_a_hundred_people_of_whom_nothing_changed_wake_nobody(self) -> None:
        rng, names = np.random.default_rng(3), list("abcdefgh")
        false = sum(
            any(
                each.is_alarm
                for each in drifts_of(rng.normal(size=(500, 8)), rng.normal(size=(100, 8)), names)
            )
            for _ in range(100)
        )
        assert false <= 3

    def test_columns_that_moved_or_became_unknown_are_named(self) -> None:
        rng = np.random.default_rng(5)
        now = rng.normal(size=(400, 3))
        now[:, 1] += 1.0
        now[::2, 2] = np.nan
        found = drifts_of(rng.normal(size=(500, 3)), now, ["a", "b", "c"])
        assert sorted(each.name for each in found if each.is_alarm) == ["b", "c"]
