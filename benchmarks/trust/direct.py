"""Requests handed to an application as a server hands them, without a server: for rows that ask a hundred thousand times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True)
class Answered:
    """An answer.

    Parameters
    ----------
    status : int
        HTTP status; 0 where the application broke.
    kind : str
        Content type.
    body : bytes
        Whole.
    """

    status: int
    kind: str
    body: bytes


class Direct:
    """Asks an application.

    Parameters
    ----------
    app : ASGI application
        What answers.
    headers : mapping of str to str
        Sent with every request.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def ask(self, method: str, target: str, body: bytes = b"") -> Answered:
        """Return what is answered to one request; `target` is path and query as they stand in a request line."""
        raw_path, _, query = target.partition("?")
        sent = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(raw_path), "raw_path": raw_path.encode(), "root_path": "", "query_string": query.encode(),
            "headers": [*self.headers, *(sent if body else ())], "client": None, "server": None, "state": {},
        }  # fmt: skip
        status, kind, parts = 0, b"", []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = dict(message["headers"]).get(b"content-type", b"")
            parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answered(status, kind.decode("latin-1"), b"".join(parts))
