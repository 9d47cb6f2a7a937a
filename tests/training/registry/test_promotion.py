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

from features.errors import BadInputError, RefusedError
from training.cards import card_of, card_text, empty_fields
from training.evaluation import Evaluation, Interval
from training.gates import (
    calibration,
    margin,
    non_inferiority,
    nothing_known,
    plausible,
    same_features,
    speed,
)
from training.isolation import trial
from training.logged import LoggedModel
from training.payload import Payload, json_bytes, payload_digest, write_payload
from training.promotion import Place, promote, promotion_json, roll_back, take_away
from training.questions import Question
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
        assert "Instructions for use" in (bench.tracking.attached(logged, "cards/toy-1.html") or "")
        assert card["cost"]["system/energy_watt_hours_estimated"] > 0

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
        ("low", "high", "allowed", "passed"),
        [
            (0.0, 0.0, 0.0, True),  # the same model again
            (-0.024, 0.02, 0.025, True),
            (-0.026, 0.02, 0.025, False),
            (float("nan"), float("nan"), 0.025, False),  # no interval, no promotion
        ],
    )
    def test_the_lower_bound_must_stay_above_the_margin(
        self, low: float, high: float, allowed: float, passed: bool
    ) -> None:
        gate = non_inferiority("auc", "the champion", Interval((low + high) / 2, low, high), allowed)
        assert gate.passed is passed

    @pytest.mark.parametrize(
        ("incumbent", "own", "null", "expected"),
        [
            (-0.300, -0.305, -0.320, 0.005),  # a log score: a quarter of the .02 learnt, not 5 % of .3
            (
                -0.319,
                -0.300,
                -0.320,
                0.005,
            ),  # who beats a baseline that learnt little is not held to that little
            (0.50, 0.45, 0.02, 0.025),  # a share of hits: 5 % of .5 is less than a quarter of .48
            (-0.320, -0.330, -0.320, 0.0),  # where nobody learnt anything, nothing may be lost
        ],
    )
    def test_the_margin_is_a_share_of_what_can_be_learnt(
        self, incumbent: float, own: float, null: float, expected: float
    ) -> None:
        assert margin(incumbent, own, null) == pytest.approx(expected)

    def test_who_knows_nothing_is_the_null_model_of_the_question_or_else_the_weakest_peer(self) -> None:
        peers = {"base_rate": np.array([-0.4]), "logistic": np.array([-0.5])}
        assert nothing_known(some("attrition", peer_units=peers)) == -0.4
        assert nothing_known(some("toy", peer_units=peers)) == -0.5


def some(question: str, **changes: Any) -> Evaluation:
    given = {"protocol": "temporal", "metrics": {}, "peers": {}, "primary": "log_score", "per_unit": np.zeros(1),
             "peer_units": {}}  # fmt: skip
    return Evaluation(question, **{**given, **changes})


class TestGatesOfTheNumbers:
    @pytest.mark.parametrize(
        ("level", "slope", "passed"),
        [
            (Interval(1.1, 0.9, 1.4), Interval(0.9, 0.7, 1.1), True),
            (Interval(1.6, 1.3, 2.0), Interval(0.9, 0.7, 1.1), False),  # more left than was said
            (Interval(0.6, 0.5, 0.7), Interval(0.9, 0.7, 1.1), False),  # fewer left than was said
            (Interval(1.0, 0.9, 1.1), Interval(0.3, 0.2, 0.4), False),  # differences overstated
            (Interval(1.6, 0.7, 3.0), Interval(0.4, -0.5, 1.2), True),  # too few to tell
        ],
    )
    def test_a_level_or_slope_that_is_surely_off_is_refused(
        self, level: Interval, slope: Interval, passed: bool
    ) -> None:
        found = some("attrition", metrics={"o_e": level, "calibration_slope": slope})
        assert calibration(found).passed is passed

    def test_a_ranking_too_good_to_be_true_is_refused(self) -> None:
        assert not plausible(Interval(0.99, 0.98, 1.0)).passed
        assert plausible(Interval(0.97, 0.90, 1.0)).passed

    def test_a_slow_model_is_refused(self) -> None:
        assert not speed(0.3).passed
        assert speed(0.01).passed

    def test_other_features_than_serving_makes_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "feature_schema.json").write_bytes(json_bytes({"exit_at": "moment"}))
        assert not same_features("attrition", tmp_path).passed
        assert same_features("toy", tmp_path).passed  # nobody makes features for it

    def test_a_score_about_people_without_a_fairness_report_is_refused(self) -> None:
        from training.gates import of_the_numbers

        assert [gate.name for gate in of_the_numbers(some("attrition")) if not gate.passed] == ["fairness"]


class TestPlaces:
    def test_there_are_three_places_and_a_share_is_a_share(self) -> None:
        for wrong in ({"role": "king"}, {"against": "nobody"}, {"canary_share": 1.5}):
            with pytest.raises(BadInputError):
                Place(**wrong)

    def test_a_shadow_need_not_be_better_and_is_signed_for_the_shadow_alone(
        self, bench: Workbench, toy
    ) -> None:
        good = bench.train(toy).logged
        promote(bench, toy, good)
        worse = bench.train(toy, ["shrinkage=0.9"]).logged
        with pytest.raises(RefusedError, match=r"beside itself.*version 1"):
            promote(bench, toy, good, place=Place("shadow"))
        found = promote(bench, toy, worse, place=Place("shadow"))
        assert (found.failed, found.role) == ([], "shadow")
        aliases = bench.tracking.client.get_registered_model("toy").aliases
        assert {name: str(version) for name, version in aliases.items()} == {
            "champion": "1", "shadow": "2", "challenger": "2",
        }  # fmt: skip
        assert bench.tracking.attached(worse, worse.signature_path) is None
        document = json.loads(bench.tracking.attached(worse, "signatures/toy@shadow-2.json") or "")
        assert document["statement"]["name"] == "toy@shadow"

    def test_a_canary_passes_every_gate_and_has_its_share(self, bench: Workbench, toy) -> None:
        promote(bench, toy, bench.train(toy).logged)
        worse = promote(bench, toy, bench.train(toy, ["shrinkage=0.9"]).logged, place=Place("canary"))
        assert [gate.name for gate in worse.failed] == ["not inferior"]
        good = bench.train(toy, ["shrinkage=0.001"]).logged
        assert not promote(bench, toy, good, place=Place("canary", canary_share=0.05)).failed
        assert bench.tracking.noted("toy", "canary_share") == "0.05"
        assert bench.tracking.champion("toy").version == "1"
        promote(bench, toy, good)
        assert "canary" not in bench.tracking.client.get_registered_model("toy").aliases

    def test_rolling_back_gives_the_place_to_who_held_it_and_twice_is_as_before(
        self, bench: Workbench, toy
    ) -> None:
        first, second = bench.train(toy).logged, bench.train(toy).logged
        promote(bench, toy, first)
        with pytest.raises(RefusedError, match="no champion to go back to"):
            roll_back(bench.tracking, "toy")
        promote(bench, toy, second)
        assert roll_back(bench.tracking, "toy") == (first, second)
        assert bench.tracking.champion("toy") == first
        assert roll_back(bench.tracking, "toy") == (second, first)

    def test_after_an_alias_moved_by_hand_the_way_back_leads_to_who_passed_the_gates_last(
        self, bench: Workbench, toy
    ) -> None:
        first, second, third = (bench.train(toy).logged for _ in range(3))
        promote(bench, toy, first)
        promote(bench, toy, second)
        bench.tracking.point(third, "champion")
        assert roll_back(bench.tracking, "toy") == (second, third)
        assert roll_back(bench.tracking, "toy") == (first, second)

    @pytest.mark.parametrize(
        ("name", "role"),
        [("skills", "shadow"), ("skills", "canary"), ("impact", "shadow"), ("impact", "canary"), ("attrition", "canary")],
    )  # fmt: skip
    def test_a_question_without_such_a_place_says_why(
        self, bench: Workbench, toy, name: str, role: str
    ) -> None:
        model = bench.train(toy).logged
        with pytest.raises(RefusedError, match=f"{name} has no {role}"):
            promote(bench, Question(name), model, place=Place(role))

    def test_a_canary_or_shadow_is_sent_away_and_the_champion_stays(self, bench: Workbench, toy) -> None:
        promote(bench, toy, bench.train(toy).logged)
        other = bench.train(toy, ["shrinkage=0.001"]).logged
        with pytest.raises(RefusedError, match="has no shadow"):
            take_away(bench.tracking, "toy", "shadow")
        with pytest.raises(BadInputError, match="no such place"):
            take_away(bench.tracking, "toy", "champion")
        promote(bench, toy, other, place=Place("shadow"))
        promote(bench, toy, other, place=Place("canary"))  # whoever answers is no shadow any more
        assert bench.tracking.standing("toy", "shadow") is None
        assert take_away(bench.tracking, "toy", "canary") == other
        assert bench.tracking.standing("toy", "canary") is None
        assert bench.tracking.champion("toy").version == "1"

    def test_nobody_unsigned_is_gone_back_to(self, bench: Workbench, toy) -> None:
        unsigned, good = bench.train(toy).logged, bench.train(toy).logged
        promote(bench, toy, good)
        bench.tracking.note("toy", "previous_champion", unsigned.version)
        with pytest.raises(RefusedError, match="not signed"):
            roll_back(bench.tracking, "toy")
        assert bench.tracking.champion("toy") == good


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
    assert empty_fields(card) == ["groups", "cost", "peers"]
    assert card["instructions"]
    assert "| auc | 0.7 | 0.6 to 0.8 |" in card_text(card)
