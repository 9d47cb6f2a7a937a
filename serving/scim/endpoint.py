"""SCIM at `/scim/v2`: behind the same keys and limits as everything else, served by the library on our store."""

from __future__ import annotations

from scim2_models import SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.access import Guard
from serving.house import House, in_thread
from serving.http.problems import Problem
from serving.records.identities import try_again
from serving.scim.bodies import put_right
from serving.scim.provider import provider, service
from serving.scim.storage import ScimRecords

ROOT = "/scim/v2"
SCOPE = "records:write"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def routes() -> list[Route]:
    """Return the routes of SCIM, guarded; the protocol describes itself at `/scim/v2/Schemas`, not in OpenAPI."""
    made = [
        Route(path, answer_scim, methods=METHODS, include_in_schema=False, name="scim")
        for path in (ROOT, f"{ROOT}/{{path:path}}")
    ]
    for route in made:
        route.app = Guard(route.app, SCOPE)
    return made


async def answer_scim(request: Request) -> Response:
    """Answer one SCIM request; whoever acts for one person manages no accounts."""
    if request.scope["caller"].employee_id is not None:
        raise Problem(403, "A key that acts for one person manages no accounts.")
    asked = ScimRequest(
        method=request.method,
        base_url=f"{str(request.base_url).rstrip('/')}{ROOT}",
        path="/" + request.path_params.get("path", ""),
        query=dict(request.query_params.multi_items()),
        headers=list(request.headers.items()),
        subject=request.scope["caller"],
    )
    if request.method in WITH_BODY:
        asked.body = put_right(await request.body())
    said = await in_thread(handle, request.app.state.house, asked)
    headers = {"Location": asked.url, **said.headers}
    kind = headers.pop("Content-Type")
    if said.body is None:
        return Response(status_code=int(said.status), headers=headers)
    return JSONResponse(said.body, int(said.status), headers, media_type=kind)


def handle(house: House, asked: ScimRequest) -> ScimResponse:
    """Serve a request in its own transactions; whoever is newly known is looked for in the quarantine."""
    is_reading = asked.method == "GET" or asked.path.endswith(".search")
    storage = ScimRecords(house.store, provider(), house.clock, is_reading=is_reading)
    try:
        said = ScimHandler(service(), storage).handle(asked)
    except SCIMException as error:
        return service().error_response(error)
    try_again(house, storage.people.named)
    house.changes.add(storage.people.changed)
    return said
