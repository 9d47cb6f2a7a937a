"""The composition root: `create_app` builds the house and mounts every question; importing does nothing."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from serving import traces
from serving.access import Guard, scope_of
from serving.attrition import routes as attrition
from serving.background import background
from serving.house import House
from serving.http import health, problems
from serving.http.admission import Admission
from serving.http.documents import mount_documents
from serving.http.door import Door, counting
from serving.http.envelope import Drain, Envelope
from serving.http.idempotency import Idempotency
from serving.http.limits import Limits
from serving.http.paths import PathsWithIdentifiers
from serving.impact import routes as impact
from serving.keys import Authentication, KeyRing
from serving.metrics import Measured, Measures
from serving.models import routes as model_list
from serving.opening import build_house
from serving.recommendation import routes as recommendation
from serving.records import events, identities
from serving.records import lists as record_lists
from serving.records import routes as records
from serving.rights import routes as rights
from serving.scim import endpoint as scim
from serving.scim.ended_access import EndedAccess
from serving.settings import ServingSettings
from serving.skills import group_routes as skill_groups
from serving.skills import job_routes as skill_jobs
from serving.skills import needs_routes as skill_needs
from serving.skills import portfolio
from serving.skills import routes as skills
from serving.tokens import Issuer
from serving.upkeep import upkeep
from serving.xapi import routes as xapi

VERSION = "1"


def create_app(
    settings: ServingSettings | None = None,
    *,
    house: House | None = None,
    routers: Iterable[APIRouter] | None = None,
    drain: Drain | None = None,
    around: list[Middleware] | None = None,
    door: Door | None = None,
) -> FastAPI:
    """Build the service.

    Parameters
    ----------
    settings : ServingSettings, optional
        How it runs; from the environment by default.
    house : House, optional
        Built already (tests); by default everything is opened here.
    routers : iterable of APIRouter, optional
        Further operations, behind the same guard.
    drain : Drain, optional
        Tells when connections are to be closed.
    around : list of Middleware, optional
        In place of the layers that authenticate and limit callers from outside.
    door : Door, optional
        Turns away who was just refused.

    Raises
    ------
    BadInputError
        If a route has no scope.
    """
    built = house or build_house(settings or ServingSettings())
    measures = Measures() if built.settings.metrics_port is not None else None
    app = FastAPI(
        title="Skillpath",
        version=VERSION,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan(built, measures),
        middleware=layers(built, drain or Drain(), measures, door) if around is None else around,
    )
    app.state.house = built
    problems.install(app)
    for part in (
        skills,
        skill_groups,
        skill_jobs,
        skill_needs,
        portfolio,
        recommendation,
        attrition,
        impact,
        events,
        xapi,
        identities,
        records,
        record_lists,
        rights,
        model_list,
        health,
    ):
        mount(app, part.router)
    for router in routers or ():
        mount(app, router)
    app.router.routes.extend(scim.routes())
    mount_documents(app, built.settings.open_docs)
    return app


def layers(
    house: House, drain: Drain, measures: Measures | None = None, door: Door | None = None
) -> list[Middleware]:
    """Return the layers around every operation, outermost first."""
    settings = house.settings
    if door is not None and measures is not None:
        door.count = counting(measures)
    return [
        Middleware(Envelope, drain=drain),
        *([traced(settings)] if settings.traces_url else []),
        *([Middleware(Measured, measures=measures)] if measures else []),
        *([cross_origin(settings.cors_origins.split())] if settings.cors_origins else []),
        Middleware(
            Authentication,
            ring=KeyRing(house.store, house.clock),
            issuer=Issuer(settings) if settings.oidc_issuer else None,
        ),
        Middleware(
            Admission,
            most_at_once=settings.requests_at_once,
            rate=settings.requests_per_second,
            person_rate=settings.person_requests_per_second,
            door=door,
        ),
        Middleware(EndedAccess, store=house.store),
        Middleware(
            Limits,
            body_limit_bytes=settings.body_limit_bytes,
            url_limit_bytes=settings.url_limit_bytes,
        ),
        Middleware(PathsWithIdentifiers),
        Middleware(Idempotency, house=house),
    ]


def traced(settings: ServingSettings) -> Middleware:
    """Return the layer that sends a span a request; raise BadInputError where its packages are not installed."""
    return Middleware(traces.Traced, provider=traces.provider_of(traces.exporter_of(settings)))


def cross_origin(origins: list[str]) -> Middleware:
    """Return the layer that lets pages of named origins ask; without cookies, for keys travel in headers."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Purpose", "Accept"],
        expose_headers=["X-Request-Id", "X-Next-Cursor", "Retry-After", "Idempotency-Replayed"],
        max_age=600,
    )


def mount(app: FastAPI, router: APIRouter) -> None:
    """Mount a router's operations, each behind its guard; its operation id is its function's name."""
    for route in operations(router):
        guarded = copy.copy(route)
        guarded.operation_id = guarded.unique_id = route.name
        guarded.tags = route.tags or list(router.tags)
        guarded.app = Guard(route.app, scope_of(route.name), route.name)
        app.router.routes.append(guarded)


def operations(router: APIRouter) -> Iterator[APIRoute]:
    """Yield the operations of a router and of the routers it includes as they are (without a prefix)."""
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(included, APIRouter):
            yield from operations(included)
        else:
            raise TypeError(f"{route!r} is no operation of this interface")


def lifespan(
    house: House, measures: Measures | None = None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return what runs beside the answers, from start to stop."""

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        async with background(house), upkeep(house, measures):
            yield

    return running
