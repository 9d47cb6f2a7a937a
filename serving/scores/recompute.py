"""People whose records changed get their kept scores recomputed in the background."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, cast

from features.errors import SkillpathError
from serving.house import House
from serving.rights.opt_outs import willing
from serving.settings import QUESTIONS

log = logging.getLogger("skillpath.recompute")

TURN_SECONDS = 0.25
PEOPLE_PER_SECOND = 50
Progress = Callable[[int], None]


class Scoring(Protocol):
    """A question's module that keeps scores."""

    def score_everybody(
        self, house: House, employee_ids: Sequence[str], progress: Progress
    ) -> Iterator[tuple[str, bytes]]:
        """Yield each person's packed scores."""
        ...


def scoring(question: str) -> Scoring | None:
    """Return a question's module where it keeps scores."""
    module = importlib.import_module(f"serving.{question}.routes")
    return cast(Scoring, module) if hasattr(module, "score_everybody") else None


def keep_scores(house: House, question: str, employee_ids: Sequence[str]) -> int:
    """Compute and keep people's scores under the current model; return how many were kept."""
    module = scoring(question)
    if module is None or not employee_ids:
        return 0
    employee_ids = willing(house.store, question, employee_ids)
    pinned = replace(house, models=house.models.pinned())  # one model from the first row to the last
    digest, as_of = pinned.models.current(question).digest, house.clock()
    rows = list(module.score_everybody(pinned, employee_ids, lambda _done: None))
    return house.kept.write(question, digest, rows, as_of=as_of, computed_at=datetime.now(UTC))


class Recomputer:
    """Takes changed people off the list, at most so many a second; the others' scores stay marked as stale.

    Parameters
    ----------
    house : House
        Whose changes are taken.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.allowance = float(PEOPLE_PER_SECOND)
        self.turned_at = time.monotonic()

    def turn(self) -> int:
        """Recompute who waits, within the allowance; return how many people were done."""
        now = time.monotonic()
        earned = (now - self.turned_at) * PEOPLE_PER_SECOND
        self.allowance, self.turned_at = min(PEOPLE_PER_SECOND, self.allowance + earned), now
        people = self.house.changes.take(int(self.allowance))
        self.allowance -= len(people)
        for question in QUESTIONS if people else ():
            if question in self.house.models.held:
                self.recompute(question, people)
        return len(people)

    def recompute(self, question: str, people: Sequence[str]) -> None:
        """Recompute one question's scores of these people; who cannot be scored keeps what stood."""
        try:
            keep_scores(self.house, question, people)
        except SkillpathError as error:
            log.warning(
                "not recomputed",
                extra={"question": question, "people": len(people), "why": type(error).__name__},
            )
