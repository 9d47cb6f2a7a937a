"""Impact features: what was known of people before a month, who enrolled in it, and what came after.

A training is compared as in a sequence of trials, one per month: everybody employed is described by what was known before
the month; who enrols in the month is trained, whatever comes of it; who does not is compared (and may enrol later); all are
followed from the end of the month. So nothing after the enrolment is adjusted for, and nobody must have survived it.

References
----------
Hernán, Robins, Am. J. Epidemiol. 183 (2016) 758, doi:10.1093/aje/kwv254 (emulating a target trial).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from features.history import History, latest
from features.survey_scale import share_of_scale

HORIZON_DAYS = 180
WINDOW_DAYS = 92  # the measurement that counts lies at most so many days before the horizon's end
NOMINATION_DAYS = 90
YEAR = timedelta(days=365)
EXIT = "voluntary_exit"
EXIT_UNIT = "probability"
STARTING = ("enrolled", "started", "progressed")
FINISHING = ("completed", "passed", "failed")
LEAST_SHARE = 0.05  # a department or place smaller than this is counted among the others
MOST_GROUPS = 12

FEATURE_SCHEMA: Mapping[str, str] = {
    "tenure_days": "number, days since hired",
    "tenure_log": "number, logarithm of 30 + days since hired: people learn a job fast, then slowly",
    "job_days": "number, days in the present job",
    "grade": "number, seniority of the job",
    "pay_ratio": "number, pay over the median of the same job",
    "rating": "number, last rating 1-5",
    "fte_share": "number, share 0-1",
    "overtime_hours": "number, hours per week",
    "commute_minutes": "number, minutes",
    "is_on_leave": "flag 0/1",
    "team_size": "number, people who report to the person",
    "department_size": "number, people",
    "courses_started_last_year": "number, courses",
    "courses_completed_last_year": "number, courses",
    "courses_completed": "number, courses",
    "days_since_learning": "number, days",
    "nominations_last_year": "number, nominations by managers",
    "nominated": "flag 0/1, nominated for this course in the 90 days before",
    "month": "number, months since the first one compared",
    "survey": "number 0-1 per item, last answer",
    "last": "number per KPI, last measurement",
    "previous": "number per KPI, the measurement before the last",
    "earlier": "number per KPI, mean of the measurements before that",
    "department": "flag 0/1 per department",
    "location": "flag 0/1 per place",
}


def month_starts(first: datetime, last: datetime) -> list[datetime]:
    """Return the first moments of all months that begin in [first, last]."""
    year, month = first.year, first.month
    found: list[datetime] = []
    while (start := datetime(year, month, 1, tzinfo=UTC)) <= last:
        if start >= first:
            found.append(start)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def next_month(start: datetime) -> datetime:
    """Return the first moment of the month after."""
    return month_starts(start + timedelta(days=1), start + timedelta(days=32))[0]


def covariates(history: History) -> pl.DataFrame:
    """Return what was known of everybody employed as of the history, one row per person.

    Returns
    -------
    polars.DataFrame
        ``employee_id``, ``department``, ``location``, ``manager_id`` and the numbers of `FEATURE_SCHEMA`; null where unknown.
    """
    people = employed(history)
    parts = (work(history), learning(history), surveys(history), measurements(history))
    for part in parts:
        people = people.join(part, on="employee_id", how="left")
    sizes = people.group_by("department").agg(department_size=pl.len().cast(pl.Float64))
    counted = [name for name in people.columns if name.startswith(("courses_", "nominations_"))]
    return people.join(sizes, on="department", how="left", nulls_equal=True).with_columns(
        pl.col(*counted).fill_null(0.0), pl.col("team_size").fill_null(0.0)
    )


def employed(history: History) -> pl.DataFrame:
    """Return who is employed as of the history, with the days since hired."""
    left = history["exits"].select("employee_id", "spell")
    return (
        history["employees"]
        .filter(pl.col("hired_at") < history.as_of)
        .join(left, on=["employee_id", "spell"], how="anti")
        .sort("spell")
        .unique("employee_id", keep="last", maintain_order=True)
        .select("employee_id", tenure_days=days(history, "hired_at"))
        .with_columns(tenure_log=(pl.col("tenure_days") + 30.0).log())
        .sort("employee_id")
    )


def days(history: History, column: str) -> pl.Expr:
    """Return the days from a moment to the as-of of the history."""
    return (pl.lit(history.as_of) - pl.col(column)).dt.total_hours() / 24.0


def work(history: History) -> pl.DataFrame:
    """Return the present job, pay, hours and place of each person."""
    rows = history["job_history"].sort("happened_at", maintain_order=True)
    now = latest(rows, ["employee_id"])
    since = (
        rows.join(now.select("employee_id", "job_id"), on=["employee_id", "job_id"])
        .group_by("employee_id")
        .agg(since=pl.col("happened_at").min())
    )
    grades = history["jobs"].select("job_id", pl.col("grade").cast(pl.Float64))
    team = now.group_by(pl.col("manager_id").alias("employee_id")).agg(team_size=pl.len().cast(pl.Float64))
    middle = pl.col("pay_amount").median().over("job_id", "pay_currency")
    return (
        now.with_columns(pay_ratio=pl.when(middle > 0).then(pl.col("pay_amount") / middle))
        .join(since, on="employee_id", how="left")
        .join(grades, on="job_id", how="left")
        .join(team, on="employee_id", how="left")
        .select(
            "employee_id", "department", "location", "manager_id", "grade", "pay_ratio", "rating", "fte_share",
            "overtime_hours", "commute_minutes", "team_size",
            pl.col("is_on_leave").cast(pl.Float64), job_days=days(history, "since"),
        )
    )  # fmt: skip


def learning(history: History) -> pl.DataFrame:
    """Return how much each person learnt, and how often managers nominated them."""
    recent = pl.col("happened_at") >= history.as_of - YEAR
    finished = pl.col("kind").is_in(["completed", "passed"])
    course = pl.col("course_id")
    events = history["learning_events"].filter(pl.col("kind").is_in([*STARTING, *FINISHING]))
    learnt = events.group_by("employee_id").agg(
        courses_started_last_year=course.filter(recent).n_unique().cast(pl.Float64),
        courses_completed_last_year=course.filter(recent & finished).n_unique().cast(pl.Float64),
        courses_completed=course.filter(finished).n_unique().cast(pl.Float64),
        days_since_learning=days(history, "happened_at").min(),
    )
    asked = (
        nominations(history)
        .filter(pl.col("nominated_at") >= history.as_of - YEAR)
        .group_by("employee_id")
        .agg(nominations_last_year=pl.len().cast(pl.Float64))
    )
    return learnt.join(asked, on="employee_id", how="full", coalesce=True)


def surveys(history: History) -> pl.DataFrame:
    """Return the last answer of each person to each survey item, on a scale of 0 to 1."""
    last = latest(history["surveys"], ["employee_id", "item"]).with_columns(value=share_of_scale())
    return wide(last.with_columns(column=pl.lit("survey ") + pl.col("item")))


def measurements(history: History) -> pl.DataFrame:
    """Return the last, the previous and the mean of the earlier measurements of each KPI."""
    ordered = history["outcomes"].sort("happened_at", descending=True, maintain_order=True)
    ranked = ordered.with_columns(place=pl.int_range(pl.len()).over("employee_id", "kpi"))
    named = ranked.with_columns(
        column=pl.when(pl.col("place") == 0)
        .then(pl.lit("last "))
        .when(pl.col("place") == 1)
        .then(pl.lit("previous "))
        .otherwise(pl.lit("earlier "))
        + pl.col("kpi")
    )
    return wide(named.group_by("employee_id", "column").agg(pl.col("value").mean()))


def wide(long: pl.DataFrame) -> pl.DataFrame:
    """Return one row per person and one number per `column`."""
    if long.is_empty():
        return pl.DataFrame(schema={"employee_id": pl.String})
    names = sorted(long["column"].unique().drop_nulls())
    return long.pivot(on="column", on_columns=names, index="employee_id", values="value")


def enrolments(history: History) -> pl.DataFrame:
    """Return when each person first had to do with each course, and whether they completed it.

    Returns
    -------
    polars.DataFrame
        ``employee_id, course_id, enrolled_at, completed_at, is_completion_only``.

    Notes
    -----
    Trained is who enrolled or started, not who completed: completers are a selection of those who stayed and managed. Where
    a course has no enrolment recorded at all, the first completion must do, and `is_completion_only` says so.
    """
    starts = pl.col("kind").is_in(STARTING)
    ends = pl.col("kind").is_in(FINISHING)
    done = pl.col("kind").is_in(["completed", "passed"])
    moment = pl.col("happened_at")
    return (
        history["learning_events"]
        .filter(starts | ends)
        .group_by("employee_id", "course_id")
        .agg(
            enrolled_at=moment.min(),
            completed_at=moment.filter(done).min(),
            has_start=starts.any(),
        )
        .with_columns(is_completion_only=~pl.col("has_start").any().over("course_id"))
        .drop("has_start")
        .sort("course_id", "employee_id")
    )


def nominations(history: History) -> pl.DataFrame:
    """Return whom managers asked to take which course, without it being mandatory.

    Returns
    -------
    polars.DataFrame
        ``employee_id, course_id, nominated_at``: when it had happened and was known.
    """
    asked = ~pl.col("is_mandatory") & pl.col("assigned_by_id").is_not_null()
    return (
        history["assignments"]
        .filter(asked)
        .select("employee_id", "course_id", nominated_at=pl.max_horizontal("happened_at", "known_at"))
    )


def mandates(history: History) -> pl.DataFrame:
    """Return who had to take which course, from when on: ``employee_id, course_id, mandated_at``."""
    return (
        history["assignments"]
        .filter(pl.col("is_mandatory"))
        .select("employee_id", "course_id", mandated_at=pl.max_horizontal("happened_at", "known_at"))
    )


def kpis(history: History, most: int) -> dict[str, str]:
    """Return the KPIs that are measured most often, with their units."""
    counted = (
        history["outcomes"]
        .group_by("kpi")
        .agg(pl.len(), unit=pl.col("unit").drop_nulls().mode().first(), units=pl.col("unit").n_unique())
        .filter(pl.col("units") <= 1)
        .sort(pl.col("len"), "kpi", descending=[True, False])
        .head(most)
    )
    return {row["kpi"]: row["unit"] or "" for row in counted.sort("kpi").iter_rows(named=True)}


def outcomes_after(history: History, landmark: datetime, names: Sequence[str]) -> pl.DataFrame:
    """Return what was measured of each person at the horizon after a landmark, one column per KPI.

    Notes
    -----
    The mean of what was measured in the last `WINDOW_DAYS` before the horizon ends; nobody else has a row.
    """
    end = landmark + timedelta(days=HORIZON_DAYS)
    moment = pl.col("happened_at")
    inside = (moment > end - timedelta(days=WINDOW_DAYS)) & (moment <= end) & (moment > landmark)
    rows = history["outcomes"].filter(inside & pl.col("kpi").is_in(list(names)))
    means = rows.group_by("employee_id", column="kpi").agg(pl.col("value").mean())
    return wide(means)


def exits_after(history: History, landmark: datetime) -> pl.DataFrame:
    """Return who was employed at a landmark, and 1 where they left of their own will within the horizon."""
    end = landmark + timedelta(days=HORIZON_DAYS)
    spells = history["employees"].filter(pl.col("hired_at") < landmark).select("employee_id", "spell")
    left = latest(history["exits"], ["employee_id", "spell"]).select(
        "employee_id", "spell", "reason_class", left_at="happened_at"
    )
    is_there = pl.col("left_at").is_null() | (pl.col("left_at") > landmark)
    goes = (pl.col("left_at") <= end) & (pl.col("reason_class") == "voluntary")
    return (
        spells.join(left, on=["employee_id", "spell"], how="left")
        .filter(is_there)
        .group_by("employee_id")
        .agg(goes.fill_null(value=False).any().cast(pl.Float64).alias(EXIT))
    )


def reporting_lag(history: History) -> timedelta:
    """Return how long measurements take to become known: 95 of 100 are known by then."""
    lag = (pl.col("known_at") - pl.col("happened_at")).dt.total_seconds()
    found = history["outcomes"].select(lag.quantile(0.95)).item()
    return timedelta(seconds=float(found or 0.0))
