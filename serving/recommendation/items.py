"""One course of a ranking as the answer shows it; what is the same for everybody is encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from features.recommendation.gap_value import gains
from features.recommendation.probable_gap import Probable
from features.recommendation.reasons import Closed, Place, Unsure, reason
from features.records.moments import from_micros
from serving.recommendation.context import Context
from serving.recommendation.ranking import Ranked

ENCODER = msgspec.json.Encoder()


class Placed(msgspec.Struct, gc=False):
    """A course in its place: what `serving.recommendation.answers.RecommendedCourse` shows after what is the same for everybody."""

    rank: int
    score: float
    mandatory: bool
    due_at: str | None
    closes: list[Closed]
    prerequisites_met: bool
    prerequisites: list[str]
    completion_share: float | None
    expected_impact: list[dict[str, Any]] | None
    reason: str | None


def items(
    context: Context, ranking: Sequence[Ranked], first: int, *, is_explained: bool
) -> list[msgspec.Raw]:
    """Return courses in their places, encoded: the head of each as the catalogue has it, and the rest of its object.

    Parameters
    ----------
    context : Context
        What the ranking was made of.
    ranking : sequence of Ranked
        The courses.
    first : int
        The place of the first of them; 1 is the first of all.
    is_explained : bool
        With the gaps closed and a sentence why.
    """
    heads, encode = context.catalogue.heads, ENCODER.encode
    shown = [
        placed(context, one, place, is_explained=is_explained) for place, one in enumerate(ranking, first)
    ]
    return [
        msgspec.Raw(heads[one.course] + encode(rest)[1:]) for one, rest in zip(ranking, shown, strict=True)
    ]


def placed(context: Context, one: Ranked, place: int, *, is_explained: bool) -> Placed:
    """Return what is shown of a course for this person."""
    catalogue, assignment, course = context.catalogue, one.assignment, one.course
    course_id = catalogue.course_ids[course]
    due = None if assignment is None or assignment.due is None else stamp(assignment.due)
    closed = closed_by(context, course) if is_explained and course in context.closers else []
    return Placed(
        place,
        one.score,
        assignment is not None and assignment.is_mandatory,
        due,
        closed,
        not one.unmet,
        [catalogue.course_ids[first] for first in one.unmet] if one.unmet else [],
        context.completion.get(course_id),
        context.impact.get(course_id),
        why(context, one, closed, due) if is_explained else None,
    )


def closed_by(context: Context, course: int) -> list[Closed]:
    """Return the gaps a course closes, the most valuable first."""
    catalogue, needs = context.catalogue, context.needs
    found = []
    for place, start, reached, _ in gains(catalogue, course, needs):
        skill, asked = needs.skills.item(place), needs.required.item(place)
        found.append(Closed(catalogue.skill_ids[skill], catalogue.skill_names[skill], start, reached, asked))
    return found


def why(context: Context, one: Ranked, closed: Sequence[Closed], due: str | None) -> str:
    """Return the sentence why a course stands where it stands."""
    grounds = context.boosts.of(one.course) if context.boosts.grounds else ()
    place = None
    if grounds or one.misfit or one.turn or one.opens >= 0 or one.is_explored:
        unsure = None if one.turn is None else unsure_of(context, one.turn)
        place = Place(grounds, one.misfit, one.opens, one.is_explored, context.now, unsure)
    said = reason(context.catalogue, closed, one.cause, context.jobs, place)
    if one.assignment is None:
        return said
    kind = "Mandatory" if one.assignment.is_mandatory else "Assigned to you"
    until = f", due on {due[:10]}" if due else ""
    return f"{kind}{until}: {said[0].lower()}{said[1:]}"


def unsure_of(context: Context, found: Probable) -> Unsure:
    """Return the level that a course probably raises, by name."""
    skill = context.needs.skills.item(found.place)
    return Unsure(context.catalogue.skill_names[skill], found.held, found.taught)


def stamp(micros: int) -> str:
    """Return a moment as ISO 8601 in UTC."""
    return from_micros(micros).isoformat().replace("+00:00", "Z")
