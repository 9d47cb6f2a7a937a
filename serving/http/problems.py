"""Every error as `application/problem+json` (RFC 9457): what was found, what is allowed, never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from features.errors import (
    BadInputError,
    RefusedError,
    SkillpathError,
    UnavailableError,
    UnknownRecordError,
)

log = logging.getLogger("skillpath.store")

MEDIA_TYPE = "application/problem+json"
SHOWN = 200  # characters of a found value that are shown again
STATUS: dict[type[SkillpathError], tuple[int, str]] = {
    UnknownRecordError: (404, "unknown-record"),
    BadInputError: (422, "bad-input"),
    RefusedError: (409, "refused"),
    UnavailableError: (503, "unavailable"),
}
NAMES: dict[int, tuple[str, str]] = {
    400: ("malformed-request", "The request cannot be read."),
    401: ("no-valid-key", "A valid API key is needed."),
    403: ("scope-missing", "The key does not allow this."),
    404: ("not-found", "There is nothing here."),
    405: ("method-not-allowed", "The method is not allowed here."),
    408: ("too-slow", "The request came too slowly."),
    409: ("conflict", "This conflicts with what stands."),
    413: ("body-too-large", "The body is too large."),
    414: ("url-too-long", "The URL is too long."),
    415: ("wrong-content-type", "The content type is not understood."),
    422: ("bad-input", "The input cannot be used."),
    429: ("too-many-requests", "That is more than one caller may ask."),
    500: ("internal-error", "Something went wrong here."),
    503: ("unavailable", "A needed part is not available."),
    507: ("storage-full", "There is no room left to keep anything."),
}


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """An error with its own status; members beyond the standard ones are allowed.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        One sentence that teaches.
    headers : mapping, optional
        Further response headers.
    members : dict
        Further members of the problem object.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.members = status, detail, headers, members


def problem(
    status: int, detail: str, *, name: str = "", headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem as a response."""
    default_name, title = NAMES.get(status, ("error", "The request failed."))
    body = {
        "type": f"urn:skillpath:problem:{name or default_name}",
        "title": title,
        "status": status,
        "detail": detail,
        **{key: value for key, value in members.items() if value not in ("", None)},
    }
    return Response(
        msgspec.json.encode(body), status, headers=dict(headers) if headers else None, media_type=MEDIA_TYPE
    )


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, **members: Any
) -> None:
    """Answer a problem from inside a middleware."""
    await problem(status, detail, **members)(scope, receive, send)


def shown(value: object) -> str:
    """Return a found value as short text."""
    text = value if isinstance(value, str) else repr(value)
    text = text[: 2 * SHOWN].encode("utf-8", "replace").decode() if not text.isascii() else text
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def field_name(location: Sequence[str | int]) -> str:
    """Return where an input stood: `events.3.kind` in a body, `n` in a query."""
    parts = [str(part) for part in location]
    return ".".join(parts[1:] if parts[:1] == ["body"] or len(parts) > 1 else parts)


def invalid_fields(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return each invalid field with what was found and what is allowed."""
    fields = []
    for error in errors[:100]:
        found = "" if error["type"] == "missing" else shown(error.get("input", ""))
        fields.append(
            {
                "field": field_name(error["loc"]),
                "in": str(error["loc"][0]) if error["loc"] else "",
                "found": found,
                "allowed": str(error["msg"]),
            }
        )
    return fields


async def answer_invalid(_request: Request, error: Exception) -> Response:
    """Answer input that the contract does not allow."""
    errors = cast(RequestValidationError, error).errors()
    first = errors[0]
    if first["type"] == "json_invalid":
        place = first["loc"][-1] if first["loc"] else "?"
        return problem(400, f"The body is not JSON: {first.get('ctx', {}).get('error', '')} at {place}.")
    fields = invalid_fields(errors)
    lead = fields[0]
    detail = f"{lead['field'] or lead['in']}: {lead['allowed']}"
    return problem(
        422, detail, field=lead["field"], found=lead["found"], allowed=lead["allowed"], errors=fields
    )


async def answer_known(_request: Request, error: Exception) -> Response:
    """Answer an error of the family that teaches."""
    known = cast(SkillpathError, error)
    status, name = next((STATUS[kind] for kind in type(known).__mro__ if kind in STATUS), (500, ""))
    headers = {"Retry-After": "2"} if status == 503 else None
    return problem(
        status,
        str(known),
        name=name,
        headers=headers,
        found=known.found,
        allowed=known.allowed,
        hint=known.hint,
    )


async def answer_problem(_request: Request, error: Exception) -> Response:
    """Answer an error that brings its own status."""
    own = cast(Problem, error)
    return problem(own.status, own.detail, headers=own.headers, **own.members)


async def answer_store(_request: Request, error: Exception) -> Response:
    """Answer that the store is away, or full; nothing of what was asked was kept."""
    log.warning("the store does not answer", extra={"error": type(error).__name__})
    if is_full(error):
        return problem(
            507, "There is no room left to keep anything; nothing was kept.", headers={"Retry-After": "60"}
        )
    return problem(503, "The store does not answer; nothing was kept.", headers={"Retry-After": "2"})


def is_full(error: Exception) -> bool:
    """Say whether the store has no room left: SQLite's own code, or PostgreSQL's SQLSTATE 53100."""
    cause = getattr(error, "orig", None)
    return (
        getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "sqlstate", "") == "53100"
    )


async def answer_half_character(_request: Request, _error: Exception) -> Response:
    """Answer text that no encoding can hold."""
    return problem(422, "Text holds whole characters only, no half of a surrogate pair.")


async def answer_http(_request: Request, error: Exception) -> Response:
    """Answer what routing refuses: unknown path, method not allowed, unreadable body."""
    http = cast(HTTPException, error)
    detail = NAMES.get(http.status_code, ("", str(http.detail)))[1]
    return problem(http.status_code, detail, headers=http.headers)


def install(app: FastAPI) -> None:
    """Make every error of an application a problem; the unforeseen is answered by `serving.http.envelope`."""
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(SkillpathError, answer_known)
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(UnicodeEncodeError, answer_half_character)
    for error in (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
        app.add_exception_handler(error, answer_store)
