"""Impact features: only what was known before, enrolled not completed, and no time that had to be survived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.history import History, history
from features.impact import months as impact
from features.records.facts import FACT_KEYS
from features.records.store import FRAME_TYPES
from features.records.tables import IMPORTABLE

NAMES = (
    "employees",
    "job_history",
    "exits",
    "surveys",
    "outcomes",
    "learning_events",
    "assignments",
    "jobs",
    "courses",
)
START = datetime(2025, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Return a day after the first of January 2025."""
    return START + timedelta(days=number)


def records(**rows: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """Return whole tables from the few columns that matter; `known_at` is `happened_at` unless given."""
    found = {}
    for name in NAMES:
        table = IMPORTABLE[name]
        schema = {column.name: FRAME_TYPES[column.kind] for column in table.columns}
        filled = [{"known_at": row.get("happened_at"), **row} for row in rows.get(name, [])]
        if "known_at" not in schema:
            filled = [{key: value for key, value in row.items() if key != "known_at"} for row in filled]
        data = {column: [row.get(column) for row in filled] for column in schema}
        found[name] = pl.DataFrame(data, schema=schema)
    return found


def person(name: str, hired: int = -400, spell: int = 1) -> dict[str, Any]:
    return {"employee_id": name, "spell": spell, "hired_at": day(hired), "known_at": day(hired)}


def event(name: str, kind: str, at: int, course: str = "C1") -> dict[str, Any]:
    return {"event_id": f"{name}{kind}{at}{course}", "employee_id": name, "course_id": course, "kind": kind,
            "happened_at": day(at)}  # fmt: skip


def measured(name: str, value: float, at: int, known: int | None = None) -> dict[str, Any]:
    return {"employee_id": name, "kpi": "sales", "value": value, "unit": "pieces", "happened_at": day(at),
            "known_at": day(at if known is None else known)}  # fmt: skip


def as_of(number: int, **rows: list[dict[str, Any]]) -> History:
    return history(records(**rows), day(number), FACT_KEYS)


def test_a_measurement_known_later_is_no_covariate() -> None:
    rows = [measured("A", 1.0, 0), measured("A", 2.0, 50, known=70)]
    before = impact.covariates(as_of(60, employees=[person("A")], outcomes=rows))
    after = impact.covariates(as_of(71, employees=[person("A")], outcomes=rows))
    assert before["last sales"].to_list() == [1.0]
    assert after.select("last sales", "previous sales").row(0) == (2.0, 1.0)


def test_what_happens_at_the_very_moment_is_not_known_before_it() -> None:
    found = impact.covariates(as_of(50, employees=[person("A")], outcomes=[measured("A", 2.0, 50)]))
    assert "last sales" not in found.columns


def test_earlier_measurements_are_averaged() -> None:
    rows = [measured("A", value, at) for value, at in ((1.0, 0), (3.0, 10), (5.0, 20), (7.0, 30))]
    found = impact.covariates(as_of(60, employees=[person("A")], outcomes=rows))
    assert found.select("last sales", "previous sales", "earlier sales").row(0) == (7.0, 5.0, 2.0)


def test_who_has_left_or_is_not_hired_yet_is_not_employed() -> None:
    left = {"employee_id": "B", "spell": 1, "happened_at": day(10), "reason_class": "voluntary"}
    found = as_of(60, employees=[person("A"), person("B"), person("C", hired=70)], exits=[left])
    assert impact.employed(found)["employee_id"].to_list() == ["A"]


def test_a_rehired_person_is_employed_again() -> None:
    left = {"employee_id": "B", "spell": 1, "happened_at": day(10), "reason_class": "voluntary"}
    found = as_of(60, employees=[person("B"), person("B", hired=20, spell=2)], exits=[left])
    assert impact.employed(found)["tenure_days"].to_list() == [40.0]


def test_who_enrolled_and_gave_up_is_trained_all_the_same() -> None:
    events = [event("A", "enrolled", 5), event("A", "completed", 20), event("B", "started", 7), event("B", "withdrawn", 9),
              event("C", "shown", 3), event("D", "completed", 9, "C2")]  # fmt: skip
    found = impact.enrolments(as_of(60, learning_events=events))
    assert found.select(
        "employee_id", "course_id", "enrolled_at", "completed_at", "is_completion_only"
    ).rows() == [
        ("A", "C1", day(5), day(20), False),
        ("B", "C1", day(7), None, False),
        ("D", "C2", day(9), day(9), True),
    ]


def test_only_managers_nominate_and_mandatory_courses_are_no_nomination() -> None:
    rows = [
        {
            "employee_id": "A",
            "course_id": "C1",
            "happened_at": day(1),
            "is_mandatory": False,
            "assigned_by_id": "M",
        },
        {
            "employee_id": "B",
            "course_id": "C1",
            "happened_at": day(1),
            "is_mandatory": True,
            "assigned_by_id": "M",
        },
        {"employee_id": "C", "course_id": "C1", "happened_at": day(1), "is_mandatory": False},
    ]
    assert impact.nominations(as_of(60, assignments=rows)).rows() == [("A", "C1", day(1))]


def test_the_outcome_is_what_was_measured_in_the_last_quarter_before_the_horizon() -> None:
    rows = [measured("A", 1.0, 50), measured("A", 4.0, 120), measured("A", 6.0, 170), measured("A", 9.0, 181),
            measured("B", 5.0, 80)]  # fmt: skip
    found = impact.outcomes_after(as_of(400, outcomes=rows), START, ["sales"])
    assert found.rows() == [("A", 5.0)]


def test_leaving_counts_within_the_horizon_and_only_of_ones_own_will() -> None:
    people = [person(name) for name in "ABCD"]
    left = [("A", 90, "voluntary"), ("B", 90, "retirement"), ("C", 200, "voluntary"), ("D", -5, "voluntary")]
    exits = [
        {"employee_id": name, "spell": 1, "happened_at": day(at), "reason_class": why}
        for name, at, why in left
    ]
    found = impact.exits_after(as_of(400, employees=people, exits=exits), START).sort("employee_id")
    assert found.rows() == [("A", 1.0), ("B", 0.0), ("C", 0.0)]


def test_a_kpi_of_mixed_units_is_no_outcome() -> None:
    rows = [
        measured("A", 1.0, 1),
        {**measured("A", 2.0, 2), "unit": "thousands"},
        {**measured("A", 2.0, 3), "kpi": "errors"},
    ]
    assert impact.kpis(as_of(60, outcomes=rows), 3) == {"errors": "pieces"}


def test_surveys_are_read_on_their_own_scale() -> None:
    rows = [{"employee_id": "A", "item": "motivation", "value": 4.0, "scale_low": 1.0, "scale_high": 5.0,
             "happened_at": day(3)}]  # fmt: skip
    assert impact.surveys(as_of(60, surveys=rows)).rows() == [("A", 0.75)]


def test_pay_is_compared_within_the_same_job() -> None:
    rows = [{"employee_id": name, "spell": 1, "happened_at": day(0), "job_id": "J", "pay_amount": pay, "pay_currency": "EUR",
             "manager_id": "A", "department": "D"} for name, pay in (("A", 80.0), ("B", 100.0), ("C", 150.0))]  # fmt: skip
    people = [person(name) for name in "ABC"]
    found = impact.covariates(as_of(60, employees=people, job_history=rows)).sort("employee_id")
    assert found["pay_ratio"].to_list() == pytest.approx([0.8, 1.0, 1.5])
    assert found["team_size"].to_list() == [3.0, 0.0, 0.0]
    assert found["department_size"].to_list() == [3.0, 3.0, 3.0]


def test_months_begin_on_the_first_and_end_with_the_next() -> None:
    found = impact.month_starts(datetime(2024, 11, 5, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    assert [start.month for start in found] == [12, 1, 2]
    assert impact.next_month(datetime(2024, 12, 1, tzinfo=UTC)) == START
