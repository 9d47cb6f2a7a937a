"""What else was learnt meanwhile is counted per person, without the course itself, and within the horizon alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from features.impact.months import HORIZON_DAYS
from training.impact.comparisons import Comparison
from training.impact.dataset import MICROS_PER_DAY, Dataset
from training.impact.meanwhile import NEVER, Completions, learnt_meanwhile, other_courses


def completed(*rows: tuple[int, int, int]) -> Dataset:
    """Return a dataset of two people in one month of 30 days, from (person, course, day of completion; -1 never)."""
    person, course, on = (
        np.array(column, dtype=np.int64) for column in zip(*sorted(rows, key=lambda r: r[1]), strict=True)
    )
    at = np.where(on < 0, NEVER, on * MICROS_PER_DAY)
    enrolled = {"person": person, "course": course, "completed_at": at}
    held = SimpleNamespace(
        enrolled=enrolled, n_people=2, months=np.array([100, 130]) * MICROS_PER_DAY, month_of_row=np.zeros(2, int),
        person_of_row=np.arange(2),
    )  # fmt: skip
    return cast(Dataset, held)


def both(dataset: Dataset, course: int) -> list[float]:
    chosen = cast(Comparison, SimpleNamespace(rows=np.arange(2)))
    return list(other_courses(dataset, course, chosen, Completions.of(dataset)))


def test_the_course_itself_what_came_before_and_what_came_too_late_do_not_count() -> None:
    last = 130 + HORIZON_DAYS - 1
    dataset = completed(
        (0, 0, 120), (0, 1, 99), (0, 2, 100), (0, 3, last), (0, 4, last + 1), (1, 0, -1), (1, 5, 200)
    )
    assert both(dataset, 0) == [2, 1]
    assert both(dataset, 2) == [2, 1]  # course 0 counts now, course 2 itself does not
    assert both(dataset, 5) == [3, 0]


def test_the_same_moment_of_two_people_is_told_apart() -> None:
    assert both(completed((0, 1, 150), (0, 2, 150), (1, 1, 150)), 0) == [2, 1]


def test_the_compared_count_as_they_are_weighted() -> None:
    trained = np.array([True, False, False])
    found = learnt_meanwhile(np.array([1.0, 2.0, 4.0]), trained, np.array([0.0, 3.0, 1.0]))
    assert found == {"trained": 1.0, "compared": 2.5}
