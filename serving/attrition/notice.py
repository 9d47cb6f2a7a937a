"""Who is known to leave: their exit is on record for a day to come, so that there is nothing left to estimate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store

FEW_PEOPLE = 500  # in one question to the database
EXITS = METADATA.tables["exits"].c


def to_come(at: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that an exit is known at a moment and lies after it."""
    return (EXITS.known_at < at) & (EXITS.happened_at >= at)


def known_to_leave(store: Store, now: datetime, employee_ids: Sequence[str] | None = None) -> set[str]:
    """Return whose exit is on record for a day to come; of these people, or of all."""
    query = sa.select(EXITS.employee_id).where(to_come(sa.literal(to_micros(now), sa.BigInteger)))
    if employee_ids is not None and len(employee_ids) <= FEW_PEOPLE:
        query = query.where(EXITS.employee_id.in_(employee_ids))
    with store.reading() as connection:
        return set(connection.scalars(query))
