"""Identifiers in paths: `%2F` stays inside its segment, and `-` stands for an identifier in the query."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, unquote

from fastapi import Path
from pydantic import AfterValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.identifiers import KEPT_SLASH, plain
from serving.http.problems import refuse

__all__ = ["CourseId", "EmployeeId", "JobId", "PathsWithIdentifiers", "plain"]

IN_QUERY = {b"employees": "employee_id", b"courses": "course_id", b"jobs": "job_id"}
MAX_ID = 1_000


def _path(noun: str, example: str) -> object:
    note = f"The {noun}'s identifier, percent-encoded; `-` where it is given as a query parameter."
    return Path(min_length=1, max_length=MAX_ID, description=note, examples=[example])


EmployeeId = Annotated[str, AfterValidator(plain), _path("employee", "E0001")]
CourseId = Annotated[str, AfterValidator(plain), _path("course", "C0001")]
JobId = Annotated[str, AfterValidator(plain), _path("job", "J0001")]


def identifier_in_query(noun: bytes, query: bytes) -> str:
    """Return the identifier that stands in the query for a `-` in the path, or `-` where there is none."""
    name = IN_QUERY.get(noun)
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name else []
    return next((value for key, value in pairs if key == name), "-")


def routed_path(raw_path: bytes, query: bytes) -> str | None:
    """Return the path to route on; None where it holds NUL."""
    segments = raw_path.split(b"/")
    parts: list[str] = []
    for place, segment in enumerate(segments):
        if segment == b"-" and place:
            part = identifier_in_query(segments[place - 1], query)
        else:
            part = unquote(segment.decode("latin-1"))
        if KEPT_SLASH in part:
            return None
        parts.append(part.replace("/", KEPT_SLASH))
    return "/".join(parts)


class PathsWithIdentifiers:
    """Keep `%2F` inside its segment and fill `-` from the query, before the route is looked up."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the path to route on."""
        if scope["type"] == "http":
            raw_path: bytes = scope.get("raw_path") or b""
            if b"%00" in scope["query_string"]:
                await refuse(scope, receive, send, 400, "No identifier holds the character NUL.")
                return
            if b"%" in raw_path or b"/-" in raw_path:
                path = routed_path(raw_path, scope["query_string"])
                if path is None:
                    await refuse(scope, receive, send, 400, "No identifier holds the character NUL.")
                    return
                scope["path"] = path
        await self.app(scope, receive, send)
