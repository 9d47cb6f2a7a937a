"""Deliberately bad challengers are refused, every one of them, each for its own reason."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.attrition import FEATURE_SCHEMA
from features.errors import RefusedError
from training.cards import card_of, empty_fields
from training.checking.check import unpickled
from training.checking.examination import Examined
from training.checking.judging import contract_gates, worth, worth_gates
from training.checking.pickles import pickles
from training.evaluation import Evaluation, Interval
from training.gates import Gate, carded, intact, of_the_numbers, same_features, speed
from training.isolation import trial
from training.logged import LoggedModel
from training.payload import Payload, json_bytes, npz_bytes, payload_digest, write_payload
from training.promotion import roll_back

ASKED = (
    "imports our packages", "fails when it is loaded", "has no signature", "asks for the exit itself",
    "answers another column", "answers fewer rows", "answers NaN", "answers log-odds", "answers by the dice",
    "answers by who else is asked", "breaks on missing values", "spreads missing values", "breaks on unknown values",
    "is slow", "is worse", "ranks the wrong way round", "says the same of everybody", "says twice as much",
    "overstates differences", "flags one sex",
)  # fmt: skip
SCORER = """
import numpy as np

class Scorer:
    @classmethod
    def load(cls, folder):
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            return cls(arrays["weights"])

    def __init__(self, weights):
        self.weights = weights

    def scores(self, features):
        return np.asarray(features) @ self.weights
"""


class Trap:
    """Fails the test that opens it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the pickle was opened",))


def judged(said: np.ndarray, world: Any) -> list[Gate]:
    """Return the gates of what a model is worth."""
    found = worth(said, world.truth, np.random.default_rng(1))
    return list(worth_gates(found, world.truth, np.random.default_rng(2)))


def gates(found: Examined, world: Any) -> list[Gate]:
    """Return every gate that was reached."""
    reached = list(contract_gates(found, world.contract))
    if all(gate.passed for gate in reached):
        reached += judged(found.answers["asked"][:, 0], world)
    return reached


def written(folder: Path) -> LoggedModel:
    """Write a small payload as a training would, and return how it was logged."""
    weights, example = np.array([1.0, -2.0]), np.arange(4.0).reshape(2, 2)
    payload = Payload("attrition", {"weights.npz": npz_bytes({"weights": weights})}, {"features": example},
                      {"x": "number", "y": "number"}, {"features": example})  # fmt: skip
    (folder.parent / "scorer.py").write_text(SCORER)
    digest = write_payload(payload, folder, scorer=folder.parent / "scorer.py")
    return LoggedModel("attrition", "2", "run", digest, "data", "2022 to 2025")


def knows_the_outcome(world: Any, folder: Path) -> Sequence[Gate]:
    return judged(np.where(world.truth.left, 0.97, 0.01), world)


def is_pickled(world: Any, folder: Path) -> Sequence[Gate]:
    folder.mkdir()
    (folder / "weights.dat").write_bytes(pickle.dumps(Trap(), protocol=4))
    return [unpickled(folder, allow_pickle=False)]


def was_tampered_with(world: Any, folder: Path) -> Sequence[Gate]:
    model = written(folder)
    content = (folder / "weights.npz").read_bytes()
    (folder / "weights.npz").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return [intact(folder, model)]


def has_a_file_more(world: Any, folder: Path) -> Sequence[Gate]:
    model = written(folder)
    (folder / "more.json").write_bytes(json_bytes({}))
    return [intact(folder, model)]


def expects_other_features(world: Any, folder: Path) -> Sequence[Gate]:
    written(folder)
    return [same_features("attrition", folder)]


def answers_otherwise_than_when_written(world: Any, folder: Path) -> Sequence[Gate]:
    written(folder)
    (folder / "scorer.py").write_text(SCORER.replace("@ self.weights", "@ self.weights + 1e-6"))
    wrong = trial(folder)
    return [Gate("loads alone", not wrong, wrong)]


def takes_long_for_its_golden_question(world: Any, folder: Path) -> Sequence[Gate]:
    return [speed(0.26)]


def has_an_empty_card(world: Any, folder: Path) -> Sequence[Gate]:
    model = LoggedModel("attrition", "2", "run", "p" * 64, "d" * 64, window="")
    bench: Any = SimpleNamespace(tracking=SimpleNamespace(numbers=lambda _: {}))
    found = Evaluation(
        "attrition", "temporal", {"auc": Interval(0.7, 0.6, 0.8)}, {}, "auc", np.ones(2), {}, n={"people": 2}
    )
    assert "window" in empty_fields(card_of(model, found))
    return [carded(bench, model, found)]


def tells_nothing_of_groups(world: Any, folder: Path) -> Sequence[Gate]:
    found = Evaluation("attrition", "temporal", {}, {}, "auc", np.ones(2), {})
    return list(of_the_numbers(found))


def is_not_signed(world: Any, folder: Path) -> Sequence[Gate]:
    one, two = (LoggedModel("attrition", version, "run", "p", "d") for version in "12")
    tracking: Any = SimpleNamespace(
        champion=lambda _: two, noted=lambda *_: "1", model=lambda *_: one, attached=lambda *_: None
    )
    try:
        roll_back(tracking, "attrition")
    except RefusedError as error:
        return [Gate("signed", False, str(error))]
    return [Gate("signed", True, "")]


BROUGHT: dict[Callable[[Any, Path], Sequence[Gate]], str] = {
    knows_the_outcome: "plausible",
    is_pickled: "no pickle",
    was_tampered_with: "intact",
    has_a_file_more: "intact",
    expects_other_features: "features",
    answers_otherwise_than_when_written: "loads alone",
    takes_long_for_its_golden_question: "speed",
    has_an_empty_card: "card",
    tells_nothing_of_groups: "fairness",
    is_not_signed: "signed",
}


@pytest.mark.parametrize("name", ASKED)
def test_a_bad_model_that_is_asked_is_refused_for_the_right_reason(
    name: str, examined: dict[str, Examined], world: Any
) -> None:
    bad = sys.modules[type(world).__module__].BAD
    assert set(bad) == set(ASKED)
    failed = [gate.name for gate in gates(examined[name], world) if not gate.passed]
    assert bad[name][1] in failed, failed


@pytest.mark.parametrize(("make", "gate"), BROUGHT.items(), ids=[make.__name__ for make in BROUGHT])
def test_a_bad_model_on_its_way_to_people_is_refused_for_the_right_reason(
    make: Callable[[Any, Path], Sequence[Gate]], gate: str, world: Any, tmp_path: Path
) -> None:
    failed = [each.name for each in make(world, tmp_path / "payload") if not each.passed]
    assert gate in failed, failed


def test_the_payload_that_the_bad_ones_were_made_from_is_good(tmp_path: Path) -> None:
    model = written(tmp_path / "payload")
    assert payload_digest(tmp_path / "payload") == model.payload_digest
    assert intact(tmp_path / "payload", model).passed
    assert trial(tmp_path / "payload") == ""
    (tmp_path / "payload" / "feature_schema.json").write_bytes(json_bytes(dict(FEATURE_SCHEMA)))
    assert same_features("attrition", tmp_path / "payload").passed


def test_a_pickle_is_found_by_name_and_by_its_first_bytes_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "weights.dat").write_bytes(pickle.dumps(Trap(), protocol=4))
    (tmp_path / "model.joblib").write_bytes(b"old text protocol")
    (tmp_path / "model.txt").write_text("tree")
    assert pickles(tmp_path) == ["model.joblib", "weights.dat"]
    assert "for this comparison only" in unpickled(tmp_path, allow_pickle=True).explanation
