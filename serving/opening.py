"""The house opened: records, models, kept scores, ledger, audit, clock and encoder of one process."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from features.records.row_security import is_passed_over
from features.records.store import Store, open_store
from serving.audit import ANCHOR, Audit
from serving.house import House
from serving.ledger import Ledger
from serving.models.answering import Models
from serving.models.encoder import lazy_encoder
from serving.scores.kept import Changes, KeptScores
from serving.settings import ServingSettings

log = logging.getLogger("skillpath.start")

BUSY_MILLISECONDS = 1_000
MAPPED_BYTES = 4 * 1024**3  # address space, not memory


def build_house(
    settings: ServingSettings,
    store: Store | None = None,
    *,
    models: Models | None = None,
    clock: Callable[[], datetime] | None = None,
) -> House:
    """Open everything an endpoint may use; what is given is used as it is."""
    opened = store or open_records(settings)
    now = clock or clock_of(settings)
    verified = models or Models(settings)
    verified.refresh()
    return House(
        settings=settings,
        store=opened,
        models=verified,
        kept=KeptScores(opened),
        ledger=Ledger(opened),
        audit=Audit(opened, now, settings.var / ANCHOR, settings.people_per_day),
        clock=now,
        encoder=lazy_encoder(settings.exported_encoder, settings.threads),
        changes=Changes(),
    )


def open_records(settings: ServingSettings) -> Store:
    """Open the records; one process at a time brings the schema up to date, and none waits long for a lock later."""
    settings.var.mkdir(parents=True, exist_ok=True)
    with (settings.var / ".opening").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = open_store(settings.url)
    if not store.is_postgres:
        store.close()
        sa.event.listen(store.engine, "connect", suit_requests)
        return store
    with store.reading() as connection:
        if is_passed_over(connection):
            log.warning("the store's role passes over row-level security: see docs/operating.md")
    return store


def suit_requests(connection: Any, _record: object) -> None:
    """Let a blocked write fail soon, so that the caller comes again; and read pages where the system has them, uncopied."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute(f"PRAGMA mmap_size={MAPPED_BYTES}")


def clock_of(settings: ServingSettings) -> Callable[[], datetime]:
    """Return the service's clock: real time, or ticking on from where the settings put it."""
    start = settings.clock_start()
    if start is None:
        return lambda: datetime.now(UTC)
    ahead = start - datetime.now(UTC)
    return lambda: datetime.now(UTC) + ahead
