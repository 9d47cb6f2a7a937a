"""Recommendations for a person who is not stored: skills, completed courses, a job or free text; nothing is kept."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from features.errors import BadInputError, UnavailableError, UnknownRecordError
from features.recommendation.catalogue import to_micros
from features.recommendation.gap_value import needs_of
from features.recommendation.person_state import PersonState, held_now
from features.recommendation.reasons import WISH
from serving.house import House
from serving.models.answering import LoadedModel
from serving.recommendation.body import answer, new_id
from serving.recommendation.case import Case
from serving.recommendation.catalogue import Shelf, shelf_of
from serving.recommendation.context import Context
from serving.recommendation.expected_impact import average_impact
from serving.recommendation.filters import Id, RecommendationQuery, allowed_of, known
from serving.recommendation.kept import Past, Scores, candidates_of, score_people
from serving.recommendation.paging import paged, policies_of
from serving.recommendation.policy import Policies

NOT_STORED = "new_person: cohort popularity and skill gaps, there is no learning history"
ABOUT_TEXT = "free_text: content close to the text, and skill gaps"


class HeldSkill(BaseModel):
    """A skill and how well it is held."""

    model_config = ConfigDict(extra="forbid")

    skill_id: Id = Field(examples=["sql"])
    level: float = Field(ge=0, le=5, allow_inf_nan=False, examples=[2.0])


class Profile(RecommendationQuery):
    """A person who is not stored. Something must be known: skills, completed courses, a job, or a text."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "skills": [{"skill_id": "sql", "level": 1}],
                    "completed_course_ids": ["C0003"],
                    "job_id": "J0012",
                    "n": 5,
                }
            ]
        },
    )

    employee_id: None = Field(None, description="Not taken: ask for a stored person by GET.")
    skills: list[HeldSkill] = Field([], max_length=2_000)
    completed_course_ids: list[Id] = Field([], max_length=2_000)
    job_id: Id | None = Field(None, description="Current job; what it asks for is compared with the skills.")
    text: Annotated[str, Field(max_length=20_000)] = Field(
        "", description="Free text (a wish, a job advertisement): courses whose content is close gain."
    )


def profile_answer(house: House, profile: Profile) -> Response:
    """Answer for a profile.

    Raises
    ------
    BadInputError
        If nothing is known of the person.
    UnknownRecordError
        If a skill, course or job does not exist.
    UnavailableError
        If a text is to be read and no encoder or no content stands.
    """
    if not (profile.skills or profile.completed_course_ids or profile.job_id or profile.text.strip()):
        raise BadInputError(
            "Nothing is known of the person.",
            allowed="skills, completed_course_ids, job_id or text",
        )
    now = to_micros(house.clock())
    model, shelf = house.models.current("recommendation"), shelf_of(house)
    state = profile_state(shelf, profile, now)
    scores, said = profile_scores(house, shelf, model, (profile, state))
    job_id = profile.target_job_id or profile.job_id
    if job_id is not None and job_id not in shelf.catalogue.job_titles:
        raise UnknownRecordError("There is no such job.", found=job_id)
    catalogue = shelf.catalogue
    needs = needs_of(catalogue.jobs.get(job_id or ""), state.held)
    case = Case(catalogue, needs, candidates_of(scores, shelf, model), state)
    is_open = catalogue.allowed(None, now)
    allowed = allowed_of(shelf, profile, is_open.copy(), state, ())
    context = Context(
        catalogue,
        model,
        needs,
        job_id,
        catalogue.job_titles.get(profile.job_id or ""),
        None,
        new_id(now),
        now,
        said,
        average_impact(house),
    )
    policies = Policies(policies_of(house).default.model_copy(update={"exploration_share": 0.0}))
    context, page = paged(policies, context, (case, is_open, allowed), profile)
    return answer(context, page, profile)


def profile_state(shelf: Shelf, profile: Profile, now: int) -> PersonState:
    """Return what a profile says as a person's state; levels that were given are believed."""
    catalogue = shelf.catalogue
    done = {known(catalogue.course_index, one, "course"): now for one in profile.completed_course_ids}
    given = {known(catalogue.skill_index, one.skill_id, "skill"): one.level for one in profile.skills}
    held = held_now(catalogue, done, (), now) | given
    return PersonState(completed=done, current=frozenset(done), weights=dict.fromkeys(done, 1.0), held=held)


def profile_scores(
    house: House, shelf: Shelf, model: LoadedModel, person: tuple[Profile, PersonState]
) -> tuple[Scores, str | None]:
    """Return the model's scores of a profile, and why a simpler method answered, where one did."""
    profile, state = person
    back = shelf.places_of(model).back
    items = [int(back[course]) for course in state.weights if back[course] >= 0]
    jobs = model.scorer.job_ids
    past = Past(
        np.array([0, len(items)]),
        np.array(items, dtype=np.int64),
        np.ones(len(items)),
        np.array([jobs.index(profile.job_id) if profile.job_id in jobs else -1]),
    )
    scores = score_people(model.scorer, past)[0]
    if profile.text.strip():
        return with_text(house, model, profile.text, (scores, past)), None if items else ABOUT_TEXT
    return scores, NOT_STORED if scores.is_new else None


def with_text(house: House, model: LoadedModel, text: str, made: tuple[Scores, Past]) -> Scores:
    """Return scores to which the closeness of each course's content to a text is added, standardised."""
    scores, past = made
    scorer: Any = model.scorer
    if scorer.vectors is None:
        raise UnavailableError(
            "The model knows no content: the catalogue had no text when it was trained.",
            hint="Give courses descriptions and train again, or leave text out.",
        )
    if house.encoder is None:
        raise UnavailableError(
            "No text can be read here.",
            hint="Export the encoder (skillpath embed --export), or leave text out.",
        )
    close = scorer.vectors @ np.asarray(house.encoder([text]), dtype=np.float64)[0]
    spread = float(close.std())
    everything = scorer.scores(indptr=past.indptr, items=past.items, weights=past.weights, jobs=past.jobs)[
        0
    ] + ((close - close.mean()) / spread if spread > 0 else 0.0)
    causes = np.full(everything.size, WISH)
    return Scores(
        scores.is_new,
        scores.gap_weight,
        np.arange(everything.size),
        everything,
        np.where(close > close.mean() + spread, causes, 0),
        np.full(everything.size, -1),
    )
