"""The learning path: from what a person can do to what a job asks for, prerequisites first."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from features.errors import BadInputError, RefusedError, UnknownRecordError
from features.recommendation.catalogue import DAY_MICROS, Catalogue, to_micros
from features.recommendation.gap_value import EPSILON, Needs, needs_of
from features.recommendation.learning_path import LearningPath, Short, Shortage, learning_path
from features.records.moments import from_micros
from serving.house import EmployeeId, HouseDependency
from serving.http.paths import MAX_ID
from serving.recommendation.answers import ClosedGap
from serving.recommendation.catalogue import shelf_of
from serving.recommendation.person_rows import Person, read_person

router = APIRouter(tags=["LMS"])

WEEK_MICROS = 7 * DAY_MICROS
NO_REQUIREMENTS = "no_requirements: it is not known what the job asks for"
NO_GAP = "no_gap: all that the job asks for is held"

Target = Annotated[str | None, Query(min_length=1, max_length=MAX_ID, description="Job to grow into; by default "
                   "that of the latest open goal, else the current one.")]  # fmt: skip
MaxHours = Annotated[float | None, Query(gt=0, le=100_000, description="Most hours of the whole path.")]


Deadline = Annotated[datetime | None, Query(description="When the path must be done; the hours until then follow from "
                     "hours_per_week.")]  # fmt: skip
HoursPerWeek = Annotated[float, Query(gt=0, le=168, description="Hours a week for learning.")]


class Alternative(BaseModel):
    """A course that could stand in a step's place: it adds all that the step adds to the path."""

    course_id: str = Field(examples=["C0018"])
    title: str = Field(examples=["SQL in a week"])
    hours: float | None = Field(None, examples=[8.0])


class PathStep(BaseModel):
    """One course of the path, and where the person stands after it."""

    step: int = Field(description="1 is first.", examples=[1])
    course_id: str = Field(examples=["C0017"])
    title: str = Field(examples=["SQL for analysts"])
    url: str | None = None
    hours: float | None = Field(None, examples=[6.0])
    hours_so_far: float = Field(description="Unknown hours count as the catalogue's median.", examples=[6.0])
    done_by: datetime = Field(description="When it is done at that many hours a week.")
    prerequisites: list[str] = Field(description="Courses it asks for; completed, or earlier steps.")
    raises: list[ClosedGap] = Field(description="Skills of the target job it raises.")
    closed_share: float = Field(
        description="Share of the whole importance-weighted gap closed after this step, 0-1.", examples=[0.4]
    )
    levels: dict[str, float] = Field(
        description="Level of each skill the job asks for after this step, 0-5.", examples=[{"sql": 3.0}]
    )
    alternatives: list[Alternative] = Field(
        description="The shortest first; empty where it cannot be replaced."
    )


class Uncovered(BaseModel):
    """A skill that stays short of the required level, and why."""

    skill_id: str = Field(examples=["negotiation"])
    skill: str = Field(examples=["Negotiation"])
    required_level: float = Field(examples=[4.0])
    reachable_level: float = Field(
        description="Highest level that any open course teaches, or held.", examples=[2.0]
    )
    why: Shortage = Field(
        description="`no_course` teaches it; `beyond_catalogue`: none teaches it that high; `not_open` to this person; "
        "`prerequisite` out of reach; `completed` already, and the evidence says less; `hours` do not suffice.",
        examples=["hours"],
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
    fallback: str | None = Field(
        None,
        description="Null, or why there is no path: `no_requirements: …`, `no_gap: …`.",
    )
    budget_hours: float | None = Field(
        description="Most hours of the path: the fewer of max_hours and what the deadline leaves; null without either."
    )
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
    deadline: Deadline = None,
    hours_per_week: HoursPerWeek = 4.0,
) -> LearningPathAnswer:
    """Return ordered steps from what a person can do to what a job asks for; what no course covers is said."""
    now = to_micros(house.clock())
    hours = budget(now, max_hours, deadline, hours_per_week)
    catalogue = shelf_of(house).catalogue
    person = read_person(house, catalogue, employee_id, now)
    job_id = target_of(catalogue, person, target_job_id)
    needs = needs_of(catalogue.jobs.get(job_id), person.state.held)
    allowed = catalogue.eligible(person.department) & catalogue.valid(now)
    allowed[list(person.state.dismissed)] = False
    path = learning_path(catalogue, needs, allowed, person.state.current, hours)
    return shown(catalogue, (employee_id, job_id, Pace(now, hours_per_week, hours)), needs, path)


class Pace(NamedTuple):
    """When a path begins (microseconds since 1970 UTC), hours a week, and the most hours of the whole path."""

    now: int
    hours_per_week: float
    budget: float

    def done_by(self, hours: float) -> datetime:
        """Return when so many hours are done."""
        return from_micros(self.now) + timedelta(weeks=min(hours / self.hours_per_week, 50_000.0))


def budget(now: int, max_hours: float | None, deadline: datetime | None, hours_per_week: float) -> float:
    """Return the most hours of a path; infinite where nothing bounds them.

    Raises
    ------
    BadInputError
        If the deadline is over.
    """
    hours = math.inf if max_hours is None else max_hours
    if deadline is None:
        return hours
    end = to_micros(deadline if deadline.tzinfo else deadline.replace(tzinfo=UTC))
    if end <= now:
        raise BadInputError(
            "The deadline is over.",
            found=deadline.isoformat(),
            allowed=f"after {from_micros(now).isoformat()}",
        )
    return min(hours, (end - now) / WEEK_MICROS * hours_per_week)


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
    catalogue: Catalogue, about: tuple[str, str, Pace], needs: Needs, path: LearningPath
) -> LearningPathAnswer:
    """Return a path as the contract shows it."""
    employee_id, job_id, pace = about
    remaining = [open_gap(catalogue, needs, one, one.level) for one in path.short]
    lacking = [one for one in path.short if one.is_uncovered]
    return LearningPathAnswer(
        employee_id=employee_id,
        target_job_id=job_id,
        target_job=catalogue.job_titles[job_id],
        model_version=None,
        as_of=from_micros(pace.now),
        fallback=why_no_path(needs),
        budget_hours=round(pace.budget, 2) if math.isfinite(pace.budget) else None,
        steps=steps(catalogue, needs, path, pace),
        total_hours=path.steps[-1].hours_so_far if path.steps else 0.0,
        remaining=remaining,
        uncovered=[open_gap(catalogue, needs, one, one.reachable) for one in lacking],
    )


def why_no_path(needs: Needs) -> str | None:
    """Return why there is nothing to find a path to, or None."""
    if not needs.skills.size:
        return NO_REQUIREMENTS
    return NO_GAP if needs.total <= EPSILON else None


def steps(catalogue: Catalogue, needs: Needs, path: LearningPath, pace: Pace) -> list[PathStep]:
    """Return the steps with what each raises."""
    before, made = needs.held, []
    skill_ids = [catalogue.skill_ids[skill] for skill in needs.skills.tolist()]
    for number, step in enumerate(path.steps, 1):
        course = catalogue.shown[step.course]
        raised = [place for place in range(len(before)) if step.held[place] > before[place]]
        made.append(
            PathStep(
                step=number,
                course_id=course.course_id,
                title=course.title,
                url=course.url,
                hours=course.hours,
                hours_so_far=step.hours_so_far,
                done_by=pace.done_by(step.hours_so_far),
                prerequisites=[catalogue.course_ids[one] for one in catalogue.prerequisites[step.course]],
                raises=[gap(catalogue, needs, place, (before[place], step.held[place])) for place in raised],
                closed_share=round(step.closed_share, 4),
                levels=dict(zip(skill_ids, step.held.tolist(), strict=True)),
                alternatives=[alternative(catalogue, other) for other in step.alternatives],
            )
        )
        before = step.held
    return made


def alternative(catalogue: Catalogue, course: int) -> Alternative:
    """Return a course that could stand in a step's place."""
    other = catalogue.shown[course]
    return Alternative(course_id=other.course_id, title=other.title, hours=other.hours)


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


def open_gap(catalogue: Catalogue, needs: Needs, one: Short, level: float) -> Uncovered:
    """Return a gap that stays, as the contract shows it."""
    skill = int(needs.skills[one.place])
    return Uncovered(
        skill_id=catalogue.skill_ids[skill],
        skill=catalogue.skill_names[skill],
        required_level=one.required,
        reachable_level=level,
        why=one.why,
    )
