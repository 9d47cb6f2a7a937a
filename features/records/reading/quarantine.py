"""Try again what was put aside, once a person, a course or a mapping is known."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from features.records.moments import from_micros
from features.records.reading.engine import Origin
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.xapi import Received, take
from features.records.schema import METADATA
from features.records.store import Store

FETCH_ROWS = 5_000
# What begins so waits for nothing: its learning event was taken, only the platform's mistake is noted.
NOT_CONFORMANT = "not conformant: "


def replay_quarantine(store: Store, options: ImportOptions | None = None) -> ImportReport:
    """Take in the statements of the quarantine that are understood by now; the others stay.

    Returns
    -------
    ImportReport
        ``accepted``: now learning events and out of the quarantine; ``duplicates``: still there.
    """
    return take(
        store, waiting(store), Origin("xapi", "quarantine", ""), options or ImportOptions(), is_replay=True
    )


def waiting(store: Store) -> Iterator[Received]:
    """Yield what is put aside, in the order in which it came."""
    table, last = METADATA.tables["quarantine"], 0
    while True:
        query = sa.select(table).where(table.c.id > last, ~table.c.reason.startswith(NOT_CONFORMANT))
        query = query.order_by(table.c.id).limit(FETCH_ROWS)
        with store.reading() as connection:
            rows = list(connection.execute(query))
        if not rows:
            return
        yield from (Received(row.line, row.payload, row.source, from_micros(row.received_at)) for row in rows)
        last = rows[-1].id
