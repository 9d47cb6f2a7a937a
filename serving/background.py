"""What runs beside the answers: the ledger's group commits, watching for new models, recomputing kept scores."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from serving.house import House
from serving.http.idempotency import forget_old
from serving.ledger import FLUSH_SECONDS
from serving.recommendation.shadowing import keep_shown
from serving.scores.recompute import TURN_SECONDS, Recomputer

log = logging.getLogger("skillpath.background")

WATCH_SECONDS = 0.5
FORGET_SECONDS = 600.0


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
        async with repeating(*turns):
            yield
    finally:
        await asyncio.to_thread(house.ledger.flush)
