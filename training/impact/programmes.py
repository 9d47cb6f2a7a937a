"""Each training programme, reported against the plan that was written down before it started.

The design decides the estimator, and the plan decides design, KPI and population; what the plan did not name is marked as
added later, and is never what the verdict speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from features.errors import RefusedError
from features.history import History, history
from features.impact import months as impact
from features.impact import outcomes
from features.impact import programmes as features
from features.records.facts import FACT_KEYS
from training.impact.doubts.missing import missing_bounds
from training.impact.estimate import Estimate, randomised_estimate
from training.impact.estimators.randomised import offer_effects
from training.impact.estimators.staggered import NEVER, Panel
from training.impact.table import ComparisonTable, Floats, columns_of, refuse_unusable
from training.impact.telling.levels import of_programme
from training.impact.telling.record import estimated_record, placebo_record, refused_record, span
from training.impact.telling.rollout import rollout_record
from training.impact.telling.words import Subject

PERIOD_DAYS = 91
ADJUSTED = (
    "last",
    "previous",
    "tenure_log",
    "grade",
)  # fixed before looking; the KPI's own two measurements, service, grade


def programme_records(
    records: dict[str, pl.DataFrame], now: History, courses: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the report of every programme that has started.

    Parameters
    ----------
    records : dict of str to polars.DataFrame
        Everything.
    now : History
        As of the end of the data.
    courses : sequence of dict
        The estimates of courses: a programme that nobody drew for is reported by its course's.
    """
    found = []
    for row in now["programmes"].sort("programme_id").iter_rows(named=True):
        if row["starts_at"] is None or row["starts_at"] >= now.as_of:
            continue
        found.append(one_programme(records, now, row, courses))
    return found


def one_programme(
    records: dict[str, pl.DataFrame], now: History, row: dict[str, Any], courses: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the report of one programme."""
    plan = features.plan_of(row)
    joined = features.members(now, row["programme_id"])
    n = {
        "trained": int((joined["arm"] != "comparison").sum()),
        "compared": int((joined["arm"] == "comparison").sum()),
    }
    try:
        body = DESIGNS[row["design"] or "observational"](records, now, row, courses)
    except RefusedError as refusal:
        body = {**refused_record(str(refusal), n), "design": row["design"], "estimand": None}
    others = [one for one in courses if one["course_id"] == row["course_id"] and one["outcome"] != row["kpi"]]
    return {
        **body,
        "programme_id": row["programme_id"],
        "title": row["title"] or row["programme_id"],
        "outcome": row["kpi"],
        "horizon_days": impact.HORIZON_DAYS,
        "plan": plan,
        "plan_digest": features.plan_digest(plan),
        "is_declared_before": bool(row["declared_at"] and row["declared_at"] <= row["starts_at"]),
        "kirkpatrick": of_programme(now, row, body),
        "added_later": [
            {"outcome": one["outcome"], "effect": one["effect"], "verdict": one["verdict"]} for one in others
        ],
    }


def drawn_table(
    records: dict[str, pl.DataFrame], now: History, row: dict[str, Any]
) -> tuple[ComparisonTable, list[str], datetime]:
    """Return everybody who was drawn, with what was known before the start and the KPI at the horizon after the first month."""
    start = row["starts_at"]
    landmark = impact.next_month(start)
    if landmark + timedelta(days=impact.HORIZON_DAYS) > now.as_of:
        end = landmark + timedelta(days=impact.HORIZON_DAYS)
        raise RefusedError("It is too early to tell.", found=f"outcomes are complete on {end:%Y-%m-%d}")
    known = impact.covariates(history(records, start, FACT_KEYS))
    after = outcomes.after(now, landmark, [row["kpi"]])
    people = features.members(now, row["programme_id"]).join(
        known, on="employee_id", how="left", maintain_order="left"
    )
    people = people.join(after, on="employee_id", how="left", maintain_order="left")
    names = [f"{name} {row['kpi']}" if name in ("last", "previous") else name for name in ADJUSTED]
    table = ComparisonTable(
        np.column_stack([numbers(people, name) for name in names]),
        tuple(names),
        (people["arm"] != "comparison").to_numpy(),
        numbers(people, row["kpi"]),
        numbers(people, f"previous {row['kpi']}"),
        (f"previous {row['kpi']}",),
    )
    if not table.trained.any() or table.trained.all():
        raise RefusedError(
            "Nobody was drawn for one of the sides.", found=f"{int(table.trained.sum())} of {table.n} trained"
        )
    return table, people["employee_id"].to_list(), start


def numbers(frame: pl.DataFrame, name: str) -> Floats:
    """Return a column as numbers, ``nan`` where unknown or where there is no such column."""
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return np.asarray(frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def randomised(
    records: dict[str, pl.DataFrame], now: History, row: dict[str, Any], courses: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the effect of having been drawn, whatever came of it."""
    table, _people, _start = drawn_table(records, now, row)
    estimate = replace(randomised_estimate(table), estimand="itt")
    return recorded(estimate, row, now)


def offer(
    records: dict[str, pl.DataFrame], now: History, row: dict[str, Any], courses: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the effect of taking part on those whom the offer moved."""
    table, people, start = drawn_table(records, now, row)
    refuse_unusable(table)
    until = start + timedelta(days=impact.HORIZON_DAYS)
    part = set(features.took_part(now, row["course_id"], start, until)["employee_id"])
    took = np.array([name in part for name in people])
    measured = table.measured()
    columns, _ = columns_of(measured)
    found = offer_effects(measured.outcome, measured.trained, took[np.isfinite(table.outcome)], columns)
    of_offer = randomised_estimate(table)
    bounds = missing_bounds(table, found.offered.value)
    if bounds:
        low, high = sorted(bound / found.uptake.value for bound in bounds)
        bounds = (low, high)
    estimate = replace(of_offer, effect=found.taking_part, design="offer", estimand="late", bounds=bounds)
    body = recorded(estimate.judged(first_stage=found.first_stage_f), row, now)
    return {
        **body,
        "itt": span(found.offered),
        "first_stage": span(found.uptake),
        "first_stage_f": found.first_stage_f,
    }


def recorded(estimate: Estimate, row: dict[str, Any], now: History) -> dict[str, Any]:
    """Return an estimate of a drawn programme as plain data."""
    about = Subject(
        row["kpi"].replace("_", " "), unit_of(now, row["kpi"]), impact.HORIZON_DAYS, "those drawn for it"
    )
    return {**estimated_record(estimate, about), "unit": about.unit}


def unit_of(now: History, kpi: str) -> str:
    """Return the unit of an outcome; empty where none is recorded."""
    if kpi in outcomes.EVENTS:
        return outcomes.EVENT_UNIT
    units = now["outcomes"].filter(pl.col("kpi") == kpi)["unit"].drop_nulls().unique().sort()
    return str(units[0]) if len(units) else ""


def staggered(
    records: dict[str, pl.DataFrame], now: History, row: dict[str, Any], courses: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the effect of a roll-out, one group of teams after the other, by quarters around its start."""
    if row["kpi"] in outcomes.EVENTS:
        raise RefusedError(
            "A roll-out needs an outcome that is measured time and again.",
            found=row["kpi"],
            hint="Draw by lot who is trained: then it is asked once.",
        )
    start = row["starts_at"]
    joined = features.members(now, row["programme_id"])
    count_before = 3
    starts = [start + timedelta(days=PERIOD_DAYS * place) for place in range(-count_before, 40)]
    starts = [moment for moment in starts if moment <= now.as_of]
    measured = features.panel(now, row["kpi"], joined, starts)
    outcome = np.column_stack([numbers(measured, f"period {place}") for place in range(len(starts) - 1)])
    whole = np.isfinite(outcome).all(axis=1)
    micros = np.array([(moment - start) // timedelta(days=1) for moment in starts])
    day = ((joined["joined_at"] - start).dt.total_days()).to_numpy()
    first = np.where(
        (joined["arm"] != "comparison").to_numpy(), np.searchsorted(micros, day, side="right") - 1, NEVER
    )
    now_then = history(records, start, FACT_KEYS)
    boss = joined.join(impact.work(now_then).select("employee_id", "manager_id"), on="employee_id", how="left",
                       maintain_order="left")["manager_id"].fill_null("").rank("dense").to_numpy()  # fmt: skip
    panel = Panel(
        outcome[whole], np.arange(outcome.shape[1], dtype=np.float64), first[whole].astype(np.int64),
        boss[whole].astype(np.int64),
    )  # fmt: skip
    about = Subject(
        row["kpi"].replace("_", " "), unit_of(now, row["kpi"]), None, "those trained, group after group,"
    )
    return {**rollout_record(panel, about, int((~whole).sum())), "unit": about.unit}


def observational(
    records: dict[str, pl.DataFrame], now: History, row: dict[str, Any], courses: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the estimate of the programme's course: nobody drew, so that its people are compared with others like them."""
    for one in courses:
        if one["course_id"] == row["course_id"] and one["outcome"] == row["kpi"]:
            if one["status"] == "refused":
                raise RefusedError(one["reason"])
            return {**one, "placebo": one["placebo"] or placebo_record(None)}
    raise RefusedError(
        "The programme's course or KPI is not among those estimated.",
        found=f"{row['course_id']}, {row['kpi']}",
    )


Design = Callable[
    [dict[str, pl.DataFrame], History, dict[str, Any], Sequence[dict[str, Any]]], dict[str, Any]
]
DESIGNS: dict[str, Design] = {
    "randomised": randomised,
    "offer": offer,
    "staggered": staggered,
    "observational": observational,
}
