"""The conditions of promotion, each of them passed or not, and why."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.cards import card_of, empty_fields
from training.comparison import evaluation_of, in_words, strongest_peer
from training.evaluation import Evaluation, Floats, Interval, paired_difference
from training.isolation import timed_trial
from training.logged import LoggedModel
from training.payload import SCHEMA, json_bytes, payload_digest
from training.questions import Question

if TYPE_CHECKING:
    from training.runs import Workbench

CHAMPION, BASELINE = "champion", "baseline"
MARGIN_SHARE = 0.05  # of the incumbent's own value, at most
GAIN_SHARE = 0.25  # of what the incumbent gains over knowing nothing: docs/decisions/0007
KNOWING_NOTHING: Mapping[str, str] = {
    "skills": "random", "recommendation": "popularity", "attrition": "base_rate", "impact": "mean",
}  # fmt: skip
LEVEL_LIMITS, SLOPE_LIMITS = (0.8, 1.25), (0.5, 2.0)
TOO_GOOD_AUC = 0.95
MOST_SECONDS = 0.25  # for the golden question
SCORES_PEOPLE = ("attrition",)  # a report per protected group must be there


@dataclass(frozen=True)
class Gate:
    """One condition of promotion: passed or not, and why."""

    name: str
    passed: bool
    explanation: str


def safe_to_run(question: str, folder: Path, model: LoggedModel, say: Any) -> Iterator[Gate]:
    """Yield the gates that every model passes before it may run anywhere, shadow included; end at the first failure."""
    say(f"{question}: version {model.version}: comparing its files with those that were logged")
    first = intact(folder, model)
    yield first
    if not first.passed:
        return
    say(f"{question}: loading it alone")
    wrong, seconds = timed_trial(folder)
    yield Gate("loads alone", not wrong, wrong or "it loads without our packages; the golden answer is equal")
    if wrong:
        return
    yield speed(seconds)
    yield same_features(question, folder)


def intact(folder: Path, model: LoggedModel) -> Gate:
    """Say whether the registry's files are those that were logged."""
    found = payload_digest(folder)
    passed = found == model.payload_digest
    words = "the files are those that were logged" if passed else "the files are not those that were logged"
    return Gate("intact", passed, f"{words} ({found[:12]})")


def speed(seconds: float) -> Gate:
    """Say whether the golden question is answered in time."""
    words = f"the golden question takes {seconds * 1000:.0f} ms; allowed are {MOST_SECONDS * 1000:.0f}"
    return Gate("speed", seconds <= MOST_SECONDS, words)


def same_features(question: str, folder: Path) -> Gate:
    """Say whether the model expects the very features that serving makes."""
    expected = feature_schema(question)
    found = hashlib.sha256((folder / SCHEMA).read_bytes()).hexdigest()
    passed = expected is None or found == hashlib.sha256(json_bytes(dict(expected))).hexdigest()
    words = (
        "it expects the features that this code makes"
        if passed
        else "it expects other features than this code makes"
    )
    return Gate("features", passed, words)


def feature_schema(question: str) -> Mapping[str, str] | None:
    """Return the features that this code makes for a question; None where it makes none of its own."""
    name = f"features.{question}"
    if importlib.util.find_spec(name) is None:
        return None
    found: Mapping[str, str] | None = getattr(importlib.import_module(name), "FEATURE_SCHEMA", None)
    return found


def judged(
    bench: Workbench, question: Question, model: LoggedModel, found: Evaluation, against: str
) -> Iterator[Gate]:
    """Yield the gates that read the evaluation."""
    yield evaluated(found)
    if found.status == "estimated":
        champion = None if against == BASELINE else champion_of(bench, model)
        yield not_inferior(bench, question, champion, found)
    yield from of_the_numbers(found)
    yield carded(bench, model, found)


def evaluated(found: Evaluation) -> Gate:
    """Say whether the data could answer at all."""
    return Gate(
        "evaluated",
        found.status == "estimated",
        found.reason or "the saved model was evaluated on the last block",
    )


def carded(bench: Workbench, model: LoggedModel, found: Evaluation) -> Gate:
    """Say whether every field of the card is filled."""
    empty = empty_fields(card_of(model, found, bench.tracking.numbers(model)))
    words = f"empty: {', '.join(empty)}" if empty else "every field of the card is filled"
    return Gate("card", not empty, words)


def of_the_numbers(found: Evaluation) -> Iterator[Gate]:
    """Yield the gates that look at the evaluation's own numbers: its question's, level, plausibility, fairness."""
    for name, (passed, explanation) in found.gates.items():
        yield Gate(name, bool(passed), explanation)
    if found.status != "estimated":
        return
    if "o_e" in found.metrics:
        yield calibration(found)
    if "auc" in found.metrics:
        yield plausible(found.metrics["auc"])
    if found.question in SCORES_PEOPLE and "fairness" not in found.gates:
        yield Gate("fairness", False, "there is no report of how groups fare")


def calibration(found: Evaluation) -> Gate:
    """Say whether as many left as was said, and whether differences were overstated, as far as can be told.

    Notes
    -----
    A level or slope is refused where its whole interval lies outside the limits: a wide interval is no evidence
    against a model, and a narrow one outside them is.
    """
    level, slope = found.metrics["o_e"], found.metrics.get("calibration_slope", Interval(1.0))
    wrong = [
        outside(level, LEVEL_LIMITS, "observed / expected"),
        outside(slope, SLOPE_LIMITS, "calibration slope"),
    ]
    words = "; ".join(filter(None, wrong))
    numbers = f"observed / expected {level.value:.2f} ({level.low:.2f} to {level.high:.2f}), slope {slope.value:.2f}"
    return Gate("calibration", not words, words or numbers)


def outside(found: Interval, limits: tuple[float, float], name: str) -> str:
    """Return in words that a whole interval lies beyond limits; empty where it does not."""
    if found.low > limits[1] or found.high < limits[0]:
        return f"{name} {found.value:.2f} ({found.low:.2f} to {found.high:.2f}) lies outside {limits[0]:g} to {limits[1]:g}"
    return ""


def plausible(auc: Interval) -> Gate:
    """Say whether the ranking is as good as nobody's leaving can be ranked beforehand: then something leaked."""
    passed = not auc.low > TOO_GOOD_AUC
    words = (
        f"AUC {auc.value:.3f}"
        if passed
        else f"AUC {auc.value:.3f} is too good to be true: look for what leaked"
    )
    return Gate("plausible", passed, words)


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
    Units are paired; the model passes when the lower bound of the mean difference is above minus the `margin`. A
    first model meets the strongest baseline with the same threshold, unrelaxed.
    """
    try:
        name, units = incumbent(bench, question, champion, found)
        difference = paired_difference(found.per_unit, units, bench.rng(question.name, "promote"))
    except Exception as error:  # an older scorer may fail in any way on today's features
        hint = "; where it never can be again, promote against the baseline" if champion else ""
        return Gate("not inferior", False, f"it cannot be compared: {error}{hint}")
    values = float(np.mean(units)), float(np.mean(found.per_unit))
    return non_inferiority(found.primary, name, difference, margin(*values, nothing_known(found)))


def incumbent(
    bench: Workbench, question: Question, champion: LoggedModel | None, found: Evaluation
) -> tuple[str, Floats]:
    """Return the name and units of what the model has to meet: the champion, or the strongest baseline."""
    if champion is None:
        name = strongest_peer(found)
        return f"the baseline {name}", np.asarray(found.peer_units[name])
    units = np.asarray(evaluation_of(bench, question, champion).per_unit)
    return f"the champion, version {champion.version}", units


def nothing_known(found: Evaluation) -> float:
    """Return what the primary metric is worth to who knows nothing: the question's null model, or the weakest peer."""
    worth = {name: float(np.mean(units)) for name, units in found.peer_units.items()}
    null = KNOWING_NOTHING.get(found.question, "")
    return worth[null] if null in worth else min(worth.values(), default=float("nan"))


def margin(incumbent_value: float, own_value: float, null_value: float) -> float:
    """Return how much of the incumbent may be lost before a model counts as inferior.

    Notes
    -----
    A quarter of what can be learnt from these data (the larger gain over the null model, the incumbent's or the
    challenger's own), and never more than 5 % of the incumbent's value. Of a log score, whose value is mostly that of
    the base rate, 5 % would be more than all that was learnt. It is 0 where nobody learnt anything.
    """
    gain = max(incumbent_value, own_value) - null_value
    return float(max(0.0, min(MARGIN_SHARE * abs(incumbent_value), GAIN_SHARE * gain)))


def non_inferiority(primary: str, name: str, difference: Interval, allowed: float) -> Gate:
    """Return the verdict on a paired difference: the lower bound must stay above minus what is allowed."""
    passed = bool(difference.low >= -allowed)
    words = f"{primary}: {in_words(difference)}, against"
    numbers = (
        f"{difference.value:+.4g} ({difference.low:+.4g} to {difference.high:+.4g}), allowed −{allowed:.4g}"
    )
    return Gate("not inferior", passed, f"{words} {name}: {numbers}")
