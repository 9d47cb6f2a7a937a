"""Train again what changed: a question whose data and code are those of its newest model is left alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from features.errors import RefusedError
from training.logged import LoggedModel, code_digest
from training.promotion import promote, promotion_json
from training.questions import Question
from training.tuning import assignments_of

if TYPE_CHECKING:
    from training.runs import Workbench

NEVER = "never trained"


@dataclass(frozen=True)
class Wish:
    """How to train again.

    Parameters
    ----------
    and_promote : bool
        Promote what passes the gates.
    is_forced : bool
        Train although nothing changed.
    with_defaults : bool
        Start from the shipped parameters; otherwise those of the newest model are kept.
    """

    and_promote: bool = False
    is_forced: bool = False
    with_defaults: bool = False


def retrain(bench: Workbench, question: Question, wish: Wish) -> dict[str, Any]:
    """Train one question again where its data or code changed, and return what became of it.

    Returns
    -------
    dict
        ``question``, ``action`` (trained, unchanged, refused), ``why``, ``seconds``; where trained ``version``,
        ``payload_digest``, ``parameters_from`` and, where asked, ``promotion``.
    """
    started = time.perf_counter()
    found: dict[str, Any] = {"question": question.name, "action": "unchanged", "why": ""}
    try:
        newest = next(iter(bench.tracking.models(question.name)), None)
        found["why"] = what_changed(bench, question, newest)
        if found["why"] or wish.is_forced:
            found["why"] = found["why"] or "forced"
            found |= trained_again(bench, question, newest, wish)
    except RefusedError as error:  # the other questions are trained all the same
        found |= {"action": "refused", "why": str(error)}
    return {**found, "seconds": round(time.perf_counter() - started, 2)}


def what_changed(bench: Workbench, question: Question, newest: LoggedModel | None) -> str:
    """Return in words what differs from the newest model; empty where data and code are the same."""
    if newest is None:
        return NEVER
    code = bench.tracking.tags(newest).get("code_digest", "")
    changed = {
        "data": bench.dataset(question).digest != newest.data_digest,
        "code": code_digest(question.name) != code,
    }
    return " and ".join(name for name, is_other in changed.items() if is_other)


def trained_again(
    bench: Workbench, question: Question, newest: LoggedModel | None, wish: Wish
) -> dict[str, Any]:
    """Train with the newest model's parameters, and promote where asked."""
    kept: list[str] = []
    if newest is not None and not wish.with_defaults:
        kept = assignments_of(bench.tracking.parameters(newest), question.fit.Parameters())
    trained = bench.train(question, kept)
    told: dict[str, Any] = {
        "action": "trained",
        "version": trained.logged.version,
        "payload_digest": trained.logged.payload_digest,
        "parameters_from": f"version {newest.version}" if newest and kept else "defaults",
    }
    if wish.and_promote:
        told["promotion"] = promotion_json(promote(bench, question, trained.logged))
    return told
