"""What every process keeps up with beside its answers: who opted out, who was erased elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import sqlalchemy as sa

from features.records.schema import METADATA
from serving.background import repeating
from serving.house import House
from serving.metrics import LOOK_SECONDS as MEASURE_SECONDS
from serving.metrics import Measures
from serving.rights.erasure import drop_personal_caches
from serving.rights.opt_outs import opted_out

LOOK_SECONDS = 1.0
ERASED = sa.select(sa.func.max(METADATA.tables["erasures"].c.id))


class Upkeep:
    """Keeps a process in step with what others wrote.

    Parameters
    ----------
    house : House
        Whose caches and sets are kept.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.last_erasure: int | None = None

    def turn(self) -> None:
        """Look once."""
        self.house.opted_out = opted_out(self.house.store, "recommendation")
        with self.house.store.reading() as connection:
            newest = connection.scalar(ERASED)
        if newest != self.last_erasure:
            drop_personal_caches(self.house)
        self.last_erasure = newest


@asynccontextmanager
async def upkeep(house: House, measures: Measures | None = None) -> AsyncIterator[None]:
    """Keep up for as long as the service runs, and measure what no request counts."""
    turns: list[tuple[float, Callable[[], object]]] = [(LOOK_SECONDS, Upkeep(house).turn)]
    if measures is not None:
        turns.append((MEASURE_SECONDS, partial(measures.look, house)))
    async with repeating(*turns):
        yield
