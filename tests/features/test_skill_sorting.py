"""Many rows in the order of their texts, as a plain sort has it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from features.skills import sorting
from features.skills.sorting import by_texts

IDS = ["E10", "E9", "", "é", "e1", "Z", "\U0001f600", "E1 ", "E1"]


@pytest.mark.parametrize("many", [1, 10_000])
def test_many_rows_and_few_are_sorted_alike(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "MANY", many)
    rng = np.random.default_rng(7)
    pairs = rng.permutation(len(IDS) ** 2)
    frame = pl.DataFrame({
        "employee_id": [IDS[pair // len(IDS)] for pair in pairs], "skill_id": [IDS[pair % len(IDS)] for pair in pairs],
        "level": pairs,
    })  # fmt: skip
    found = by_texts(frame, ["employee_id", "skill_id"])
    assert found.rows() == sorted(frame.rows())
    assert found.schema == frame.schema
    numbered = frame.cast({"employee_id": pl.Enum(IDS), "skill_id": pl.Enum(IDS[::-1])})
    assert by_texts(numbered, ["employee_id", "skill_id"]).equals(found.cast(dict(numbered.schema)))


def test_no_rows_stay_none() -> None:
    frame = pl.DataFrame(schema={"employee_id": pl.String})
    assert by_texts(frame, ["employee_id"]).is_empty()
