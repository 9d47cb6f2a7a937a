"""The models that answer: verified bundles from the shelf, loaded, watched, and swapped while running."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import UnavailableError
from serving.models.bundles import require
from serving.models.scorers import golden_holds, load_scorer
from serving.models.shelf import Place, Shelf
from serving.models.verification import verify_bundle
from serving.settings import QUESTIONS, ServingSettings

log = logging.getLogger("skillpath.models")


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
    """The current model of each question in this process.

    Parameters
    ----------
    settings : ServingSettings, optional
        Where the shelf and the trusted keys are; without it only what is held by hand answers.
    """

    def __init__(self, settings: ServingSettings | None = None) -> None:
        self.settings = settings
        self.shelf = Shelf(settings.bundles_folder) if settings else None
        self.held: dict[str, LoadedModel] = {}
        self.stamps: dict[str, tuple[int, int]] = {}
        self.reasons: dict[str, str] = {}

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

    def pinned(self) -> Models:
        """Return the models as they are now, for work that must not see a swap in its middle."""
        still = Models()
        still.held = self.held
        return still

    def missing(self) -> list[str]:
        """Return the questions that must have a model and have none; where nothing must, one of them."""
        if self.settings and self.settings.ready_questions:
            wanted = self.settings.ready_questions.split()
        else:
            wanted = self.shelf.questions() if self.shelf else []
        missing = [question for question in wanted if question not in self.held]
        return missing or ([] if self.held else ["of any question"])

    def refresh(self) -> list[str]:
        """Load what the pointers name newly; return the questions that answer with another model now.

        A bundle that does not hold is refused: the model that answers goes on; where none does, the one before.
        """
        swapped = []
        for question in QUESTIONS if self.shelf else ():
            stamp = self.shelf.stamp(question) if self.shelf else (0, 0)
            if stamp != self.stamps.get(question, (0, 0)):
                self.stamps[question] = stamp
                swapped += [question] if self.follow(question) else []
        return swapped

    def follow(self, question: str) -> bool:
        """Take up the bundle that a pointer names, or the one before it; say whether one was taken up."""
        assert self.shelf is not None
        pointer = self.shelf.pointer(question)
        places = [place for place in (pointer.current, pointer.previous) if place] if pointer else []
        self.reasons.pop(question, None)
        for place in places:
            held = self.held.get(question)
            if held and (held.version, held.digest) == (place.version, place.digest):
                return False
            try:
                self.hold(self.load(question, place))
            except Exception as error:  # whatever a bundle does, the service goes on
                self.reasons[question] = f"version {place.version}: {error}"
                log.warning(
                    "bundle refused",
                    extra={"question": question, "version": place.version, "why": str(error)},
                )
                if held:
                    return False
                continue
            log.info("model answers", extra={"question": question, "version": place.version})
            return True
        return False

    def load(self, question: str, place: Place) -> LoadedModel:
        """Return a bundle's model, verified; raise RefusedBundleError where it does not hold."""
        assert self.shelf is not None
        assert self.settings is not None
        payload = self.shelf.payload(question, place)
        signed = verify_bundle(
            payload,
            self.shelf.signature(question, place).read_bytes(),
            self.settings.trusted_folder,
            (question, place.version),
            self.settings.bundle_limit_bytes,
        )
        require(signed.payload_digest == place.digest, "The bundle lies under another digest than signed.")
        scorer = load_scorer(payload)
        require(golden_holds(payload, scorer), "It does not give its golden prediction.")
        now = datetime.now(UTC)
        return LoadedModel(question, place.version, place.digest, scorer, payload, asdict(signed), now)
