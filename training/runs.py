"""Dataset → fit → evaluate → log, the same way for every question."""

from __future__ import annotations

import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from features.errors import BadInputError
from training.context import Floats, TrainingContext
from training.evaluation import Evaluation
from training.logged import LoggedModel, Part, Training, code_digest
from training.payload import Payload, payload_digest, write_payload
from training.questions import Dataset, Question, as_mapping, parameters_of
from training.settings import TrainingSettings
from training.stored import StoredTables
from training.usage import Meter

if TYPE_CHECKING:
    from features.records.store import Store
    from training.tracking import Tracking

Say = Callable[[str], None]
STAGES = ("dataset", "fit", "evaluate", "promote", "compare", "tune", "watch")


def say_nothing(_: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Trained:
    """A model as it was logged, and what it is worth."""

    logged: LoggedModel
    evaluation: Evaluation
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Made:
    """A payload as it was written, and how it came to be.

    Parameters
    ----------
    folder : Path
        Where it lies.
    payload : Payload
        What was written there.
    parameters : mapping of str to anything
        Of the fit.
    parts : sequence of Part
        Folds and trials.
    """

    folder: Path
    payload: Payload
    parameters: Mapping[str, Any]
    parts: Sequence[Part] = ()


@dataclass
class Workbench:
    """What training, comparing and promoting share: one set of records, one registry, one seed.

    Parameters
    ----------
    settings : TrainingSettings
        Where things are.
    context : TrainingContext
        What datasets are built from.
    tracking : Tracking
        The registry.
    say : callable
        Told each step in words.
    begun : mapping of str to Future
        Last blocks that a thread builds already, by question.
    """

    settings: TrainingSettings
    context: TrainingContext
    tracking: Tracking
    say: Say = say_nothing
    datasets: dict[str, Dataset] = field(default_factory=dict)
    evaluations: dict[tuple[str, str], Evaluation] = field(default_factory=dict)
    begun: Mapping[str, Future[Any]] = field(default_factory=dict)

    def rng(self, question: str, stage: str) -> np.random.Generator:
        """Return the generator of one stage of one question; no other stage moves it."""
        return rng_of(self.settings.seed, question, stage)

    def dataset(self, question: Question) -> Dataset:
        """Return a question's dataset, built once."""
        if question.name not in self.datasets:
            self.say(f"{question.name}: building the dataset")
            self.context.rng = self.rng(question.name, "dataset")
            self.datasets[question.name] = question.dataset.build(self.context)
        return self.datasets[question.name]

    def evaluate(self, question: Question, folder: Path) -> Evaluation:
        """Return what a written payload is worth on the question's last block, found once per payload."""
        dataset = self.dataset(question)
        key = (question.name, payload_digest(folder))
        if key not in self.evaluations:
            self.say(f"{question.name}: evaluating the saved model")
            found = question.evaluate.evaluate(folder, dataset, self.rng(question.name, "evaluate"))
            seeds = found.seeds or (self.settings.seed,)
            self.evaluations[key] = replace(
                found, seeds=seeds, data_digest=found.data_digest or dataset.digest
            )
        return self.evaluations[key]

    def train(
        self, question: Question, assignments: Sequence[str] = (), tune: int = 0, folds: int = 0
    ) -> Trained:
        """Build, fit, write, evaluate what was written, and log it.

        Parameters
        ----------
        question : Question
            Which one.
        assignments : sequence of str
            ``key=value`` overrides of the fit's parameters.
        tune : int
            Trials of a search that starts from them; 0 searches nothing.
        folds : int
            Earlier moments at which the same fit is judged too; 0 for none.
        """
        from training.rolling import back_test
        from training.tuning import Search, search

        parameters = parameters_of(question.fit, list(assignments))
        meter, marks = Meter(), [time.perf_counter()]
        dataset = self.dataset(question)
        marks.append(time.perf_counter())
        found = search(self, question, parameters, tune) if tune else Search(parameters, [])
        parts = [*found.trials, *back_test(self, question, found.parameters, folds)]
        marks.append(time.perf_counter())
        self.say(f"{question.name}: fitting")
        payload = question.fit.fit(dataset, found.parameters, self.rng(question.name, "fit"))
        marks.append(time.perf_counter())
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "payload"
            write_payload(payload, folder, scorer=question.folder / "scorer.py")
            evaluation = self.evaluate(question, folder)
            marks.append(time.perf_counter())
            seconds = dict(
                zip(("dataset", "tune", "fit", "evaluate"), map(float, np.diff(marks)), strict=True)
            )
            made = Made(folder, payload, as_mapping(found.parameters), parts)
            logged = self.log(question, made, evaluation, {**by_stage(seconds), **meter.read()})
        seconds["log"] = time.perf_counter() - marks[-1]
        return Trained(logged, evaluation, seconds)

    def log(
        self, question: Question, made: Made, evaluation: Evaluation, usage: Mapping[str, float]
    ) -> LoggedModel:
        """Log a written payload with its evaluation and pictures, as the next version of its question."""
        from training.pictures.pictures import pictures

        dataset = self.dataset(question)
        self.say(f"{question.name}: drawing and logging")
        drawn = pictures(question.name, made.folder, dataset, evaluation)
        return self.tracking.log_training(
            Training(
                folder=made.folder,
                code=question.folder / "model.py",
                evaluation=replace(evaluation, figures={**drawn, **evaluation.figures}),
                input_example=made.payload.input_example,
                parameters=made.parameters,
                data_digest=dataset.digest,
                window=window_of(self.context),
                as_of=self.context.as_of.isoformat(),
                code_digest=code_digest(question.name),
                usage=usage,
                parts=made.parts,
            )
        )


def rng_of(seed: int, question: str, stage: str) -> np.random.Generator:
    """Return the generator of one stage of one question."""
    return np.random.default_rng([seed, zlib.crc32(question.encode()), STAGES.index(stage)])


def by_stage(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return seconds under the names by which they are logged."""
    return {f"seconds/{name}": value for name, value in seconds.items()}


def open_workbench(
    settings: TrainingSettings, store: Store, as_of: datetime | None = None, say: Say = say_nothing
) -> Workbench:
    """Open everything that training a question from the records needs.

    Parameters
    ----------
    settings : TrainingSettings
        Where records, keys and the registry are.
    store : Store
        The records.
    as_of : datetime, optional
        Aware UTC moment that ends the data; by default right after the last known fact.
    say : callable
        Told each step in words.
    """
    from training.tracking import Tracking

    with ThreadPoolExecutor(1) as beside:
        context = promised_context(beside, settings, store, as_of, say)
        tracking = Tracking(settings)
    return Workbench(settings, context(), tracking, say)


def promised_context(
    beside: Executor, settings: TrainingSettings, store: Store, as_of: datetime | None, say: Say
) -> Callable[[], TrainingContext]:
    """Return what returns the context, made meanwhile: both that and an import of MLflow take seconds.

    Records in memory are one thread's own, and are read at once.
    """
    if StoredTables(store).is_in_memory:
        context = context_of(settings, store, as_of, say)
        return lambda: context
    return beside.submit(copy_context().run, context_of, settings, store, as_of, say).result


def context_of(
    settings: TrainingSettings, store: Store, as_of: datetime | None = None, say: Say = say_nothing
) -> TrainingContext:
    """Return what datasets are built from; parameters are those of `open_workbench`."""
    from features.records.protected import protected_attributes

    records = StoredTables(store)
    return TrainingContext(
        records=records,
        as_of=as_of or end_of(records),
        protected=protected_attributes(store),
        encode=cached_encode(settings, store, say),
        threads=settings.threads,
        rng=np.random.default_rng(settings.seed),
    )


def cached_encode(settings: TrainingSettings, store: Store, say: Say) -> Callable[[Sequence[str]], Floats]:
    """Return a function that embeds texts through the store's cache; the encoder opens at its first use."""
    opened: dict[str, Any] = {}

    def encode(texts: Sequence[str]) -> Floats:
        from features.records.encoder import store_cache
        from features.records.encoder_export import open_encoder
        from features.text import embed

        def progress(done: int, total: int) -> None:
            say(f"embedding {done:,} of {total:,} texts")

        if not opened:
            opened.update(encoder=open_encoder(settings), cache=store_cache(store))
        vectors: Floats = embed(texts, opened["encoder"], opened["cache"], progress)
        return vectors

    return encode


def end_of(records: Mapping[str, pl.DataFrame]) -> datetime:
    """Return the moment right after the last fact had happened and was known.

    Raises
    ------
    BadInputError
        If the records hold no fact.
    """
    found = extremes(records, "max", "known_at", "happened_at")
    if not found:
        raise BadInputError(
            "The records hold no facts to learn from.", hint="Import some: skillpath import --help."
        )
    return max(found) + timedelta(microseconds=1)


def window_of(context: TrainingContext) -> str:
    """Return the first and last day of the data, in words."""
    first = min(extremes(context.records, "min", "happened_at"), default=None)
    start = f"{first:%Y-%m-%d}" if first else "?"
    return f"{start} to {context.as_of.astimezone(UTC):%Y-%m-%d}"


def extremes(records: Mapping[str, pl.DataFrame], which: str, *columns: str) -> list[datetime]:
    """Return the least or largest moments of columns in every table that has them."""
    if isinstance(records, StoredTables):
        return records.extremes(which, *columns)
    series = [
        frame[name]
        for name in columns
        for frame in records.values()
        if name in frame.columns and frame.height
    ]
    found = [each.min() if which == "min" else each.max() for each in series]
    return [moment for moment in found if isinstance(moment, datetime)]
