"""What a ranking was made of, and the page of it that is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from features.recommendation.catalogue import Catalogue
from features.recommendation.gap_value import Needs
from serving.models.answering import LoadedModel
from serving.recommendation.boosts import NONE, Boosts
from serving.recommendation.ranking import Ranked


class Context(msgspec.Struct, frozen=True, gc=False):
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


class Page(msgspec.Struct, frozen=True, gc=False):
    """What is shown: the courses, the probability of each in its place, and why there are no more of them."""

    ranking: Sequence[Ranked]
    chances: Sequence[float]
    shortfall: Mapping[str, Any] | None = None
