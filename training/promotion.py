"""Gates before a model may answer; behind them it is signed and becomes the champion."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.cards import card_of, card_text, empty_fields
from training.comparison import evaluation_of, in_words, strongest_peer
from training.evaluation import Evaluation, Floats, Interval, paired_difference
from training.isolation import trial
from training.logged import LoggedModel
from training.payload import payload_digest
from training.questions import Question
from training.signing import promotion_key, signed, statement_of

if TYPE_CHECKING:
    from training.runs import Workbench

CHAMPION, BASELINE = "champion", "baseline"
MARGIN_SHARE = 0.05  # of the incumbent's own value: a loss of less is not inferior


@dataclass(frozen=True)
class Gate:
    """One condition of promotion: passed or not, and why."""

    name: str
    passed: bool
    explanation: str


@dataclass(frozen=True)
class Promotion:
    """What became of a request to promote.

    Parameters
    ----------
    model : LoggedModel
        The version.
    gates : sequence of Gate
        In the order in which they were tried.
    key_id : str
        The key that signed; empty where a gate failed.
    """

    model: LoggedModel
    gates: Sequence[Gate]
    key_id: str = ""

    @property
    def failed(self) -> list[Gate]:
        """The gates that were not passed."""
        return [gate for gate in self.gates if not gate.passed]


def promote(bench: Workbench, question: Question, model: LoggedModel, against: str = CHAMPION) -> Promotion:
    """Try every gate; where all are passed, sign the model and make it the champion.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Which one.
    model : LoggedModel
        The version to promote.
    against : str
        ``champion``, or ``baseline`` where the champion cannot be evaluated on today's data any more.

    Returns
    -------
    Promotion
        With `failed` gates nothing was changed: the champion stays.
    """
    with tempfile.TemporaryDirectory() as scratch:
        bench.say(f"{question.name}: fetching version {model.version}")
        folder = bench.tracking.fetch_payload(model, Path(scratch))
        gates = [intact(folder, model)]
        if gates[0].passed:
            bench.say(f"{question.name}: loading it alone")
            gates.append(loads_alone(folder))
        if all(gate.passed for gate in gates):
            evaluation = bench.evaluate(question, folder)
            gates += judged(bench, question, model, evaluation, against)
        if not all(gate.passed for gate in gates):
            return Promotion(model, gates)
        bench.say(f"{question.name}: signing")
        return Promotion(model, gates, crown(bench, model, evaluation, folder))


def intact(folder: Path, model: LoggedModel) -> Gate:
    """Say whether the registry's files are those that were logged."""
    found = payload_digest(folder)
    passed = found == model.payload_digest
    words = "the files are those that were logged" if passed else "the files are not those that were logged"
    return Gate("intact", passed, f"{words} ({found[:12]})")


def loads_alone(folder: Path) -> Gate:
    """Say whether the payload loads where our packages cannot be imported, and answers as it was written."""
    wrong = trial(folder)
    return Gate(
        "loads alone", not wrong, wrong or "it loads without our packages; the golden answer is equal"
    )


def judged(
    bench: Workbench, question: Question, model: LoggedModel, found: Evaluation, against: str
) -> Iterator[Gate]:
    """Yield the gates that read the evaluation."""
    estimated = found.status == "estimated"
    yield Gate("evaluated", estimated, found.reason or "the saved model was evaluated on the last block")
    if estimated:
        yield not_inferior(bench, question, None if against == BASELINE else champion_of(bench, model), found)
    for name, (passed, explanation) in found.gates.items():
        yield Gate(name, bool(passed), explanation)
    empty = empty_fields(card_of(model, found))
    yield Gate(
        "card", not empty, f"empty: {', '.join(empty)}" if empty else "every field of the card is filled"
    )


def champion_of(bench: Workbench, model: LoggedModel) -> LoggedModel | None:
    """Return the champion that a model would replace, or None where it is that champion or there is none."""
    champion = bench.tracking.champion(model.name)
    return None if champion is None or champion.version == model.version else champion


def not_inferior(
    bench: Workbench, question: Question, champion: LoggedModel | None, found: Evaluation
) -> Gate:
    """Say whether the primary metric is at least the champion's, or the strongest baseline's.

    Notes
    -----
    Units are paired; the model passes when the lower bound of the mean difference is above minus 5 % of the
    incumbent's own mean. A first model meets the strongest baseline with the same threshold, unrelaxed.
    """
    try:
        name, units = incumbent(bench, question, champion, found)
        difference = paired_difference(found.per_unit, units, bench.rng(question.name, "promote"))
    except Exception as error:  # an older scorer may fail in any way on today's features
        hint = "; where it never can be again, promote against the baseline" if champion else ""
        return Gate("not inferior", False, f"it cannot be compared: {error}{hint}")
    return non_inferiority(found.primary, name, difference, float(np.mean(units)))


def incumbent(
    bench: Workbench, question: Question, champion: LoggedModel | None, found: Evaluation
) -> tuple[str, Floats]:
    """Return the name and units of what the model has to meet: the champion, or the strongest baseline."""
    if champion is None:
        name = strongest_peer(found)
        return f"the baseline {name}", np.asarray(found.peer_units[name])
    units = np.asarray(evaluation_of(bench, question, champion).per_unit)
    return f"the champion, version {champion.version}", units


def non_inferiority(primary: str, name: str, difference: Interval, incumbent_value: float) -> Gate:
    """Return the verdict on a paired difference: the lower bound must stay above the margin."""
    margin = MARGIN_SHARE * abs(incumbent_value)
    passed = bool(difference.low >= -margin)
    words = f"{primary}: {in_words(difference)}, against"
    numbers = (
        f"{difference.value:+.4g} ({difference.low:+.4g} to {difference.high:+.4g}), allowed −{margin:.4g}"
    )
    return Gate("not inferior", passed, f"{words} {name}: {numbers}")


def crown(bench: Workbench, model: LoggedModel, evaluation: Evaluation, folder: Path) -> str:
    """Sign a payload, lay signature and card beside the model, and point the alias to it; return the key's id."""
    key = promotion_key(bench.settings)
    document = signed(statement_of(folder, model.name, model.version, model.data_digest), key)
    card = card_of(model, evaluation)
    tracking = bench.tracking
    tracking.attach(model, f"cards/{model.name}-{model.version}.json", json.dumps(card, ensure_ascii=False))
    tracking.attach(model, f"cards/{model.name}-{model.version}.md", card_text(card))
    tracking.attach(model, model.signature_path, document.decode())
    tracking.crown(model)
    return str(json.loads(document)["key_id"])


def promotion_json(promotion: Promotion) -> dict[str, Any]:
    """Return a promotion as plain values."""
    return {
        "question": promotion.model.name,
        "version": promotion.model.version,
        "status": "refused" if promotion.failed else "promoted",
        "payload_digest": promotion.model.payload_digest,
        "key_id": promotion.key_id or None,
        "failed": [gate.name for gate in promotion.failed],
        "gates": {
            gate.name: {"passed": gate.passed, "explanation": gate.explanation} for gate in promotion.gates
        },
    }
