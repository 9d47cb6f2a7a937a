"""Every gate refuses for its own reason; behind all of them stands a signed champion."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from training.cards import card_of, card_text, empty_fields
from training.evaluation import Evaluation, Interval
from training.isolation import trial
from training.logged import LoggedModel
from training.payload import Payload, json_bytes, payload_digest, write_payload
from training.promotion import non_inferiority, promote, promotion_json
from training.runs import Workbench

SCORER = Path(__file__).parent / "toy" / "scorer.py"


def judged_by(toy: Any, change: Callable[[Evaluation], Evaluation]) -> Any:
    """Return the toy question with a changed evaluation."""
    judge = toy.evaluate.evaluate
    toy.evaluate = SimpleNamespace(evaluate=lambda *given: change(judge(*given)))
    return toy


def refused(bench: Workbench, toy: Any) -> list[str]:
    """Return the gates that a fresh model fails; nothing may have changed."""
    promotion = promote(bench, toy, bench.train(toy).logged)
    assert bench.tracking.champion("toy") is None
    assert bench.tracking.attached(promotion.model, promotion.model.signature_path) is None
    return [gate.name for gate in promotion.failed]


class TestRefusals:
    def test_a_model_worse_than_its_strongest_baseline_is_refused(self, bench: Workbench, toy) -> None:
        def with_oracle(found: Evaluation) -> Evaluation:
            return replace(found, peer_units={**found.peer_units, "oracle": np.zeros_like(found.per_unit)})

        assert refused(bench, judged_by(toy, with_oracle)) == ["not inferior"]

    def test_a_model_without_any_baseline_is_refused(self, bench: Workbench, toy) -> None:
        assert refused(bench, judged_by(toy, lambda found: replace(found, peer_units={}))) == ["not inferior"]

    def test_an_evaluation_that_refused_is_no_reason_to_promote(self, bench: Workbench, toy) -> None:
        changed = judged_by(toy, lambda found: replace(found, status="refused", reason="too few rows"))
        promotion = promote(bench, changed, bench.train(changed).logged)
        assert [(gate.name, gate.explanation) for gate in promotion.failed] == [("evaluated", "too few rows")]

    def test_a_gate_of_the_question_itself_is_heard(self, bench: Workbench, toy) -> None:
        changed = judged_by(
            toy, lambda found: replace(found, gates={"fairness": (False, "ratio 2.1 (1.7 to 2.6)")})
        )
        assert refused(bench, changed) == ["fairness"]

    @pytest.mark.parametrize(
        "change",
        [
            {"n": {}},
            {"protocol": ""},
            {"metrics": {"accuracy": Interval(0.5)}},
            {"metrics": {"other": Interval(0.5, 0.4, 0.6)}},
        ],
    )
    def test_an_empty_field_of_the_card_blocks(self, bench: Workbench, toy, change: dict[str, Any]) -> None:
        assert refused(bench, judged_by(toy, lambda found: replace(found, **change))) == ["card"]

    def test_files_that_are_not_those_that_were_logged_are_not_even_loaded(
        self, bench: Workbench, toy
    ) -> None:
        logged = bench.train(toy).logged
        assert bench.settings.artifact_folder is not None
        (weights,) = bench.settings.artifact_folder.rglob("weights.npz")
        content = weights.read_bytes()
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        promotion = promote(bench, toy, logged)
        assert [gate.name for gate in promotion.gates] == ["intact"]
        assert bench.tracking.champion("toy") is None

    def test_a_challenger_worse_than_the_champion_is_refused_and_the_champion_stays(
        self, bench: Workbench, toy
    ) -> None:
        first = bench.train(toy).logged
        promote(bench, toy, first)
        promotion = promote(bench, toy, bench.train(toy, ["shrinkage=0.2"]).logged)
        assert [gate.name for gate in promotion.failed] == ["not inferior"]
        assert "version 1" in promotion.failed[0].explanation
        assert bench.tracking.champion("toy") == first
        assert promotion_json(promotion)["status"] == "refused"

    def test_a_champion_that_cannot_be_evaluated_any_more_is_not_a_free_pass(
        self, bench: Workbench, toy
    ) -> None:
        first = bench.train(toy).logged
        promote(bench, toy, first)
        challenger = bench.train(toy, ["shrinkage=0.01"]).logged
        bench.evaluations.clear()
        judge = toy.evaluate.evaluate

        def forgetful(folder: Path, dataset: Any, rng: np.random.Generator) -> Evaluation:
            if payload_digest(folder) == first.payload_digest:
                raise KeyError("feature of long ago")
            return judge(folder, dataset, rng)

        toy.evaluate = SimpleNamespace(evaluate=forgetful)
        promotion = promote(bench, toy, challenger)
        assert "feature of long ago" in promotion.failed[0].explanation
        assert not promote(bench, toy, challenger, against="baseline").failed


class TestLoadingAlone:
    def wrong(self, payload: Payload, folder: Path, source: str) -> str:
        write_payload(payload, folder, scorer=SCORER)
        (folder / "scorer.py").write_text(source)
        return trial(folder, seconds=5)

    def test_a_scorer_that_imports_our_packages_is_refused(self, payload: Payload, tmp_path: Path) -> None:
        why = self.wrong(
            payload,
            tmp_path / "p",
            f"import training.payload\n{SCORER.read_text().split('import annotations')[1]}",
        )
        assert "training is not part of a saved model" in why

    def test_a_scorer_that_answers_differently_is_refused(self, payload: Payload, tmp_path: Path) -> None:
        why = self.wrong(
            payload, tmp_path / "p", SCORER.read_text().replace("@ self.weights", "@ self.weights + 1e-6")
        )
        assert "differs by 1e-06" in why

    def test_a_scorer_that_never_ends_is_stopped(self, payload: Payload, tmp_path: Path) -> None:
        write_payload(payload, tmp_path / "p", scorer=SCORER)
        (tmp_path / "p" / "scorer.py").write_text("while True: pass\n")
        assert trial(tmp_path / "p", seconds=1)

    def test_a_scorer_that_kills_its_process_kills_only_the_child(
        self, payload: Payload, tmp_path: Path
    ) -> None:
        assert "ended with -11" in self.wrong(
            payload, tmp_path / "p", "import os\nos.kill(os.getpid(), 11)\n"
        )

    def test_a_good_payload_loads_alone(self, payload: Payload, tmp_path: Path) -> None:
        write_payload(payload, tmp_path / "p", scorer=SCORER)
        assert trial(tmp_path / "p") == ""


class TestPromotion:
    def test_a_first_model_better_than_its_baseline_becomes_the_signed_champion(
        self, bench: Workbench, toy
    ) -> None:
        logged = bench.train(toy).logged
        promotion = promote(bench, toy, logged)
        assert not promotion.failed
        assert bench.tracking.champion("toy") == logged
        document = json.loads(bench.tracking.attached(logged, "signatures/toy-1.json") or "")
        trusted = bench.settings.key_folder / "trusted" / f"{promotion.key_id}.pem"
        key = load_pem_public_key(trusted.read_bytes())
        key.verify(base64.b64decode(document["signature"]), json_bytes(document["statement"]))
        assert document["statement"]["payload_digest"] == logged.payload_digest
        assert (document["statement"]["name"], document["statement"]["version"]) == ("toy", "1")

    def test_the_card_lies_beside_the_model(self, bench: Workbench, toy) -> None:
        logged = bench.train(toy).logged
        promote(bench, toy, logged)
        card = json.loads(bench.tracking.attached(logged, "cards/toy-1.json") or "")
        assert not empty_fields(card)
        assert card["not_for"]
        assert "## Not for" in (bench.tracking.attached(logged, "cards/toy-1.md") or "")

    def test_an_equal_challenger_takes_over(self, bench: Workbench, toy) -> None:
        promote(bench, toy, bench.train(toy).logged)
        second = bench.train(toy).logged
        assert not promote(bench, toy, second).failed
        assert bench.tracking.champion("toy") == second

    def test_promoting_the_champion_again_changes_nothing(self, bench: Workbench, toy) -> None:
        logged = bench.train(toy).logged
        first, second = (promote(bench, toy, logged) for _ in range(2))
        assert first.key_id == second.key_id
        assert bench.tracking.champion("toy") == logged


class TestNonInferiority:
    @pytest.mark.parametrize(
        ("low", "high", "incumbent", "passed"),
        [
            (0.0, 0.0, 0.5, True),  # the same model again
            (-0.024, 0.02, 0.5, True),  # may lose .024 of .5, less than 5 %
            (-0.026, 0.02, 0.5, False),  # may lose more than .025
            (-0.026, 0.02, -0.6, True),  # the margin is of the size, whatever the sign
            (float("nan"), float("nan"), 0.5, False),  # no interval, no promotion
        ],
    )
    def test_the_lower_bound_must_stay_above_five_percent_of_the_incumbent(
        self, low: float, high: float, incumbent: float, passed: bool
    ) -> None:
        gate = non_inferiority("auc", "the champion", Interval((low + high) / 2, low, high), incumbent)
        assert gate.passed is passed


def test_a_card_says_for_every_question_what_it_is_not_for() -> None:
    found = Evaluation(
        "attrition",
        "temporal",
        {"auc": Interval(0.7, 0.6, 0.8)},
        {},
        "auc",
        np.ones(2),
        {},
        n={"people": 2},
        seeds=[7],
    )
    card = card_of(LoggedModel("attrition", "1", "r", "p" * 64, "d" * 64, "2022 to 2025"), found)
    assert "termination, pay or promotion" in card["not_for"]
    assert empty_fields(card) == ["peers"]
    assert "| auc | 0.7 | 0.6 to 0.8 |" in card_text(card)
