"""Gaps of error, level and knowledge between groups: by hand, and against what was planted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from training.fairness.drawing import level_by_group
from training.fairness.gaps import bounds_if_known, difference, error_gaps, intersections, level_gap
from training.fairness.proxies import area, proxies
from training.fairness.report import report


def rows(*counts: int) -> list[np.ndarray]:
    """Return one mask per block of so many people."""
    ends = np.cumsum((0, *counts))
    return [(np.arange(ends[-1]) >= low) & (np.arange(ends[-1]) < high) for low, high in pairwise(ends)]  # fmt: skip


def test_the_difference_of_two_shares_has_newcombes_interval() -> None:
    # Newcombe 1998, table II: 56/70 − 48/80 = .2, method 10: .0524 to .3339
    inside, others = rows(70, 80)
    event = np.zeros(150, dtype=bool)
    event[:56] = event[70:118] = True
    found = difference(event, inside, others)
    assert [round(float(found[name] or 0), 4) for name in ("value", "low", "high")] == [0.2, 0.0524, 0.3339]


def test_fewer_than_ten_people_of_a_side_have_no_gap() -> None:
    inside, others = rows(9, 80)
    assert difference(np.zeros(89, dtype=bool), inside, others)["value"] is None


def test_errors_are_those_of_stayers_flagged_and_leavers_missed() -> None:
    inside, others = rows(100, 100)
    left = np.arange(200) % 2 == 0
    flagged = inside & ~left  # every stayer of the group, no leaver of it, nobody else
    found = error_gaps(inside, others, flagged, left)
    assert found["flagged_stayers_gap"]["value"] == 1.0
    assert found["missed_leavers_gap"]["value"] == 0.0


def test_the_ratio_of_levels_is_the_one_worked_out_by_hand() -> None:
    inside, others = rows(100, 200)
    left = np.zeros(300, dtype=bool)
    left[:20] = left[100:120] = True
    found = level_gap(inside, others, left, np.full(300, 0.1))
    assert found["value"] == pytest.approx((20 / 10) / (20 / 20))
    assert (found["low"] or 0) < 2 < (found["high"] or 0)
    assert (found["low"] or 0) > 1.0


def test_the_unknown_could_hide_a_disparity_and_the_bounds_say_so() -> None:
    inside, others, unknown = rows(100, 100, 20)
    flagged = np.zeros(220, dtype=bool)
    flagged[:10] = flagged[100:110] = flagged[200:210] = True  # 10 of 100, 10 of 100, 10 of 20 unknown
    found = bounds_if_known(inside, others, unknown, flagged)
    assert found["low"] == pytest.approx((10 / 110) / (20 / 110))
    assert found["high"] == pytest.approx((20 / 110) / (10 / 110))
    none = bounds_if_known(inside, others, np.zeros(220, dtype=bool), flagged)
    assert none["low"] == none["high"] == pytest.approx(1.0)


def test_a_disparity_of_an_intersection_alone_is_found() -> None:
    rng = np.random.default_rng(6)
    sex, origin = rng.choice(["f", "m"], 4_000), rng.choice(["a", "b"], 4_000)
    both = (sex == "f") == (origin == "a")  # neither attribute alone is treated differently
    found = report(
        {"sex": sex.tolist(), "origin": origin.tolist()}, rng.random(4_000) < np.where(both, 0.2, 0.1)
    )
    assert not found.passes
    assert {group.attribute for group in found.groups if group.is_disparate} == {"sex × origin"}


def test_an_unknown_part_makes_an_intersection_unknown() -> None:
    assert intersections({"a": ["x", None, "y"], "b": ["u", "v", "w"]}) == {"a × b": ["x & u", None, "y & w"]}


def test_a_feature_that_gives_an_attribute_away_is_named() -> None:
    rng = np.random.default_rng(7)
    sex = rng.choice(["f", "m"], 600)
    features = rng.normal(size=(600, 3))
    features[:, 1] += 3 * (sex == "f")
    found = proxies(features, ["noise", "shoe_size", "more"], {"sex": sex.tolist(), "plan": rng.choice(["a", "b"], 600).tolist()}, rng)  # fmt: skip
    assert found["sex"]["auc"] > 0.9
    assert found["sex"]["features"][0] == "shoe_size"
    assert 0.4 < found["plan"]["auc"] < 0.6


def test_the_area_counts_pairs_and_ties_by_half() -> None:
    assert area(np.array([True, True, False, False]), np.array([0.8, 0.4, 0.4, 0.1])) == 3.5 / 4


def test_the_level_is_drawn_for_each_group_that_is_not_suppressed() -> None:
    rng = np.random.default_rng(3)
    groups = ["a"] * 300 + ["b"] * 200 + ["c"] * 4  # c is too small to be shown
    said = np.full(504, 0.2)
    left = rng.random(504) < np.where(
        np.array(groups) == "b", 0.4, 0.2
    )  # twice as many of b leave as was said
    found = report({"site": groups}, said > 0.5, left, said)
    axes = level_by_group(found)().axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["site: b (200)", "site: a (300)"]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points == pytest.approx([left[300:500].sum() / 40.0, left[:300].sum() / 60.0])


def test_without_outcomes_the_drawing_says_that_there_is_nothing_to_draw() -> None:
    axes = level_by_group(report({"site": ["a"] * 20 + ["b"] * 20}, np.arange(40) % 5 == 0))().axes[0]
    assert "No group" in axes.get_title()
