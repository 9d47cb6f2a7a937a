"""Let go what has been kept for longer than the settings say: counted first, then removed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store
from serving.audit import RETENTION, TABLE, Audit
from serving.settings import ServingSettings


@dataclass(frozen=True)
class Period:
    """How long rows of a table are kept: the setting in days (0: without end) and the moment it counts from."""

    table: str
    setting: str
    moment: str


PERIODS = (
    Period("recommendations_shown", "keep_shown_days", "shown_at"),
    Period("kept_scores", "keep_scores_days", "computed_at"),
    Period("quarantine", "keep_quarantine_days", "received_at"),
    Period("statements", "keep_statements_days", "received_at"),
    Period("learning_events", "keep_events_days", "happened_at"),
    Period("surveys", "keep_surveys_days", "happened_at"),
)


def let_go(
    store: Store, audit: Audit, settings: ServingSettings, *, is_dry: bool = False
) -> Mapping[str, int]:
    """Remove what is too old and empty the people of old audit rows; return how many rows of each table.

    Parameters
    ----------
    store : Store
        The records.
    audit : Audit
        Says that it was done; its chain holds.
    settings : ServingSettings
        The periods.
    is_dry : bool
        Count alone.
    """
    now, found = audit.clock(), {}
    for period in PERIODS:
        days = int(getattr(settings, period.setting))
        if days:
            table = METADATA.tables[period.table]
            old = table.c[period.moment] < oldest(now, days)
            found[period.table] = removed(store, table, old, is_dry=is_dry)
    if settings.keep_audit_days:
        found["audit"] = emptied(store, audit, oldest(now, settings.keep_audit_days), is_dry=is_dry)
    return found


def oldest(now: datetime, days: int) -> int:
    """Return the first moment that is still kept, microseconds since 1970 UTC."""
    return to_micros(now - timedelta(days=days))


def removed(store: Store, table: sa.Table, old: sa.ColumnElement[bool], *, is_dry: bool) -> int:
    """Remove rows, or count them."""
    if is_dry:
        with store.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table).where(old)) or 0
    with store.transaction() as connection:
        return connection.execute(sa.delete(table).where(old)).rowcount


def emptied(store: Store, audit: Audit, before: int, *, is_dry: bool) -> int:
    """Empty the people of audit rows that are too old, and account for it in the chain."""
    old = (TABLE.c.at < before) & (TABLE.c.subject_salt != "") & (TABLE.c.subject != "")
    if is_dry:
        with store.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(TABLE).where(old)) or 0
    head = None
    with store.transaction() as connection:
        count = connection.execute(sa.update(TABLE).where(old).values(subject="", subject_salt="")).rowcount
        if count:
            row = {
                "actor": "operator",
                "action": RETENTION,
                "subject": "",
                "purpose": json.dumps({"emptied": count}),
            }
            head = audit.extend(connection, [{**row, "model_digest": None}])
    audit.remember(head)
    return count
