"""From a ranking to the answer's body, and to the ledger's row."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from fastapi import Response

from features.recommendation.catalogue import Catalogue
from features.recommendation.gap_value import Needs, gains
from features.recommendation.probable_gap import Probable
from features.recommendation.reasons import Closed, Place, Unsure, reason
from features.records.moments import from_micros
from features.records.shown import packed
from serving.models.answering import LoadedModel
from serving.recommendation.boosts import NONE, Boosts
from serving.recommendation.filters import RecommendationQuery
from serving.recommendation.ranking import Ranked

ENCODER = msgspec.json.Encoder()


class Item(msgspec.Struct, gc=False):
    """One course, as `serving.recommendation.answers.RecommendedCourse` shows it."""

    course_id: str
    title: str
    url: str | None
    hours: float | None
    modality: str | None
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


class Context(msgspec.Struct, frozen=True, dict=True):
    """What a ranking was made of.

    Parameters
    ----------
    catalogue : Catalogue
        The courses.
    model : LoadedModel
        Which model answered.
    needs : Needs
        The gaps.
    job_id : str, optional
        Whose requirements they are measured by.
    cohort : str, optional
        Name of the person's current job: whose popularity the model knows.
    employee_id : str, optional
        None for a person who is not stored.
    recommendation_id : str
        Names the answer.
    now : int
        Microseconds since 1970 UTC.
    fallback : str, optional
        Why a simpler method answered.
    impact : mapping of str to list
        Course → its estimated effects, where any can be told.
    boosts : Boosts
        What raised courses beside model and gap.
    arm : str, optional
        The arm of an experiment the person is in.
    shadows : mapping of str to list of str
        What other policies would have shown.
    """

    catalogue: Catalogue
    model: LoadedModel
    needs: Needs
    job_id: str | None
    cohort: str | None
    employee_id: str | None
    recommendation_id: str
    now: int
    fallback: str | None
    impact: Mapping[str, list[dict[str, Any]]]
    boosts: Boosts = NONE
    arm: str | None = None
    shadows: Mapping[str, list[str]] = {}

    @cached_property
    def jobs(self) -> tuple[str | None, str | None]:
        """Names of the job whose requirements were compared, and of the current job."""
        return self.catalogue.job_titles.get(self.job_id or ""), self.cohort


class Page(msgspec.Struct, frozen=True, gc=False):
    """What is shown: the courses, the probability of each in its place, and why there are no more of them."""

    ranking: Sequence[Ranked]
    chances: Sequence[float]
    shortfall: Mapping[str, Any] | None = None


def new_id(now: int) -> str:
    """Return a new answer's identifier; later ones sort later, so that the ledger grows at one end."""
    return f"{now:014x}{secrets.token_hex(5)}"


def answer(context: Context, page: Page, asked: RecommendationQuery) -> Response:
    """Return the answer, encoded."""
    return Response(ENCODER.encode(body(context, page, asked)), media_type="application/json")


def body(context: Context, page: Page, asked: RecommendationQuery) -> dict[str, Any]:
    """Return the answer as the contract (`serving.recommendation.answers`) shows it."""
    first = asked.offset + 1
    return {
        "employee_id": context.employee_id,
        "recommendation_id": context.recommendation_id,
        "model_version": context.model.version,
        "as_of": stamp(context.now),
        "fallback": context.fallback,
        "arm": context.arm,
        "target_job_id": context.job_id,
        "items": [item(context, one, place, asked.explain) for place, one in enumerate(page.ranking, first)],
        "shortfall": page.shortfall,
    }


def item(context: Context, one: Ranked, place: int, is_explained: bool) -> Item:
    """Return one course of the ranking."""
    catalogue, assignment, course = context.catalogue, one.assignment, one.course
    course_id = catalogue.course_ids[course]
    due = None if assignment is None or assignment.due is None else stamp(assignment.due)
    closed = closed_by(context, course) if is_explained else []
    return Item(
        *catalogue.shown[course],
        place,
        one.score,
        assignment is not None and assignment.is_mandatory,
        due,
        closed,
        not one.unmet,
        [catalogue.course_ids[first] for first in one.unmet],
        context.model.scorer.model["completion"].get(course_id),
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
    boosts, place = context.boosts, None
    grounds = boosts.of(one.course) if boosts.grounds else ()
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


def ledger_row(context: Context, page: Page, asked: RecommendationQuery) -> dict[str, Any]:
    """Return what was shown, as the ledger keeps it."""
    course_ids = context.catalogue.course_ids
    shown = zip(page.ranking, page.chances, strict=True)
    return {
        "recommendation_id": context.recommendation_id,
        "employee_id": context.employee_id,
        "model_digest": context.model.digest,
        "shown_at": context.now,
        "first_rank": asked.offset + 1,
        "items": packed([(course_ids[one.course], one.score, chance) for one, chance in shown]),
        "arm": context.arm,
        "shadows": ENCODER.encode(context.shadows).decode() if context.shadows else None,
    }
