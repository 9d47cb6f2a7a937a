"""The planted truth, written beside the records: what a good model should find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.records.sample.effects import KPIS
from features.records.sample.enrolment import COMPLETED
from features.records.sample.exits import DriverSums
from features.records.sample.forms import OUTCOMES, form_of
from features.records.sample.frames_people import dates, employee_ids, labels
from features.records.sample.hazard import CAUSES, YEARLY
from features.records.sample.months import Array, iso
from features.records.sample.programmes import PROGRAMMES
from features.records.sample.simulation import Simulation
from features.records.sample.world import World

EXIT = "voluntary_exit_log_hazard"


def write_truth(simulation: Simulation, folder: Path, completions: Array) -> None:
    """Write ``truth.json`` and ``truth/*.parquet``."""
    beside = folder / "truth"
    beside.mkdir(exist_ok=True)
    world = simulation.world
    person_months(world).write_parquet(beside / "person_months.parquet")
    people(world).write_parquet(beside / "people.parquet")
    levels(world).write_parquet(beside / "levels.parquet")
    text = json.dumps(truth(simulation, completions), indent=1, ensure_ascii=False)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")


def truth(simulation: Simulation, completions: Array) -> dict[str, Any]:
    """Return what stands in ``truth.json``."""
    world = simulation.world
    ids = [course.id for course in world.catalogue.courses]
    effects = {course: effects_of(world, number) for number, course in enumerate(ids)}
    return {
        "about": "True values behind the sample organisation; see docs/sample.md. Nothing here was recorded.",
        "as_of": f"{iso(world.months.end_day)}T00:00:00Z",
        "kpis": list(KPIS),
        "effects": effects,
        "zero_effects": {
            kpi: [course for course in ids if effects[course][kpi] == 0] for kpi in (*KPIS, EXIT)
        },
        "completions": dict(zip(ids, completions.tolist(), strict=True)),
        "confounding": {course: confounding(world, number) for number, course in enumerate(ids)},
        "programmes": {one.id: programme_truth(one.course, one.kpi, effects) for one in PROGRAMMES},
        "outcome_model": OUTCOMES,
        "hazard": {
            "link": "complementary log-log, monthly: 1 - exp(-exp(intercept + sum of terms))",
            "intercepts": {cause: round(value, 4) for cause, value in world.intercepts.items()},
            "wanted_yearly": YEARLY,
        },
        "hazard_drivers": {cause: drivers_of(simulation.drivers, cause) for cause in CAUSES},
        "true_levels": "truth/levels.parquet",
        "people": "truth/people.parquet",
        "person_months": "truth/person_months.parquet",
    }


def effects_of(world: World, course: int) -> dict[str, float]:
    """Return the effects of one course."""
    out = {kpi: float(world.effects.outcome[course, n]) for n, kpi in enumerate(KPIS)}
    return out | {EXIT: float(world.effects.exit[course])}


def confounding(world: World, course: int) -> dict[str, float]:
    """Return how motivation and performance pull people towards a course (log odds per SD)."""
    return {
        "motivation": round(float(world.effects.motivation_pull[course]), 3),
        "performance": round(float(world.effects.performance_pull[course]), 3),
    }


def programme_truth(course: str, kpi: str, effects: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return the true effect of completing a programme's course."""
    return {"course_id": course, "kpi": kpi, "effect_of_completing": effects[course][kpi]}


def drivers_of(drivers: DriverSums, cause: str) -> list[dict[str, Any]]:
    """Return the drivers of a cause, the most important first.

    Importance is the standard deviation of the term, on the log-hazard scale, over all person-months.
    """
    names = [name for one, name in drivers.sums if one == cause and name != "too_early"]
    rows = [
        {"driver": name, "importance": round(drivers.spread(cause, name), 4), **form_of(cause, name)}
        for name in names
    ]
    return sorted(rows, key=lambda row: -float(row["importance"]))


def person_months(world: World) -> pl.DataFrame:
    """Return the true hazard of everybody in every month, and what lies behind it."""
    rows = world.records["truth_months"].arrays()
    who = rows.pop("who")
    month = rows.pop("month")
    return pl.DataFrame(
        {
            "employee_id": employee_ids(world, who),
            "spell": world.people.spell[who],
            "month": dates(world.months.starts[month]),
            **rows,
        }
    )


def people(world: World) -> pl.DataFrame:
    """Return what is true of each spell and stands in no record."""
    who = np.arange(world.people.count)
    source = world.people
    return pl.DataFrame(
        {
            "employee_id": employee_ids(world, who),
            "spell": source.spell[who],
            "ability": source.ability[who],
            "motivation": source.motivation[who],
            "log_frailty": source.frailty[who],
            "taste_cluster": source.taste[who],
        }
    )


def levels(world: World) -> pl.DataFrame:
    """Return the true skill levels at the end of each person's last spell, where above 0."""
    people_ = world.people
    who = np.arange(people_.count)
    last = np.zeros(int(people_.identity.max()) + 1, int)
    last[people_.identity[who]] = who
    rows, skills = np.nonzero(people_.levels[last] > 0.05)
    ids = [skill.id for skill in world.catalogue.skills]
    return pl.DataFrame(
        {
            "employee_id": employee_ids(world, last[rows]),
            "skill_id": labels(ids, skills),
            "level": people_.levels[last[rows], skills],
        }
    )


def completions_of(world: World) -> Array:
    """(n_c,) int: how often each course was completed within the data."""
    rows = world.records["enrolments"].blocks
    fate = np.concatenate(rows["fate"])
    course = np.concatenate(rows["course"])
    ended = np.concatenate(rows["ended"])
    here = (fate == COMPLETED) & (ended < world.months.end_day)
    return np.bincount(course[here], minlength=len(world.catalogue.courses))
