"""What enrolling did in the sample organisation, person by person: the course's own planted effect, and what was learnt instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.impact.months import HORIZON_DAYS, WINDOW_DAYS
from training.impact.dataset import MICROS_PER_DAY, NEVER, Dataset
from training.impact.estimators.aipw import odds_weights
from training.impact.screening import Answer
from training.impact.table import Floats, Ints


@dataclass(frozen=True)
class Planted:
    """Who completed what and when, and what each completion adds to one KPI.

    Parameters
    ----------
    completed_at : (n_people, n_courses) int
        Microseconds since 1970; `NEVER` where not completed.
    effects : (n_courses,) float
        Added to every measurement on or after the day of completion.
    measured_at : (n_days,) int
        The days of measurement.
    """

    completed_at: Ints
    effects: Floats
    measured_at: Ints


def planted_in(dataset: Dataset, effects: Mapping[str, Mapping[str, float]], kpi: str) -> Planted:
    """Return what is planted in one KPI of a sample organisation."""
    assert dataset.source is not None
    completed = np.full((dataset.n_people, len(dataset.course_ids)), NEVER)
    completed[dataset.enrolled["person"], dataset.enrolled["course"]] = dataset.enrolled["completed_at"]
    measured = dataset.source[1]["outcomes"]["happened_at"].dt.epoch("us").unique().sort()
    own = np.array([effects[course][kpi] for course in dataset.course_ids])
    return Planted(completed, own, measured.to_numpy())


def contrasts(dataset: Dataset, answer: Answer, planted: Planted) -> tuple[float, float]:
    """Return what the course's own effect, and what other courses begun meanwhile, add to the difference that is estimated.

    Notes
    -----
    The trained are counted alike, the compared as the estimate weighs them. Who enrols in one course takes fewer others in
    that month: enrolling is compared with what people did instead, not with nothing.
    """
    assert answer.estimate is not None
    assert answer.estimate.fitted is not None
    chosen = answer.comparison
    known = np.isfinite(dataset.outcomes[chosen.rows, answer.outcome])
    rows, trained = chosen.rows[known], chosen.trained[known]
    own, others = gained(dataset, rows, answer.course, planted)
    weights = odds_weights(answer.estimate.fitted.nuisances.propensity, trained)[~trained]

    def apart(values: Floats) -> float:
        return float(values[trained].mean() - np.average(values[~trained], weights=weights))

    return apart(own), apart(others)


def gained(dataset: Dataset, rows: Ints, course: int, planted: Planted) -> tuple[Floats, Floats]:
    """Return what each row's outcome owes to the course, and to others completed since the month began."""
    month = dataset.month_of_row[rows]
    start, landmark = dataset.months[month], dataset.months[month + 1]
    done = planted.completed_at[dataset.person_of_row[rows]]
    effects = planted.effects.copy()
    effects[course] = 0.0
    own, others, days = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for day in planted.measured_at:
        earliest = landmark + (HORIZON_DAYS - WINDOW_DAYS) * MICROS_PER_DAY
        counts = (day > earliest) & (day <= landmark + HORIZON_DAYS * MICROS_PER_DAY)
        since = (done <= day + MICROS_PER_DAY) & (done >= start[:, None]) & counts[:, None]
        own += planted.effects[course] * since[:, course]
        others += since @ effects
        days += counts
    return own / np.maximum(days, 1), others / np.maximum(days, 1)


def tell(
    name: str, rows: list[Answer], truths: list[tuple[float, float]], plain: list[float], naive: list[float]
) -> None:
    """Print bias, coverage and what is found of what is planted, over the courses of one outcome."""
    effects: list[Any] = [row.estimate.effect for row in rows if row.estimate]
    value, low, high = (
        np.array([getattr(one, part) for one in effects]) for part in ("value", "low", "high")
    )
    own, others = np.array(truths).T
    truth = own + others
    real = np.array(plain) != 0
    excludes = (low > 0) | (high < 0)
    spread = np.std((value - truth) / np.array([one.standard_error for one in effects]))
    print(f"{name:18} courses {len(rows):3}  bias {np.mean(value - truth):+.2f} (unadjusted {np.mean(np.array(naive) - truth):+.2f})  "
          f"coverage {np.mean((low <= truth) & (truth <= high)):.1%}  z spread {spread:.2f}  where planted found {value[real].mean():.2f} of "
          f"{truth[real].mean():.2f} (the course's own {own[real].mean():.2f}, learnt instead {others[real].mean():+.2f})  "
          f"significant {excludes[real].mean():.0%} of planted, {excludes[~real].mean():.1%} of empty")  # fmt: skip
