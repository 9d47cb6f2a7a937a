"""Champion and challengers on the same rows: paired differences with intervals."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import UnavailableError
from training.evaluation import Evaluation, Floats, Interval, paired_difference, plain
from training.logged import LoggedModel
from training.payload import payload_digest
from training.questions import Question

if TYPE_CHECKING:
    from training.runs import Workbench


@dataclass(frozen=True)
class Challenge:
    """One model beside the one to beat.

    Parameters
    ----------
    model : LoggedModel
        The challenger.
    evaluation : Evaluation
        Of its saved payload, on the rows all share.
    difference : Interval
        Of the primary metric's units; positive where the challenger is better, in the units' own scale.
    """

    model: LoggedModel
    evaluation: Evaluation
    difference: Interval

    @property
    def verdict(self) -> str:
        """What the interval says, in words."""
        return in_words(self.difference)


@dataclass(frozen=True)
class Comparison:
    """What was compared with what."""

    question: str
    against: str
    primary: str
    n_units: int
    reference: Evaluation | None
    challenges: Sequence[Challenge]


def compare(bench: Workbench, question: Question, models: Sequence[LoggedModel]) -> Comparison:
    """Evaluate champion and challengers again, on the same dataset, through their own scorers.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Which one.
    models : sequence of LoggedModel
        The challengers.

    Returns
    -------
    Comparison
        Against the champion; where there is none yet, against the strongest baseline.
    """
    champion = bench.tracking.champion(question.name)
    reference = evaluation_of(bench, question, champion) if champion else None
    challenges = []
    for model in models:
        found = evaluation_of(bench, question, model)
        name, units = against(found, reference, champion)
        rng = bench.rng(question.name, "compare")
        challenges.append(Challenge(model, found, paired_difference(found.per_unit, units, rng)))
    first = challenges[0].evaluation
    return Comparison(question.name, name, first.primary, len(first.per_unit), reference, challenges)


def evaluation_of(bench: Workbench, question: Question, model: LoggedModel) -> Evaluation:
    """Return the evaluation of a registered model's own files.

    Raises
    ------
    UnavailableError
        If the registry's files are not those that were logged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = bench.tracking.fetch_payload(model, Path(scratch))
        if payload_digest(folder) != model.payload_digest:
            raise UnavailableError(f"The files of {model.uri} are not those that were logged.")
        return bench.evaluate(question, folder)


def against(
    found: Evaluation, reference: Evaluation | None, champion: LoggedModel | None
) -> tuple[str, Floats]:
    """Return the name and the units of what is to be beaten."""
    if reference is not None and champion is not None:
        return f"champion (version {champion.version})", np.asarray(reference.per_unit)
    name = strongest_peer(found)
    return f"baseline {name}", np.asarray(found.peer_units[name])


def strongest_peer(evaluation: Evaluation) -> str:
    """Return the peer with the best mean of the primary metric's units.

    Raises
    ------
    UnavailableError
        If the evaluation has no peer: nothing can be said of a model alone.
    """
    if not evaluation.peer_units:
        raise UnavailableError(f"The evaluation of {evaluation.question} has no baseline beside it.")
    return max(evaluation.peer_units, key=lambda name: float(np.mean(evaluation.peer_units[name])))


def in_words(difference: Interval) -> str:
    """Return what a paired difference says."""
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return "no difference shown"


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    reference = comparison.reference
    return {
        "question": comparison.question,
        "against": comparison.against,
        "primary": comparison.primary,
        "n_units": comparison.n_units,
        "reference_metrics": plain(reference.metrics) if reference else None,
        "challengers": [
            {
                "version": each.model.version,
                "run_id": each.model.run_id,
                "payload_digest": each.model.payload_digest,
                "metrics": plain(each.evaluation.metrics),
                "difference": plain(each.difference),
                "verdict": each.verdict,
            }
            for each in comparison.challenges
        ],
    }
