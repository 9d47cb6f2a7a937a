"""Train again what changed: a question whose data and code are those of its newest model is left alone."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import RefusedError, SkillpathError
from training.logged import LoggedModel, code_digest
from training.promotion import promote, promotion_json
from training.questions import Question
from training.tuning import assignments_of

if TYPE_CHECKING:
    from training.runs import Workbench

log = logging.getLogger("skillpath.retrain")

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
        ``question``, ``action`` (trained, unchanged, resumed, refused, failed), ``why``, ``seconds``; where trained or
        resumed ``version``, ``payload_digest`` and, where asked, ``promotion``; where trained ``parameters_from``; where
        failed ``exit_code``.

    Notes
    -----
    What goes wrong with one question is told and keeps no other from being trained. A run that is killed after its model
    was logged and before it was promoted is gone on with: what it was about to promote is written down beforehand. What it
    left running in MLflow is marked as killed.
    """
    started = time.perf_counter()
    found: dict[str, Any] = {"question": question.name, "action": "unchanged", "why": ""}
    pending = bench.settings.var / f"retrain.{question.name}.pending"
    try:
        bench.tracking.close_abandoned(question.name)
        newest = next(iter(bench.tracking.models(question.name)), None)
        found["why"] = what_changed(bench, question, newest)
        if found["why"] or wish.is_forced:
            found["why"] = found["why"] or "forced"
            if wish.and_promote:
                pending.write_text(newest.version if newest else "", encoding="utf-8")
            found |= trained_again(bench, question, newest, wish)
        elif newest is not None and wish.and_promote and was_cut_off(pending, newest):
            found |= {"action": "resumed", "why": "an earlier run ended before it promoted"}
            found |= told_of(newest) | {"promotion": promotion_json(promote(bench, question, newest))}
        if wish.and_promote:
            pending.unlink(missing_ok=True)
    except RefusedError as error:
        found |= {"action": "refused", "why": str(error)}
    except Exception as error:  # whatever goes wrong here, the other questions are trained all the same
        log.exception("%s could not be trained again", question.name)
        code = error.exit_code if isinstance(error, SkillpathError) else 1
        found |= {"action": "failed", "why": f"{type(error).__name__}: {error}", "exit_code": code}
    return {**found, "seconds": round(time.perf_counter() - started, 2)}


def was_cut_off(pending: Path, newest: LoggedModel) -> bool:
    """Say whether an earlier run logged the newest model and ended before it had promoted it."""
    return pending.is_file() and pending.read_text(encoding="utf-8") != newest.version


def told_of(logged: LoggedModel) -> dict[str, str]:
    """Return what names a model."""
    return {"version": logged.version, "payload_digest": logged.payload_digest}


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
        **told_of(trained.logged),
        "parameters_from": f"version {newest.version}" if newest and kept else "defaults",
    }
    if wish.and_promote:
        told["promotion"] = promotion_json(promote(bench, question, trained.logged))
    return told
