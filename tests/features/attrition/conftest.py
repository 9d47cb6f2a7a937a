"""A small world of careers, surveys, learning and exits, with late-known facts and corrections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

START = datetime(2021, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def moment(days: float) -> datetime:
    return START + timedelta(days=float(days))


@pytest.fixture(scope="session")
def careers() -> dict[str, pl.DataFrame]:
    """Return the records of 120 people over three years; every fifth fact became known late."""
    rng = np.random.default_rng(11)
    people, jobs, exits, surveys, events = [], [], [], [], []
    for number in range(120):
        name, hired = f"e{number}", float(rng.integers(-900, 700))
        people.append((name, 1, moment(hired), "permanent", moment(hired)))
        gone = hired + float(rng.exponential(1500))
        for at in np.sort(np.r_[hired, hired + rng.uniform(30, 1000, 4)]):
            late = float(rng.integers(0, 120)) if rng.random() < 0.2 else 0.0
            pay = 40_000 + 1000 * float(rng.integers(0, 30))
            manager = f"e{rng.integers(0, 8)}"
            jobs.append((name, 1, moment(at), moment(at + late), f"j{rng.integers(0, 4)}", manager, pay, "EUR",
                         float(rng.integers(1, 6))))  # fmt: skip
        jobs.append(
            (*jobs[-1][:2], jobs[-1][2], jobs[-1][3] + 40 * DAY, *jobs[-1][4:6], 99_000.0, "EUR", 3.0)
        )
        for at in range(0, 1095, 180):
            known = at + float(rng.integers(0, 60))
            surveys.append(
                (name, "satisfaction", moment(at), moment(known), float(rng.integers(1, 6)), 1.0, 5.0)
            )
            events.append((f"{name}-{at}", name, "c1", "completed", moment(at + 20), moment(known + 20), 4.0))
        if gone < 1095:
            exits.append((name, 1, moment(gone), moment(gone + float(rng.integers(0, 40))), "voluntary"))
    return {
        "employees": frame(people, "employee_id spell hired_at employment_type known_at"),
        "job_history": frame(jobs, "employee_id spell happened_at known_at job_id manager_id pay_amount pay_currency rating"),
        "exits": frame(exits, "employee_id spell happened_at known_at reason_class"),
        "surveys": frame(surveys, "employee_id item happened_at known_at value scale_low scale_high"),
        "learning_events": frame(events, "event_id employee_id course_id kind happened_at known_at hours"),
        "courses": pl.DataFrame({"course_id": ["c1"], "hours": [3.0], "level": [4.0]}),
        "course_skills": pl.DataFrame({"course_id": ["c1"], "skill_id": ["s1"], "level": [4.0], "source": ["given"]}),
        "jobs": pl.DataFrame({"job_id": [f"j{n}" for n in range(4)], "grade": [1.0, 2.0, 3.0, 4.0]}),
        "job_skills": pl.DataFrame({"job_id": ["j1", "j2"], "skill_id": ["s1", "s1"], "level": [3.0, 5.0],
                                    "importance": [1.0, 0.5], "source": ["given", "given"]}),
    }  # fmt: skip


def frame(rows: list[tuple[object, ...]], names: str) -> pl.DataFrame:
    made = pl.DataFrame(rows, schema=names.split(), orient="row")
    moments = [name for name in made.columns if name.endswith("_at")]
    return made.with_columns(pl.col(moments).cast(pl.Datetime("us", "UTC")))
