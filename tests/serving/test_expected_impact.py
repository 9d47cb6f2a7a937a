"""A ranking knows a person's own expected effect where the model says that a gate is open; the average elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from serving.house import House
from serving.models.answering import LoadedModel
from serving.recommendation.expected_impact import average_impact, impact_for

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def effect(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 1.0, "high": value + 1.0}


def estimate(course: str, value: float, code: str) -> dict[str, Any]:
    return {"course_id": course, "outcome": "output", "unit": "points", "horizon_days": 180, "effect": effect(value),
            "verdict": {"code": code, "words": "…"}}  # fmt: skip


def hold(house: House, *, is_open: bool) -> LoadedModel:
    """Let a house hold estimates of two courses that can be told and one that cannot."""
    told = [
        estimate("a", 2.0, "credible"),
        estimate("b", 3.0, "suggestive"),
        estimate("c", 9.0, "cannot_tell"),
    ]
    scorer = SimpleNamespace(estimates=lambda: told, individual_effects=is_open)
    model = LoadedModel("impact", "1", f"digest-{is_open}", scorer, Path(), {})
    house.models.hold(model)
    return model


def values(found: Any) -> dict[str, list[float]]:
    return {course: [one["value"] for one in effects] for course, effects in found.items()}


@pytest.mark.parametrize("is_open", [True, False])
def test_own_effects_stand_in_for_averages_where_a_gate_is_open(sqlite_house: House, is_open: bool) -> None:
    assert impact_for(sqlite_house, "ann") == average_impact(sqlite_house) == {}
    model = hold(sqlite_house, is_open=is_open)
    own = msgspec.json.encode({"a": [{**effect(0.5), "outcome": "output", "verdict": "credible"}]})
    sqlite_house.kept.write("impact", model.digest, [("ann", own)], as_of=NOW, computed_at=NOW)
    average = {"a": [2.0], "b": [3.0]}
    assert values(impact_for(sqlite_house, "ann")) == (average | {"a": [0.5]} if is_open else average)
    assert values(impact_for(sqlite_house, "bob")) == values(average_impact(sqlite_house)) == average
