"""Values of features in plain words, and what could become of them for somebody."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.attrition.meanings import FEATURES
from features.attrition.population import NAMES
from serving.attrition.reasons import driver_of
from serving.attrition.what_if import changes_of, reachable
from serving.attrition.wording import in_words, instead_of


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1.0, "0 or 1", "yes"), (0.0, "0 or 1", "no"), (1.0, "days", "1 day"), (89.0, "days", "89 days"),
        (365.25, "days", "12 months"), (3456.0, "days", "9.5 years"), (12_345.6, "minutes", "12,346 minutes"),
        (0.955, "share, 1 is the median", "96%"), (-0.031, "share", "-3.1%"), (0.031, "share", "+3.1%"),
        (0.0, "share", "0%"), (3.5, "1-5", "3.5 of 5"), (-0.5, "points", "-0.5 points"), (8.0, "hours per week", "8 hours per week"),
        (1.0, "hours per week", "1 hour per week"), (0.625, "share 0-1 of the scale", "62% of the scale"),
        (0.1, "share of the scale", "+10% of the scale"), (1.25, "levels 0-5", "1.2 levels"), (2.0, "count", "2"),
    ],
)  # fmt: skip
def test_a_value_is_said_as_a_person_would_say_it(value: float, unit: str, words: str) -> None:
    assert in_words(value, unit) == words


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_feature_has_words_without_exponents_and_without_its_range(feature: Any) -> None:
    for value in (-0.0004, 0.0, 0.5, 1.0, 2_345.678, 123_456.0):
        said = driver_of(feature.name, 0.1, value).words
        assert "e+" not in said
        assert "-0 " not in said
        assert "-0%" not in said
        assert "0 or 1" not in said


@pytest.mark.parametrize(
    ("after", "before", "unit", "words"),
    [
        (0.0, 1.0, "0 or 1", "no instead of yes"),
        (1.207, 0.955, "share, 1 is the median", "121% instead of 96%"),
        (0.9512, 0.9548, "share, 1 is the median", "95.1% instead of 95.5%"),
        (100.0, 105.0, "days", "3.3 months instead of 3.4 months"),
        (1_500.0, 1_501.0, "days", "1,500 days instead of 1,501 days"),
        (20.0, 900.0, "days", "20 days instead of 2.5 years"),
    ],
)
def test_two_values_are_told_apart_with_as_few_digits_as_will_do(
    after: float, before: float, unit: str, words: str
) -> None:
    assert instead_of(after, before, unit) == words


@pytest.mark.parametrize(
    ("name", "value", "bounds", "allowed"),
    [
        ("is_temporary", 1.0, [0.0, 1.0], [0.0]),
        ("is_temporary", 1.0, [0.0, 0.0], [0.0]),  # hardly anybody has a temporary contract
        ("is_temporary", 0.0, [0.0, 0.0], []),
        ("completions_365_days", 2.0, [0.0, 4.0], [3.0, 4.0]),  # what was completed cannot be undone
        ("manager_changes_365_days", 1.0, [0.0, 1.0], []),
        ("days_since_promotion", 900.0, [31.0, 4_000.0], [31.0]),  # a promotion begins the wait anew
        ("days_since_promotion", 20.0, [31.0, 4_000.0], []),
        ("overtime_hours", 8.0, [0.0, 8.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]),
        ("overtime_hours", 8.0, None, []),
    ],
)
def test_nothing_becomes_what_it_cannot_become(
    name: str, value: float, bounds: list[float] | None, allowed: list[float]
) -> None:
    assert reachable(NAMES.index(name), value, bounds) == pytest.approx(allowed)


class FlagScorer:
    """A model in which a temporary contract doubles the chance of leaving."""

    causes = ("voluntary",)

    def __init__(self) -> None:
        self.model = {"plausible": [[0.0, 1.0] if name == "is_temporary" else None for name in NAMES]}

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return the probability by each horizon."""
        told = 0.02 * (1 + rows[:, NAMES.index("is_temporary")])
        return np.column_stack([told, told, told])


def test_a_contract_that_could_be_permanent_is_a_yes_or_no() -> None:
    values = [None if name != "is_temporary" else 1.0 for name in NAMES]
    scores = SimpleNamespace(values=values, is_personal=True)
    model = SimpleNamespace(scorer=FlagScorer())
    (change,) = changes_of(scores, model, 180)  # type: ignore[arg-type]
    assert (
        change.words == "a contract that is not permanent: no instead of yes goes with 2.0% instead of 4.0%"
    )
    assert (change.now, change.then) == (1.0, 0.0)
