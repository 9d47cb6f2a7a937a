"""The models that answer: verified bundles on disk, loaded, watched, and swapped while running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from features.errors import UnavailableError


@dataclass(frozen=True)
class LoadedModel:
    """A verified model.

    Parameters
    ----------
    name : str
        The question it answers.
    version : str
        Its version in the registry.
    digest : str
        SHA-256 of its payload; names it in kept scores, ledger and audit.
    scorer : object
        The `Scorer` of its payload.
    folder : Path
        Its payload's files.
    statement : mapping
        What was signed.
    loaded_at : datetime, optional
        Since when this process answers with it.
    """

    name: str
    version: str
    digest: str
    scorer: Any
    folder: Path
    statement: Mapping[str, Any]
    loaded_at: datetime | None = None


class Models:
    """The current model of each question in this process."""

    def __init__(self) -> None:
        self.held: dict[str, LoadedModel] = {}

    def current(self, question: str) -> LoadedModel:
        """Return the model that answers a question now.

        Raises
        ------
        UnavailableError
            If no verified model stands; the service goes on answering the other questions.
        """
        try:
            return self.held[question]
        except KeyError:
            raise UnavailableError(
                f"No verified model answers the question {question} yet.",
                hint=f"Train and promote one: skillpath train {question}, skillpath promote {question}.",
            ) from None

    def hold(self, model: LoadedModel) -> None:
        """Answer with that model from the next request on."""
        self.held = {**self.held, model.name: model}

    def missing(self) -> list[str]:
        """Return the questions that must have a model and have none."""
        return []
