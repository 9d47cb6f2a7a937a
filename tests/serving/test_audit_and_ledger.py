"""The audit is written before the answer and shows every tampering; the ledger loses nothing while the store is away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from features.errors import UnavailableError
from features.records.shown import packed
from features.records.store import Store
from serving.audit import TABLE, Audit
from serving.ledger import Ledger

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def audit_of(store: Store) -> Audit:
    return Audit(store, lambda: NOW)


def test_without_an_audit_there_is_no_score(sqlite_store: Store) -> None:
    with sqlite_store.transaction() as connection:
        connection.execute(sa.text("DROP TABLE audit"))
    with pytest.raises(UnavailableError, match="no score is shown"):
        audit_of(sqlite_store).record("sk_1", "get_attrition_risk", "ann", "audit")


def test_reads_are_chained_and_the_chain_holds(store: Store) -> None:
    audit = audit_of(store)
    audit.record("sk_1", "get_attrition_risk", "ann", "retention_conversation", "d" * 64)
    audit.record_many("sk_2", "list_attrition_risks", ["bob", "eve"], "workforce_planning")
    audit.record_many("sk_2", "list_attrition_risks", [], "workforce_planning")
    rows = store.frame("audit").to_dicts()
    assert [row["sequence"] for row in rows] == [1, 2, 3]
    assert [row["subject"] for row in rows] == ["ann", "bob", "eve"]
    assert rows[1]["previous_hash"] == rows[0]["row_hash"]
    assert audit.first_break() is None


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (sa.update(TABLE).where(TABLE.c.sequence == 2).values(subject="nobody"), 2),
        (sa.update(TABLE).where(TABLE.c.sequence == 3).values(purpose="other"), 3),
        (sa.update(TABLE).where(TABLE.c.sequence == 1).values(row_hash="0" * 64), 1),
        (sa.delete(TABLE).where(TABLE.c.sequence == 2), 3),
        (sa.delete(TABLE).where(TABLE.c.sequence == 1), 2),
    ],
)
def test_a_changed_or_missing_row_breaks_the_chain(sqlite_store: Store, tamper: Any, broken: int) -> None:
    audit = audit_of(sqlite_store)
    audit.record_many("sk_1", "list_attrition_risks", ["ann", "bob", "eve", "kim"], "audit")
    with sqlite_store.transaction() as connection:
        connection.execute(tamper)
    assert audit.first_break() == broken


def shown(number: int) -> dict[str, object]:
    return {
        "recommendation_id": f"r{number}",
        "employee_id": "ann",
        "model_digest": "d",
        "shown_at": 0,
        "first_rank": 1,
        "items": packed([("python", 0.9, 1.0)]),
    }


def test_what_was_shown_waits_while_the_store_is_away_and_is_kept_once(sqlite_store: Store) -> None:
    ledger = Ledger(sqlite_store)
    ledger.shown(shown(1))
    ledger.shown(shown(2))
    with sqlite_store.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE recommendations_shown RENAME TO away"))
    assert ledger.flush() == 0
    assert len(ledger.waiting) == 2
    with sqlite_store.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO recommendations_shown"))
    assert ledger.flush() == 2
    ledger.shown(shown(2))
    ledger.flush()
    assert sqlite_store.count("recommendations_shown") == 2
