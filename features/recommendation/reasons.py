"""Why a course is recommended, in one sentence made of the numbers that ranked it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from features.recommendation.catalogue import Catalogue
from features.recommendation.level_fit import Misfit

TAKERS, CONTENT, POPULAR, WISH = 1, 2, 3, 4  # what a model's score rests on most; 0: nothing in particular
RENEWS, MAINTAINS, PRIORITY, IMPACT = 1, 2, 3, 4  # what raises a course beside model and gap
EXPLORED = "tried out here by lot, to learn who it helps"


class Closed(msgspec.Struct, frozen=True, gc=False):
    """A gap that a course closes, in the words of the contract: levels 0-5, held, reached and asked for."""

    skill_id: str
    skill: str
    from_level: float
    to_level: float
    required_level: float


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What the model's part of a score rests on: its kind, and the course in the history that it points to."""

    kind: int = 0
    course: int = -1


class Ground(NamedTuple):
    """What raises a course beside model and gap.

    Parameters
    ----------
    kind : int
        `RENEWS`, `MAINTAINS`, `PRIORITY` or `IMPACT`.
    skill : int
        Which one, where it is about one.
    number : float
        The level held, the priority's weight, or the effect.
    at : int
        When certificate or evidence expires, microseconds since 1970 UTC.
    text : str
        The outcome of an effect.
    """

    kind: int
    skill: int = -1
    number: float = 0.0
    at: int = 0
    text: str = ""


class Unsure(NamedTuple):
    """A level that is on record and may be lower: name of the skill, level held, level that the course teaches."""

    skill: str
    held: float
    taught: float


class Place(msgspec.Struct, frozen=True, gc=False):
    """What else put a course where it stands.

    Parameters
    ----------
    grounds : sequence of Ground
        What raises it.
    misfit : Misfit, optional
        What pushes it back.
    opens : int
        The ranked course that asks for it first; -1 where none does.
    is_explored : bool
        True where a lot put it there.
    now : int
        Microseconds since 1970 UTC: tells what expires from what expired.
    unsure : Unsure, optional
        What it makes sure, where no gap is on record.
    """

    grounds: Sequence[Ground] = ()
    misfit: Misfit | None = None
    opens: int = -1
    is_explored: bool = False
    now: int = 0
    unsure: Unsure | None = None


def reason(
    catalogue: Catalogue,
    closing: str,
    cause: Cause,
    jobs: tuple[str | None, str | None],
    place: Place | None = None,
) -> str:
    """Return the sentence.

    Parameters
    ----------
    catalogue : Catalogue
        Names of courses and skills.
    closing : str
        The clause about the gaps that the course closes (`gap_part`); empty where it closes none.
    cause : Cause
        What the model's part rests on.
    jobs : (str or None, str or None)
        Names of the job whose requirements were compared, and of the current job.
    place : Place, optional
        What else put it where it stands.
    """
    if not closing and place is None:
        return model_sentence(catalogue, cause, jobs[1])
    said = [closing] if closing else []
    if place is not None and place.unsure is not None:
        said.append(unsure_part(place.unsure, jobs[0]))
    if place is not None and place.grounds:
        said += [ground_part(catalogue, ground, place.now) for ground in place.grounds]
    model = model_part(catalogue, cause, jobs[1]) if cause.kind else ""
    if model:
        said.append(model)
    if place is not None:
        said = around(catalogue, place, said)
    return sentence(said)


def sentence(said: Sequence[str]) -> str:
    """Return clauses as one sentence."""
    whole = "; ".join(said) if said else "open to you, and not taken yet"
    return f"{whole[0].upper()}{whole[1:]}."


def model_sentence(catalogue: Catalogue, cause: Cause, cohort: str | None) -> str:
    """Return the sentence where the model alone speaks: the same for everybody, and kept."""
    key = (cause.kind, cause.course, cohort)
    found = catalogue.sentences.get(key)
    if found is None:
        model = model_part(catalogue, cause, cohort) if cause.kind else ""
        found = catalogue.sentences[key] = sentence([model] if model else [])
    return found


def around(catalogue: Catalogue, place: Place, said: list[str]) -> list[str]:
    """Return the clauses with what stands before and after them."""
    before = [f"comes before {catalogue.quoted[place.opens]}, which asks for it"] if place.opens >= 0 else []
    after = [] if place.misfit is None else [misfit_part(catalogue, place.misfit)]
    return [*before, *said, *after, *([EXPLORED] if place.is_explored else [])]


def gap_part(closed: Sequence[Closed], job: str | None) -> str:
    """Return the clause about the most valuable gap, and how many others there are."""
    first, others = closed[0], len(closed) - 1
    held, reached, required = spoken(first.from_level), spoken(first.to_level), spoken(first.required_level)
    asks = f"{job} asks for {required}" if job else f"asked for: {required}"
    more = f" and {others} more skill{'s' if others > 1 else ''}" if others else ""
    return f"raises {first.skill} from {held} to {reached} ({asks}){more}"


def unsure_part(found: Unsure, job: str | None) -> str:
    """Return the clause about a level that may be lower than recorded."""
    asks = f"which {job} asks for" if job else "which is asked for"
    return f"makes sure of {found.skill}, {asks}: it teaches {spoken(found.taught)}, and your {spoken(found.held)} is uncertain"


@lru_cache(maxsize=4_096)
def spoken(level: float) -> str:
    """Return a level like ``3`` or ``2.5``; there are few of them, and every reason names three."""
    return f"{level:g}"


def model_part(catalogue: Catalogue, cause: Cause, cohort: str | None) -> str:
    """Return the clause about what the model saw."""
    if 0 <= cause.course < len(catalogue.quoted):
        if cause.kind == TAKERS:
            return f"people who took {catalogue.quoted[cause.course]} often take it"
        if cause.kind == CONTENT:
            return f"its content is close to {catalogue.quoted[cause.course]}, which you took"
    if cause.kind == WISH:
        return "its content is close to what you wrote"
    if cause.kind == POPULAR:
        return f"often taken by people who work as {cohort}" if cohort else "often taken in the organisation"
    return ""


def ground_part(catalogue: Catalogue, ground: Ground, now: int) -> str:
    """Return the clause about what raises the course."""
    if ground.kind == RENEWS:
        verb = "expires" if ground.at > now else "expired"
        return f"renews your certificate, which {verb} on {day(ground.at)}"
    if ground.kind == MAINTAINS:
        skill, verb = catalogue.skill_names[ground.skill], "goes" if ground.at > now else "went"
        return (
            f"keeps up {skill} at {ground.number:g}, the evidence of which {verb} stale on {day(ground.at)}"
        )
    if ground.kind == PRIORITY:
        return (
            f"the organisation wants more {catalogue.skill_names[ground.skill]} (priority {ground.number:g})"
        )
    return f"{ground.text} of those who took it changed by {ground.number:+.3g} on average"


def misfit_part(catalogue: Catalogue, found: Misfit) -> str:
    """Return the clause about what pushes the course back."""
    side = "below" if found.taught < found.held else "far above"
    skill = catalogue.skill_names[found.skill]
    return f"pushed back, for it teaches {skill} at {found.taught:g}, {side} your {found.held:g}"


def day(micros: int) -> str:
    """Return the day of a moment, like ``2026-01-31``."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros):%Y-%m-%d}"
