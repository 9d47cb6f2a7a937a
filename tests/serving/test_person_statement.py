"""One statement reads a person: every row as it was stored, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from features.records.store import Store
from serving.recommendation.person_statement import FACTS, LEVEL_UNIT, decoded, statement

ODD = 'a "quoted" \\ name,\n[with] brackets – ünïcode ☃'
LEVELS = (3.0714285714285716, 0.1 + 0.2, 5.0, 4.999999999999999, 1.0, 0.0, 2 / 3)
NOW = 1_000


def read(store: Store, employee_id: str, now: int = NOW) -> tuple[Any, Any, dict[str, list[Any]]]:
    """Return when a person's scores were computed as of, their payload, and their rows by table."""
    asked = {"employee_id": employee_id, "now": now, "question": "recommendation", "model_digest": "m"}
    (row,) = store.rows(statement(store.engine.dialect), asked)
    return row[0], bytes(row[1]) if row[1] else None, dict(zip(FACTS, decoded(row[2:]), strict=True))


def keep(store: Store, name: str, rows: list[dict[str, Any]]) -> None:
    """Store rows."""
    with store.transaction() as connection:
        store.append(connection, name, rows)


def event(number: int, happened: int, **more: Any) -> dict[str, Any]:
    """Return a learning event."""
    return {"event_id": f"e{number}", "employee_id": ODD, "course_id": ODD, "kind": "completed",
            "happened_at": happened, "known_at": happened, **more}  # fmt: skip


def test_nobody_has_nothing(store: Store) -> None:
    assert read(store, "nobody") == (None, None, {name: [] for name in FACTS})


def test_levels_come_as_they_were_stored(store: Store) -> None:
    rows = [
        {"employee_id": ODD, "skill_id": f"s{place}", "level": level, "source": "self", "happened_at": place,
         "known_at": place} for place, level in enumerate(LEVELS)
    ]  # fmt: skip
    keep(store, "held_skills", rows)
    found = read(store, ODD)[2]["held_skills"]
    assert [one.level / LEVEL_UNIT for one in found] == list(LEVELS)


def test_texts_come_as_they_were_stored(store: Store) -> None:
    keep(store, "learning_events", [event(1, 5, snoozed_until=9)])
    (found,) = read(store, ODD)[2]["learning_events"]
    assert (found.event_id, found.course_id, found.kind, found.snoozed_until) == ("e1", ODD, "completed", 9)


def test_facts_come_in_the_order_of_time_and_none_from_later(store: Store) -> None:
    later_known = event(4, 7, known_at=NOW + 1)
    keep(
        store,
        "learning_events",
        [event(1, 8), event(2, 3), event(3, 8, known_at=20), event(5, NOW + 1), later_known],
    )
    assert [one.event_id for one in read(store, ODD)[2]["learning_events"]] == ["e2", "e1", "e3"]


@pytest.mark.parametrize("is_mandatory", [True, False])
def test_flags_goals_work_and_scores_are_read(store: Store, *, is_mandatory: bool) -> None:
    keep(
        store,
        "assignments",
        [
            {
                "employee_id": "ann",
                "course_id": "c",
                "is_mandatory": is_mandatory,
                "happened_at": 1,
                "known_at": 1,
            }
        ],
    )
    keep(
        store,
        "job_history",
        [{"employee_id": "ann", "spell": 2, "job_id": "j", "happened_at": 1, "known_at": 1}],
    )
    keep(
        store,
        "kept_scores",
        [{"question": "recommendation", "employee_id": "ann", "model_digest": digest, "as_of": 7, "computed_at": 8,
          "payload": digest.encode()} for digest in "mn"],
    )  # fmt: skip
    as_of, payload, found = read(store, "ann")
    assert (as_of, payload) == (7, b"m")
    assert bool(found["assignments"][0].is_mandatory) is is_mandatory
    assert found["assignments"][0].due_at is None
    assert (found["job_history"][0].spell, found["job_history"][0].department) == (2, None)
