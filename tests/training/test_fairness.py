"""The fairness report: by hand, small cells hidden, chance not blamed, a twofold disparity found."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from training.fairness.report import banded, observed_to_expected, of_people, report, risk_ratio


def people(*groups: tuple[str | None, int]) -> list[str | None]:
    return [name for name, count in groups for _ in range(count)]


def test_nobody_known_means_that_nothing_could_be_measured() -> None:
    found = report({"sex": people((None, 50))}, np.zeros(50, dtype=bool))
    assert found.passes
    assert found.unknown == {"sex": 50}
    assert "nothing could be measured" in found.reason


def test_the_ratio_is_the_one_worked_out_by_hand_in_both_directions() -> None:
    sex = people(("f", 100), ("m", 200), (None, 7))
    flagged = np.zeros(307, dtype=bool)
    flagged[:20] = True  # 20 of 100 women
    flagged[100:120] = True  # 20 of 200 men
    groups = {group.group: group for group in report({"sex": sex}, flagged).groups}
    assert groups["f"].ratio == pytest.approx(2.0)  # .20 / .10
    assert groups["m"].ratio == pytest.approx(0.5)
    assert groups["f"].ratio_unflagged == pytest.approx(0.8 / 0.9)
    # Katz: exp(ln 2 ± 1.96 √(1/20 − 1/100 + 1/20 − 1/200)) = 1.126 to 3.551
    assert (round(groups["f"].ratio_low, 3), round(groups["f"].ratio_high, 3)) == (1.129, 3.542)


def test_an_empty_cell_has_a_ratio_all_the_same() -> None:
    ratio, low, high = risk_ratio(np.array([[0, 50], [10, 90]]))
    assert 0 < low < ratio < high < np.inf


def test_the_exact_interval_of_observed_per_expected_is_poissons() -> None:
    ratio, low, high = observed_to_expected(10, 10.0)
    assert (ratio, round(low, 3), round(high, 3)) == (1.0, 0.480, 1.839)
    assert np.isnan(observed_to_expected(3, 0.0)[0])


def test_cells_of_fewer_than_ten_are_not_shown() -> None:
    ethnicity = people(("a", 100), ("b", 100), ("c", 9))
    flagged = np.zeros(209, dtype=bool)
    flagged[:4] = True
    found = report({"ethnicity": ethnicity}, flagged).as_json()
    assert found["suppressed_groups"] == 1
    assert {group["group"] for group in found["groups"]} == {"a", "b"}
    assert [group["flagged"] for group in found["groups"]] == [None, 0]
    assert json.dumps(found)


def test_holm_asks_more_of_each_the_more_are_looked_at() -> None:
    rng = np.random.default_rng(1)
    flagged = rng.random(400) < 0.1
    one = report({"a": people(("x", 200), ("y", 200))}, flagged)
    many = report(
        {name: rng.permutation(people(("x", 200), ("y", 200))) for name in "abcdef"}
        | {"a": people(("x", 200), ("y", 200))},
        flagged,
    )
    first = {group.p_adjusted for group in one.groups}
    again = {group.p_adjusted for group in many.groups if group.attribute == "a"}
    assert max(again) >= max(first)
    assert all(group.p_adjusted >= group.p_value for group in many.groups)


def test_a_model_that_treats_groups_alike_is_seldom_blocked() -> None:
    rng = np.random.default_rng(2)
    groups = people(("a", 800), ("b", 100), ("c", 60), ("d", 40))
    blocked = sum(not report({"group": groups}, rng.random(1000) < 0.1).passes for _ in range(200))
    assert blocked <= 200 * 0.05


def test_a_twofold_disparity_is_found() -> None:
    rng = np.random.default_rng(3)
    groups = people(("a", 2500), ("b", 500))
    rate = np.where(np.array(groups) == "b", 0.2, 0.1)
    found = [report({"group": groups}, rng.random(3000) < rate) for _ in range(100)]
    assert sum(not one.passes for one in found) >= 95
    assert "group = " in found[0].reason


def test_ages_are_taken_in_quarters_and_the_unknown_stay_unknown() -> None:
    groups = banded([*range(1950, 2000), None, float("nan")])
    assert groups[-2:] == [None, None]
    assert len({group for group in groups if group}) == 4
    assert groups[0] == "1950 to 1962.25"


def test_attributes_come_in_the_order_of_the_people_asked_for() -> None:
    protected = pl.DataFrame({"employee_id": ["b", "a"], "sex": ["m", "f"]})
    assert of_people(protected, ["a", "nobody", "b"]) == {"sex": ["f", None, "m"]}


def twofold(
    rng: np.random.Generator, is_true: bool
) -> tuple[list[str | None], np.ndarray, np.ndarray, np.ndarray]:
    """Return groups of which b is flagged twice as often, and leaves as said of it, or as often as a."""
    groups = people(("a", 2500), ("b", 500))
    plain = rng.beta(1, 10, 3000)
    said = np.minimum(plain * np.where(np.array(groups) == "b", 2.0, 1.0), 0.95)
    left = rng.random(3000) < (said if is_true else plain)
    return groups, said >= np.quantile(said, 0.9), left, said


def test_a_disparity_that_exits_do_not_bear_out_is_blocked() -> None:
    rng = np.random.default_rng(4)
    blocked = 0
    for _ in range(40):
        groups, flagged, left, said = twofold(rng, is_true=False)
        blocked += not report({"group": groups}, flagged, left, said).passes
    assert blocked >= 38


def test_a_disparity_that_exits_bear_out_is_blocked_all_the_same_and_explained() -> None:
    groups, flagged, left, said = twofold(np.random.default_rng(5), is_true=True)
    found = report({"group": groups}, flagged, left, said)
    assert not found.passes
    assert "exits as predicted bear it out" in found.reason
