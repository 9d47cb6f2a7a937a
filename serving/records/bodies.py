"""The bodies of employees, courses and jobs, derived from the tables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, create_model

from features.records.columns import Kind, Sensitivity
from features.records.tables import IMPORTABLE
from serving.records.derived import LONGEST_ID, clean, derive

MOST_NESTED = 1_000
Identifier = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(clean)]


def nested(kind: Any, what: str) -> tuple[Any, Any]:
    """Return a list of nested rows; absent leaves what stands, a list replaces it."""
    rows = Annotated[list[kind], Field(max_length=MOST_NESTED)]
    return rows | None, Field(
        default=None, description=f"{what}; absent leaves what stands, a list replaces it."
    )


def own_key(name: str) -> dict[str, Any]:
    """Return the key as an optional member: where it stands, it must be the path's."""
    return {name: (Identifier | None, Field(default=None, description="As in the path."))}


COURSE_SKILL = {"skill_id": "S-python", "level": 3, "source": "given"}
CourseSkill = derive("CourseSkill", IMPORTABLE["course_skills"], without={"course_id"}, example=COURSE_SKILL)
Course = derive(
    "Course",
    IMPORTABLE["courses"],
    without={"course_id"},
    more={
        **own_key("course_id"),
        "skills": nested(CourseSkill, "skills it teaches"),
        "prerequisites": nested(Identifier, "courses to complete first"),
    },
    example={
        "title": "Python for analysts",
        "level": 3,
        "hours": 12,
        "modality": "online",
        "language": "en",
        "cost_amount": 90,
        "cost_currency": "EUR",
        "skills": [COURSE_SKILL],
        "prerequisites": ["C0001"],
    },
)

JOB_SKILL = {"skill_id": "S-python", "level": 4, "importance": 0.8, "source": "given"}
JobSkill = derive("JobSkill", IMPORTABLE["job_skills"], without={"job_id"}, example=JOB_SKILL)
Job = derive(
    "Job",
    IMPORTABLE["jobs"],
    without={"job_id"},
    more={**own_key("job_id"), "skills": nested(JobSkill, "skills it requires")},
    example={"title": "Data analyst", "family": "Data", "grade": 2, "skills": [JOB_SKILL]},
)

EmployeeJob = derive(
    "EmployeeJob",
    IMPORTABLE["job_history"],
    without={"employee_id", "spell", "known_at"},
    example={"job_id": "J0001", "department": "Finance", "happened_at": "2026-01-01", "manager_id": "E0002"},
)
EmployeeSkill = derive(
    "EmployeeSkill",
    IMPORTABLE["held_skills"],
    without={"employee_id", "known_at"},
    example={"skill_id": "S-python", "level": 2, "source": "manager", "happened_at": "2026-01-01"},
)
Employee = derive(
    "Employee",
    IMPORTABLE["employees"],
    without={"employee_id", "known_at", "spell"},
    more={
        **own_key("employee_id"),
        "spell": (
            Annotated[int, Field(ge=1, le=1_000)],
            Field(default=1, description="1 for the first employment, 2 after a rehire …"),
        ),
        "job": (
            EmployeeJob | None,
            Field(default=None, description="What holds from a day on; absent changes nothing."),
        ),
        "skills": (
            Annotated[list[EmployeeSkill], Field(max_length=MOST_NESTED)] | None,  # type: ignore[valid-type]
            Field(default=None, description="Evidence of skills; each is added to what stands."),
        ),
    },
    example={
        "hired_at": "2024-03-01",
        "employment_type": "permanent",
        "display_name": "A. Example",
        "job": {"job_id": "J0001", "department": "Finance", "happened_at": "2026-01-01"},
        "skills": [{"skill_id": "S-python", "level": 2, "source": "manager", "happened_at": "2026-01-01"}],
    },
)

# What the contract answers about a person: the body, and what this caller's scopes do not show.
EmployeeAnswer = create_model(
    "EmployeeAnswer",
    __base__=Employee,
    withheld=(
        list[str],
        Field(
            default_factory=list,
            description="Members that are kept but not shown without the scope personal:read.",
            examples=[["job.pay_amount", "job.rating"]],
        ),
    ),
)
WITHHELD = tuple(
    column.name
    for column in IMPORTABLE["job_history"].columns
    if column.sensitivity is Sensitivity.PERSONAL and column.kind is Kind.NUMBER
)
