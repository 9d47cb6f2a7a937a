"""The door: who was just told to come again later, and asks before then, is told so again before anything is done for it.

A refusal behind the layers costs a fifth of a millisecond: a task, a context, authentication, two writes. A caller that sends ten
times what it may would take from everybody a third of a core with refusals alone. Here it costs a look at one header.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.http.envelope import SECURITY_HEADERS, Drain
from serving.http.problems import MEDIA_TYPE, problem

log = logging.getLogger("skillpath.request")

TOO_OFTEN = "These are more requests a second than one caller may send."
CREDENTIALS = frozenset({b"authorization", b"x-api-key"})
WITH_A_BODY = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
LONGEST_SECONDS = (
    1.0  # a key that is revoked or gets another rate is looked at again at the latest after this
)
MOST_CALLERS = 1_000
HEAD_SECONDS = (
    30.0  # from a connection, or a request's first byte, to its whole head: else anybody holds files open
)

Headers = Sequence[tuple[bytes, bytes]]


class Door:
    """Whom a process turns away, and until when.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.until: dict[bytes, float] = {}
        self.count: Callable[[], None] = lambda: None  # set where answers are measured

    def shut(self, headers: Headers, seconds: float) -> None:
        """Turn a caller away for so many seconds."""
        if len(self.until) >= MOST_CALLERS:
            self.until.clear()
        self.until[named_by(headers)] = self.clock() + min(seconds, LONGEST_SECONDS)

    def wait(self, headers: Headers) -> float:
        """Return for how many seconds a caller is still turned away; 0 for everybody else."""
        until = self.until.get(named_by(headers)) if self.until else None
        return max(0.0, until - self.clock()) if until is not None else 0.0


def named_by(headers: Headers) -> bytes:
    """Return a digest of what a caller shows of itself: the door knows nobody's key."""
    return hashlib.sha256(b"\n".join(value for name, value in headers if name in CREDENTIALS)).digest()


def turned_away(seconds: float, default_headers: Headers) -> bytes:
    """Return the answer to a request that comes too early, as it goes over the wire."""
    said = problem(429, TOO_OFTEN)
    headers = [
        *default_headers,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(said.body)).encode()),
        (b"retry-after", str(max(1, round(seconds))).encode()),
        (b"x-request-id", secrets.token_hex(8).encode()),
        *SECURITY_HEADERS,
    ]
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    return b"HTTP/1.1 429 Too Many Requests\r\n%b\r\n%b" % (lines, bytes(said.body))


class Doorkeeper(HttpToolsProtocol):  # type: ignore[misc]
    """Looks at whoever comes before a request is made of it, and does not wait for ever for one.

    Only what needs nothing else is turned away here: a request without a body, on a kept connection that has had an answer, of a
    process that does not drain. Everything else goes the whole way.
    """

    door: Door
    drain: Drain
    giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.wait_for_headers()

    def on_message_begin(self) -> None:
        """Wait for the rest of a request's head."""
        super().on_message_begin()
        self.wait_for_headers()

    def wait_for_headers(self) -> None:
        """Close the connection where no whole head of a request comes in time."""
        if self.giving_up is None:
            self.giving_up = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def has_come(self) -> None:
        """Stop waiting."""
        if self.giving_up is not None:
            self.giving_up.cancel()
            self.giving_up = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self.has_come()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Turn the caller away, or go on as ever."""
        self.has_come()
        seconds = self.door.wait(self.headers) if self.door.until and self.may_turn_away() else 0.0
        if not seconds:
            super().on_headers_complete()
            return
        self.transport.write(turned_away(seconds, self.server_state.default_headers))
        self.door.count()
        self.on_response_complete()
        if log.isEnabledFor(logging.INFO):
            log.info("request", extra={"operation": None, "method": "GET", "status": 429, "ms": 0.0})

    def may_turn_away(self) -> bool:
        """Say whether nothing but an answer is owed to this request."""
        is_between = self.cycle is not None and self.cycle.response_complete and not self.pipeline
        is_bare = not any(name in WITH_A_BODY for name, _ in self.headers)
        is_kept = self.parser.should_keep_alive() and not self.drain.is_draining
        return bool(
            is_between
            and is_bare
            and is_kept
            and self.parser.get_method() == b"GET"
            and not is_health(self.url)
        )


def behind(door: Door, drain: Drain) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with a door before it."""
    return type("BehindDoor", (Doorkeeper,), {"door": door, "drain": drain})


def is_health(url: bytes) -> bool:
    """Say whether a request asks how the service is: that is never refused."""
    return url.startswith(b"/health/")


def counting(measures: Any) -> Callable[[], None]:
    """Return what counts a request that was turned away, as the layers count one they refuse."""
    requests, shed = measures.requests.labels("none", "429"), measures.shed.labels("rate")

    def count() -> None:
        requests.inc()
        shed.inc()

    return count
