"""The skills question: what a job asks for, what a person holds, and the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query

from features.errors import UnknownRecordError
from features.history import History, history
from features.records.facts import FACT_KEYS
from features.records.people import check_employee
from features.records.schema import METADATA
from features.skills.levels import COMPLETION_KINDS, current_jobs, gaps, held_levels, strengths
from features.skills.uncertainty import with_uncertainty
from serving.house import EmployeeId, House, HouseDependency, in_thread
from serving.http.paths import MAX_ID
from serving.skills.answers import Evidence, LinkedOccupation, RequiredSkill, SkillGaps, Strength
from serving.skills.requirements import Requirements, requirements_of

router = APIRouter(tags=["LMS", "managers"])

TABLES = METADATA.tables
OF_PERSON = ("job_history", "exits", "held_skills")
Target = Annotated[
    str | None,
    Query(min_length=1, max_length=MAX_ID, description="Job to compare with; by default the current one."),
]


@router.get("/v1/employees/{employee_id}/skill-gaps")
async def get_skill_gaps(
    employee_id: EmployeeId, house: HouseDependency, target_job_id: Target = None
) -> SkillGaps:
    """Return what a job asks for, what the person holds and on which evidence, the gaps and the strengths."""
    return await in_thread(skill_gaps, house, employee_id, target_job_id)


def skill_gaps(house: House, employee_id: str, target_job_id: str | None = None) -> SkillGaps:
    """Return a person's gaps and strengths from the records as they are now.

    Raises
    ------
    UnknownRecordError
        If there is no such employee or job, or no current job and none was named.
    """
    now = house.clock()
    known = person_history(house, employee_id, now)
    job_id = target_job_id or current_job(known, employee_id)
    required = requirements_of(house, job_id, known.as_of)
    asked = [*required.levels["skill_id"], *(() if required.future is None else required.future["skill_id"])]
    named = with_names(house, known, asked)
    target = {employee_id: job_id}
    held = with_uncertainty(named, held_levels(named, [employee_id]))
    about = Person(employee_id, named, held, required, now)
    compared = gaps(named, [employee_id], target, required.levels, held)
    strong = strengths(named, [employee_id], target, required.levels, held)
    rows = [required_skill(row, about) for row in compared.iter_rows(named=True)]
    return SkillGaps(
        employee_id=employee_id,
        job_id=job_id,
        job=required.title,
        model_version=required.model_version,
        as_of=now,
        fallback=required.fallback,
        met_share=met_share(compared),
        gaps=[row for row in rows if row.gap > 0],
        met=[row for row in rows if row.gap == 0],
        future_gaps=future_gaps(about),
        strengths=[strength(row, about) for row in strong.iter_rows(named=True)],
        linked_occupation=None if required.link is None else LinkedOccupation(**asdict(required.link)),
    )


@dataclass(frozen=True)
class Person:
    """A person, what they hold and what is asked of them."""

    employee_id: str
    known: History
    held: pl.DataFrame
    required: Requirements
    now: datetime

    @cached_property
    def evidence(self) -> dict[str, dict[str, Any]]:
        """What is held of each skill, with its uncertainty."""
        return {row["skill_id"]: row for row in self.held.iter_rows(named=True)}


def future_gaps(about: Person) -> list[RequiredSkill]:
    """Return the gaps that open later."""
    future = about.required.future
    if future is None or future.is_empty():
        return []
    target = {about.employee_id: about.required.job_id}
    compared = gaps(about.known, [about.employee_id], target, future.drop("required_from"), about.held)
    opens = dict(future.select("skill_id", "required_from").iter_rows())
    short = [required_skill(row, about) for row in compared.iter_rows(named=True) if row["gap"] > 0]
    dated = [row.model_copy(update={"required_from": opens[row.skill_id]}) for row in short]
    return sorted(dated, key=lambda row: (row.required_from, row.skill_id))


def person_history(house: House, employee_id: str, now: datetime) -> History:
    """Return a person's facts as known now, with what their completed courses teach.

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    """
    store = house.store
    records = {name: store.frame(name, where=TABLES[name].c.employee_id == employee_id) for name in OF_PERSON}
    events = TABLES["learning_events"].c
    records["learning_events"] = store.frame(
        "learning_events", where=(events.employee_id == employee_id) & events.kind.in_(COMPLETION_KINDS)
    )
    if records["job_history"].is_empty():
        with store.reading() as connection:
            check_employee(connection, employee_id)
    completed = records["learning_events"]["course_id"].unique().to_list()
    for name in ("courses", "course_skills"):
        records[name] = store.frame(name, where=TABLES[name].c.course_id.in_(completed))
    return history(records, now + timedelta(microseconds=1), FACT_KEYS)


def current_job(known: History, employee_id: str) -> str:
    """Return the person's job; raise UnknownRecordError where they have none now."""
    found = current_jobs(known, [employee_id])
    if found.is_empty() or found["job_id"][0] is None:
        raise UnknownRecordError(
            "The person has no current job to compare with.",
            found=employee_id,
            hint="Name one as target_job_id.",
        )
    return str(found["job_id"][0])


def with_names(house: House, known: History, asked: list[str]) -> History:
    """Return the history with the names of the skills that are asked for, held or taught."""
    wanted = {*asked}
    for name in ("held_skills", "course_skills"):
        wanted |= set(known.tables[name]["skill_id"].to_list())
    skills = house.store.frame(
        "skills", ("skill_id", "name"), TABLES["skills"].c.skill_id.in_(sorted(wanted))
    )
    return History(known.as_of, {**known.tables, "skills": skills})


def met_share(compared: pl.DataFrame) -> float:
    """Return the share of what a job asks for, weighted by importance, that is held; 1 where it asks for nothing."""
    asked = float((compared["required_level"] * compared["importance"]).sum())
    short = float((compared["gap"] * compared["importance"]).sum())
    return 1 - short / asked if asked else 1.0


def required_skill(row: Mapping[str, Any], about: Person) -> RequiredSkill:
    """Return one required skill as it is answered."""
    required = about.required
    find, link = required.finds.get(row["skill_id"]), required.link
    source = find or (link if row["required_source"] == "linked" else None)
    return RequiredSkill(
        skill_id=row["skill_id"],
        skill=row["skill_name"],
        required_level=row["required_level"],
        held_level=row["held_level"],
        gap=row["gap"],
        importance=row["importance"],
        required_by=row["required_source"],
        required_confidence=source.confidence if source else 1.0,
        required_words=source.words if source else None,
        evidence=evidence(row, about) if row["source"] is not None else None,
    )


def strength(row: Mapping[str, Any], about: Person) -> Strength:
    """Return one strength as it is answered."""
    return Strength(
        skill_id=row["skill_id"],
        skill=row["skill_name"],
        held_level=row["held_level"],
        required_level=row["required_level"],
        surplus=row["surplus"],
        evidence=evidence(row, about),
    )


def evidence(row: Mapping[str, Any], about: Person) -> Evidence:
    """Return the evidence of a held level."""
    judged = about.evidence[row["skill_id"]]
    return Evidence(
        source=row["source"],
        evidenced_at=row["evidenced_at"],
        age_days=max(0, (about.now - row["evidenced_at"]).days),
        confidence=round(min(1.0, row["confidence"]), 4),
        evidence=row["evidence"],
        low=round(judged["low"], 2),
        high=round(judged["high"], 2),
        is_stale=judged["is_stale"],
        contradicted_by=judged["contradicted_by"],
    )
