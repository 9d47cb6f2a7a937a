"""The kinds of records that are written and listed by many at once, each derived from its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, Field, SkipValidation, create_model

from features.records.tables import IMPORTABLE
from serving.records.bodies import Course, Employee, EmployeeAnswer, Job
from serving.records.derived import Strict, derive

MOST_ITEMS = 1_000
READ, PERSONAL = "records:read", "personal:read"


@dataclass(frozen=True)
class Kind:
    """Records of one kind, as the contract knows them.

    Parameters
    ----------
    noun : str
        As it stands in paths: ``strategic-priorities``.
    title : str
        Name of one in the contract.
    table : str
        Where they are kept.
    about : str
        Column by which a list is narrowed.
    example : mapping
        One of them.
    read_scope : str
        What a key needs to list them.
    """

    noun: str
    title: str
    table: str
    about: str
    example: Mapping[str, Any]
    read_scope: str = READ

    @property
    def operation(self) -> str:
        """Its name inside operation ids."""
        return self.noun.replace("-", "_")

    @cached_property
    def model(self) -> type[Strict]:
        """One of them as it is written and listed; when it became known is the service's to say."""
        return derive(self.title, IMPORTABLE[self.table], without={"known_at"}, example=dict(self.example))

    @cached_property
    def page(self) -> type[BaseModel]:
        """A page of them."""
        return page_of(self.title, self.model, self.example)


@dataclass(frozen=True)
class Whole:
    """Records that have a page of their own, with lists inside: employees, courses, jobs."""

    noun: str
    title: str
    key: str
    model: type[Any]
    shown: type[Any]

    @property
    def example(self) -> dict[str, Any]:
        """One of them, with its key."""
        first = self.model.model_config["json_schema_extra"]["examples"][0]
        return {self.key: f"{self.title[0]}0001", **first}

    @cached_property
    def page(self) -> type[BaseModel]:
        """A page of them."""
        return page_of(self.title, self.shown, self.example)


def page_of(title: str, model: type[Any], example: Mapping[str, Any]) -> type[BaseModel]:
    """Return the model of a page of records."""
    made: type[BaseModel] = create_model(
        f"{title}Page",
        __doc__="A page of records.",
        items=(list[model], ...),  # type: ignore[valid-type]
        next_cursor=(
            str | None,
            Field(default=None, description="Where the next page begins; null at the end."),
        ),
    )
    made.model_config["json_schema_extra"] = {"examples": [{"items": [dict(example)], "next_cursor": None}]}
    made.model_rebuild(force=True)
    return made


def many(title: str, model: type[Any]) -> type[Strict]:
    """Return the body of up to 1,000 records: each is judged alone, so that a bad one costs no other its place."""
    judged_later = Annotated[Any, Field(description="Anything else comes back as rejected.")]
    items = list[SkipValidation[model] | judged_later]  # type: ignore[valid-type]
    bounded = Annotated[items, Field(min_length=1, max_length=MOST_ITEMS)]
    made: type[Strict] = create_model(
        f"Many{title}", __base__=Strict, __doc__="Up to 1,000 records.", items=(bounded, ...)
    )
    return made


WHOLES = (
    Whole("employees", "Employee", "employee_id", Employee, EmployeeAnswer),
    Whole("courses", "Course", "course_id", Course, Course),
    Whole("jobs", "Job", "job_id", Job, Job),
)
DAY = "2026-01-31T00:00:00Z"
KINDS = (
    Kind("assessments", "Assessment", "held_skills", "employee_id", {
        "employee_id": "E0001", "skill_id": "S-python", "level": 3, "source": "assessed", "happened_at": DAY,
    }),
    Kind("surveys", "SurveyAnswer", "surveys", "employee_id", {
        "employee_id": "E0001", "item": "engagement", "value": 4, "scale_low": 1, "scale_high": 5, "happened_at": DAY,
    }, PERSONAL),
    Kind("outcomes", "Outcome", "outcomes", "employee_id", {
        "employee_id": "E0001", "kpi": "sales", "value": 120.5, "unit": "kEUR", "happened_at": DAY,
    }, PERSONAL),
    Kind("exits", "Exit", "exits", "employee_id", {
        "employee_id": "E0001", "spell": 1, "reason_class": "voluntary", "happened_at": DAY,
    }, PERSONAL),
    Kind("assignments", "Assignment", "assignments", "employee_id", {
        "employee_id": "E0001", "course_id": "C0001", "is_mandatory": True, "due_at": DAY, "happened_at": "2026-01-01T00:00:00Z",
    }),
    Kind("goals", "Goal", "goals", "employee_id", {
        "employee_id": "E0001", "goal_id": "G0001", "title": "Lead the data team", "target_job_id": "J0001", "happened_at": DAY,
    }),
    Kind("skills", "Skill", "skills", "skill_id", {"skill_id": "S-python", "name": "Python"}),
    Kind("skill-tags", "SkillTag", "course_skills", "course_id", {
        "course_id": "C0001", "skill_id": "S-python", "level": 3, "source": "validated",
    }),
    Kind("sessions", "Session", "sessions", "course_id", {
        "session_id": "C0001-2026-1", "course_id": "C0001", "starts_at": DAY, "capacity": 12,
    }),
    Kind("strategic-priorities", "StrategicPriority", "strategic_priorities", "skill_id", {
        "skill_id": "S-python", "weight": 0.8, "valid_from": DAY,
    }),
)  # fmt: skip
