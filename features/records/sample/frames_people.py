"""The tables about people, as files have them: identifiers, words and dates instead of codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from features.records.sample import catalogue_files
from features.records.sample.effects import KPIS
from features.records.sample.evidence import TEXTS
from features.records.sample.exits import REASONS
from features.records.sample.hazard import CAUSES
from features.records.sample.identities import ETHNICITIES, SEXES, weekly_hours
from features.records.sample.measurement import UNITS
from features.records.sample.months import Array
from features.records.sample.people import TYPES
from features.records.sample.simulation import Simulation
from features.records.sample.world import World
from features.records.tables import EVIDENCE_SOURCES


def labels(names: list[str] | tuple[str, ...], codes: Array) -> pl.Series:
    """Return the names of codes; null where a code is negative."""
    series = pl.Series(names, dtype=pl.String)
    picked = series.gather(pl.Series(np.maximum(codes, 0).astype(np.int64)))
    return picked.zip_with(pl.Series(np.asarray(codes) >= 0), pl.Series([None], dtype=pl.String))


def dates(days: Array) -> pl.Series:
    """Return days since 1970 as dates."""
    return pl.Series(np.asarray(days).astype(np.int32)).cast(pl.Date)


def employee_ids(world: World, who: Array) -> pl.Series:
    """Return the identifiers of people; null for place -1."""
    who = np.asarray(who)
    identity = np.where(who >= 0, world.people.identity[np.maximum(who, 0)], 0)
    count = int(world.people.identity.max()) + 1
    every = pl.Series(np.arange(1, count + 1)).cast(pl.String).str.zfill(6)
    picked = ("E" + every).gather(pl.Series(identity.astype(np.int64)))
    return picked.zip_with(pl.Series(who >= 0), pl.Series([None], dtype=pl.String))


def frame(**columns: Any) -> pl.DataFrame:
    """Return columns as a frame."""
    return pl.DataFrame(columns)


def employees(simulation: Simulation) -> pl.DataFrame:
    """Return one row per spell."""
    world, people = simulation.world, simulation.world.people
    who = np.arange(people.count)
    given, family = catalogue_files.read_names()
    own = people.identity[who]
    name = (
        labels(given, simulation.identities.given[own])
        + " "
        + labels(family, simulation.identities.family[own])
    )
    first = world.months.first_day
    hired = people.hired[who]
    contract = first_contracts(world)
    return frame(
        employee_id=employee_ids(world, who), spell=people.spell[who], hired_at=dates(hired),
        employment_type=labels(TYPES, contract), display_name=name,
        known_at=dates(np.where(hired >= first, hired - 14, hired)),
    ).sort("employee_id", "spell")  # fmt: skip


def first_contracts(world: World) -> Array:
    """(n,) int: the contract with which each spell began."""
    rows = world.records["job_history"].blocks
    who = np.concatenate(rows["who"])
    contract = np.concatenate(rows["contract"])
    out = np.zeros(world.people.count, int)
    out[who[::-1]] = contract[::-1]
    return out


def job_history(simulation: Simulation) -> pl.DataFrame:
    """Return what held for each spell from a day on."""
    world = simulation.world
    catalogue = world.catalogue
    rows = world.records["job_history"].arrays()
    who, job, place = rows["who"], rows["job"], rows["place"]
    departments = [catalogue.families[one.family].department for one in catalogue.jobs]
    fte = np.round(rows["fte"], 2)
    return frame(
        employee_id=employee_ids(world, who), spell=world.people.spell[who],
        happened_at=dates(rows["happened"]), known_at=dates(rows["known"]),
        job_id=labels([one.id for one in catalogue.jobs], job), department=labels(departments, job),
        manager_id=employee_ids(world, rows["manager"]),
        location=labels([one.name for one in catalogue.places], place),
        pay_amount=np.round(rows["pay"], 2), pay_currency=labels([one.currency for one in catalogue.places], place),
        hours_per_week=np.round(weekly_hours(world)[place] * fte, 2), fte_share=fte,
        rating=pl.Series(rows["rating"]).fill_nan(None), is_on_leave=rows["on_leave"],
        employment_type=labels(TYPES, rows["contract"]), commute_minutes=rows["commute"],
        overtime_hours=rows["overtime"],
    )  # fmt: skip


def exits(simulation: Simulation) -> pl.DataFrame:
    """Return how spells ended."""
    world = simulation.world
    rows = world.records["exits"].arrays()
    words = [text for texts in REASONS for text in texts]
    first = np.cumsum([0] + [len(texts) for texts in REASONS])[:-1]
    code = np.where(rows["text"] < 0, -1, first[rows["cause"]] + rows["text"])
    return frame(
        employee_id=employee_ids(world, rows["who"]), spell=world.people.spell[rows["who"]],
        happened_at=dates(rows["happened"]), known_at=dates(rows["known"]),
        reason_class=labels(CAUSES, rows["cause"]), reason_text=labels(words, code),
        is_regretted=rows["regretted"],
    )  # fmt: skip


def surveys(simulation: Simulation) -> pl.DataFrame:
    """Return the answers of the engagement surveys."""
    rows = simulation.world.records["surveys"].arrays()
    count = len(rows["who"])
    return frame(
        employee_id=employee_ids(simulation.world, rows["who"]), happened_at=dates(rows["happened"]),
        known_at=dates(rows["known"]), item=rows["item"], value=rows["value"],
        scale_low=np.full(count, 1), scale_high=np.full(count, 5),
    )  # fmt: skip


def outcomes(simulation: Simulation) -> pl.DataFrame:
    """Return the measurements of the KPIs."""
    rows = simulation.world.records["outcomes"].arrays()
    return frame(
        employee_id=employee_ids(simulation.world, rows["who"]), happened_at=dates(rows["happened"]),
        known_at=dates(rows["known"]), kpi=labels(KPIS, rows["kpi"]), value=rows["value"],
        unit=labels(UNITS, rows["kpi"]),
    )  # fmt: skip


def held_skills(simulation: Simulation) -> pl.DataFrame:
    """Return the evidence about skills."""
    world = simulation.world
    rows = world.records["held_skills"].arrays()
    return frame(
        employee_id=employee_ids(world, rows["who"]),
        skill_id=labels([one.id for one in world.catalogue.skills], rows["skill"]),
        happened_at=dates(rows["happened"]), known_at=dates(rows["known"]), level=rows["level"],
        source=labels(EVIDENCE_SOURCES, rows["source"]), evidence=labels(TEXTS, rows["source"]),
    )  # fmt: skip


def goals(simulation: Simulation) -> pl.DataFrame:
    """Return the goals of development plans."""
    world = simulation.world
    catalogue = world.catalogue
    rows = world.records["goals"].arrays()
    if not rows:
        return frame()
    job = labels([one.title for one in catalogue.jobs], rows["job"])
    skill = labels([one.name for one in catalogue.skills], rows["skill"])
    titles = pl.select(
        pl.when(job.is_not_null()).then("Be ready for the role of " + job).otherwise("Get better at " + skill)
    ).to_series()
    numbers = pl.Series(np.arange(1, len(titles) + 1)).cast(pl.String).str.zfill(6)
    return frame(
        employee_id=employee_ids(world, rows["who"]), goal_id="G" + numbers,
        happened_at=dates(rows["happened"]), known_at=dates(rows["happened"]), title=titles,
        target_job_id=labels([one.id for one in catalogue.jobs], rows["job"]),
        skill_id=labels([one.id for one in catalogue.skills], rows["skill"]),
        target_level=pl.select(pl.when(skill.is_not_null()).then(pl.Series(rows["level"]))).to_series(),
        due_at=dates(rows["due"]),
    )  # fmt: skip


def protected_attributes(simulation: Simulation) -> pl.DataFrame:
    """Return protected attributes, a few of them undeclared."""
    world, identities = simulation.world, simulation.identities
    firsts = np.flatnonzero(world.people.spell[: world.people.count] == 1)
    own = world.people.identity[firsts]
    ids = employee_ids(world, firsts)
    values = {
        "sex": labels(SEXES, identities.sex[own]),
        "birth_year": pl.Series(identities.birth_year[own]).cast(pl.String),
        "ethnicity": labels(ETHNICITIES, identities.ethnicity[own]),
    }
    unknown = {"sex": 0.01, "birth_year": 0.0, "ethnicity": 0.09}
    parts = []
    for attribute, value in values.items():
        declared = pl.Series(world.rng.random(len(firsts)) >= unknown[attribute])
        part = frame(employee_id=ids, attribute=[attribute] * len(firsts), value=value)
        parts.append(part.filter(declared))
    return pl.concat(parts).sort("employee_id", maintain_order=True)
