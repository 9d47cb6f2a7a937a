"""Who may answer: gates, a signature for one purpose, an alias; and the way back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import BadInputError, RefusedError
from training.cards import card_of, card_text
from training.evaluation import Evaluation
from training.gates import BASELINE, CHAMPION, Gate, carded, evaluated, judged, safe_to_run
from training.logged import LoggedModel
from training.pictures.card import card_page
from training.questions import Question
from training.signing import promotion_key, signed, statement_of

if TYPE_CHECKING:
    from training.runs import Workbench
    from training.tracking import Tracking

CANARY, SHADOW = "canary", "shadow"
ROLES = (CHAMPION, CANARY, SHADOW)
PREVIOUS, LAST, CANARY_SHARE = "previous_champion", "last_champion", "canary_share"
AGAINST = (CHAMPION, BASELINE)
NOBODY = "its answers are about nobody in particular, so none could be logged beside the champion's; compare offline"
ONE_SCALE = (
    "its lists put people beside each other, so one model must answer for all; let it stand as a shadow"
)
NO_PLACE: Mapping[tuple[str, str], str] = {
    **{(name, role): NOBODY for name in ("skills", "impact") for role in (CANARY, SHADOW)},
    ("attrition", CANARY): ONE_SCALE,
}


@dataclass(frozen=True)
class Place:
    """Where a model is to stand.

    Parameters
    ----------
    role : str
        ``shadow``: it answers beside the champion, logged and never shown; ``canary``: a share of the people get
        its answers; ``champion``.
    against : str
        ``champion``, or ``baseline`` where the champion cannot be evaluated on today's data any more.
    canary_share : float
        Share of the people who get a canary's answers, 0–1.

    Raises
    ------
    BadInputError
        If there is no such role or rival, or a share is none.
    """

    role: str = CHAMPION
    against: str = CHAMPION
    canary_share: float = 0.1

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise BadInputError("There is no such place.", found=self.role, allowed=", ".join(ROLES))
        if self.against not in AGAINST:
            raise BadInputError(
                "There is nothing else to compare with.", found=self.against, allowed=", ".join(AGAINST)
            )
        if not 0 < self.canary_share < 1:
            raise BadInputError(
                "The canary's share is a share.", found=str(self.canary_share), allowed="between 0 and 1"
            )


@dataclass(frozen=True)
class Promotion:
    """What became of a request to promote.

    Parameters
    ----------
    model : LoggedModel
        The version.
    gates : sequence of Gate
        In the order in which they were tried.
    key_id : str
        The key that signed; empty where a gate failed.
    role : str
        Where it stands now, or was to stand.
    """

    model: LoggedModel
    gates: Sequence[Gate]
    key_id: str = ""
    role: str = CHAMPION

    @property
    def failed(self) -> list[Gate]:
        """The gates that were not passed."""
        return [gate for gate in self.gates if not gate.passed]


def promote(
    bench: Workbench,
    question: Question,
    model: LoggedModel,
    against: str = CHAMPION,
    place: Place | None = None,
) -> Promotion:
    """Try every gate; where all are passed, sign the model and give it its place.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Which one.
    model : LoggedModel
        The version to promote.
    against : str
        ``champion`` or ``baseline``, where no `place` is given.
    place : Place, optional
        By default the champion's.

    Returns
    -------
    Promotion
        With `failed` gates nothing was changed: whoever stood there stays.

    Raises
    ------
    RefusedError
        If the question has no such place, or the champion is to stand beside itself.

    Notes
    -----
    A shadow shows nothing to anybody: it must be safe to run, evaluated and carded, not better. What is signed then
    is good for the shadow's place alone: its statement names ``<question>@shadow``, so that moving the alias
    ``champion`` to it by hand gives serving a champion without a champion's signature.
    """
    wanted = place or Place(against=against)
    if (question.name, wanted.role) in NO_PLACE:
        why = NO_PLACE[question.name, wanted.role]
        raise RefusedError(f"The question {question.name} has no {wanted.role}.", found=why)
    champion = bench.tracking.champion(model.name) if wanted.role != CHAMPION else None
    if champion is not None and champion.version == model.version:
        raise RefusedError(
            f"The champion cannot stand beside itself as a {wanted.role}.",
            found=f"{model.name} version {model.version}",
            hint="Name another one: --version.",
        )
    with tempfile.TemporaryDirectory() as scratch:
        bench.say(f"{question.name}: fetching version {model.version}")
        folder = bench.tracking.fetch_payload(model, Path(scratch))
        gates = list(safe_to_run(question.name, folder, model, bench.say))
        if all(gate.passed for gate in gates):
            evaluation = bench.evaluate(question, folder)
            if wanted.role == SHADOW:
                gates += [evaluated(evaluation), carded(bench, model, evaluation)]
            else:
                gates += judged(bench, question, model, evaluation, wanted.against)
        if not all(gate.passed for gate in gates):
            return Promotion(model, gates, role=wanted.role)
        bench.say(f"{question.name}: signing")
        return Promotion(model, gates, give_place(bench, model, evaluation, folder, wanted), wanted.role)


def give_place(
    bench: Workbench, model: LoggedModel, evaluation: Evaluation, folder: Path, place: Place
) -> str:
    """Sign a payload for its place, lay signature and card beside the model, and point the alias; return the key's id."""
    key = promotion_key(bench.settings)
    name = f"{model.name}@{SHADOW}" if place.role == SHADOW else model.name
    document = signed(statement_of(folder, name, model.version, model.data_digest), key)
    tracking = bench.tracking
    card = card_of(model, evaluation, tracking.numbers(model))
    tracking.attach(model, f"cards/{model.name}-{model.version}.json", json.dumps(card, ensure_ascii=False))
    tracking.attach(model, f"cards/{model.name}-{model.version}.md", card_text(card))
    tracking.attach(model, f"cards/{model.name}-{model.version}.html", card_page(card))
    tracking.attach(model, f"signatures/{name}-{model.version}.json", document.decode())
    if place.role == CANARY:
        tracking.note(model.name, CANARY_SHARE, f"{place.canary_share:g}")
        tracking.step_down(model, (SHADOW,))
    if place.role == CHAMPION:
        champion = tracking.champion(model.name)
        if champion is not None and champion.version != model.version:
            tracking.note(model.name, PREVIOUS, champion.version)
        tracking.note(model.name, LAST, model.version)
        tracking.step_down(model, (CANARY, SHADOW))
    tracking.point(model, place.role)
    return str(json.loads(document)["key_id"])


def roll_back(tracking: Tracking, name: str) -> tuple[LoggedModel, LoggedModel]:
    """Give the champion's place back to who held it before, and return (who stands there now, who stood there).

    Where the alias was moved by hand, past the gates, who had passed them last stands there again.

    Raises
    ------
    RefusedError
        If nobody stood there before, or whoever did is not signed.
    """
    champion, last = tracking.champion(name), tracking.noted(name, LAST)
    was_moved_by_hand = champion is not None and last not in ("", champion.version)
    version = last if was_moved_by_hand else tracking.noted(name, PREVIOUS)
    if champion is None or not version:
        raise RefusedError("There is no champion to go back to.", found=name)
    before = tracking.model(name, version)
    if tracking.attached(before, before.signature_path) is None:
        raise RefusedError("The champion before is not signed.", found=f"{name} version {version}")
    if not was_moved_by_hand:
        tracking.note(name, PREVIOUS, champion.version)
        tracking.note(name, LAST, before.version)
    tracking.point(before, CHAMPION)
    return before, champion


def take_away(tracking: Tracking, name: str, role: str) -> LoggedModel:
    """Take the place of a canary or shadow away, and return who stood there.

    Raises
    ------
    BadInputError
        If there is no such place.
    RefusedError
        If nobody stands there.
    """
    if role not in (CANARY, SHADOW):
        raise BadInputError("There is no such place.", found=role, allowed=", ".join(ROLES))
    standing = tracking.standing(name, role)
    if standing is None:
        raise RefusedError(f"The question {name} has no {role}.", found=name)
    tracking.step_down(standing, (role,))
    return standing


def promotion_json(promotion: Promotion) -> dict[str, Any]:
    """Return a promotion as plain values."""
    return {
        "question": promotion.model.name,
        "version": promotion.model.version,
        "status": "refused" if promotion.failed else "promoted",
        "role": promotion.role,
        "payload_digest": promotion.model.payload_digest,
        "key_id": promotion.key_id or None,
        "failed": [gate.name for gate in promotion.failed],
        "gates": {
            gate.name: {"passed": gate.passed, "explanation": gate.explanation} for gate in promotion.gates
        },
    }
