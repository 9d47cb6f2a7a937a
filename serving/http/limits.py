"""Limits before anything is parsed: length of the URL, size, type and depth of the body."""

from __future__ import annotations

import asyncio
import re

import numpy as np
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.problems import refuse

MAX_DEPTH = 32
BODY_SECONDS = 30.0  # a caller that sends more slowly holds a place among the requests under way
CLOSING = {"Connection": "close"}  # the rest of the body is not read
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ESCAPE = re.compile(rb"\\.", re.DOTALL)
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
STRING = re.compile(rb'"[^"]*"?')
ALL_BYTES = bytes(range(256))
NO_BRACKETS = bytes(byte for byte in ALL_BYTES if byte not in b"[]{}")


class TooLargeError(Exception):
    """The body is larger than allowed."""


class GoneError(Exception):
    """The caller left before the body was whole."""


def depth(body: bytes) -> int:
    """Return an upper bound of how deep brackets are nested in JSON; exact where it is over the limit."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    outside = STRING.sub(b"", ESCAPE.sub(b"", body) if b"\\" in body else body)
    brackets = np.frombuffer(outside.translate(None, NO_BRACKETS), dtype=np.uint8)
    if not brackets.size:
        return 0
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return int(steps.cumsum().max(initial=0))


def header(scope: Scope, name: bytes) -> bytes:
    """Return a request header, empty where it is absent."""
    return next((value for key, value in scope["headers"] if key == name), b"")


def is_json(content_type: bytes) -> bool:
    """Say whether a content type is JSON."""
    kind = content_type.split(b";")[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


class Limits:
    """Refuse what is too long, too large, too deep or of another type; hand the body on whole.

    Parameters
    ----------
    app : ASGI application
        What answers.
    body_limit_bytes, url_limit_bytes : int
        Most bytes of a body, and of path and query together.
    """

    def __init__(self, app: ASGIApp, body_limit_bytes: int, url_limit_bytes: int) -> None:
        self.app, self.body_limit_bytes, self.url_limit_bytes = app, body_limit_bytes, url_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > self.url_limit_bytes:
            await refuse(
                scope, receive, send, 414, f"At most {self.url_limit_bytes} bytes of path and query."
            )
            return
        if scope["method"] not in WITH_BODY:
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self.read(scope, receive)
        except TimeoutError:
            why = f"The body was not whole after {BODY_SECONDS:g} s."
            await refuse(scope, receive, send, 408, why, headers=CLOSING)
            return
        except TooLargeError:
            limit = self.body_limit_bytes
            await refuse(
                scope,
                receive,
                send,
                413,
                f"At most {limit} bytes of body.",
                allowed=str(limit),
                headers=CLOSING,
            )
            return
        except GoneError:
            return
        if await self.refused(scope, receive, send, body):
            return
        scope["body"] = body
        await self.app(scope, replay(body, receive), send)

    async def refused(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> bool:
        """Answer a body of the wrong type or too deep; say whether it was."""
        if not body:
            return False
        encoding = header(scope, b"content-encoding").strip().lower()
        if encoding not in (b"", b"identity"):
            found = encoding.decode("latin-1")[:200]
            await refuse(
                scope, receive, send, 415, "Bodies are not compressed.", found=found, allowed="identity"
            )
            return True
        content_type = header(scope, b"content-type")
        if not is_json(content_type):
            found = content_type.decode("latin-1")[:200] or "none"
            await refuse(
                scope, receive, send, 415, "Bodies are JSON.", found=found, allowed="application/json"
            )
            return True
        if b"\\u0000" in body and NUL.search(body):
            await refuse(scope, receive, send, 422, "Text holds no NUL character.")
            return True
        if depth(body) > MAX_DEPTH:
            await refuse(
                scope,
                receive,
                send,
                400,
                f"The body is nested deeper than {MAX_DEPTH}.",
                allowed=str(MAX_DEPTH),
            )
            return True
        return False

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Return the whole body; raise TooLargeError before more than the limit is held."""
        length = header(scope, b"content-length")
        if length.isdigit() and int(length) > self.body_limit_bytes:
            raise TooLargeError
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            part = message.get("body", b"")
            size += len(part)
            if size > self.body_limit_bytes:
                raise TooLargeError
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives a body that was read once more, then what really comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
