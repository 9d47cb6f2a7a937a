"""How much is let in at once: a bounded number of requests under way, and a rate for each caller; the rest is told when to come again."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access import Caller
from serving.http.door import TOO_OFTEN, Door
from serving.http.problems import refuse

ALWAYS = ("/health/live", "/health/ready")
MOST_CALLERS = 10_000
LEAST_AT_ONCE = 50.0  # what a page in a browser may ask for together


@dataclass(slots=True)
class Bucket:
    """What a caller may still ask at once: filled at the rate, up to a limit."""

    left: float
    filled_at: float


class Rate:
    """A number of requests a second for each caller.

    Parameters
    ----------
    per_second : float
        Of one process; a tenth of a second's worth may come at once, or fifty requests where that is more, but no more than
        a second's worth: what is let in together is answered one after the other, and the last one waits for all. 0 lets
        nothing in.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.at_once = max(1.0, min(per_second, max(LEAST_AT_ONCE, per_second / 10)))
        self.buckets: dict[str, Bucket] = {}

    def wait(self, caller: str, now: float) -> float:
        """Return 0 where a request is let in, else after how many seconds one would be."""
        if not self.per_second:
            return math.inf
        bucket = self.buckets.get(caller)
        if bucket is None:
            if len(self.buckets) >= MOST_CALLERS:
                self.buckets.clear()  # everybody begins anew: better than to grow without bound
            bucket = self.buckets[caller] = Bucket(self.at_once, now)
        bucket.left = min(self.at_once, bucket.left + (now - bucket.filled_at) * self.per_second)
        bucket.filled_at = now
        if bucket.left >= 1:
            bucket.left -= 1
            return 0.0
        return (1 - bucket.left) / self.per_second


class Admission:
    """Refuse what is more than this process can answer in time; the rest is answered as ever.

    Parameters
    ----------
    app : ASGI application
        What answers.
    most_at_once : int
        Requests under way in this process; one more is answered 503.
    rate, person_rate : float
        Requests a second of one caller, of an interface and of a person; one more is answered 429.
    door : Door, optional
        Told who is refused, so that the next request is refused before it comes here.
    """

    def __init__(
        self, app: ASGIApp, most_at_once: int, rate: float, person_rate: float, door: Door | None = None
    ) -> None:
        self.app, self.most_at_once, self.door = app, most_at_once, door
        self.rate, self.person_rate = Rate(rate), Rate(person_rate)
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or say when to come again."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        caller: Caller | None = scope.get("caller")
        if self.under_way >= self.most_at_once:
            scope["shed"] = "busy"
            await refuse(scope, receive, send, 503, "Too many requests are under way.", headers=later(1.0))
            return
        wait = self.wait(caller) if caller else 0.0
        if wait:
            scope["shed"] = "rate"
            if self.door is not None:
                self.door.shut(scope["headers"], wait)
            await refuse(scope, receive, send, 429, TOO_OFTEN, headers=later(wait))
            return
        self.under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way -= 1

    def wait(self, caller: Caller) -> float:
        """Return after how many seconds a caller may ask again."""
        rate = self.rate if caller.employee_id is None else self.person_rate
        return rate.wait(caller.prefix, time.monotonic())


def later(seconds: float) -> dict[str, str]:
    """Return the header that says when to come again."""
    return {"Retry-After": str(max(1, round(seconds)))}
