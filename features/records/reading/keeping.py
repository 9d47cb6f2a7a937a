"""Move waiting rows into the records, and count what was new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from features.records.reading.options import TableCount
from features.records.reading.staging import KNOWN, StagedTable, Staging
from features.records.schema import METADATA
from features.records.store import Store


def keep(store: Store, staging: Staging) -> dict[str, TableCount]:
    """Move every waiting row that is new or changed into its table; return the counts by table."""
    counts = {}
    for name, staged in staging.tables.items():
        accepted = keep_table(store, staging.connection, staged)
        counts[name] = TableCount(accepted, staged.count - accepted)
    return counts


def keep_table(store: Store, connection: sa.Connection, staged: StagedTable) -> int:
    """Move the rows of one table; return how many were new or changed."""
    waiting, names = staged.sql, list(staged.table.names)
    rows = sa.select(*(waiting.c[name] for name in names)).where(waiting.c.fate < KNOWN)
    insert = store.insert(METADATA.tables[staged.table.name])
    insert = insert.from_select(names, rows.order_by(waiting.c.staged_no))
    insert = on_conflict(insert, staged).inline()
    return connection.execute(insert, execution_options={"preserve_rowcount": True}).rowcount


def on_conflict(insert: Any, staged: StagedTable) -> Any:
    """Return the insert that replaces the given columns of a stored thing, and never touches a stored fact."""
    key = list(staged.table.unique)
    changes = [name for name in staged.table.names if name in staged.given and name not in key]
    if staged.is_fact or staged.keep_existing or not changes:
        return insert.on_conflict_do_nothing(index_elements=key)
    return insert.on_conflict_do_update(
        index_elements=key, set_={name: insert.excluded[name] for name in changes}
    )


def count_lines(staging: Staging, counts: Mapping[str, TableCount]) -> tuple[int, int]:
    """Return how many lines of the source brought something new, and how many did not."""
    if len(counts) == 1:
        (count,) = counts.values()
        return count.accepted, count.duplicates
    accepted = distinct_lines(staging, only_new=True)
    return accepted, distinct_lines(staging, only_new=False) - accepted


def distinct_lines(staging: Staging, *, only_new: bool) -> int:
    """Return the number of source lines behind the waiting rows."""
    parts = []
    for staged in staging.tables.values():
        waiting = staged.sql
        part = sa.select(waiting.c.file_no, waiting.c.file_line)
        parts.append(part.where(waiting.c.fate < KNOWN) if only_new else part)
    if not parts:
        return 0
    lines = sa.union(*parts).subquery()
    return staging.connection.scalar(sa.select(sa.func.count()).select_from(lines)) or 0
