"""What runs beside the answers: the ledger's group commits, watching for new models, recomputing kept scores."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

from serving.house import House
from serving.http.idempotency import forget_old
from serving.ledger import FLUSH_SECONDS
from serving.recommendation.shadowing import keep_shown
from serving.scores.recompute import TURN_SECONDS, Recomputer

log = logging.getLogger("skillpath.background")

WATCH_SECONDS = 0.5
FORGET_SECONDS = 600.0
TURN_OF_A_THREAD_SECONDS = (
    0.0005  # Python's own are 5 ms: an answer under way waited so long for each group of the ledger
)


async def repeat(seconds: float, work: Callable[[], object]) -> None:
    """Do something again and again in a thread; a failure is logged and the next turn tries again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(work)
        except Exception:  # a background task must outlive whatever goes wrong in one turn
            log.exception("background work failed")


@asynccontextmanager
async def repeating(*turns: tuple[float, Callable[[], object]]) -> AsyncIterator[None]:
    """Do several things again and again, each so many seconds after its last turn, until the context is left."""
    tasks = [asyncio.create_task(repeat(seconds, work)) for seconds, work in turns]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


@contextmanager
def giving_way() -> Iterator[None]:
    """Let a thread that works beside the answers keep the interpreter for no longer than an answer takes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_OF_A_THREAD_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@asynccontextmanager
async def background(house: House) -> AsyncIterator[None]:
    """Run the background work for as long as the service runs; what waits is written at the end."""
    turns = (
        (FLUSH_SECONDS, partial(keep_shown, house)),
        (WATCH_SECONDS, house.models.refresh),
        (TURN_SECONDS, Recomputer(house).turn),
        (FORGET_SECONDS, partial(forget_old, house)),
    )
    try:
        with giving_way():
            async with repeating(*turns):
                yield
    finally:
        await asyncio.to_thread(house.ledger.flush)
