"""One course of a ranking as the answer shows it; what is the same for everybody is encoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from features.recommendation.gap_value import Gain, gains
from features.recommendation.probable_gap import Probable
from features.recommendation.raises import lessons_of
from features.recommendation.reasons import Closed, Place, Unsure, gap_part, reason
from features.records.moments import from_micros
from serving.recommendation.context import Context
from serving.recommendation.ranking import Ranked

ENCODER = msgspec.json.Encoder()
MOST_TOLD = 20_000  # texts of some hundred bytes
NOTHING_RAISED: frozenset[int] = frozenset()


class Placed(msgspec.Struct, gc=False):
    """A course in its place: what `serving.recommendation.answers.RecommendedCourse` shows after what is the same for everybody."""

    rank: int
    score: float
    mandatory: bool
    due_at: str | None
    closes: msgspec.Raw  # a list of `Closed`
    prerequisites_met: bool
    prerequisites: list[str]
    completion_share: float | None
    expected_impact: list[dict[str, Any]] | None
    reason: str | None


class Told(NamedTuple):
    """What is said of the gaps that a course closes: encoded, and as a clause. The same for all with the same job and levels."""

    closes: msgspec.Raw
    clause: str


NOTHING_CLOSED = Told(msgspec.Raw(b"[]"), "")


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
    heads, encode, raw = context.catalogue.heads, ENCODER.encode, msgspec.Raw
    placing = Placing(context, is_explained=is_explained)
    return [
        raw(heads[one.course] + encode(placing.placed(one, place))[1:])
        for place, one in enumerate(ranking, first)
    ]


class Placing:
    """Puts into words what is shown of courses for one person.

    Parameters
    ----------
    context : Context
        What the ranking was made of.
    is_explained : bool
        With the gaps closed and a sentence why.
    """

    def __init__(self, context: Context, *, is_explained: bool) -> None:
        self.context, self.catalogue, self.is_explained = context, context.catalogue, is_explained
        self.job, self.cohort = context.catalogue.job_titles.get(context.job_id or ""), context.cohort
        self.completion: Mapping[str, float] = context.model.scorer.model["completion"]
        self.closers = lessons_of(self.catalogue, context.needs).taught.pairs if is_explained else {}
        self.raised = context.boosts.raised if context.boosts.grounds else NOTHING_RAISED

    def placed(self, one: Ranked, place: int) -> Placed:
        """Return what is shown of a course for this person."""
        course, assignment, course_ids = one.course, one.assignment, self.catalogue.course_ids
        course_id = course_ids[course]
        told = self.told(course) if course in self.closers else NOTHING_CLOSED
        due = None if assignment is None or assignment.due is None else stamp(assignment.due)
        said = self.said(one, told) if self.is_explained else None
        if said is not None and assignment is not None:
            kind = "Mandatory" if assignment.is_mandatory else "Assigned to you"
            until = f", due on {due[:10]}" if due else ""
            said = f"{kind}{until}: {said[0].lower()}{said[1:]}"
        return Placed(
            place,
            one.score,
            assignment is not None and assignment.is_mandatory,
            due,
            told.closes,
            not one.unmet,
            [course_ids[first] for first in one.unmet] if one.unmet else [],
            self.completion.get(course_id),
            self.context.impact.get(course_id),
            said,
        )

    def told(self, course: int) -> Told:
        """Return what is said of the gaps a course closes, the most valuable first."""
        found = gains(self.catalogue, course, self.context.needs)
        if not found:
            return NOTHING_CLOSED
        known, key = self.catalogue.told, (self.context.job_id, course, tuple(found))
        said: Told | None = known.get(key)
        if said is None:
            if len(known) >= MOST_TOLD:
                known.clear()  # others may be reading: nothing is looked up twice
            said = known[key] = self.put_into_words(found)
        return said

    def put_into_words(self, found: Sequence[Gain]) -> Told:
        """Return what is said of some gaps."""
        catalogue, needs = self.catalogue, self.context.needs
        closed = []
        for place, start, reached, _ in found:
            skill, asked = needs.skills.item(place), needs.required.item(place)
            closed.append(
                Closed(catalogue.skill_ids[skill], catalogue.skill_names[skill], start, reached, asked)
            )
        return Told(msgspec.Raw(ENCODER.encode(closed)), gap_part(closed, self.job))

    def said(self, one: Ranked, told: Told) -> str:
        """Return the sentence why a course stands where it stands."""
        grounds = self.context.boosts.of(one.course) if one.course in self.raised else ()
        if grounds or one.misfit or one.turn or one.opens >= 0 or one.is_explored:
            unsure = None if one.turn is None else unsure_of(self.context, one.turn)
            place = Place(grounds, one.misfit, one.opens, one.is_explored, self.context.now, unsure)
            return reason(self.catalogue, told.clause, one.cause, (self.job, self.cohort), place)
        return reason(self.catalogue, told.clause, one.cause, (self.job, self.cohort))


def unsure_of(context: Context, found: Probable) -> Unsure:
    """Return the level that a course probably raises, by name."""
    skill = context.needs.skills.item(found.place)
    return Unsure(context.catalogue.skill_names[skill], found.held, found.taught)


def stamp(micros: int) -> str:
    """Return a moment as ISO 8601 in UTC."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{second(seconds)}.{rest:06}Z" if rest else f"{second(seconds)}Z"


@lru_cache(maxsize=1_024)  # many answers are of the same second, many due dates of the same day
def second(seconds: int) -> str:
    """Return a whole second since 1970 as ISO 8601, without its zone."""
    return from_micros(seconds * 1_000_000).isoformat().removesuffix("+00:00")
