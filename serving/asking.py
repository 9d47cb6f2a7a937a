"""Ask the service's own operations from inside a process: the command line prints what HTTP would answer."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import BadInputError, UnavailableError, UnknownRecordError
from serving.access import ALL_SCOPES, Caller
from serving.app import create_app
from serving.house import House

OPERATOR = Caller("command", "command line", frozenset(ALL_SCOPES))


class Operator:
    """Whoever has a shell on this host and may read the store is let through, and named in the audit as such."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the operator as the caller."""
        scope["caller"] = OPERATOR
        await self.app(scope, receive, send)


class Asker:
    """Asks operations of a house.

    Parameters
    ----------
    house : House
        Built; its background work does not run.
    """

    def __init__(self, house: House) -> None:
        self.app = create_app(house=house, around=[Middleware(Operator)])

    async def get(self, path: str, identifier: str, **query: Any) -> Any:
        """Return what GET answers; `{}` in the path stands for the identifier.

        Raises
        ------
        UnknownRecordError, BadInputError, UnavailableError
            As the service would refuse.
        """
        given = {name: value for name, value in query.items() if value is not None}
        raw = path.format(quote(identifier, safe="")).encode()
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path.format(identifier.replace("/", "\x00")), "raw_path": raw, "root_path": "",
            "query_string": urlencode(given, doseq=True).encode(), "headers": [], "client": None, "server": None,
        }  # fmt: skip
        status, body = 0, b""

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")

        await self.app(scope, receive, send)
        return answered(status, json.loads(body))


def answered(status: int, said: Any) -> Any:
    """Return a good answer; raise a problem as the error it came from."""
    if status < 400:
        return said
    kind = {404: UnknownRecordError, 503: UnavailableError}.get(status, BadInputError)
    raise kind(said["detail"])
