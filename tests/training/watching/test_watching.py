"""The watch is quiet where nothing changed, finds what did, and says so by its exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from features.attrition.population import NAMES
from features.errors import BadInputError, UnknownRecordError
from features.records.shown import packed
from training.drift import Drift
from training.evaluation import Interval
from training.questions import Question
from training.watching import watch as watching
from training.watching.commands import AlarmError, app
from training.watching.level import Level
from training.watching.report import watch_json, watch_page, watch_record
from training.watching.shown import shown
from training.watching.watch import CLOCKS, Watch
from training.watching.worth import Worth


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
        items = packed([(f"c{number}", 0.5, 1.0) for number in range(5)])
        ledger = pl.DataFrame(
            {"recommendation_id": ["r1", "r2"], "employee_id": ["a", "b"], "model_digest": "d",
             "shown_at": [day[2], day[3]], "first_rank": [1, 1], "items": [items, items]}
        )  # fmt: skip
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
        html = watch_page([found])
        assert "overtime &lt;hours&gt; drifts" in html
        assert json.loads(json.dumps(watch_json(found), allow_nan=False))["alarms"] == found.alarms
        record = watch_record(found)
        assert record.metrics["alarms"] == 2.0
        assert record.metrics["drift/overtime <hours>"] == 0.6

    def test_a_quiet_look_is_no_alarm(self) -> None:
        assert seen().alarms == []
        assert "No alarm." in watch_page([seen()])


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


class TestAll:
    def test_a_question_without_a_champion_is_left_out_and_none_at_all_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look(_: object, question: Question, __: object) -> Watch:
            if question.name not in standing:
                raise UnknownRecordError("There is no champion to watch.")
            return seen()

        monkeypatch.setattr(watching, "watch", look)
        asked = [Question(name) for name in watching.WATCHED]
        standing = {"attrition"}
        assert watching.watch_all(SimpleNamespace(), asked) == [seen()]
        standing = set()
        with pytest.raises(UnknownRecordError):
            watching.watch_all(SimpleNamespace(), asked)

    def test_one_page_tells_of_every_question(self) -> None:
        lists = Watch(
            "recommendation", "4", "2025-01-01", worths=[Worth("shadow", "5", 12, why_not="few people")]
        )
        html = watch_page([seen(), lists])
        assert "attrition and recommendation: watched" in html
        assert "few people" in html
        assert html.count("No alarm.") == 2

    def test_a_canary_that_is_behind_wakes_somebody(self) -> None:
        behind = Worth("canary", "5", 500, Interval(0.1, 0.08, 0.12), Interval(-0.05, -0.08, -0.02))
        found = Watch("recommendation", "4", "2025-01-01", worths=[behind])
        assert found.alarms == ["the canary, version 5, is taken up less than the champion: roll it back"]
        assert watch_record(found).metrics["canary/difference_high"] == -0.02
