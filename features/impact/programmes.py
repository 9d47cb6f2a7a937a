"""A training programme as its plan has it: who took part in which arm, what was known before, what came after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from features.history import History
from features.impact.months import HORIZON_DAYS
from features.impact.outcomes import EVENTS

FROZEN = (
    "programme_id", "course_id", "kpi", "population", "design", "expected_effect", "starts_at", "ends_at",
)  # fmt: skip
BASELINE_DAYS = 365


def plan_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plan promises: the question, asked before the programme started."""
    found = {name: row.get(name) for name in FROZEN}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()
    }


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan as canonical JSON: it changes if anything of the plan does."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def members(history: History, programme_id: str) -> pl.DataFrame:
    """Return each person's first arm: ``employee_id, arm, joined_at``; who changes sides stays where they were drawn."""
    return (
        history["programme_members"]
        .filter(pl.col("programme_id") == programme_id)
        .sort("happened_at", "employee_id")
        .unique("employee_id", keep="first", maintain_order=True)
        .select("employee_id", "arm", joined_at="happened_at")
    )


def took_part(history: History, course_id: str, since: datetime, until: datetime) -> pl.DataFrame:
    """Return who started a course within a time: ``employee_id``."""
    kinds = ["enrolled", "started", "progressed", "completed", "passed", "failed"]
    inside = (pl.col("happened_at") >= since) & (pl.col("happened_at") <= until)
    rows = history["learning_events"].filter(
        inside & (pl.col("course_id") == course_id) & pl.col("kind").is_in(kinds)
    )
    return rows.select("employee_id").unique().sort("employee_id")


def baseline(history: History, kpi: str) -> dict[str, float]:
    """Return what the last year says of a KPI: ``people, mean, spread, earlier_r2``.

    Returns
    -------
    dict of str to float
        `spread` is the standard deviation over people of their last measurement; `earlier_r2` the squared correlation of the
        last two measurements of a person. No people, no numbers. Of promotion and leaving: the share of the last half year.
    """
    if kpi in EVENTS:
        seen = EVENTS[kpi](history, history.as_of - timedelta(days=HORIZON_DAYS))[kpi]
        share = float(seen.mean() or 0.0)  # type: ignore[arg-type]
        return {
            "people": float(seen.len()),
            "mean": share,
            "spread": (share * (1 - share)) ** 0.5,
            "earlier_r2": 0.0,
        }
    since = history.as_of - timedelta(days=BASELINE_DAYS)
    rows = history["outcomes"].filter((pl.col("kpi") == kpi) & (pl.col("happened_at") >= since))
    ordered = rows.sort("happened_at", descending=True, maintain_order=True)
    found = ordered.group_by("employee_id", maintain_order=True).agg(
        last=pl.col("value").first(), previous=pl.col("value").get(1, null_on_oob=True)
    )
    if found.height < 2:
        return {"people": float(found.height)}
    pair = found.drop_nulls()
    r = pair.select(pl.corr("last", "previous")).item() if pair.height > 2 else 0.0
    numbers = found.select(mean=pl.col("last").mean(), spread=pl.col("last").std()).row(0)
    return {
        "people": float(found.height), "mean": float(numbers[0]), "spread": float(numbers[1]),
        "earlier_r2": float(r or 0.0) ** 2,
    }  # fmt: skip


def panel(history: History, kpi: str, people: pl.DataFrame, starts: list[datetime]) -> pl.DataFrame:
    """Return the mean of a KPI per person and period, one column per period, null where not measured.

    Parameters
    ----------
    history : History
        As of the end.
    kpi : str
        What was measured.
    people : polars.DataFrame
        ``employee_id``.
    starts : list of datetime
        Starts of the periods, and the end of the last.
    """
    rows = (
        history["outcomes"].filter(pl.col("kpi") == kpi).join(people.select("employee_id"), on="employee_id")
    )
    found = people.select("employee_id")
    for place, (start, end) in enumerate(pairwise(starts)):
        inside = rows.filter((pl.col("happened_at") >= start) & (pl.col("happened_at") < end))
        mean = inside.group_by("employee_id").agg(pl.col("value").mean().alias(f"period {place}"))
        found = found.join(mean, on="employee_id", how="left", maintain_order="left")
    return found
