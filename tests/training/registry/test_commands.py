"""The command line of training: refusals have exit codes, and JSON is one object."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from features.errors import BadInputError, RefusedError, UnknownRecordError
from training.commands import app, newest_beside_champion, refuse_failed, report_evaluation, tell
from training.evaluation import Evaluation, Interval, as_json, refusal
from training.promotion import promote
from training.reports import evaluation_report, short
from training.runs import Workbench
from training.side_by_side import train_one

RUNNER = CliRunner()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every setting to an empty folder."""
    monkeypatch.setenv("SKILLPATH_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("SKILLPATH_PROGRESS", "false")
    monkeypatch.delenv("SKILLPATH_STORE_URL", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def some(**changes: object) -> Evaluation:
    given = {
        "question": "attrition", "protocol": "temporal", "metrics": {"auc": Interval(0.7, 0.6, 0.8)},
        "peers": {"cohort": {"auc": Interval(0.5)}}, "primary": "auc", "n": {"people": 1200},
        "per_unit": np.ones(3), "peer_units": {}, "diagnostics": {"o_e": 1.04, "left out": ["a", "b"]},
    }  # fmt: skip
    return Evaluation(**{**given, **changes})


class TestRefusals:
    @pytest.mark.parametrize("command", ["train", "evaluate", "compare", "promote"])
    def test_an_unknown_question_is_bad_input(self, empty: Path, command: str) -> None:
        found = RUNNER.invoke(app, [command, "salary"]).exception
        assert isinstance(found, BadInputError)
        assert (found.exit_code, found.found) == (2, "salary")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["train", "all", "--set", "trees=3"],
            ["compare", "all", "4"],
            ["promote", "all", "--version", "4"],
            ["promote", "attrition", "--against", "nobody"],
            ["train", "attrition", "--as-of", "yesterday"],
            ["compare", "attrition", "--html", "/no/such/folder/page.html"],
            ["compare", "attrition", "--html", "/"],
        ],
    )
    def test_options_that_make_no_sense_together_are_bad_input(
        self, empty: Path, arguments: list[str]
    ) -> None:
        assert isinstance(RUNNER.invoke(app, arguments).exception, BadInputError)

    def test_records_without_facts_cannot_teach(self, empty: Path) -> None:
        found = RUNNER.invoke(app, ["train", "attrition"]).exception
        assert isinstance(found, BadInputError)
        assert "no facts" in str(found)

    def test_a_refused_evaluation_is_printed_and_ends_with_exit_code_4(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(RefusedError, match="leavers only") as raised:
            report_evaluation(some(status="refused", reason="leavers only"), True)
        assert raised.value.exit_code == 4
        assert json.loads(capsys.readouterr().out)["reason"] == "leavers only"

    def test_a_question_that_refuses_by_raising_still_has_its_object(self) -> None:
        found = as_json(refusal("attrition", "stayers only"))
        assert (found["status"], found["reason"], found["metrics"]) == ("refused", "stayers only", {})


class TestWhoIsCompared:
    def test_the_champion_alone_meets_nobody_and_the_message_says_what_to_do(
        self, bench: Workbench, toy
    ) -> None:
        promote(bench, toy, bench.train(toy).logged)
        with pytest.raises(UnknownRecordError, match=r"version 1 alone.*skillpath train toy"):
            newest_beside_champion(bench.tracking, "toy")

    def test_by_default_it_is_the_newest_beside_the_champion(self, bench: Workbench, toy) -> None:
        older, champion = bench.train(toy, ["shrinkage=0.5"]).logged, bench.train(toy).logged
        assert newest_beside_champion(bench.tracking, "toy").version == champion.version
        promote(bench, toy, champion)
        assert newest_beside_champion(bench.tracking, "toy").version == older.version


class TestTraining:
    def test_training_and_promoting_in_one_go_evaluates_once(self, bench: Workbench, toy) -> None:
        body, reports = train_one(bench, toy, [], True)
        assert body["promotion"]["status"] == "promoted"
        assert bench.tracking.champion("toy") is not None
        assert len(bench.evaluations) == 1
        assert len(reports) == 3
        json.dumps(body, allow_nan=False)

    def test_a_question_that_refuses_leaves_the_others_to_be_trained(self, bench: Workbench, toy) -> None:
        def refuse(_: object) -> None:
            raise RefusedError("stayers only")

        toy.dataset = SimpleNamespace(build=refuse)
        body, _ = train_one(bench, toy, [], True)
        assert (body["status"], body["reason"]) == ("refused", "stayers only")

    def test_a_failed_gate_ends_with_exit_code_4(self) -> None:
        with pytest.raises(RefusedError, match="toy: card, fairness"):
            refuse_failed([{"question": "toy", "failed": ["card", "fairness"]}])


class TestHelp:
    @pytest.mark.parametrize("command", ["train", "evaluate", "compare", "promote"])
    def test_every_command_shows_an_example_and_its_exit_codes(self, command: str) -> None:
        found = RUNNER.invoke(app, [command, "--help"])
        assert found.exit_code == 0
        assert f"Example: skillpath {command}" in found.output
        assert "Exit codes" in found.output


class TestReports:
    def test_json_is_exactly_one_object_on_stdout(self, capsys: pytest.CaptureFixture[str]) -> None:
        report_evaluation(some(), True)
        assert json.loads(capsys.readouterr().out)["metrics"]["auc"] == {
            "value": 0.7,
            "low": 0.6,
            "high": 0.8,
        }

    def test_a_person_reads_metrics_beside_peers_with_intervals(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tell(False, {}, [evaluation_report(some(verdict="credible"))])
        found = capsys.readouterr().out
        for words in (
            "0.7 (0.6 to 0.8)",
            "cohort",
            "people 1,200",
            "o_e: 1.04",
            "left out: a, b",
            "verdict: credible",
        ):
            assert words in found

    def test_a_long_diagnostic_is_shortened(self) -> None:
        assert short("x" * 400) == "x" * 300 + "…"
        assert short({"a": [1.23456, 2]}) == "a 1.235, 2"
