"""The tables about learning, as files have them."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.records.sample.evaluations import evaluations
from features.records.sample.events import CAPACITY, KINDS, learning_events
from features.records.sample.frames_people import dates, employee_ids, frame, labels
from features.records.sample.programmes import PROGRAMMES
from features.records.sample.simulation import Simulation
from features.records.tables import PROGRAMME_ARMS


def courses(simulation: Simulation) -> pl.DataFrame:
    """Return the catalogue of learning items."""
    entries = simulation.world.catalogue.courses
    count = len(entries)
    return frame(
        course_id=[one.id for one in entries],
        title=[one.title for one in entries],
        description=[one.description for one in entries],
        url=[f"https://learning.example.org/{one.id.lower()}" for one in entries],
        provider=[one.provider for one in entries],
        level=[max(one.teaches.values()) for one in entries],
        hours=[one.hours for one in entries],
        modality=[one.modality for one in entries],
        language=[one.language for one in entries],
        cost_amount=[one.cost for one in entries],
        cost_currency=["EUR"] * count,
        valid_from=["2015-01-01"] * count,
        certificate_valid_days=[one.certificate_days for one in entries],
        eligibility=[",".join(one.eligibility) or None for one in entries],
    )


def course_skills(simulation: Simulation) -> pl.DataFrame:
    """Return what courses teach."""
    rows = [
        {"course_id": one.id, "skill_id": skill, "level": level, "source": "given", "confidence": 1.0}
        for one in simulation.world.catalogue.courses
        for skill, level in one.teaches.items()
    ]
    return pl.DataFrame(rows)


def course_prerequisites(simulation: Simulation) -> pl.DataFrame:
    """Return which course asks for which other one."""
    rows = [
        {"course_id": one.id, "prerequisite_id": other}
        for one in simulation.world.catalogue.courses
        for other in one.after
    ]
    return pl.DataFrame(rows)


def events_and_sessions(simulation: Simulation) -> dict[str, pl.DataFrame]:
    """Return learning events, the sessions they belong to, and what people answered about courses."""
    world = simulation.world
    events, sessions = learning_events(world)
    course_ids = [one.id for one in world.catalogue.courses]
    number = pl.Series(np.arange(1, sessions.height + 1)).cast(pl.String).str.zfill(5)
    session_ids = "S" + number
    code = events["session"].fill_null(-1).to_numpy()
    held = (
        session_ids.gather(pl.Series(np.maximum(code, 0)))
        if sessions.height
        else pl.Series([None] * len(code))
    )
    time = pl.Datetime("us")
    numbers = pl.Series(np.arange(1, events.height + 1)).cast(pl.String).str.zfill(9)
    snoozed = events["snoozed"]
    table = frame(
        event_id="LE" + numbers,
        employee_id=employee_ids(world, events["who"].to_numpy()),
        course_id=labels(course_ids, events["course"].to_numpy()),
        kind=labels(KINDS, events["kind"].to_numpy()),
        happened_at=events["happened"].cast(time), known_at=events["known"].cast(time),
        score_share=events["score_share"], progress_share=events["progress_share"],
        rating=events["rating"], hours=events["hours"], reason=events["reason"],
        snoozed_until=snoozed.zip_with(snoozed >= 0, pl.Series([None], dtype=pl.Int64)).cast(time),
        session_id=held.zip_with(pl.Series(code >= 0), pl.Series([None], dtype=pl.String)),
    )  # fmt: skip
    runs = frame(
        session_id=session_ids, course_id=labels(course_ids, sessions["course"].to_numpy()),
        starts_at=dates(sessions["starts"].to_numpy()), ends_at=dates(sessions["ends"].to_numpy()),
        capacity=np.full(sessions.height, CAPACITY),
        location=labels([one.name for one in world.catalogue.places], sessions["place"].to_numpy()),
    )  # fmt: skip
    used = table["session_id"].drop_nulls().unique().implode()
    runs = runs.filter(pl.col("session_id").is_in(used))
    return {"learning_events": table, "sessions": runs, "evaluations": evaluations(world, events)}


def assignments(simulation: Simulation) -> pl.DataFrame:
    """Return what people were asked to take, by rule or by their manager."""
    world = simulation.world
    rows = world.records["assignments"].arrays()
    return frame(
        employee_id=employee_ids(world, rows["who"]),
        course_id=labels([one.id for one in world.catalogue.courses], rows["course"]),
        happened_at=dates(rows["happened"]), known_at=dates(rows["happened"]),
        is_mandatory=rows["mandatory"], due_at=dates(rows["due"]),
        assigned_by_id=employee_ids(world, rows["by"]),
    )  # fmt: skip


def programmes(simulation: Simulation) -> pl.DataFrame:
    """Return the training programmes."""
    world = simulation.world
    starts = np.array([int(world.months.starts[one.start(world)]) for one in PROGRAMMES])
    length = np.array([270 if one.design == "staggered" else 120 for one in PROGRAMMES])
    return frame(
        programme_id=[one.id for one in PROGRAMMES], title=[one.title for one in PROGRAMMES],
        course_id=[one.course for one in PROGRAMMES], kpi=[one.kpi for one in PROGRAMMES],
        population=[one.population for one in PROGRAMMES], design=[one.design for one in PROGRAMMES],
        expected_effect=[one.hoped for one in PROGRAMMES], starts_at=dates(starts),
        ends_at=dates(starts + length), declared_at=dates(starts - 40),
    )  # fmt: skip


def programme_members(simulation: Simulation) -> pl.DataFrame:
    """Return who takes part in which arm of a programme."""
    world = simulation.world
    rows = world.records["programme_members"].arrays()
    if not rows:
        return frame()
    return frame(
        programme_id=labels([one.id for one in PROGRAMMES], rows["programme"]),
        employee_id=employee_ids(world, rows["who"]), happened_at=dates(rows["happened"]),
        known_at=dates(rows["happened"]), arm=labels(PROGRAMME_ARMS, rows["arm"]),
    )  # fmt: skip
