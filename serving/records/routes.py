"""Employees, courses and jobs, written and read by the caller's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Response

from features.errors import UnknownRecordError
from serving.access import Caller, CallerDependency
from serving.house import CourseId, EmployeeId, HouseDependency, JobId, in_thread, looked_up
from serving.records.bodies import WITHHELD
from serving.records.store import COURSES, JOBS, Noun, put_noun, read_employee, read_noun, write_employee

if TYPE_CHECKING:  # the models are derived from the tables, so a type checker cannot see them
    from serving.records.derived import Strict as Course
    from serving.records.derived import Strict as Employee
    from serving.records.derived import Strict as EmployeeAnswer
    from serving.records.derived import Strict as Job
else:
    from serving.records.bodies import Course, Employee, EmployeeAnswer, Job

router = APIRouter(tags=["LMS", "HRIS"])

CREATED: dict[int | str, dict[str, Any]] = {201: {"description": "It was new."}}


@router.put("/v1/courses/{course_id}", response_model=Course, responses=CREATED)
async def put_course(
    course_id: CourseId, course: Annotated[Course, Body()], house: HouseDependency, response: Response
) -> Any:
    """Add or replace a course, with the skills it teaches and the courses it asks for first."""
    is_new = await in_thread(put_noun, house, COURSES, course_id, course)
    response.status_code = 201 if is_new else 200
    return await looked_up(house, found, house, COURSES, course_id)


@router.get("/v1/courses/{course_id}", response_model=Course)
async def get_course(course_id: CourseId, house: HouseDependency) -> Any:
    """Return a course as it stands."""
    return await looked_up(house, found, house, COURSES, course_id)


@router.put("/v1/jobs/{job_id}", response_model=Job, responses=CREATED)
async def put_job(
    job_id: JobId, job: Annotated[Job, Body()], house: HouseDependency, response: Response
) -> Any:
    """Add or replace a job, with the skills it requires."""
    is_new = await in_thread(put_noun, house, JOBS, job_id, job)
    response.status_code = 201 if is_new else 200
    return await looked_up(house, found, house, JOBS, job_id)


@router.get("/v1/jobs/{job_id}", response_model=Job)
async def get_job(job_id: JobId, house: HouseDependency) -> Any:
    """Return a job as it stands."""
    return await looked_up(house, found, house, JOBS, job_id)


@router.put("/v1/employees/{employee_id}", response_model=EmployeeAnswer, responses=CREATED)
async def put_employee(
    employee_id: EmployeeId,
    employee: Annotated[Employee, Body()],
    house: HouseDependency,
    caller: CallerDependency,
    response: Response,
) -> Any:
    """Add or replace an employment, with what holds from a day on and evidence of skills."""
    is_new = await in_thread(write_employee, house, employee_id, employee)
    response.status_code = 201 if is_new else 200
    return await looked_up(house, found_employee, house, caller, employee_id)


@router.get("/v1/employees/{employee_id}", response_model=EmployeeAnswer)
async def get_employee(employee_id: EmployeeId, house: HouseDependency, caller: CallerDependency) -> Any:
    """Return an employee's newest employment as it stands; pay and rating only with the scope personal:read."""
    return await looked_up(house, found_employee, house, caller, employee_id)


def found(house: HouseDependency, noun: Noun, key: str) -> dict[str, Any]:
    """Return a record; raise UnknownRecordError where there is none."""
    with house.store.reading() as connection:
        row = read_noun(connection, noun, key)
    if row is None:
        raise UnknownRecordError(f"There is no such {noun.singular}.", found=key)
    return row


def found_employee(house: HouseDependency, caller: Caller, employee_id: str) -> dict[str, Any]:
    """Return an employee as this caller may see them; raise UnknownRecordError where there is none."""
    with house.store.reading() as connection:
        row = read_employee(connection, employee_id)
    if row is None:
        raise UnknownRecordError("There is no such employee.", found=employee_id)
    return row if "personal:read" in caller.scopes else without_personal(row)


def without_personal(row: dict[str, Any]) -> dict[str, Any]:
    """Return an employee without pay and rating, naming what is withheld."""
    job = row["job"] or {}
    hidden = [name for name in WITHHELD if job.get(name) is not None]
    shown = {**job, **dict.fromkeys(hidden)}
    return {**row, "job": row["job"] and shown, "withheld": [f"job.{name}" for name in hidden]}
