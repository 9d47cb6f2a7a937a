"""The envelope of every answer: request id, security headers, one log line, and a 500 that tells nothing."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.problems import problem

log = logging.getLogger("skillpath.request")
failures = logging.getLogger("skillpath.failure")

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
]
CLOSE = (b"connection", b"close")
UNFORESEEN = "Something went wrong here; the request id finds it in the log."


class Drain:
    """Whether this process is about to stop; then every answer asks the caller to open a new connection."""

    def __init__(self) -> None:
        self.is_draining = False


class Envelope:
    """Wrap every answer; the outermost layer, so that nothing leaves without it.

    Parameters
    ----------
    app : ASGI application
        What answers.
    drain : Drain
        Tells when connections are to be closed.
    """

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self.app, self.drain = app, drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def wrapped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = message["headers"]
                headers.append((b"x-request-id", request_id.encode()))
                headers.extend(SECURITY_HEADERS)
                if self.drain.is_draining:
                    headers.append(CLOSE)
            await send(message)

        try:
            await self.app(scope, receive, wrapped)
        except Exception as error:  # the one place where the unforeseen becomes a problem
            failures.exception("unforeseen", extra={"request_id": request_id, "error": type(error).__name__})
            if not status:
                await problem(500, UNFORESEEN, request_id=request_id)(scope, receive, wrapped)
        finally:
            if log.isEnabledFor(logging.INFO):
                log.info("request", extra=line(scope, request_id, status, time.perf_counter() - started))


def line(scope: Scope, request_id: str, status: int, seconds: float) -> dict[str, Any]:
    """Return what the log may know of a request: the operation, never whom it was about."""
    route = scope.get("route")
    asks = scope.get("caller")
    return {
        "request_id": request_id,
        "operation": getattr(route, "operation_id", None),
        "method": scope["method"],
        "status": status,
        "ms": round(seconds * 1000, 2),
        "key": asks.prefix if asks else None,
    }
