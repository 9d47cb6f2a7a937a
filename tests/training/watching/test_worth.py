"""What lists are worth: refused where the log cannot say, and right where the truth was planted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.records.shown import packed, shadow_key
from training.watching.worth import (
    Worth,
    canary_worth,
    champion_worth,
    expectations,
    outcomes,
    shadow_worth,
    with_lists,
)

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = AS_OF - timedelta(days=60)
TAKES = {"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.6, "e": 0.2}  # how likely each course is taken up
LOT = ("c", "d", "e")  # the last place: c by the model, or one of the three by lot, half of the time


def planted(
    people: int, seed: int, listed: list[str], digest: str = "champion"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a ledger of a, b and a place given away by lot, a shadow's list beside it, and what was taken up."""
    rng = np.random.default_rng(seed)
    ledger, events = [], []
    for number in range(people):
        drawn = LOT[rng.integers(3)] if rng.random() < 0.5 else "c"
        chance = 0.5 / 3 + (0.5 if drawn == "c" else 0.0)
        name = f"{digest}{number}"
        ledger.append({
            "recommendation_id": f"r{name}", "employee_id": name, "model_digest": digest, "shown_at": SHOWN,
            "first_rank": 1, "items": packed([("a", 0.9, 1.0), ("b", 0.8, 1.0), (drawn, 0.7, chance)]), "arm": None,
            "shadows": json.dumps({shadow_key("shadow"): listed}),
        })  # fmt: skip
        events += [
            {
                "employee_id": name,
                "course_id": course,
                "kind": "enrolled",
                "happened_at": SHOWN + timedelta(days=3),
            }
            for course in ("a", "b", drawn)
            if rng.random() < TAKES[course]
        ]
    return pl.DataFrame(ledger), pl.DataFrame(events)


class TestRefusals:
    def test_what_few_people_were_shown_tells_nothing(self) -> None:
        rows = outcomes(*planted(20, 1, ["a", "b", "d"]), AS_OF)
        for found in (
            champion_worth(rows, "1", np.random.default_rng(1)),
            shadow_worth(rows, ("shadow", "2"), np.random.default_rng(1)),
            canary_worth(rows, ("champion", "nobody"), "2", np.random.default_rng(1)),
        ):
            assert found.taken_share is None
            assert "30 are needed" in found.why_not

    def test_a_shadow_that_would_show_what_never_was_shown_is_not_told(self) -> None:
        rows = outcomes(*planted(600, 2, ["a", "b", "new"]), AS_OF)
        found = shadow_worth(rows, ("shadow", "2"), np.random.default_rng(1))
        assert found.taken_share is None
        assert "never shown" in found.why_not
        assert found.reached_share is not None
        assert found.reached_share.value == pytest.approx(2 / 3)

    def test_a_log_without_a_lot_cannot_speak_of_another_list(self) -> None:
        ledger, events = planted(600, 3, ["a", "b", "d"])
        certain = packed([("a", 0.9, 1.0), ("b", 0.8, 1.0), ("c", 0.7, 1.0)])
        rows = outcomes(ledger.with_columns(items=pl.lit(certain)), events, AS_OF)
        assert shadow_worth(rows, ("shadow", "2"), np.random.default_rng(1)).taken_share is None

    def test_a_list_of_another_length_is_no_page_to_compare(self) -> None:
        rows = outcomes(*planted(50, 4, ["a", "b"]), AS_OF)
        assert with_lists(rows, "shadow").is_empty()
        assert with_lists(outcomes(*planted(50, 4, ["a", "b", "d"]), AS_OF), "other").is_empty()


class TestOutcomes:
    def test_only_what_was_taken_up_within_a_month_after_it_was_shown_counts(self) -> None:
        ledger, _ = planted(1, 5, ["a", "b", "d"])
        days = {"a": 3, "b": -1, "c": 31, "d": 31, "e": 31}
        events = pl.DataFrame(
            [{"employee_id": "champion0", "course_id": course, "kind": "started", "happened_at": SHOWN + timedelta(days=after)}
             for course, after in days.items()] * 2
        )  # fmt: skip
        rows = outcomes(ledger, events, AS_OF)
        assert dict(zip(rows["course_id"], rows["taken"], strict=True)) == {
            "a": 1.0,
            "b": 0.0,
            rows["course_id"][2]: 0.0,
        }
        assert rows.height == 3
        assert outcomes(ledger, events, SHOWN + timedelta(days=29)).is_empty()  # no outcome yet


class TestPlantedTruth:
    def test_the_champion_s_worth_is_what_was_taken_up(self) -> None:
        rows = outcomes(*planted(2_000, 6, ["a", "b", "d"]), AS_OF)
        found = champion_worth(rows, "1", np.random.default_rng(1))
        truth = (0.5 + 0.3 + 0.5 * 0.1 + 0.5 * 0.9 / 3) / 3
        assert found.taken_share is not None
        assert found.taken_share.value == pytest.approx(rows["taken"].mean())
        assert found.taken_share.low < truth < found.taken_share.high

    def test_a_better_shadow_is_found_better_and_its_interval_holds_the_truth(self) -> None:
        held, better = 0, 0
        truth = (0.5 + 0.3 + 0.6) / 3
        for seed in range(20):
            rows = outcomes(*planted(1_500, 100 + seed, ["a", "b", "d"]), AS_OF)
            found = shadow_worth(rows, ("shadow", "2"), np.random.default_rng(seed))
            assert found.taken_share is not None
            assert found.difference is not None
            held += found.taken_share.low <= truth <= found.taken_share.high
            better += found.difference.low > 0
        assert held >= 17
        assert better >= 18

    def test_the_order_of_a_shadow_s_list_does_not_matter_and_expectations_come_from_other_people(
        self,
    ) -> None:
        rows = with_lists(outcomes(*planted(400, 7, ["d", "a", "b"]), AS_OF), "shadow")
        shown, listed = expectations(rows)
        for course, near in (("a", 0.5), ("b", 0.3)):
            assert shown[(rows["course_id"] == course).to_numpy()].mean() == pytest.approx(near, abs=0.08)
        assert listed.mean() == pytest.approx((0.5 + 0.3 + 0.6) / 3, abs=0.1)
        assert len(np.unique(shown[(rows["course_id"] == "a").to_numpy()])) == 5  # one a fold

    def test_a_canary_that_people_do_not_like_is_an_alarm(self) -> None:
        parts = [planted(800, 8, [], "champion"), planted(800, 9, [], "canary")]
        ledger, events = (pl.concat([part[place] for part in parts]) for place in (0, 1))
        liked = pl.col("employee_id").str.starts_with("champion") | (pl.col("course_id") != "a")
        rows = outcomes(ledger, events.filter(liked), AS_OF)
        found = canary_worth(rows, ("champion", "canary"), "2", np.random.default_rng(1))
        assert found.difference is not None
        assert found.difference.value == pytest.approx(-0.5 / 3, abs=0.03)
        assert found.is_alarm
        same = canary_worth(
            outcomes(ledger, events, AS_OF), ("champion", "canary"), "2", np.random.default_rng(1)
        )
        assert not same.is_alarm
        assert not Worth("shadow", "2", 50, found.taken_share, found.difference).is_alarm  # nobody sees it
