"""SCIM at `/scim/v2`: behind the same keys and limits as everything else, served by the library on our store."""

from __future__ import annotations

import importlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.access import Guard
from serving.house import House, in_thread
from serving.http.problems import Problem

ROOT = "/scim/v2"
SCOPE = "records:write"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


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
    said = await in_thread(handle, request.app.state.house, request, await request.body())
    kind = said.headers.pop("Content-Type")
    if said.body is None:
        return Response(status_code=int(said.status), headers=said.headers)
    return JSONResponse(said.body, int(said.status), said.headers, media_type=kind)


def handle(house: House, request: Request, body: bytes) -> Any:
    """Serve a request by the library, which is imported with the first one: it takes a second, and few services need it."""
    return importlib.import_module("serving.scim.handling").handle(
        house, request, body, f"{str(request.base_url).rstrip('/')}{ROOT}"
    )
