"""What a training may be meant to move beside KPIs: ratings, survey answers, assessments, promotion, leaving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.history import History, history
from features.impact import outcomes
from features.records.facts import FACT_KEYS
from features.records.store import FRAME_TYPES
from features.records.tables import IMPORTABLE

START = datetime(2025, 1, 1, tzinfo=UTC)
NAMES = ("employees", "job_history", "exits", "surveys", "outcomes", "held_skills", "jobs", "programmes")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def records(**rows: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    found = {}
    for name in NAMES:
        schema = {column.name: FRAME_TYPES[column.kind] for column in IMPORTABLE[name].columns}
        stated = [{"known_at": row.get("happened_at"), **row} for row in rows.get(name, [])]
        found[name] = pl.DataFrame({key: [row.get(key) for row in stated] for key in schema}, schema=schema)
    return found


def as_of(number: int, **rows: list[dict[str, Any]]) -> History:
    return history(records(**rows), day(number), FACT_KEYS)


def job(name: str, at: int, job_id: str = "J1", **more: Any) -> dict[str, Any]:
    return {"employee_id": name, "spell": 1, "happened_at": day(at), "job_id": job_id, **more}


def hired(*names: str) -> list[dict[str, Any]]:
    return [{"employee_id": name, "spell": 1, "hired_at": day(-900), "known_at": day(-900)} for name in names]


@pytest.mark.parametrize(
    ("name", "rows", "value", "unit"),
    [
        ("rating", {"job_history": [job("a", 10, rating=4.0), job("a", 20)]}, 4.0, "1-5"),
        (
            "survey engagement",
            {"surveys": [{"employee_id": "a", "item": item, "value": 4.0, "scale_low": 1.0, "scale_high": 5.0,
                          "happened_at": day(10)} for item in ("engagement", "motivation")]},
            0.75,
            "share 0-1",
        ),
        (
            "skill S1",
            {"held_skills": [{"employee_id": "a", "skill_id": "S1", "level": level, "source": source, "happened_at": day(10)}
                             for level, source in ((3.0, "assessed"), (5.0, "self"))]},
            3.0,
            "level 0-5",
        ),
    ],
)  # fmt: skip
def test_what_was_recorded_elsewhere_joins_the_measurements(
    name: str, rows: dict[str, list[dict[str, Any]]], value: float, unit: str
) -> None:
    found = outcomes.with_measurements(records(**rows), [name, "productivity"])["outcomes"]
    assert found.select("employee_id", "kpi", "value", "unit", "happened_at", "known_at").rows() == [
        ("a", name, value, unit, day(10), day(10))
    ]


def test_a_kpi_of_the_same_name_comes_first() -> None:
    own = {"employee_id": "a", "kpi": "rating", "value": 9.0, "unit": "points", "happened_at": day(5)}
    found = outcomes.with_measurements(
        records(outcomes=[own], job_history=[job("a", 10, rating=4.0)]), ["rating"]
    )
    assert found["outcomes"]["value"].to_list() == [9.0]


def test_who_rose_within_the_horizon_was_promoted_and_leavers_count() -> None:
    moves = [job(name, -100) for name in "abcde"]
    moves += [job("a", 90, "J2"), job("b", 200, "J2"), job("c", 90, "J3"), job("e", 90, "J2")]
    grades = [
        {"job_id": name, "title": name, "grade": grade}
        for name, grade in (("J1", 3.0), ("J2", 4.0), ("J3", 2.0))
    ]
    exits = [
        {"employee_id": name, "spell": 1, "happened_at": day(at), "reason_class": "voluntary"}
        for name, at in (("d", 60), ("e", -10))
    ]
    now = as_of(400, employees=hired(*"abcde"), job_history=moves, jobs=grades, exits=exits)
    found = outcomes.after(now, START, ["promotion", "voluntary_exit"]).sort("employee_id")
    assert found["employee_id"].to_list() == ["a", "b", "c", "d"]  # e had left before
    assert found["promotion"].to_list() == [1.0, 0.0, 0.0, 0.0]
    assert found["voluntary_exit"].to_list() == [0.0, 0.0, 0.0, 1.0]


def test_what_programmes_name_is_estimated_first() -> None:
    rows = [
        {"employee_id": "a", "kpi": kpi, "value": 1.0, "unit": "u", "happened_at": day(at)}
        for kpi, count in (("often", 5), ("seldom", 1), ("usual", 3))
        for at in range(count)
    ]
    plain = as_of(60, outcomes=rows)
    assert outcomes.chosen(plain, 2) == {"often": "u", "usual": "u", "voluntary_exit": "probability"}
    named = [{"programme_id": kpi, "kpi": kpi} for kpi in ("seldom", "promotion", "nothing")]
    found = outcomes.chosen(as_of(60, outcomes=rows, programmes=named), 2)
    assert list(found) == ["often", "seldom", "promotion", "voluntary_exit"]
