"""The composition root: `create_app` builds the house and mounts every question; importing does nothing."""

from __future__ import annotations

import copy
import fcntl
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from features.records.row_security import is_passed_over
from features.records.store import Store, open_store
from serving import traces
from serving.access import Guard, scope_of
from serving.attrition import routes as attrition
from serving.audit import ANCHOR, Audit
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
from serving.ledger import Ledger
from serving.metrics import Measured, Measures
from serving.models import routes as model_list
from serving.models.answering import Models
from serving.models.encoder import lazy_encoder
from serving.recommendation import routes as recommendation
from serving.records import events, identities
from serving.records import lists as record_lists
from serving.records import routes as records
from serving.rights import routes as rights
from serving.scim import endpoint as scim
from serving.scim.ended_access import EndedAccess
from serving.scores.kept import Changes, KeptScores
from serving.settings import ServingSettings
from serving.skills import group_routes as skill_groups
from serving.skills import job_routes as skill_jobs
from serving.skills import needs_routes as skill_needs
from serving.skills import portfolio
from serving.skills import routes as skills
from serving.tokens import Issuer
from serving.upkeep import upkeep
from serving.xapi import routes as xapi

log = logging.getLogger("skillpath.start")

VERSION = "1"
BUSY_MILLISECONDS = 1_000
MAPPED_BYTES = 4 * 1024**3  # address space, not memory


def build_house(
    settings: ServingSettings,
    store: Store | None = None,
    *,
    models: Models | None = None,
    clock: Callable[[], datetime] | None = None,
) -> House:
    """Open everything an endpoint may use; what is given is used as it is."""
    opened = store or open_records(settings)
    now = clock or clock_of(settings)
    verified = models or Models(settings)
    verified.refresh()
    return House(
        settings=settings,
        store=opened,
        models=verified,
        kept=KeptScores(opened),
        ledger=Ledger(opened),
        audit=Audit(opened, now, settings.var / ANCHOR, settings.people_per_day),
        clock=now,
        encoder=lazy_encoder(settings.exported_encoder, settings.threads),
        changes=Changes(),
    )


def open_records(settings: ServingSettings) -> Store:
    """Open the records; one process at a time brings the schema up to date, and none waits long for a lock later."""
    settings.var.mkdir(parents=True, exist_ok=True)
    with (settings.var / ".opening").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = open_store(settings.url)
    if not store.is_postgres:
        store.close()
        sa.event.listen(store.engine, "connect", suit_requests)
        return store
    with store.reading() as connection:
        if is_passed_over(connection):
            log.warning("the store's role passes over row-level security: see docs/operating.md")
    return store


def suit_requests(connection: Any, _record: object) -> None:
    """Let a blocked write fail soon, so that the caller comes again; and read pages where the system has them, uncopied."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute(f"PRAGMA mmap_size={MAPPED_BYTES}")


def clock_of(settings: ServingSettings) -> Callable[[], datetime]:
    """Return the service's clock: real time, or ticking on from where the settings put it."""
    start = settings.clock_start()
    if start is None:
        return lambda: datetime.now(UTC)
    ahead = start - datetime.now(UTC)
    return lambda: datetime.now(UTC) + ahead


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
