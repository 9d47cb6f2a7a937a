"""Champion and challengers scored again on the same people and dates: paired differences, slices, costs, a verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import UnavailableError
from training.evaluation import Evaluation, Floats, Interval, paired_differences, plain
from training.loading import load_scorer
from training.logged import LoggedModel
from training.payload import payload_digest
from training.questions import Question
from training.rescoring.rescored import Bools, Rescored
from training.rescoring.rescoring import RESCORE, judging_dataset, rescore, slices

if TYPE_CHECKING:
    from training.runs import Workbench

SMALLEST_SLICE = 10  # units: fewer people are not shown
COSTS = ("fit_seconds", "rows_per_second", "payload_bytes")


@dataclass(frozen=True)
class Slice:
    """The paired difference among some of the units."""

    name: str
    n_units: int
    difference: Interval


@dataclass(frozen=True)
class Contestant:
    """One side of a comparison.

    Parameters
    ----------
    name : str
        In words.
    rescored : Rescored
        Its units.
    costs : mapping of str to float
        ``fit_seconds``, ``rows_per_second``, ``payload_bytes``; missing where not known.
    """

    name: str
    rescored: Rescored
    costs: Mapping[str, float]

    @property
    def values(self) -> dict[str, float]:
        """Mean of each metric's units; the sign is that of the units (higher is better)."""
        units = {self.rescored.primary: self.rescored.units, **self.rescored.further}
        return {name: float(np.mean(found)) for name, found in units.items()}


@dataclass(frozen=True)
class Challenge:
    """One model beside the one to beat.

    Parameters
    ----------
    model : LoggedModel
        The challenger.
    contestant : Contestant
        Its units and costs.
    difference : Interval
        Of the primary metric's units; positive where the challenger is better, in the units' own scale.
    further : mapping of str to Interval
        The same of further metrics.
    slices : sequence of Slice
        The primary metric's difference among some of the people.
    """

    model: LoggedModel
    contestant: Contestant
    difference: Interval
    further: Mapping[str, Interval]
    slices: Sequence[Slice]

    @property
    def verdict(self) -> str:
        """What the interval says, in words."""
        return in_words(self.difference)


@dataclass(frozen=True)
class Comparison:
    """What was compared with what.

    Parameters
    ----------
    question, primary : str
        The question and its metric.
    protocol : str
        Which people and dates, where the dataset says.
    n_units : int
        People (or texts) that both sides share.
    reference : Contestant
        What is to be beaten.
    challenges : sequence of Challenge
        The others.
    as_of : str
        End of the data.
    """

    question: str
    primary: str
    protocol: str
    n_units: int
    reference: Contestant
    challenges: Sequence[Challenge]
    as_of: str = ""

    @property
    def against(self) -> str:
        """Name of what is to be beaten."""
        return self.reference.name


def compare(bench: Workbench, question: Question, models: Sequence[LoggedModel]) -> Comparison:
    """Score models again on the same dataset, through their own scorers.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Which one.
    models : sequence of LoggedModel
        The challengers. Without a champion the first of several is what the others have to beat, and one alone
        meets the strongest baseline.
    """
    champion = bench.tracking.champion(question.name)
    challengers = list(models)
    with ExitStack() as lent:
        if champion is None and len(challengers) == 1:
            reference = baseline_of(evaluation_of(bench, question, challengers[0]))
            found = lend(bench, lent, question, challengers)
            dataset: Any = bench.dataset(question)
        else:
            first = champion if champion is not None else challengers.pop(0)
            name = f"champion (version {first.version})" if champion else f"version {first.version}"
            side, *found = lend(bench, lent, question, [first, *challengers])
            dataset = judging_dataset(bench, question)
            reference = contestant_of(bench, question, side, dataset, name)
        parts = slices(bench, question, dataset)
        challenges = [challenge(bench, question, each, dataset, (reference, parts)) for each in found]
    units = reference.rescored
    protocol = str(getattr(dataset, "protocol", ""))
    moment = bench.context.as_of.isoformat()
    return Comparison(question.name, units.primary, protocol, len(units.units), reference, challenges, moment)


def lend(
    bench: Workbench, lent: ExitStack, question: Question, models: Sequence[LoggedModel]
) -> list[tuple[LoggedModel, Path]]:
    """Lend the files of several models, fetched and tried before anybody is asked what they say of people."""
    found = []
    for model in models:
        bench.say(f"{question.name}: fetching version {model.version}")
        folder = lent.enter_context(fetched(bench, model))
        if question.name in RESCORE:
            load_scorer(folder)  # imports what it is made of, while a thread may still read the records
        found.append((model, folder))
    return found


def challenge(
    bench: Workbench,
    question: Question,
    side: tuple[LoggedModel, Path],
    dataset: Any,
    given: tuple[Contestant, Mapping[str, Bools]],
) -> Challenge:
    """Score one challenger and set it beside the reference."""
    reference, parts = given
    found = contestant_of(bench, question, side, dataset, f"version {side[0].version}")
    ours, theirs = found.rescored, reference.rescored
    shared = [name for name in ours.further if name in theirs.further]
    pairs = {name: (ours.further[name], theirs.further[name]) for name in shared}
    further = paired_differences(
        {ours.primary: (ours.units, theirs.units), **pairs}, lambda: bench.rng(question.name, "compare")
    )
    gaps = np.asarray(ours.units, dtype=np.float64) - np.asarray(theirs.units, dtype=np.float64)
    among = [
        Slice(name, int(rows.sum()), mean_interval(gaps[rows]))
        for name, rows in parts.items()
        if rows.sum() >= SMALLEST_SLICE and len(rows) == len(gaps)
    ]
    difference = further.pop(ours.primary)
    return Challenge(side[0], found, difference, further, among)


def mean_interval(values: Floats) -> Interval:
    """Return a mean with its 95 % interval by Student's t: many slices are asked, and none decides."""
    from scipy.stats import t as student

    half = float(student.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))
    return Interval(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def contestant_of(
    bench: Workbench, question: Question, side: tuple[LoggedModel, Path], dataset: Any, name: str
) -> Contestant:
    """Return a registered model's units and costs."""
    model, folder = side
    bench.say(f"{question.name}: scoring version {model.version}")
    found = rescore(bench, question, folder, dataset)
    costs = {
        "fit_seconds": bench.tracking.numbers(model).get("seconds/fit", float("nan")),
        "rows_per_second": found.rows_per_second,
        "payload_bytes": float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())),
    }
    return Contestant(name, found, {key: value for key, value in costs.items() if np.isfinite(value)})


def baseline_of(evaluation: Evaluation) -> Contestant:
    """Return the strongest baseline of an evaluation as the side to beat."""
    name = strongest_peer(evaluation)
    return Contestant(
        f"baseline {name}",
        Rescored(evaluation.primary, np.asarray(evaluation.peer_units[name], dtype=np.float64)),
        {},
    )


@contextmanager
def fetched(bench: Workbench, model: LoggedModel) -> Iterator[Path]:
    """Lend a registered model's own files while a block runs.

    Raises
    ------
    UnavailableError
        If the registry's files are not those that were logged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = bench.tracking.fetch_payload(model, Path(scratch))
        if payload_digest(folder) != model.payload_digest:
            raise UnavailableError(f"The files of {model.uri} are not those that were logged.")
        yield folder


def evaluation_of(bench: Workbench, question: Question, model: LoggedModel) -> Evaluation:
    """Return the whole evaluation of a registered model's own files, its baselines beside it."""
    with fetched(bench, model) as folder:
        return bench.evaluate(question, folder)


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
        "protocol": comparison.protocol,
        "as_of": comparison.as_of,
        "n_units": comparison.n_units,
        "reference": {"metrics": plain(reference.values), "costs": plain(dict(reference.costs))},
        "challengers": [
            {
                "version": each.model.version,
                "run_id": each.model.run_id,
                "payload_digest": each.model.payload_digest,
                "metrics": plain(each.contestant.values),
                "costs": plain(dict(each.contestant.costs)),
                "difference": plain(each.difference),
                "further": plain(dict(each.further)),
                "slices": [plain(part) for part in each.slices],
                "verdict": each.verdict,
            }
            for each in comparison.challenges
        ],
    }
