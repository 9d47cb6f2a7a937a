"""Let the bundle before answer again, at once: the registry is not asked, and its champion is held back until it moves."""

from __future__ import annotations

from dataclasses import dataclass

from features.errors import BadInputError, UnavailableError
from serving.models.aliases import ALIASES, CANARY, SHADOW
from serving.models.shelf import Shelf
from serving.settings import QUESTIONS, ServingSettings


@dataclass(frozen=True)
class RolledBack:
    """Which version answers from now on, and which is held back."""

    question: str
    version: str
    held_back: str


def roll_back(settings: ServingSettings, question: str) -> RolledBack:
    """Point to the bundle before; every worker answers with it within a second.

    Raises
    ------
    BadInputError
        If there is no such question.
    UnavailableError
        If no bundle before stands on the shelf.
    """
    shelf = shelf_of(settings, question)
    pointer = shelf.pointer(question)
    if pointer is None or pointer.previous is None or not shelf.has(question, pointer.previous):
        raise UnavailableError(
            f"There is no earlier bundle of the question {question}.",
            hint="Promote an earlier version again: skillpath promote.",
        )
    shelf.hold_back(question, pointer.current)
    shelf.point(question, pointer.previous)
    return RolledBack(question, pointer.previous.version, pointer.current.version)


def take_away(settings: ServingSettings, question: str, alias: str) -> str:
    """Take the place of a canary or shadow away on this host, at once; return the version that is held back.

    Raises
    ------
    BadInputError
        If there is no such question or place.
    UnavailableError
        If nobody has that place.
    """
    if alias not in (CANARY, SHADOW):
        raise BadInputError("There is no such place.", found=alias, allowed=f"{CANARY}, {SHADOW}")
    shelf = shelf_of(settings, question)
    pointer = shelf.pointer(question, alias)
    if pointer is None:
        raise UnavailableError(f"The question {question} has no {alias}.")
    shelf.hold_back(question, pointer.current)
    shelf.clear(question, alias)
    return pointer.current.version


def release(settings: ServingSettings, question: str) -> None:
    """Hold nothing back any more: the puller takes up whatever the registry's aliases name."""
    shelf = shelf_of(settings, question)
    for alias in ALIASES:
        shelf.release(question, alias)


def shelf_of(settings: ServingSettings, question: str) -> Shelf:
    """Return the shelf; raise BadInputError where there is no such question."""
    if question not in QUESTIONS:
        raise BadInputError("There is no such question.", found=question, allowed=", ".join(QUESTIONS))
    return Shelf(settings.bundles_folder)
