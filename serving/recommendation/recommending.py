"""A stored person's ranking from their kept scores and their records as they are now, by the champion or a shadow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from features.errors import UnknownRecordError
from features.recommendation.catalogue import to_micros
from features.recommendation.gap_value import needs_of
from serving.house import STALE_SECONDS, House
from serving.models.answering import LoadedModel
from serving.recommendation.body import new_id
from serving.recommendation.case import Case
from serving.recommendation.catalogue import Shelf, shelf_of
from serving.recommendation.context import Context, Page
from serving.recommendation.expected_impact import impact_for
from serving.recommendation.filters import RecommendationQuery, allowed_of
from serving.recommendation.kept import Past, Scores, candidates_of, score_people, unpack
from serving.recommendation.paging import paged, policies_of
from serving.recommendation.person_rows import Person, asked_of, person_of, row_meanwhile, row_of
from serving.recommendation.policy import Policies

QUESTION = "recommendation"
NEW_PERSON = "new_person: cohort popularity and skill gaps, there is no learning history yet"
STALE = "stale_scores"


def recommended(
    house: House, employee_id: str, asked: RecommendationQuery, shadow: LoadedModel | None = None
) -> tuple[Context, Page]:
    """Return a stored person's ranking, and what it was made of; a shadow's, without a lot, where one is given."""
    now = to_micros(house.clock())
    model = shadow or house.models.of(QUESTION, employee_id)
    row = row_of(house, asked_of(employee_id, now, model.digest))
    policies = policies_of(house) if shadow is None else policies_of(house).without_lots()
    return ranked_from(house, Found(employee_id, now, model, row), policies, asked)


async def recommended_meanwhile(
    house: House, employee_id: str, asked: RecommendationQuery
) -> tuple[Context, Page]:
    """Return the same from PostgreSQL, which is asked while others are answered; only for who may see everybody."""
    now, model = to_micros(house.clock()), house.models.of(QUESTION, employee_id)
    row = await row_meanwhile(house, asked_of(employee_id, now, model.digest))
    return ranked_from(house, Found(employee_id, now, model, row), policies_of(house), asked)


class Found(NamedTuple):
    """What the records say of a person at a moment (`serving.recommendation.person_statement`), for one model."""

    employee_id: str
    now: int
    model: LoadedModel
    row: Sequence[Any]


def ranked_from(
    house: House, found: Found, policies: Policies, asked: RecommendationQuery
) -> tuple[Context, Page]:
    """Return the ranking, and what it was made of."""
    employee_id, now, model, row = found
    shelf = shelf_of(house)
    catalogue = shelf.catalogue
    person = person_of(house, catalogue, employee_id, now, row)
    scores, is_stale = scores_of(shelf, model, person, now)
    job_id = target(shelf, asked.target_job_id) or person.target_job_id
    case = Case(
        catalogue,
        needs_of(catalogue.jobs.get(job_id or ""), person.state.held),
        candidates_of(scores, shelf, model),
        person.state,
        person.assignments,
    )
    is_open = catalogue.allowed(person.department, now)
    allowed = allowed_of(shelf, asked, is_open.copy(), person.state, person.assignments)
    context = Context(
        catalogue,
        model,
        case.needs,
        job_id,
        catalogue.job_titles.get(person.job_id or ""),
        employee_id,
        new_id(now),
        now,
        fallback(scores, is_stale),
        impact_for(house, employee_id),
    )
    return paged(policies, context, (case, is_open, allowed), asked)


def target(shelf: Shelf, job_id: str | None) -> str | None:
    """Return the job named; raise UnknownRecordError where there is no such job."""
    if job_id is not None and job_id not in shelf.catalogue.job_titles:
        raise UnknownRecordError("There is no such job.", found=job_id)
    return job_id


def scores_of(shelf: Shelf, model: LoadedModel, person: Person, now: int) -> tuple[Scores, bool]:
    """Return the person's scores, kept or computed on the spot, and whether newer records wait to be seen."""
    kept = person.kept
    if kept is None:
        return scored_now(shelf, model, person), False
    is_newer = person.newest_known > kept.as_of
    is_late = now - person.newest_known > STALE_SECONDS * 1e6
    return unpack(kept.payload), is_newer and is_late


def scored_now(shelf: Shelf, model: LoadedModel, person: Person) -> Scores:
    """Return scores computed on the spot from the person's current records."""
    back = shelf.places_of(model).back
    pairs = [
        (int(back[course]), weight) for course, weight in person.state.weights.items() if back[course] >= 0
    ]
    jobs = model.scorer.job_ids
    job = jobs.index(person.job_id) if person.job_id in jobs else -1
    past = Past(
        np.array([0, len(pairs)]),
        np.array([place for place, _ in pairs], dtype=np.int64),
        np.array([weight for _, weight in pairs], dtype=np.float64),
        np.array([job]),
    )
    return score_people(model.scorer, past)[0]


def fallback(scores: Scores, is_stale: bool) -> str | None:
    """Return why a simpler method answered, or None."""
    if is_stale:
        return STALE
    return NEW_PERSON if scores.is_new else None
