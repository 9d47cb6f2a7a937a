"""What should this person learn next, in which order, and why: the recommendation operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from features.records import row_security
from serving.house import EmployeeId, House, HouseDependency
from serving.http.paths import plain
from serving.recommendation import learning_path
from serving.recommendation.answers import Recommendations
from serving.recommendation.batch import BatchBody, RecommendationBatch, batch_answer
from serving.recommendation.body import answer
from serving.recommendation.filters import RecommendationQuery, parameters, read_query
from serving.recommendation.kept import (
    score_everybody,
)
from serving.recommendation.profile import Profile, profile_answer
from serving.recommendation.recommending import recommended, recommended_meanwhile
from serving.recommendation.shadowing import note_shown

__all__ = ["router", "score_everybody"]

router = APIRouter(tags=["LMS"])
router.routes.extend(learning_path.router.routes)


class DirectRoute(APIRoute):
    """A route that hands its request over as it is: resolving parameters would take longer than ranking.

    Errors go to the handlers of `serving.http.problems`, as everywhere.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = self.answer

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        employee_id = plain(scope["path_params"]["employee_id"])
        answered: Response = await self.endpoint(employee_id, Request(scope, receive, send))
        await answered(scope, receive, send)


async def recommend_courses(employee_id: EmployeeId, request: Request) -> Response:
    """Return the courses a person should take next: mandatory ones first, nothing completed, each with its reason."""
    wanted, house = read_query(request.scope["query_string"]), request.app.state.house
    if not house.store.is_postgres or row_security.SHOWN.get() != row_security.EVERYBODY:
        return recommend(house, employee_id, wanted)
    context, page = await recommended_meanwhile(house, employee_id, wanted)
    note_shown(house, context, page, wanted)
    return answer(context, page, wanted)


router.add_api_route(
    "/v1/employees/{employee_id}/recommendations",
    recommend_courses,
    response_model=Recommendations,
    openapi_extra=parameters(),
    route_class_override=DirectRoute,
)


@router.post("/v1/recommendations", response_model=Recommendations)
def recommend_for_profile(profile: Profile, house: HouseDependency) -> Response:
    """Return the same for a person who is not stored; nothing is kept."""
    return profile_answer(house, profile)


@router.post("/v1/recommendations:batch", response_model=RecommendationBatch)
def recommend_courses_to_many(asked: BatchBody, house: HouseDependency) -> Response:
    """Return a ranking or a problem for each of up to 1,000 people."""
    return batch_answer(house, asked)


def recommend(house: House, employee_id: str, asked: RecommendationQuery) -> Response:
    """Answer for a stored person from one row of kept scores and their records as they are now."""
    context, page = recommended(house, employee_id, asked)
    note_shown(house, context, page, asked)
    return answer(context, page, asked)
