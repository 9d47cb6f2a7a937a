"""Who may do what: the scope of every operation, and the guard before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from features.errors import BadInputError
from serving.http.problems import refuse

ANY_KEY = "any key"
OPEN = "open"
ALL_SCOPES = (
    "recommendations:read",
    "skills:read",
    "attrition:read",
    "impact:read",
    "events:write",
    "records:read",
    "records:write",
    "personal:read",
    "models:promote",
    "audit:read",
    "rights:own",
    "rights:manage",
)

# Who may write a record is answered with it; who may act for everybody's rights may act for one person's.
IMPLIED: dict[str, frozenset[str]] = {
    "records:write": frozenset({"records:read", "personal:read"}),
    "rights:manage": frozenset({"rights:own"}),
}

# Operation id → the scope a key needs. A route that is missing here stops the start.
SCOPES: dict[str, str] = {
    "recommend_courses": "recommendations:read",
    "recommend_for_profile": "recommendations:read",
    "get_skill_gaps": "skills:read",
    "get_learning_path": "skills:read",
    "get_attrition_risk": "attrition:read",
    "list_attrition_risks": "attrition:read",
    "get_course_impact": "impact:read",
    "post_events": "events:write",
    "put_employee": "records:write",
    "put_course": "records:write",
    "put_job": "records:write",
    "get_employee": "records:read",
    "get_course": "records:read",
    "get_job": "records:read",
    "list_models": ANY_KEY,
    "get_live": OPEN,
    "get_ready": OPEN,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Parameters
    ----------
    prefix : str
        First characters of the key: names it in audit and log, and is no secret.
    name : str
        Who holds the key.
    scopes : frozenset of str
        What it allows.
    employee_id : str, optional
        The person it acts for, where it does.
    """

    prefix: str
    name: str
    scopes: frozenset[str] = field(default_factory=frozenset)
    employee_id: str | None = None


async def caller(request: Request) -> Caller:
    """Return who asks."""
    found: Caller = request.scope["caller"]
    return found


CallerDependency = Annotated[Caller, Depends(caller)]


def scope_of(operation_id: str) -> str:
    """Return the scope an operation needs.

    Raises
    ------
    BadInputError
        If the table has none: a forgotten route must not be reachable.
    """
    try:
        return SCOPES[operation_id]
    except KeyError:
        raise BadInputError(
            f"The operation {operation_id} has no scope.",
            hint="Add it to SCOPES in serving/access.py; a route without a scope stops the start.",
        ) from None


def parse_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes as a set; raise BadInputError for one that does not exist."""
    given = frozenset(scopes)
    unknown = given - set(ALL_SCOPES)
    if unknown or not given:
        raise BadInputError(
            "A key needs at least one scope, and each must exist.",
            found=" ".join(sorted(unknown)) or "none",
            allowed=" ".join(ALL_SCOPES),
        )
    return given


def granted(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes with those that they imply."""
    given = frozenset(scopes)
    return given.union(*(IMPLIED.get(scope, frozenset()) for scope in given))


async def refuse_unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a caller without a valid key."""
    how = "Send a valid API key as `Authorization: Bearer sk_…` or `X-API-Key: sk_…`."
    await refuse(scope, receive, send, 401, how, headers={"WWW-Authenticate": "Bearer"})


class Guard:
    """Let a request through to its operation only with the scope it needs.

    Parameters
    ----------
    app : ASGI application
        The operation.
    scope_needed : str
        One of `ALL_SCOPES`, `ANY_KEY` or `OPEN`.
    """

    def __init__(self, app: ASGIApp, scope_needed: str) -> None:
        self.app, self.scope_needed = app, scope_needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse without a valid key (401) or without the scope (403)."""
        needed = self.scope_needed
        if needed == OPEN:
            await self.app(scope, receive, send)
            return
        asks: Caller | None = scope.get("caller")
        if asks is None:
            await refuse_unknown(scope, receive, send)
        elif needed != ANY_KEY and needed not in asks.scopes:
            await refuse(scope, receive, send, 403, f"This needs the scope {needed}.", allowed=needed)
        else:
            await self.app(scope, receive, send)
