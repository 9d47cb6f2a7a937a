"""The watch is quiet where nothing changed, finds what did, and says so by its exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from features.attrition.population import NAMES
from features.errors import BadInputError
from training.watching.commands import AlarmError, app
from training.watching.drift import Drift, Reference, adjusted, compare, drifts, reference_of
from training.watching.level import Level
from training.watching.shown import shown
from training.watching.watch import CLOCKS, Watch, watch_json, watch_page, watch_record


class TestDrift:
    def test_the_index_by_hand(self) -> None:
        # 40 and 60 became 60 and 40: cells of 40.5 and 60.5 of 101, and the other way round
        then = Reference(np.array([0.5]), np.array([40.0, 60.0, 0.0]))
        found = compare("x", then, np.array([0.0] * 60 + [1.0] * 40))
        p, q = 40.5 / 101, 60.5 / 101
        assert found.index == pytest.approx(2 * (q - p) * np.log(q / p))
        assert (found.n_then, found.n_now) == (100, 100)

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


class TestLevel:
    @pytest.mark.parametrize(
        ("expected", "low", "high", "is_alarm"),
        [(50.0, 1.3, 1.9, True), (50.0, 0.5, 0.7, True), (50.0, 1.1, 1.5, False), (3.0, 1.3, 4.0, False)],
    )
    def test_an_alarm_needs_a_level_that_is_surely_off_by_a_quarter(
        self, expected: float, low: float, high: float, is_alarm: bool
    ) -> None:
        assert Level(90.0, 0, expected, (low + high) / 2, low, high).is_alarm is is_alarm


class TestWhatWasShown:
    def test_what_was_begun_completed_and_put_away_is_counted_after_it_was_shown(self) -> None:
        day = [datetime(2025, 1, number, tzinfo=UTC) for number in range(1, 9)]
        items = json.dumps([{"course_id": f"c{number}"} for number in range(5)])
        ledger = pl.DataFrame(
            {"employee_id": ["a", "b"], "shown_at": [day[2], day[3]], "items": [items, items]}
        )
        events = pl.DataFrame(
            {"employee_id": ["a", "a", "b", "b"], "course_id": ["c0", "c1", "c0", "c2"],
             "kind": ["completed", "enrolled", "enrolled", "completed"],
             "happened_at": [day[4], day[1], day[5], day[6]]}  # a began c1 before it was shown
        )  # fmt: skip
        found = shown(ledger, events, n_courses=20)
        assert (found.answers, found.people, found.courses_shown) == (2, 2, 5)
        assert (found.coverage_share, found.completed_share, found.enrolled_share) == (0.25, 0.2, 0.1)
        assert np.isnan(shown(ledger.head(0), events, 20).coverage_share)


def seen(**changes: object) -> Watch:
    calm = [Drift("score", 0.01, 0.8, 0.9, 500, 500)]
    return Watch("attrition", "3", "2025-01-01", **{"drifts": calm, **changes})


class TestReporting:
    def test_page_json_and_run_say_the_same(self) -> None:
        wild = Drift("overtime <hours>", 0.6, 1e-9, 1e-8, 500, 500)
        found = seen(drifts=[wild], level=Level(90.0, 60, 30.0, 2.0, 1.5, 2.6))
        assert len(found.alarms) == 2
        html = watch_page(found)
        assert "overtime &lt;hours&gt; drifts" in html
        assert json.loads(json.dumps(watch_json(found), allow_nan=False))["alarms"] == found.alarms
        record = watch_record(found)
        assert record.metrics["alarms"] == 2.0
        assert record.metrics["drift/overtime <hours>"] == 0.6

    def test_a_quiet_look_is_no_alarm(self) -> None:
        assert seen().alarms == []
        assert "No alarm." in watch_page(seen())


def test_what_moves_with_the_calendar_alone_is_not_watched_for_drift() -> None:
    watched = [name for name in NAMES if not name.startswith(CLOCKS)]
    assert "days_since_survey" not in watched
    assert "tenure_days" not in watched
    assert len(watched) > 15


class TestTheCommand:
    def test_a_question_without_anything_to_watch_is_bad_input(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SKILLPATH_VAR", str(tmp_path / "var"))
        assert isinstance(CliRunner().invoke(app, ["watch", "skills"]).exception, BadInputError)

    def test_the_alarm_has_an_exit_code_of_its_own_and_the_help_says_so(self) -> None:
        assert AlarmError.exit_code == 6
        assert "6 alarm" in CliRunner().invoke(app, ["watch", "--help"]).output
