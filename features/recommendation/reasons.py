"""Why a course is recommended, in one sentence made of the numbers that ranked it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from features.recommendation.catalogue import Catalogue

TAKERS, CONTENT, POPULAR, WISH = (
    1,
    2,
    3,
    4,
)  # what a model's score rests on most; 0 says nothing in particular
LEVEL_NAMES = ("none", "aware", "assisted", "independent", "advanced", "expert")


class Closed(NamedTuple):
    """A gap that a course closes: skill name, level held, level reached, level required."""

    skill: str
    held: float
    reached: float
    required: float


class Cause(NamedTuple):
    """What the model's part of a score rests on: its kind, and the course in the history that it points to."""

    kind: int = 0
    course: int = -1


def reason(
    catalogue: Catalogue,
    closed: Sequence[Closed],
    cause: Cause,
    jobs: tuple[str | None, str | None],
    before: str | None = None,
) -> str:
    """Return the sentence.

    Parameters
    ----------
    catalogue : Catalogue
        Names of courses.
    closed : sequence of Closed
        The gaps the course closes, the most valuable first.
    cause : Cause
        What the model's part rests on.
    jobs : (str or None, str or None)
        Names of the job whose requirements were compared, and of the current job.
    before : str, optional
        Title of the ranked course that asks for this one first.
    """
    said = [] if before is None else [f"comes before {before!r}, which asks for it"]
    if closed:
        said.append(gap_part(closed, jobs[0]))
    if cause.kind:
        said.append(model_part(catalogue, cause, jobs[1]))
    sentence = "; ".join(filter(None, said)) or "open to you, and not taken yet"
    return sentence[0].upper() + sentence[1:] + "."


def gap_part(closed: Sequence[Closed], job: str | None) -> str:
    """Return the clause about the most valuable gap, and how many others there are; levels like ``3`` or ``2.5``."""
    skill, held, reached, required = closed[0]
    asks = f"{job} asks for {required:g}" if job else f"asked for: {required:g}"
    others = len(closed) - 1
    more = f" and {others} more skill{'s' if others > 1 else ''}" if others else ""
    return f"raises {skill} from {held:g} to {reached:g} ({asks}){more}"


def model_part(catalogue: Catalogue, cause: Cause, cohort: str | None) -> str:
    """Return the clause about what the model saw."""
    known = 0 <= cause.course < catalogue.size
    if cause.kind == TAKERS and known:
        return f"people who took {catalogue.titles[cause.course]!r} often take it"
    if cause.kind == CONTENT and known:
        return f"its content is close to {catalogue.titles[cause.course]!r}, which you took"
    if cause.kind == WISH:
        return "its content is close to what you wrote"
    if cause.kind == POPULAR:
        return f"often taken by people who work as {cohort}" if cohort else "often taken in the organisation"
    return ""
