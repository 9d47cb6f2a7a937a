"""The models that answer: verified bundles from the shelf, loaded, watched, and swapped while running."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import UnavailableError
from serving.models.aliases import ALIASES, CANARY, CHAMPION, SHADOW, signed_name
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


@dataclass(frozen=True)
class Canary:
    """A model that answers a share of the people: the same people for as long as it stands.

    Parameters
    ----------
    model : LoadedModel
        Which one.
    share : float
        Of the people, 0–1; as the registry says, and at most what this host allows.
    """

    model: LoadedModel
    share: float

    def answers(self, person: str) -> bool:
        """Say whether it answers about a person: by a stable hash, dealt anew for every model, growing with the share."""
        digest = hashlib.sha256(f"{self.model.digest}\x00{person}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < self.share


class Models:
    """The current model of each question in this process, and who stands beside it.

    Parameters
    ----------
    settings : ServingSettings, optional
        Where the shelf and the trusted keys are; without it only what is held by hand answers.
    """

    def __init__(self, settings: ServingSettings | None = None) -> None:
        self.settings = settings
        self.shelf = Shelf(settings.bundles_folder) if settings else None
        self.held: dict[str, LoadedModel] = {}
        self.canaries: dict[str, Canary] = {}
        self.shadows: dict[str, LoadedModel] = {}
        self.stamps: dict[tuple[str, str], tuple[int, int]] = {}
        self.reasons: dict[tuple[str, str], tuple[str, str]] = {}

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

    def of(self, question: str, person: str) -> LoadedModel:
        """Return the model that answers a question about a person now: the canary for its share, else the champion.

        Raises
        ------
        UnavailableError
            If no verified champion stands: a canary alone answers nobody.
        """
        champion = self.current(question)
        canary = self.canaries.get(question)
        return canary.model if canary is not None and canary.answers(person) else champion

    def hold(self, model: LoadedModel) -> None:
        """Answer with that model from the next request on."""
        self.held = {**self.held, model.name: model}

    def stand(self, question: str, alias: str, model: LoadedModel, share: float = 0.0) -> None:
        """Give a model its place from the next request on."""
        if alias == CHAMPION:
            self.hold(model)
        elif alias == CANARY:
            limit = self.settings.canary_share_limit if self.settings else 1.0
            self.canaries = {**self.canaries, question: Canary(model, min(share, limit))}
        else:
            self.shadows = {**self.shadows, question: model}

    def standing(self, question: str, alias: str) -> LoadedModel | None:
        """Return who has a place beside a question, or None."""
        if alias == CANARY:
            canary = self.canaries.get(question)
            return canary.model if canary else None
        return (self.held if alias == CHAMPION else self.shadows).get(question)

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
            for alias in ALIASES:
                stamp = self.shelf.stamp(question, alias) if self.shelf else (0, 0)
                if stamp != self.stamps.get((question, alias), (0, 0)):
                    self.stamps[question, alias] = stamp
                    has_swapped = self.follow(question, alias)
                    swapped += [question] if has_swapped and alias == CHAMPION else []
        return swapped

    def follow(self, question: str, alias: str = CHAMPION) -> bool:
        """Take up the bundle that a pointer names, or (a champion) the one before it; say whether one was taken up."""
        assert self.shelf is not None
        pointer = self.shelf.pointer(question, alias)
        self.reasons.pop((question, alias), None)
        if pointer is None:
            self.leave(question, alias)
            return False
        places = [pointer.current, pointer.previous] if alias == CHAMPION else [pointer.current]
        for place in filter(None, places):
            standing = self.standing(question, alias)
            if standing and (standing.version, standing.digest) == (place.version, place.digest):
                self.stand(question, alias, standing, pointer.share)  # a canary's share may be another one
                return False
            told = {"question": question, "version": place.version, "alias": alias}
            try:
                self.stand(question, alias, self.load(question, place), pointer.share)
            except Exception as error:  # whatever a bundle does, the service goes on
                self.reasons[question, alias] = place.version, str(error)
                log.warning("bundle refused", extra={**told, "why": str(error)})
                if standing:
                    return False
                continue
            log.info("model answers", extra=told)
            return True
        return False

    def leave(self, question: str, alias: str) -> None:
        """Let nobody have a place any more; a champion goes on answering."""
        if alias == CANARY:
            self.canaries = {name: each for name, each in self.canaries.items() if name != question}
        if alias == SHADOW:
            self.shadows = {name: each for name, each in self.shadows.items() if name != question}

    def load(self, question: str, place: Place) -> LoadedModel:
        """Return a bundle's model, verified for its place; raise RefusedBundleError where it does not hold."""
        assert self.shelf is not None
        assert self.settings is not None
        payload = self.shelf.payload(question, place)
        signed = verify_bundle(
            payload,
            self.shelf.signature(question, place).read_bytes(),
            self.settings.trusted_folder,
            (signed_name(question, place.alias), place.version),
            self.settings.bundle_limit_bytes,
        )
        require(signed.payload_digest == place.digest, "The bundle lies under another digest than signed.")
        scorer = load_scorer(payload)
        require(golden_holds(payload, scorer), "It does not give its golden prediction.")
        now = datetime.now(UTC)
        return LoadedModel(question, place.version, place.digest, scorer, payload, asdict(signed), now)
