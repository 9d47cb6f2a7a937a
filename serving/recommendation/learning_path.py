"""The learning path: from what a person can do to what a job asks for, prerequisites first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from features.errors import RefusedError, UnknownRecordError
from features.recommendation.catalogue import Catalogue, to_micros
from features.recommendation.gap_value import Needs, needs_of
from features.recommendation.learning_path import LearningPath, learning_path
from features.records.moments import from_micros
from serving.house import EmployeeId, HouseDependency
from serving.http.paths import MAX_ID
from serving.recommendation.answers import ClosedGap
from serving.recommendation.catalogue import shelf_of
from serving.recommendation.person_rows import Person, read_person

router = APIRouter(tags=["LMS"])

Target = Annotated[str | None, Query(min_length=1, max_length=MAX_ID, description="Job to grow into; by default "
                   "that of the latest open goal, else the current one.")]  # fmt: skip
MaxHours = Annotated[float | None, Query(gt=0, le=100_000, description="Most hours of the whole path.")]


class PathStep(BaseModel):
    """One course of the path, and where the person stands after it."""

    step: int = Field(description="1 is first.", examples=[1])
    course_id: str = Field(examples=["C0017"])
    title: str = Field(examples=["SQL for analysts"])
    url: str | None = None
    hours: float | None = Field(None, examples=[6.0])
    hours_so_far: float = Field(description="Unknown hours count as the catalogue's median.", examples=[6.0])
    prerequisites: list[str] = Field(description="Courses it asks for; completed, or earlier steps.")
    raises: list[ClosedGap] = Field(description="Skills of the target job it raises.")
    closed_share: float = Field(
        description="Share of the whole importance-weighted gap closed after this step, 0-1.", examples=[0.4]
    )


class Uncovered(BaseModel):
    """A skill that no course of the catalogue brings to the required level."""

    skill_id: str = Field(examples=["negotiation"])
    skill: str = Field(examples=["Negotiation"])
    required_level: float = Field(examples=[4.0])
    reachable_level: float = Field(
        description="Highest level that any open course teaches, or held.", examples=[2.0]
    )


class LearningPathAnswer(BaseModel):
    """The way from what a person can do to what a job asks for."""

    employee_id: str = Field(examples=["E0001"])
    target_job_id: str = Field(examples=["J0012"])
    target_job: str = Field(examples=["Data analyst"])
    model_version: str | None = Field(
        description="Null: the path is computed from requirements and levels, by no trained model."
    )
    as_of: datetime
    fallback: str | None = None
    steps: list[PathStep]
    total_hours: float = Field(examples=[14.0])
    remaining: list[Uncovered] = Field(
        description="Required skills still short after the last step (levels then as `reachable_level`)."
    )
    uncovered: list[Uncovered] = Field(description="What no course covers: train otherwise, or hire.")


@router.get("/v1/employees/{employee_id}/learning-path")
async def get_learning_path(
    employee_id: EmployeeId,
    house: HouseDependency,
    target_job_id: Target = None,
    max_hours: MaxHours = None,
) -> LearningPathAnswer:
    """Return ordered steps from what a person can do to what a job asks for; what no course covers is said."""
    now = to_micros(house.clock())
    catalogue = shelf_of(house).catalogue
    person = read_person(house, catalogue, employee_id, now)
    job_id = target_of(catalogue, person, target_job_id)
    needs = needs_of(catalogue.jobs.get(job_id), person.state.held)
    allowed = catalogue.eligible(person.department) & catalogue.valid(now)
    allowed[list(person.state.dismissed)] = False
    hours = float("inf") if max_hours is None else max_hours
    path = learning_path(catalogue, needs, allowed, person.state.current, hours)
    return shown(catalogue, (employee_id, job_id, now), needs, path)


def target_of(catalogue: Catalogue, person: Person, asked: str | None) -> str:
    """Return the job to grow into.

    Raises
    ------
    UnknownRecordError
        If there is no such job.
    RefusedError
        If none is named and the person has neither a goal nor a job.
    """
    job_id = asked or person.target_job_id
    if job_id is None:
        raise RefusedError(
            "There is no job to find a path to.",
            found="no current job and no goal",
            hint="Name one with target_job_id.",
        )
    if job_id not in catalogue.job_titles:
        raise UnknownRecordError("There is no such job.", found=job_id)
    return job_id


def shown(
    catalogue: Catalogue, about: tuple[str, str, int], needs: Needs, path: LearningPath
) -> LearningPathAnswer:
    """Return a path as the contract shows it."""
    employee_id, job_id, now = about
    last = path.steps[-1].held if path.steps else needs.held
    short = [
        (int(place), float(last[place])) for place in range(len(last)) if needs.required[place] > last[place]
    ]
    return LearningPathAnswer(
        employee_id=employee_id,
        target_job_id=job_id,
        target_job=catalogue.job_titles[job_id],
        model_version=None,
        as_of=from_micros(now),
        steps=steps(catalogue, needs, path),
        total_hours=path.steps[-1].hours_so_far if path.steps else 0.0,
        remaining=[open_gap(catalogue, needs, one) for one in short],
        uncovered=[open_gap(catalogue, needs, one) for one in path.uncovered],
    )


def steps(catalogue: Catalogue, needs: Needs, path: LearningPath) -> list[PathStep]:
    """Return the steps with what each raises."""
    before, made = needs.held, []
    for number, step in enumerate(path.steps, 1):
        hours = float(catalogue.hours[step.course])
        raised = [place for place in range(len(before)) if step.held[place] > before[place]]
        made.append(
            PathStep(
                step=number,
                course_id=catalogue.course_ids[step.course],
                title=catalogue.titles[step.course],
                url=catalogue.urls[step.course],
                hours=hours if hours >= 0 else None,
                hours_so_far=step.hours_so_far,
                prerequisites=[catalogue.course_ids[one] for one in catalogue.prerequisites[step.course]],
                raises=[gap(catalogue, needs, place, (before[place], step.held[place])) for place in raised],
                closed_share=round(step.closed_share, 4),
            )
        )
        before = step.held
    return made


def gap(catalogue: Catalogue, needs: Needs, place: int, levels: tuple[float, float]) -> ClosedGap:
    """Return a raised skill as the contract shows it."""
    skill = int(needs.skills[place])
    return ClosedGap(
        skill_id=catalogue.skill_ids[skill],
        skill=catalogue.skill_names[skill],
        from_level=float(levels[0]),
        to_level=float(levels[1]),
        required_level=float(needs.required[place]),
    )


def open_gap(catalogue: Catalogue, needs: Needs, short: tuple[int, float]) -> Uncovered:
    """Return a gap that stays, as the contract shows it."""
    place, level = short
    skill = int(needs.skills[place])
    return Uncovered(
        skill_id=catalogue.skill_ids[skill],
        skill=catalogue.skill_names[skill],
        required_level=float(needs.required[place]),
        reachable_level=level,
    )
