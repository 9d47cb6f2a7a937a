"""The audit is written before the answer and shows every tampering; the ledger loses nothing while the store is away."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from features.errors import UnavailableError
from features.records.shown import packed
from features.records.store import Store
from serving import audit as audit_module
from serving.app import create_app
from serving.audit import TABLE, Audit
from serving.background import TURN_OF_A_THREAD_SECONDS
from serving.house import House
from serving.http.problems import Problem
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


def test_a_chain_that_is_cut_off_or_made_anew_does_not_fit_the_anchor_outside(
    sqlite_store: Store, tmp_path: Path
) -> None:
    audit = Audit(sqlite_store, lambda: NOW, tmp_path / "anchor")
    audit.record_many("sk_1", "list_attrition_risks", ["ann", "bob", "eve"], "audit")
    assert audit.verify().holds
    head = audit.verify().head
    with sqlite_store.transaction() as connection:
        connection.execute(sa.delete(TABLE).where(TABLE.c.sequence == 3))
    cut = audit.verify()
    assert (cut.broken_at, cut.holds) == (None, False)
    assert "cut off" in cut.lost
    with sqlite_store.transaction() as connection:
        connection.execute(sa.delete(TABLE))
    Audit(sqlite_store, lambda: NOW).record_many("sk_1", "list_attrition_risks", ["x", "y", "z"], "audit")
    anew = audit.verify(head)
    assert (anew.rows, anew.broken_at, anew.holds) == (3, None, False)


def test_an_emptied_row_that_no_erasure_accounts_for_is_found(sqlite_store: Store) -> None:
    audit = audit_of(sqlite_store)
    audit.record_many("sk_1", "list_attrition_risks", ["ann", "bob"], "audit")
    with sqlite_store.transaction() as connection:
        connection.execute(sa.update(TABLE).where(TABLE.c.sequence == 1).values(subject="", subject_salt=""))
    verdict = audit.verify()
    assert (verdict.broken_at, verdict.emptied, verdict.accounted, verdict.holds) == (None, 1, 0, False)


def test_one_caller_reads_about_so_many_people_in_a_day_and_no_more(store: Store) -> None:
    audit = Audit(store, lambda: NOW, None, 3)
    audit.record_many("sk_1", "list_attrition_risks", ["ann", "bob"], "audit")
    with pytest.raises(Problem, match="no more") as refused:
        audit.record_many("sk_1", "list_attrition_risks", ["eve", "kim"], "audit")
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "86400"})
    audit.record_many("sk_2", "list_attrition_risks", ["eve", "kim"], "audit")
    assert store.count("audit") == 4
    Audit(store, lambda: NOW + timedelta(days=1), None, 3).record(
        "sk_1", "get_attrition_risk", "eve", "audit"
    )


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


def test_a_flush_returns_when_what_another_thread_took_is_committed_too(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, taken, goes_on = Ledger(sqlite_store), threading.Event(), threading.Event()
    append = sqlite_store.append

    def slow(*rows: Any) -> int:
        taken.set()
        assert goes_on.wait(10)
        return append(*rows)

    def flushed() -> int:
        ledger.flush()
        return sqlite_store.count("recommendations_shown")

    monkeypatch.setattr(sqlite_store, "append", slow)
    ledger.shown(shown(1))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flushed)
        assert taken.wait(10)
        second = pool.submit(flushed)
        wait([second], timeout=0.2)  # without a lock it would be done
        goes_on.set()
        assert (first.result(), second.result()) == (1, 1)


def test_whoever_is_read_again_is_one_person_of_those_a_caller_may_read_in_a_day(store: Store) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    audit = Audit(store, lambda: noon, most_people=3)
    for _ in range(5):
        audit.record("sk_1", "get_attrition_risk", "ann", "audit")
    audit.record("sk_1", "get_attrition_risk", "bob", "audit")
    audit.record("sk_1", "get_attrition_risk", "eve", "audit")
    with pytest.raises(Problem, match="so many people"):
        audit.record("sk_1", "get_attrition_risk", "joe", "audit")
    audit.record("sk_2", "get_attrition_risk", "joe", "audit")
    Audit(store, lambda: noon + timedelta(days=1), most_people=3).record("sk_1", "x", "joe", "audit")
    assert store.count("audit") == 9


def test_a_score_is_not_shown_where_the_audit_s_turn_does_not_come(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "TURN_SECONDS", 0.01)
    audit = Audit(store, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    with audit.turn(), pytest.raises(UnavailableError, match="audit"):
        audit.record("sk_1", "get_attrition_risk", "ann", "audit")
    audit.record("sk_1", "get_attrition_risk", "ann", "audit")
    assert store.count("audit") == 1


def test_a_thread_beside_the_answers_gives_way_for_as_long_as_the_service_runs(sqlite_house: House) -> None:
    before = sys.getswitchinterval()
    with TestClient(create_app(house=sqlite_house)):
        assert sys.getswitchinterval() == pytest.approx(TURN_OF_A_THREAD_SECONDS)
    assert sys.getswitchinterval() == before
