"""The four questions and their modules, imported only when one is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from features.errors import BadInputError
from training.context import TrainingContext
from training.evaluation import Evaluation
from training.limits import KEY, Limits
from training.payload import Payload

QUESTIONS = ("skills", "recommendation", "attrition", "impact")


class Dataset(Protocol):
    """What `dataset.build` returns: frozen, split by time inside."""

    @property
    def digest(self) -> str:
        """Digest of the data it was built from."""
        ...


class DatasetModule(Protocol):
    """``training.<question>.dataset``."""

    def build(self, context: TrainingContext) -> Dataset:
        """Return the dataset of the records, as of the context's moment."""
        ...


class FitModule(Protocol):
    """``training.<question>.fit``; ``Parameters`` is its frozen dataclass."""

    Parameters: type[Any]

    def fit(self, dataset: Any, parameters: Any, rng: np.random.Generator) -> Payload:
        """Return the model's payload."""
        ...


class EvaluateModule(Protocol):
    """``training.<question>.evaluate``."""

    def evaluate(self, folder: Path, dataset: Any, rng: np.random.Generator) -> Evaluation:
        """Return what the written payload is worth on the last block."""
        ...


class EvaluateTableModule(Protocol):
    """``training.<question>.evaluate_table``."""

    def run(self, arguments: list[str]) -> Evaluation:
        """Return the evaluation of a plain table named by command-line arguments."""
        ...


@dataclasses.dataclass(frozen=True)
class Question:
    """One question; its modules are imported when they are first used."""

    name: str

    @property
    def dataset(self) -> DatasetModule:
        """The module that builds its dataset."""
        return cast(DatasetModule, self.module("dataset"))

    @property
    def fit(self) -> FitModule:
        """The module that fits its model."""
        return cast(FitModule, self.module("fit"))

    @property
    def evaluate(self) -> EvaluateModule:
        """The module that evaluates a written payload."""
        return cast(EvaluateModule, self.module("evaluate"))

    @property
    def evaluate_table(self) -> EvaluateTableModule:
        """The module behind ``skillpath evaluate``."""
        return cast(EvaluateTableModule, self.module("evaluate_table"))

    @property
    def folder(self) -> Path:
        """Where its ``scorer.py`` and ``model.py`` lie."""
        return Path(__file__).parent / self.name

    def module(self, stem: str) -> Any:
        """Import one of its modules."""
        return import_module(f"training.{self.name}.{stem}")


def question(name: str) -> Question:
    """Return a question by name; raise BadInputError for another name."""
    if name not in QUESTIONS:
        raise BadInputError("There is no such question.", found=name, allowed=", ".join(QUESTIONS))
    return Question(name)


def asked(name: str) -> list[Question]:
    """Return the questions a command means: one, or all of them."""
    return [Question(each) for each in QUESTIONS] if name == "all" else [question(name)]


def parameters_of(fit: FitModule, assignments: list[str]) -> Any:
    """Return the fit's parameters with ``key=value`` overrides.

    Raises
    ------
    BadInputError
        If a key is unknown, or a value does not have the default's type or is beyond its limits.
    """
    defaults = fit.Parameters()
    fields = {field.name: field for field in dataclasses.fields(defaults)}
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if key not in fields or not equals:
            raise BadInputError(
                "A parameter is set as key=value.", found=assignment, allowed=", ".join(fields)
            )
        limits = fields[key].metadata.get(KEY, Limits())
        changes[key] = typed(key, text, getattr(defaults, key))
        if not limits.hold(changes[key]):
            raise BadInputError(f"Parameter {key} cannot be that.", found=text, allowed=limits.in_words)
    return dataclasses.replace(defaults, **changes)


def typed(key: str, text: str, default: Any) -> Any:
    """Return text as the type of a default; tuples are separated by commas."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, tuple):
            kind = type(default[0]) if default else str
            return tuple(kind(part) for part in text.split(",") if part)
        return text if default is None else type(default)(text)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"Parameter {key} cannot be set.", found=text, allowed=f"a value like {default!r}"
        ) from error


def as_mapping(parameters: Any) -> Mapping[str, Any]:
    """Return parameters as a plain mapping, for the log."""
    return dataclasses.asdict(parameters)


def moment(text: str) -> datetime:
    """Return a date or time as an aware UTC moment; a date without an hour means 00:00 UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(
            "The moment cannot be read.", found=text, allowed="YYYY-MM-DD or ISO 8601"
        ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
