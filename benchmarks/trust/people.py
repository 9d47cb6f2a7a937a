"""Rows 15, 16, 19 and 25: who may call what and see whom, an audit that shows every tampering, erasure that survives a restore."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from fastapi.testclient import TestClient

from benchmarks.trust.scorecard import LONG_AGO, Effort, Fact, own_settings, stocked
from features.records.moments import to_micros
from features.records.schema import ALL_TABLES
from features.records.store import Store, open_store
from serving.access_rows import everybody_visible, is_visible
from serving.app import create_app
from serving.audit import ANCHOR, TABLE, Audit
from serving.keys import create_key
from serving.opening import build_house
from serving.operation.backup import restore, save
from serving.rights.erasure import erase
from serving.roles import ROLES, is_allowed, operations

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def matrix(_effort: Effort) -> Iterator[Fact]:
    """Call every operation in every role."""
    wrong, tried = [], 0
    with own_settings() as settings:
        house = build_house(settings)
        app = create_app(house=house)
        for role, scopes in ROLES.items():
            headers = (
                {"X-API-Key": create_key(house.store, role, scopes, datetime.now(UTC))} if scopes else {}
            )
            client = TestClient(app, headers=headers)
            for name, method, path, needed in operations(app):
                status = client.request(method, re.sub(r"\{[^}]*\}", "1", path)).status_code
                tried += 1
                wrong += (
                    []
                    if (status not in (401, 403)) == is_allowed(role, needed)
                    else [f"{role} {name} {status}"]
                )
        yield Fact(f"{tried} pairs of {len(ROLES)} roles and {tried // len(ROLES)} operations", f"{len(wrong)} wrong {wrong[:3]}",
                   "100 % as the table says", not wrong)  # fmt: skip


def rows(effort: Effort) -> Iterator[Fact]:
    """Ask in random organisations whom each person sees, and compare with an oracle."""
    wanted, probes, leaks, missed, seed = effort.of(50_000), 0, 0, 0, 0
    while probes < wanted:
        with own_settings() as settings:
            store = open_store(settings.url)
            rng, people = np.random.default_rng(seed), [f"p{number}" for number in range(40)]
            manager = organisation(store, people, rng)
            for viewer in people:
                expected, listed = reports(viewer, manager), everybody_visible(store, viewer, NOW)
                seen = {person for person in people if is_visible(store, viewer, person, NOW)}
                probes += len(people) + 1
                leaks += len((seen | listed) - expected)
                missed += len(expected - (seen & listed))
            store.close()
            seed += 1
    found = f"{leaks} leaks, {missed} missed"
    yield Fact(
        f"{probes:,} probes in {seed} random organisations", found, "0 leaks", not leaks and not missed
    )


def organisation(store: Store, people: list[str], rng: np.random.Generator) -> dict[str, str | None]:
    """Keep a random organisation with histories; return who works here now with their manager, told by the generator."""
    manager: dict[str, str | None] = {}
    kept: dict[str, list[dict[str, Any]]] = {"employees": [], "job_history": [], "exits": []}
    for person in people:
        who = {"employee_id": person, "spell": 1, "known_at": to_micros(LONG_AGO)}
        kept["employees"].append({**who, "hired_at": to_micros(LONG_AGO)})
        moments = sorted(rng.choice(700, size=int(rng.integers(1, 4)), replace=False).tolist())
        bosses = [str(rng.choice(people)) if rng.random() < 0.9 else None for _ in moments]
        for days, boss in zip(moments, bosses, strict=True):
            at = to_micros(LONG_AGO + timedelta(days=int(days)))
            kept["job_history"].append(
                {**who, "happened_at": at, "known_at": at, "job_id": "j", "manager_id": boss}
            )
        later = to_micros(NOW + timedelta(days=30))
        kept["job_history"].append(
            {**who, "happened_at": later, "known_at": to_micros(LONG_AGO), "job_id": "j", "manager_id": "p0"}
        )
        if rng.random() < 0.1:
            left = to_micros(NOW - timedelta(days=3))
            kept["exits"].append({**who, "happened_at": left, "known_at": left, "reason_class": "other"})
        else:
            manager[person] = bosses[-1]
    with store.transaction() as connection:
        for name, some in kept.items():
            (store.upsert if name == "employees" else store.append)(connection, name, some)
    return manager


def reports(of: str, manager: dict[str, str | None]) -> set[str]:
    """Return a person and whoever reports to them, at any level."""
    seen: set[str] = set()
    waiting = [of] if of in manager else []
    while waiting:
        person = waiting.pop()
        if person not in seen:
            seen.add(person)
            waiting += [other for other, boss in manager.items() if boss == person]
    return seen


def tampering(effort: Effort) -> Iterator[Fact]:
    """Change, remove, add, swap, empty, cut off and make anew rows of the audit; look each time."""
    times, found, rng = effort.of(1_000), 0, np.random.default_rng(7)
    with own_settings() as settings:
        settings.var.mkdir(parents=True)
        store = open_store(settings.url)
        audit = Audit(store, lambda: datetime.now(UTC), settings.var / ANCHOR)
        for number in range(60):
            audit.record(f"sk_{number % 5}", "get_attrition_risk", f"E{number}", "audit")
        with store.reading() as connection:
            whole = [dict(row) for row in connection.execute(sa.select(TABLE)).mappings()]
        kinds = ("change", "remove", "empty", "cut", "anew", "insert")
        for number in range(times):
            tamper(store, kinds[number % len(kinds)], int(rng.integers(1, 61)), rng)
            found += not audit.verify().holds
            with store.transaction() as connection:
                connection.execute(sa.delete(TABLE))
                connection.execute(sa.insert(TABLE), whole)
        restored = audit.verify().holds
        store.close()
    yield Fact(
        f"{times} tamperings: {', '.join(kinds)}",
        f"{found} found; whole again: {restored}",
        "all found",
        found == times and restored,
    )


def tamper(store: Store, kind: str, place: int, rng: np.random.Generator) -> None:
    """Tamper with the audit once."""
    here = TABLE.c.sequence == place
    with store.transaction() as connection:
        if kind == "change":
            column = str(rng.choice(["actor", "action", "subject", "purpose", "subject_digest", "row_hash"]))
            connection.execute(sa.update(TABLE).where(here).values({column: "another"}))
        elif kind == "remove":
            connection.execute(sa.delete(TABLE).where(here))
        elif kind == "empty":
            connection.execute(sa.update(TABLE).where(here).values(subject="", subject_salt=""))
        elif kind == "cut":
            connection.execute(sa.delete(TABLE).where(TABLE.c.sequence >= place))
        elif kind == "insert":
            row = dict(connection.execute(sa.select(TABLE).where(here)).mappings().one())
            connection.execute(sa.insert(TABLE), [{**row, "id": None, "sequence": 61}])
        else:
            connection.execute(sa.delete(TABLE))
            other = Audit(store, lambda: datetime.now(UTC))
            other.extend(
                connection,
                [
                    {"actor": "x", "action": "a", "subject": "s", "purpose": "p", "model_digest": None}
                    for _ in range(60)
                ],
            )


def no_audit_no_score(_effort: Effort) -> Iterator[Fact]:
    """Take the audit away and ask for what it must write down first."""
    with own_settings() as settings:
        stocked(settings, 2).close()
        house = build_house(settings)
        key = create_key(house.store, "hr", ROLES["hr"], datetime.now(UTC))
        with house.store.transaction() as connection:
            connection.execute(sa.text("ALTER TABLE audit RENAME TO away"))
        client = TestClient(create_app(house=house), headers={"X-API-Key": key})
        statuses = [
            client.get("/v1/employees/E1/export").status_code,
            client.delete("/v1/employees/E1").status_code,
        ]
        stays = house.store.count("employees") == 2
        yield Fact("export and erasure with the audit gone (scores: tests/serving/test_attrition.py)", str(statuses), "503 each, nothing changed",
                   statuses == [503, 503] and stays)  # fmt: skip


def erasure(effort: Effort) -> Iterator[Fact]:
    """Erase people, restore a backup of before, and look for them in every table."""
    people, erased = effort.of(2_000), 3
    with own_settings() as settings:
        store = stocked(settings, people)
        audit = Audit(store, lambda: datetime.now(UTC), settings.var / ANCHOR)
        audit.record_many("sk_1", "list_attrition_risks", [f"E{number}" for number in range(people)], "audit")
        keep_what_was_sent(store, people)
        backup = settings.var / "backup.db"
        save(settings, backup)
        house = build_house(settings, store)
        started = time.perf_counter()
        for number in range(erased):
            erase(house, f"E{number}", "sk_1")
        took = (time.perf_counter() - started) / erased
        store.close()
        done = restore(settings, backup)
        again = open_store(settings.url)
        traces = sum(count_of(again, f"E{number}") for number in range(erased))
        verdict = Audit(again, lambda: datetime.now(UTC), settings.var / ANCHOR).verify()
        again.close()
        Path(done.before).unlink()
    found = f"{traces} traces, {took:.1f} s a person, {done.erased_again} erased again, chain holds: {verdict.holds}"
    yield Fact(f"{erased} of {people:,} people erased, then the backup of before restored", found, "0 traces, ≤ 60 s",
               not traces and took <= 60 and done.erased_again == erased and verdict.holds)  # fmt: skip


def count_of(store: Store, person: str) -> int:
    """Return in how many rows of the records, the ledger and the audit a person stands, whole or quoted inside a text."""
    return sum(named_in(store.frame(name), person) for name in ALL_TABLES)


def named_in(frame: pl.DataFrame, person: str) -> int:
    """Return how many rows of a frame name a person in any of their texts."""
    texts = pl.col(pl.String)
    hits = (texts == person) | texts.str.contains(f'"{person}"', literal=True)
    return frame.filter(pl.any_horizontal(hits.fill_null(value=False))).height


def keep_what_was_sent(store: Store, people: int) -> None:
    """Keep a statement about each person, and that they were shown a course."""
    sent = {"content_digest": "d", "received_at": 1}
    shown = {"model_digest": "d", "shown_at": 1, "first_rank": 1, "items": "[]"}
    names = [f"E{number}" for number in range(people)]
    with store.transaction() as connection:
        said = [{**sent, "statement_id": name, "payload": json.dumps({"actor": {"account": {"name": name}}})} for name in names]  # fmt: skip
        store.append(connection, "statements", said)
        ledger = [{**shown, "recommendation_id": f"r-{name}", "employee_id": name} for name in names]
        store.append(connection, "recommendations_shown", ledger)
