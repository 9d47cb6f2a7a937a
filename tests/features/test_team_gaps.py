"""Gaps of groups: counts by hand, patterns that were planted, and cells that cannot be worked out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from features.errors import BadInputError
from features.skills.team_gaps import LEAST_PEOPLE, group_counts, rolled_up, suppressed


def organisation(short: dict[str, tuple[int, int]], skill: str = "sql") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return gaps and groups: by group, how many need the skill and how many of them are short by two levels."""
    people = [(f"{group}{place}", group, 2.0 if place < n_short else 0.0)
              for group, (n, n_short) in short.items() for place in range(n)]  # fmt: skip
    frame = pl.DataFrame(people, schema=["employee_id", "group", "gap"], orient="row")
    return frame.with_columns(skill_id=pl.lit(skill), skill_name=pl.lit(skill.upper())), frame.select(
        "employee_id", "group"
    )


def pattern(short: dict[str, tuple[int, int]]) -> tuple[str, list[str]]:
    row = rolled_up(group_counts(*organisation(short))).row(0, named=True)
    return row["pattern"], row["isolated_in"]


class TestRefusals:
    def test_a_least_size_of_nobody_is_refused(self) -> None:
        with pytest.raises(BadInputError, match="least group size"):
            rolled_up(group_counts(*organisation({"a": (3, 1)})), 0)

    def test_a_skill_that_few_people_need_keeps_its_figures(self) -> None:
        row = rolled_up(group_counts(*organisation({"a": (5, 3)}))).row(0, named=True)
        assert (row["pattern"], row["n_short"], row["short_share"]) == ("suppressed", None, None)

    def test_nobody_at_all_gives_no_rows(self) -> None:
        gaps, groups = organisation({"a": (1, 1)})
        assert rolled_up(group_counts(gaps.head(0), groups.head(0))).is_empty()


class TestCounts:
    def test_shares_and_chances_are_those_worked_out_by_hand(self) -> None:
        cells = group_counts(*organisation({"a": (2, 2), "b": (2, 0)}))
        assert cells.select("group", "n_required", "n_short", "mean_gap").rows() == [
            ("a", 2, 2, 2.0),
            ("b", 2, 0, 0.0),
        ]
        assert cells["p_value"].to_list() == [pytest.approx(1 / 6), pytest.approx(1.0)]  # 1 of 6 draws of two

    def test_the_interval_is_wilsons(self) -> None:
        row = rolled_up(group_counts(*organisation({"a": (10, 5)}))).row(0, named=True)
        assert (row["low"], row["high"]) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))


class TestPatterns:
    def test_a_shortage_of_one_team_is_isolated_and_the_team_is_named(self) -> None:
        assert pattern({"a": (20, 18), "b": (20, 2), "c": (20, 1)}) == ("isolated", ["a"])

    def test_a_shortage_of_everybody_is_widespread(self) -> None:
        assert pattern({"a": (20, 12), "b": (20, 13), "c": (20, 11)}) == ("widespread", [])

    def test_a_few_people_here_and_there_are_scattered(self) -> None:
        assert pattern({"a": (20, 1), "b": (20, 2), "c": (20, 1)}) == ("scattered", [])

    def test_by_chance_alone_few_skills_are_called_isolated(self) -> None:
        rng, found = np.random.default_rng(7), []
        for place in range(200):
            gaps, groups = organisation(
                {f"t{team}": (15, int(rng.binomial(15, 0.3))) for team in range(6)}, f"s{place}"
            )
            found.append(group_counts(gaps, groups))
        patterns = rolled_up(pl.concat(found))["pattern"]
        assert (patterns == "isolated").mean() <= 0.05


class TestSuppression:
    def test_a_small_group_and_the_next_smallest_are_left_out_together(self) -> None:
        cells = suppressed(group_counts(*organisation({"a": (4, 1), "b": (12, 3), "c": (30, 9)})))
        assert cells.filter("is_suppressed")["group"].to_list() == ["a", "b"]
        assert cells.filter("is_suppressed")["n_short"].to_list() == [None, None]
        assert cells.filter(~pl.col("is_suppressed"))["n_short"].to_list() == [9]

    def test_groups_that_are_large_enough_all_stay(self) -> None:
        assert not suppressed(group_counts(*organisation({"a": (10, 1), "b": (12, 3)})))[
            "is_suppressed"
        ].any()

    def test_what_is_left_out_is_never_fewer_than_the_least_size(self) -> None:
        rng = np.random.default_rng(7)
        for _ in range(300):
            sizes = {f"g{place}": (int(rng.integers(1, 25)), 0) for place in range(rng.integers(1, 7))}
            cells = suppressed(group_counts(*organisation(sizes)))
            gone = sum(sizes[group][0] for group in cells.filter("is_suppressed")["group"])
            everything = cells["is_suppressed"].all()
            assert gone == 0 or gone >= LEAST_PEOPLE or everything
            assert all(
                sizes[group][0] >= LEAST_PEOPLE for group in cells.filter(~pl.col("is_suppressed"))["group"]
            )
