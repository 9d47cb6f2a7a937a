"""Put rows that name what does not exist into the quarantine: published taxonomies have a few."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from features.records.reading.checks import names_unknown
from features.records.reading.staging import ASIDE, KNOWN, StagedTable, Staging
from features.records.schema import METADATA
from features.records.store import Store


def mark_orphans(staging: Staging) -> None:
    """Mark the waiting rows that are to be put aside."""
    for staged in staging.tables.values():
        if staged.orphans == "quarantine":
            for name in referring(staged):
                staging.connection.execute(
                    sa.update(staged.sql)
                    .values(fate=ASIDE)
                    .where(staged.sql.c.fate < KNOWN, names_unknown(staging, staged, name))
                )


def referring(staged: StagedTable) -> list[str]:
    """Return the given columns that name something elsewhere."""
    return [
        column.name for column in staged.table.columns if column.refers_to and column.name in staged.given
    ]


def put_aside(store: Store, staging: Staging, received_at: int) -> dict[str, int]:
    """Write the marked rows into the quarantine; return by table how many were not there yet."""
    counts = {}
    for name, staged in staging.tables.items():
        if staged.orphans == "quarantine":
            rows = [quarantined(staging, staged, row, received_at) for row in marked(staging, staged)]
            before = quarantine_size(staging)
            store.append(staging.connection, "quarantine", rows)
            counts[name] = quarantine_size(staging) - before
    return counts


def quarantine_size(staging: Staging) -> int:
    """Return how much is put aside."""
    query = sa.select(sa.func.count()).select_from(METADATA.tables["quarantine"])
    return staging.connection.scalar(query) or 0


def marked(staging: Staging, staged: StagedTable) -> list[Any]:
    """Return the marked rows of one table."""
    query = sa.select(staged.sql).where(staged.sql.c.fate == ASIDE).order_by(staged.sql.c.staged_no)
    return list(staging.connection.execute(query).mappings())


def quarantined(staging: Staging, staged: StagedTable, row: Any, received_at: int) -> dict[str, object]:
    """Return one row as the quarantine keeps it."""
    values = {name: row[name] for name in staged.table.names if name in staged.given}
    payload = json.dumps({"table": staged.table.name, **values}, sort_keys=True, ensure_ascii=False)
    named = ", ".join(f"{name} {row[name]}" for name in referring(staged))
    return {
        "source": staging.files[row["file_no"]],
        "line": row["file_line"],
        "content_digest": hashlib.sha256(payload.encode()).hexdigest(),
        "payload": payload,
        "reason": f"names what is not in the source: one of {named}",
        "received_at": received_at,
    }
