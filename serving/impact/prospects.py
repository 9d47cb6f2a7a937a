"""What a programme could show before it starts: who is eligible, power by design, the roll-out proposed, and the lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.errors import BadInputError
from features.history import History, history
from features.impact.months import employed, work
from features.impact.outcomes import ALSO, EVENTS, source_of, with_measurements
from features.impact.power import DESIGNS, Situation, minimum_detectable_effect, power
from features.impact.programmes import baseline
from features.records.facts import FACT_KEYS
from features.records.moments import to_micros
from features.records.schema import METADATA
from serving.house import House

NEEDED = ("employees", "job_history", "exits", "jobs")
COHORTS = 4
COHORT_DAYS = 91
LEAVERS_SHARE = 0.06  # of half a year: what is not measured in the end
UPTAKE_SHARE = 0.6
TEAM_CORRELATION = 0.05
RUNGS = {"randomised": "randomised evidence", "offer": "randomised evidence for those it moves",
         "staggered": "credible at best, randomised if the order is drawn", "observational": "credible at best"}  # fmt: skip


def before_start(house: House, kpi: str) -> History:
    """Return what is known now of people and of one outcome; raise BadInputError for one that nobody measures."""
    table = METADATA.tables["outcomes"]
    with house.store.reading() as connection:
        measured = set(connection.scalars(sa.select(table.c.kpi).distinct()))
    source = None if kpi in measured else source_of(kpi)
    records = house.store.frames(tuple(dict.fromkeys([*NEEDED, *([source] if source else [])])))
    records["outcomes"] = house.store.frame("outcomes", where=table.c.kpi == kpi)
    if source:
        records = with_measurements(records, [kpi])
    if records["outcomes"].is_empty() and kpi not in EVENTS:
        allowed = ", ".join([*sorted(measured), ALSO])
        raise BadInputError("Nobody measures such a KPI.", found=kpi, allowed=allowed)
    return history(records, house.clock(), FACT_KEYS)


def eligible(now: History, departments: Sequence[str]) -> pl.DataFrame:
    """Return who is employed now in those departments (all by default): ``employee_id, department, manager_id``."""
    people = employed(now).join(work(now), on="employee_id", how="left", maintain_order="left")
    if departments:
        unknown = set(departments) - set(people["department"].drop_nulls())
        if unknown:
            known = ", ".join(sorted(people["department"].drop_nulls().unique())[:40])
            raise BadInputError(
                "There is no such department.", found=", ".join(sorted(unknown)), allowed=known
            )
        people = people.filter(pl.col("department").is_in(list(departments)))
    return people.select("employee_id", "department", "manager_id").sort("employee_id")


def prospects(now: History, people: pl.DataFrame, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the KPI's baseline, and for each design the smallest effect it would find and its power for the expected one."""
    seen = baseline(now, plan["kpi"])
    n = people.height
    teams = max(people["manager_id"].n_unique(), 1)
    trained = min(max(round(n * plan["trained_share"]), 0), n)
    designs = []
    for design in DESIGNS:
        given = Situation(
            trained, n - trained, seen.get("spread", 0.0), seen.get("earlier_r2", 0.0),
            n / teams if design == "staggered" else 1.0, TEAM_CORRELATION, UPTAKE_SHARE if design == "offer" else 1.0,
            LEAVERS_SHARE,
        )  # fmt: skip
        smallest = minimum_detectable_effect(design, given)
        expected = plan["expected_effect"]
        is_finite = smallest != float("inf") and seen.get("spread", 0.0) > 0
        designs.append(
            {"design": design, "minimum_detectable_effect": smallest if is_finite else None,
             "power": power(design, given, expected) if expected is not None and is_finite else None,
             "reaches": RUNGS[design]}
        )  # fmt: skip
    return {
        "baseline": seen,
        "eligible": n,
        "designs": designs,
        "proposal": proposal(plan["design"], designs, n),
    }


def proposal(design: str, designs: Sequence[Mapping[str, Any]], n: int) -> str:
    """Return in words which roll-out would tell most."""
    by_name = {one["design"]: one for one in designs}
    lot, order = (by_name[name]["minimum_detectable_effect"] for name in ("randomised", "staggered"))
    if lot is None:
        return f"Too little is known of the KPI, or of the {n} eligible people, to say what could be found."
    if design in ("randomised", "offer"):
        return f"Chance decides: an effect of {lot:.3g} or more would be found four times in five."
    if design == "staggered":
        return (
            f"Draw by lot which group of teams starts first: that makes it randomised evidence. Trends alone find {order:.3g} "
            "or more four times in five."
        )
    return (
        f"Let a lot decide who of the {n} eligible goes first, and train the others later: the same people, and an effect of "
        f"{lot:.3g} or more would be found four times in five, whatever moved people to enrol. Picked people can only be "
        "compared with others like them."
    )


def drawn(people: pl.DataFrame, plan: Mapping[str, Any], digest: str, now: datetime) -> list[dict[str, Any]]:
    """Return the members that a lot gives, within departments (or, for a roll-out, by teams); the digest is its seed."""
    rng = Random(digest)  # noqa: S311 - a lot that everybody can draw again from the frozen plan
    start, design = plan["starts_at"], plan["design"]
    group = "manager_id" if design == "staggered" else "department"
    found: list[dict[str, Any]] = []
    order = sorted({str(name) for name in people[group].fill_null("")})
    rng.shuffle(order)
    for place, name in enumerate(order):
        ids = people.filter(pl.col(group).fill_null("") == name)["employee_id"].to_list()
        rng.shuffle(ids)
        chosen = round(len(ids) * plan["trained_share"]) if design != "staggered" else len(ids)
        cohort = place % COHORTS if design == "staggered" else 0
        is_never = design == "staggered" and cohort == COHORTS - 1
        moment = start + timedelta(days=COHORT_DAYS * (0 if is_never else cohort))
        arm = "offered" if design == "offer" else "trained"
        for rank, employee in enumerate(ids):
            side = "comparison" if is_never or rank >= chosen else arm
            found.append({"programme_id": plan["programme_id"], "employee_id": employee, "arm": side,
                          "happened_at": to_micros(moment), "known_at": to_micros(now)})  # fmt: skip
    return found
