"""How far another system has been read, so that a pull that was stopped goes on where it was."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store

TABLE = METADATA.tables["pull_positions"]


def position(store: Store, source: str) -> dict[str, Any]:
    """Return where to go on, empty at the beginning."""
    with store.reading() as connection:
        found = connection.scalar(sa.select(TABLE.c.position).where(TABLE.c.source == source))
    said: dict[str, Any] = json.loads(found) if found else {}
    return said


def keep_position(store: Store, source: str, where: dict[str, Any], now: datetime) -> None:
    """Keep where to go on."""
    row = {"source": source, "position": json.dumps(where, sort_keys=True), "at": to_micros(now)}
    with store.transaction() as connection:
        store.upsert(connection, "pull_positions", [row])
