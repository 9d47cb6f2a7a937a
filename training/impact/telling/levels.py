"""Kirkpatrick's four levels side by side: reaction, learning, behaviour, results, each with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy.stats import t as student

from features.history import History
from features.impact.evaluations import answers
from training.impact.table import Floats
from training.impact.telling.shares import wilson

LEAST_PEOPLE = 10
SHOWN_FROM = 4.0  # of 5: “shows at work”
WITHHELD = f"fewer than {LEAST_PEOPLE} people"

Values = dict[str, Floats]


def first_three(values: Values) -> dict[str, Any]:
    """Return the first three levels of a course; what fewer than ten people said is withheld.

    Parameters
    ----------
    values : dict of str to (n_people,) float
        By measure (`features.impact.evaluations.MEASURES`); a measure without anybody may be left out.
    """

    def of(measure: str) -> Floats:
        return values.get(measure, np.zeros(0))

    n_due = int(of("behaviour_due").size)
    return {
        "reaction": told(of("reaction"), mean_rating=mean),
        "learning": {**told(of("learning_passed"), passed_share=share), "test": told(of("learning_test"), mean_share=mean)},
        "behaviour": {
            "people_due": n_due if n_due >= LEAST_PEOPLE else None,
            **{rater: at_work(of(f"behaviour_{rater}")) for rater in ("employee", "manager")},
        },
    }  # fmt: skip


def at_work(ratings: Floats) -> dict[str, Any]:
    """Return what one side says of the skill at work."""
    return told(ratings, mean_rating=mean, shown_share=lambda given: share(given >= SHOWN_FROM))


def told(values: Floats, **figures: Any) -> dict[str, Any]:
    """Return a count with its figures; neither where too few people stand behind them."""
    if values.size < LEAST_PEOPLE:
        return {"people": None, "withheld": WITHHELD, **dict.fromkeys(figures)}
    return {
        "people": int(values.size),
        "withheld": None,
        **{name: figure(values) for name, figure in figures.items()},
    }


def mean(values: Floats) -> dict[str, float]:
    """Return a mean with its 95 % interval (Student)."""
    middle = float(values.mean())
    reach = float(student.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))
    return {"value": middle, "low": middle - reach, "high": middle + reach}


def share(values: Floats) -> dict[str, float]:
    """Return a share 0–1 with its 95 % interval (Wilson)."""
    found = wilson(int(values.sum()), values.size)
    return {"value": found.value, "low": found.low, "high": found.high}


def by_course(now: History) -> dict[str, dict[str, Any]]:
    """Return the first three levels of every course about which anything was recorded."""
    found: dict[str, Values] = {}
    frame = answers(now).sort("course_id", "measure", "employee_id")
    for (course, measure), rows in frame.group_by("course_id", "measure", maintain_order=True):
        found.setdefault(str(course), {})[str(measure)] = rows["value"].to_numpy()
    return {course: first_three(values) for course, values in found.items()}


def of_programme(now: History, row: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return all four levels of a programme: of its course since its start, and what it did."""
    frame = answers(now, row["starts_at"]).filter(pl.col("course_id") == row["course_id"]).sort("employee_id")
    values = {
        str(measure): rows["value"].to_numpy() for (measure,), rows in frame.group_by("measure", maintain_order=True)
    }  # fmt: skip
    return {**first_three(values), "results": {"effect": body["effect"], "verdict": body["verdict"]["code"]}}
