"""Who comes back after an exit is another spell of the same person, and no impossible date."""

from __future__ import annotations

import polars as pl

from training.attrition.dataset import spell_numbers


def test_two_spells_of_one_person_have_two_numbers() -> None:
    rows = pl.DataFrame({"employee_id": ["a", "b", "a", "a"], "spell": [1, 1, 2, 1]})
    first, other, back, again = spell_numbers(rows)
    assert first == again
    assert len({first, other, back}) == 3
