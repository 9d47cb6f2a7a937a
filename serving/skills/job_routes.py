"""Next jobs of a person: near by what they would have to learn, and by where others went."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query

from features.skills.adjacent_jobs import moves_from, next_jobs, related_to
from features.skills.levels import current_jobs, held_levels, required_levels
from features.skills.reskilling import reskilling
from features.skills.team_gaps import LEAST_PEOPLE
from serving.house import EmployeeId, House, HouseDependency, in_thread
from serving.skills.company import company_of
from serving.skills.group_answers import NextJob, NextJobs
from serving.skills.routes import person_history

router = APIRouter(tags=["LMS"])


@router.get("/v1/employees/{employee_id}/next-jobs")
async def list_next_jobs(
    employee_id: EmployeeId, house: HouseDependency, n: Annotated[int, Query(ge=1, le=100)] = 10
) -> NextJobs:
    """Return the jobs that lie nearest: what is held of what they ask for, hours to the rest, and whether others went there."""
    return await in_thread(nearest_jobs, house, employee_id, n)


def nearest_jobs(house: House, employee_id: str, n: int) -> NextJobs:
    """Return the jobs of the organisation that lie nearest to a person.

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    """
    company = company_of(house)
    known = person_history(house, employee_id, house.clock())
    held = held_levels(known, [employee_id])
    found = current_jobs(known, [employee_id])
    current = None if found.is_empty() else found["job_id"][0]
    jobs = company.records["jobs"].filter(pl.col("taxonomy").fill_null("organisation") == "organisation")
    jobs = jobs.filter(pl.col("job_id") != (current or ""))
    asked = required_levels(company.known).join(jobs.select("job_id"), "job_id", "semi")
    needed = asked.select("skill_id", "level", "importance", target="job_id")
    distances = reskilling(needed, [employee_id], held, company.courses)
    ranked = next_jobs(
        distances, moves_from(company.known, current or ""), related_to(company.known, current or "")
    )
    titles = dict(jobs.select("job_id", "title").iter_rows())
    answered = [next_job(row, titles[row["target"]]) for row in ranked.head(n).iter_rows(named=True)]
    why = None if answered else "no_job_with_requirements"
    return NextJobs(employee_id=employee_id, job_id=current, as_of=house.clock(), fallback=why, jobs=answered)


def next_job(row: dict[str, Any], title: str) -> NextJob:
    """Return one job as it is answered; a share of few movers would tell who they were, and is left at 0 in words."""
    return NextJob(
        job_id=row["target"],
        job=title,
        score=round(row["score"], 4),
        distance=round(row["distance"], 4),
        hours=round(row["hours"], 1),
        n_gaps=row["n_gaps"],
        n_uncovered=row["n_uncovered"],
        move_share=round(row["move_share"], 2),
        related_rank=row["related_rank"],
        reason=reason(row),
    )


def reason(row: dict[str, Any]) -> str:
    """Return why a job lies near, in a sentence, from the figures that ranked it."""
    parts = [f"{1 - row['distance']:.0%} of what it asks for is held"]
    if row["n_gaps"]:
        parts.append(
            f"{row['hours']:.0f} hours of courses close {row['n_gaps'] - row['n_uncovered']} of {row['n_gaps']} gaps"
        )
    if row["n_moved"] >= LEAST_PEOPLE:
        parts.append(f"{row['n_moved']} colleagues went there")
    if row["related_rank"] is not None:
        parts.append("a public taxonomy relates the two")
    return "; ".join(parts) + "."
