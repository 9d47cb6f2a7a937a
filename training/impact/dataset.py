"""From records to comparisons: one row per person and month, and for each course who enrolled and who is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from features.history import History, history
from features.impact import months as impact
from features.impact import outcomes
from features.records.facts import FACT_KEYS
from features.records.store import data_digest
from training.context import TrainingContext
from training.impact.table import Floats, Ints, filled

TABLES = (
    "employees",
    "job_history",
    "exits",
    "surveys",
    "outcomes",
    "learning_events",
    "assignments",
    "jobs",
    "courses",
    "programmes",
    "programme_members",
    "evaluations",
)
MOST_KPIS = 3
MICROS_PER_DAY = 86_400_000_000
HORIZON_MICROS = impact.HORIZON_DAYS * MICROS_PER_DAY
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = int(np.iinfo(np.int64).max)  # microseconds: what has not happened, after every moment


@dataclass(frozen=True)
class Dataset:
    """Everybody employed in every month that can be followed to the horizon.

    Parameters
    ----------
    digest : str
        Of the records it was built from.
    as_of : datetime
        End of the data.
    months : (n_months + 1,) int
        Starts of the months compared, and the end of the last, in microseconds since 1970.
    row_of : (n_people, n_months) int
        Row of a person in a month; -1 where they are not employed throughout it.
    covariates : (n_rows, p) float
        Known before the month; without gaps.
    names : tuple of str
        Of the covariates.
    month_of_row, person_of_row : (n_rows,) int
        Where a row belongs.
    groups : (n_rows, 3) int
        Department, place and manager of each row, as codes.
    outcomes : (n_rows, n_outcomes) float
        At the horizon after the month; ``nan`` where not measured.
    previous : (n_rows, n_outcomes) float
        The placebo: the measurement before the last one known before the month.
    outcome_names, units, course_ids : tuple of str
        Outcomes with their units, and courses.
    enrolled : dict of str to array
        ``person, course, at`` (microseconds), ``completed_at``, ``is_completion_only``, sorted by course.
    nominated, mandated : dict of str to array
        ``person, course, at``: asked by a manager, and bound to.
    threads : int
        For numeric work.
    source : (records, History), optional
        What it was built from, as of the end: programmes are reported from it.
    """

    digest: str
    as_of: datetime
    months: Ints
    row_of: Ints
    covariates: Floats
    names: tuple[str, ...]
    month_of_row: Ints
    person_of_row: Ints
    groups: Ints
    outcomes: Floats
    previous: Floats
    outcome_names: tuple[str, ...]
    units: tuple[str, ...]
    course_ids: tuple[str, ...]
    enrolled: dict[str, Any]
    nominated: dict[str, Any]
    mandated: dict[str, Any]
    threads: int = 1
    source: tuple[dict[str, pl.DataFrame], History] | None = None

    @property
    def last_block(self) -> Ints:
        """Rows of the last months, which teach nothing and judge."""
        return np.flatnonzero(self.month_of_row >= self.first_judging_month)

    @property
    def first_judging_month(self) -> int:
        """The first month of the last block: the last quarter of all months, one at least."""
        n_months = self.months.size - 1
        return n_months - max(n_months // 4, 1)

    @property
    def earlier_block(self) -> Ints:
        """Rows whose outcome was known before the last block began."""
        end = self.months[self.first_judging_month] - HORIZON_MICROS
        return np.flatnonzero(self.months[self.month_of_row + 1] <= end)

    @property
    def n_people(self) -> int:
        """Number of people."""
        return int(self.row_of.shape[0])

    def month_index(self, at: Ints) -> Ints:
        """Return the month in which moments lie; -1 before the first, n_months after the last."""
        return np.asarray(np.searchsorted(self.months, at, side="right") - 1, dtype=np.int64)


def build(context: TrainingContext) -> Dataset:
    """Return the dataset of the records, as of the context's moment.

    Raises
    ------
    RefusedError
        If no month lies far enough back to be followed to the horizon.
    """
    stored = {name: context.records[name] for name in TABLES}
    named = outcomes.declared(stored["programmes"])
    also = {source for name in named if (source := outcomes.source_of(name))} - set(TABLES)
    stored |= {name: context.records[name] for name in sorted(also)}
    records = outcomes.with_measurements(stored, named)
    now = history(records, context.as_of, FACT_KEYS)
    starts = followed_months(now)
    units = outcomes.chosen(now, MOST_KPIS)
    frames = [month_frame(records, now, start, list(units)) for start in starts]
    people = sorted(set(now["employees"]["employee_id"]))
    rows = pl.concat(
        [frame.with_columns(month=pl.lit(place, pl.Int64)) for place, frame in enumerate(frames)],
        how="diagonal",
    )
    ends = [*starts, impact.next_month(starts[-1])] if starts else []
    found = assembled(rows, people, now, (data_digest(stored), ends, units))
    return replace(found, threads=context.threads, source=(records, now))


def followed_months(now: History) -> list[datetime]:
    """Return the starts of the months whose outcome at the horizon is known by the end of the data."""
    from features.errors import RefusedError

    measured = now["outcomes"]["known_at"].min() or now["learning_events"]["happened_at"].min()
    last = now.as_of - timedelta(days=impact.HORIZON_DAYS + 31) - impact.reporting_lag(now)
    starts = impact.month_starts(measured, last) if isinstance(measured, datetime) else []
    if not starts:
        raise RefusedError(
            "No month can be followed to the horizon.",
            found=f"records until {now.as_of:%Y-%m-%d}",
            allowed=f"more than {impact.HORIZON_DAYS + 62} days of outcomes and learning events",
        )
    return starts


def month_frame(
    records: dict[str, pl.DataFrame], now: History, start: datetime, names: Sequence[str]
) -> pl.DataFrame:
    """Return who is employed throughout a month: what was known before it, and what came at the horizon after it."""
    before = history(records, start, FACT_KEYS)
    landmark = impact.next_month(start)
    after = outcomes.after(now, landmark, [name for name in names if name != impact.EXIT])
    there = impact.exits_after(now, landmark)
    frame = impact.covariates(before).join(there, on="employee_id")
    return frame.join(
        after.rename(lambda n: n if n == "employee_id" else f"outcome {n}"), on="employee_id", how="left"
    )


def assembled(
    rows: pl.DataFrame, people: list[str], now: History, facts: tuple[str, list[datetime], dict[str, str]]
) -> Dataset:
    """Return rows, enrolments and nominations as arrays."""
    digest, ends, units = facts
    rows = rows.with_columns(
        person=pl.col("employee_id").replace_strict(people, range(len(people)), return_dtype=pl.Int64)
    )
    numbers, names = numeric(rows, units)
    row_of = np.full((len(people), len(ends) - 1), -1, dtype=np.int64)
    person, month = rows["person"].to_numpy(), rows["month"].to_numpy()
    row_of[person, month] = np.arange(rows.height)
    courses = sorted(now["courses"]["course_id"])
    groups = np.column_stack([codes(rows[name]) for name in ("department", "location", "manager_id")])
    return Dataset(
        digest, now.as_of, np.array([micros(end) for end in ends], dtype=np.int64), row_of,
        numbers, tuple(names), month, person, groups,
        column_block(rows, [impact.EXIT if name == impact.EXIT else f"outcome {name}" for name in units]),
        column_block(rows, [f"previous {name}" for name in units]),
        tuple(units), tuple(units.values()), tuple(courses),
        coded(impact.enrolments(now), people, courses, "enrolled_at"),
        coded(impact.nominations(now), people, courses, "nominated_at"),
        coded(impact.mandates(now), people, courses, "mandated_at"),
    )  # fmt: skip


def numeric(rows: pl.DataFrame, units: dict[str, str]) -> tuple[Floats, list[str]]:
    """Return the covariates of all rows without gaps, departments and places as indicators."""
    kept = {f"{part} {name}" for part in ("last", "previous", "earlier") for name in units}
    plain = [
        name
        for name, kind in rows.schema.items()
        if kind.is_numeric()
        and name not in ("person", impact.EXIT)
        and (name.startswith("survey ") or name in kept or name in impact.FEATURE_SCHEMA)
    ]
    matrix = [rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in plain]
    names = list(plain)
    for group in ("department", "location"):
        for value in common_values(rows[group]):
            matrix.append((rows[group] == value).fill_null(value=False).cast(pl.Float64).to_numpy())
            names.append(f"{group} {value}")
    return filled(np.column_stack(matrix), names)


def common_values(column: pl.Series) -> list[str]:
    """Return the values of a column that hold for at least one row in twenty, the most common left out."""
    counted = column.drop_nulls().value_counts(sort=True).head(impact.MOST_GROUPS)
    common = counted.filter(pl.col("count") >= impact.LEAST_SHARE * len(column))
    return sorted(common[column.name][1:])


def codes(column: pl.Series) -> Ints:
    """Return values as numbers; unknown is a value of its own."""
    return np.asarray(column.fill_null("").rank("dense").cast(pl.Int64).to_numpy(), dtype=np.int64)


def column_block(rows: pl.DataFrame, names: list[str]) -> Floats:
    """Return columns side by side, ``nan`` where unknown or where there is no such column."""
    empty = np.full(rows.height, np.nan)
    found = [
        rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() if name in rows.columns else empty
        for name in names
    ]
    return np.column_stack(found)


def coded(frame: pl.DataFrame, people: list[str], courses: list[str], moment: str) -> dict[str, Any]:
    """Return (person, course, moment) of a frame as numbers, sorted by course; the other columns beside them."""
    known = frame.filter(pl.col("employee_id").is_in(people) & pl.col("course_id").is_in(courses))
    ordered = known.with_columns(
        person=pl.col("employee_id").replace_strict(people, range(len(people)), return_dtype=pl.Int64),
        course=pl.col("course_id").replace_strict(courses, range(len(courses)), return_dtype=pl.Int64),
        at=pl.col(moment).dt.epoch("us"),
    ).sort("course", "person", "at")
    found = {name: ordered[name].to_numpy() for name in ("person", "course", "at")}
    if "completed_at" in ordered.columns:
        found["completed_at"] = ordered["completed_at"].dt.epoch("us").fill_null(NEVER).to_numpy()
        found["is_completion_only"] = ordered["is_completion_only"].to_numpy()
    return found


def micros(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)
