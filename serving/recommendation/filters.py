"""What a caller may wish for: the query parameters, and the courses that pass them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import numpy as np
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import UnknownRecordError
from features.recommendation.catalogue import Bools
from features.recommendation.person_state import PersonState
from features.records.tables import MODALITIES
from serving.http.paths import MAX_ID
from serving.recommendation.catalogue import Shelf
from serving.recommendation.person_rows import Assignment
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Wishes

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Modality = Literal[MODALITIES]  # type: ignore[valid-type]


class RecommendationQuery(BaseModel):
    """What to rank, and how much of it. The same filter twice is OR, different filters are AND."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    employee_id: str | None = Field(None, description="Where the path says `-`.")
    n: int = Field(10, ge=1, le=100, description="How many courses.")
    offset: int = Field(0, ge=0, le=10_000, description="How many of the ranking to leave out before them.")
    target_job_id: Id | None = Field(
        None, description="Job to grow into; by default that of the latest open goal, else the current one."
    )
    skill_id: list[Id] = Field([], max_length=100, description="Only courses that teach one of these skills.")
    modality: list[Modality] = Field(
        [], max_length=20, description="Only courses taught in one of these ways."
    )
    language: list[Id] = Field(
        [], max_length=20, description="Only courses in one of these languages (BCP 47)."
    )
    max_hours: float | None = Field(
        None, gt=0, le=100_000, allow_inf_nan=False, description="Only courses known to take no longer."
    )
    exclude_completed: bool = Field(
        True, description="Leave out completed courses whose certificate still counts."
    )
    exclude_id: list[Id] = Field([], max_length=1_000, description="Courses to leave out.")
    diversity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="0 ranks by score alone; towards 1 courses unlike those before them gain. "
        "By default the organisation's, which is 0 unless its ranking policy says otherwise.",
    )
    max_per_provider: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Most courses of one provider, mandatory ones counted and never left out.",
    )
    max_per_modality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Most courses taught in one way, mandatory ones counted and never left out.",
    )
    explain: bool = Field(True, description="With the gaps closed and a sentence why.")

    @cached_property
    def is_filtered(self) -> bool:
        """True where some courses may not pass."""
        return bool(
            self.skill_id or self.modality or self.language or self.exclude_id or self.max_hours is not None
        )


LISTS = ("skill_id", "modality", "language", "exclude_id")


def parameters() -> dict[str, Any]:
    """Return the query parameters as the contract shows them."""
    schema = RecommendationQuery.model_json_schema()
    fields = {name: dict(field) for name, field in schema["properties"].items()}
    said = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": field.pop("description", ""),
            "schema": field,
        }
        for name, field in fields.items()
    ]
    return {"parameters": said}


@lru_cache(maxsize=1_024)  # few are ever asked, each again and again
def read_query(query: bytes) -> RecommendationQuery:
    """Return the wishes of a query string.

    Raises
    ------
    RequestValidationError
        If a parameter is unknown or cannot be used.
    """
    if not query:
        return PLAIN
    said: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in LISTS:
            said.setdefault(name, []).append(value)
        else:
            said[name] = value
    try:
        return RecommendationQuery.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("query", *one["loc"])} for one in error.errors(include_url=False)]
        ) from error


PLAIN = RecommendationQuery()


def allowed_of(
    shelf: Shelf, asked: RecommendationQuery, allowed: Bools, state: PersonState, assigned: Sequence[Assignment]
) -> Bools:  # fmt: skip
    """Return what may be ranked for a person, (n_courses,) bool.

    Parameters
    ----------
    shelf : Shelf
        The catalogue.
    asked : RecommendationQuery
        The caller's wishes.
    allowed : (n_courses,) bool
        What the person may take now; changed in place.
    state : PersonState
        What they did and do not want.
    assigned : sequence of Assignment
        What somebody asked of them.

    Raises
    ------
    UnknownRecordError
        If a skill is named that no course teaches and no job asks for, or a course that does not exist.
    """
    shut = [*state.in_progress, *state.dismissed]
    if asked.exclude_completed:
        shut += state.current if not state.renewals else state.current - state.renewals.keys()
    allowed[shut] = False
    for one in assigned:  # what somebody asked for is listed whoever it is reserved for, begun or not
        allowed[one.course] = True
    if asked.is_filtered:
        allowed &= filtered(shelf, asked)
    return allowed


def wishes_of(asked: RecommendationQuery, allowed: Bools, policy: RankingPolicy) -> Wishes:
    """Return how much of what may be ranked is wanted; where the caller says nothing, what the policy says."""
    return Wishes(
        asked.n,
        asked.offset,
        allowed,
        policy.diversity if asked.diversity is None else asked.diversity,
        asked.max_per_provider or policy.max_per_provider,
        asked.max_per_modality or policy.max_per_modality,
    )


def filtered(shelf: Shelf, asked: RecommendationQuery) -> Bools:
    """Return which courses pass the caller's filters, (n_courses,) bool."""
    catalogue = shelf.catalogue
    passing = np.ones(catalogue.size, dtype=bool)
    if asked.modality:
        passing &= any_of(shelf.by_modality, asked.modality, catalogue.size)
    if asked.language:
        passing &= any_of(shelf.by_language, asked.language, catalogue.size)
    if asked.max_hours is not None:
        passing &= catalogue.hours <= asked.max_hours
    if asked.skill_id:
        passing &= teaching(shelf, asked.skill_id)
    for course_id in asked.exclude_id:
        passing[known(catalogue.course_index, course_id, "course")] = False
    return passing


def any_of(by_value: Mapping[str, Bools], values: Iterable[str], size: int) -> Bools:
    """Return which courses have one of the values."""
    passing = np.zeros(size, dtype=bool)
    for value in values:
        if value in by_value:
            passing |= by_value[value]
    return passing


def teaching(shelf: Shelf, skill_ids: Iterable[str]) -> Bools:
    """Return which courses teach one of the skills."""
    taught = shelf.catalogue.taught_by
    passing = np.zeros(shelf.catalogue.size, dtype=bool)
    for skill_id in skill_ids:
        passing[taught.other[taught.of(known(shelf.catalogue.skill_index, skill_id, "skill"))]] = True
    return passing


def known(index: Mapping[str, int], identifier: str, noun: str) -> int:
    """Return the place of an identifier; raise UnknownRecordError where there is none."""
    try:
        return index[identifier]
    except KeyError:
        raise UnknownRecordError(f"There is no such {noun}.", found=identifier) from None
