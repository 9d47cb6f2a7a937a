"""One SCIM request, served by the library in transactions of our store."""

from __future__ import annotations

from scim2_models import SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from starlette.requests import Request

from serving.house import House
from serving.records.identities import try_again
from serving.scim.bodies import put_right
from serving.scim.provider import provider, service
from serving.scim.storage import ScimRecords

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def handle(house: House, request: Request, body: bytes, base_url: str) -> ScimResponse:
    """Serve a request; whoever is newly known is looked for in the quarantine."""
    asked = ScimRequest(
        method=request.method,
        base_url=base_url,
        path="/" + request.path_params.get("path", ""),
        query=dict(request.query_params.multi_items()),
        headers=list(request.headers.items()),
        body=put_right(body) if request.method in WITH_BODY else b"",
        subject=request.scope["caller"],
    )
    is_reading = asked.method == "GET" or asked.path.endswith(".search")
    storage = ScimRecords(house.store, provider(), house.clock, is_reading=is_reading)
    protocol = service(house.settings.var)
    try:
        said = ScimHandler(protocol, storage).handle(asked)
    except SCIMException as error:
        return protocol.error_response(error)
    try_again(house, storage.people.named)
    house.changes.add(storage.people.changed)
    said.headers.setdefault("Location", asked.url)
    return said
