"""Needs of the organisation: skills or a job's text in; who has them, who is near, which courses, train, adapt or hire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import polars as pl
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from features.errors import BadInputError, UnavailableError, UnknownRecordError
from features.records.schema import METADATA
from features.skills.extraction import Find
from features.skills.levels import REQUIRED_LEVEL
from features.skills.needs import SkillNeed, assess
from features.skills.reskilling import names_of, reskilling
from features.skills.scales import SCALES, level_of
from serving.house import House, HouseDependency, in_thread
from serving.http.paths import MAX_ID
from serving.skills.company import Company, company_of
from serving.skills.group_answers import NearPerson, NeededSkill, NeedsAssessment
from serving.skills.portfolio import close_courses
from serving.skills.requirements import read_text, requirements_of

router = APIRouter(tags=["HR", "L&D"])

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
SKILLS = METADATA.tables["skills"].c
MOST_COURSES, MOST_ADAPTABLE = 10, 5
GIVEN = Find("", "", 0.0, 0.0, 1.0, "", "")


class AskedSkill(BaseModel):
    """A skill that is needed."""

    model_config = ConfigDict(extra="forbid")

    skill_id: Id = Field(examples=["sql"])
    level: float | str = Field(REQUIRED_LEVEL, description="On `scale`; 0-5 by default.", examples=[3])
    scale: str = Field("skillpath", description=f"One of {', '.join(SCALES)}.")
    importance: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)


class Need(BaseModel):
    """What the organisation needs: skills, a job, or a text; at least one of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"skills": [{"skill_id": "sql", "level": 3}], "people_wanted": 2}]},
    )

    skills: list[AskedSkill] = Field([], max_length=200)
    job_id: Id | None = None
    text: Annotated[str, Field(max_length=100_000)] = Field(
        "", description="A job text: its skills are read."
    )
    people_wanted: int = Field(1, ge=1, le=100_000, description="How many people must hold each skill.")
    n: int = Field(10, ge=0, le=100, description="Most people named.")


@dataclass(frozen=True)
class Asked:
    """A need as levels, and where each skill was read."""

    levels: dict[str, tuple[float, float]]
    finds: dict[str, Find] = field(default_factory=dict)
    model_version: str | None = None
    fallback: str | None = None


@router.post("/v1/needs-assessments")
async def assess_needs(need: Need, house: HouseDependency) -> NeedsAssessment:
    """Return who has what is needed, who is nearest, which courses cover it, and whether to train, adapt or hire."""
    return await in_thread(assessed, house, need)


def assessed(house: House, need: Need) -> NeedsAssessment:
    """Return the assessment of a need.

    Raises
    ------
    BadInputError
        If nothing is asked, or a level is not on its scale.
    UnknownRecordError
        If a skill or job does not exist.
    """
    if not (need.skills or need.job_id or need.text.strip()):
        raise BadInputError("Nothing is needed.", allowed="skills, job_id or text")
    company = company_of(house)
    asked = asked_of(house, company, need)
    if not asked.levels:
        return nothing_read(company, asked)
    rows = [("need", skill, *numbers) for skill, numbers in asked.levels.items()]
    needed = pl.DataFrame(rows, schema={"target": pl.String, "skill_id": pl.String, "level": pl.Float64,
                                        "importance": pl.Float64}, orient="row")  # fmt: skip
    names = names_of(company.known, needed["skill_id"])
    close, searched = close_courses(house, names)
    found = assess(needed, company.held, company.courses, close, need.people_wanted)
    people = reskilling(needed, company.people["employee_id"].to_list(), company.held, company.courses)
    verdict, words = verdict_of(found)
    return NeedsAssessment(
        as_of=company.as_of,
        model_version=asked.model_version,
        fallback=asked.fallback or searched,
        verdict=verdict,
        verdict_words=words,
        skills=[needed_skill(one, names[one.skill_id], asked) for one in found],
        people=[
            NearPerson(**{name: row[name] for name in NearPerson.model_fields})
            for row in people.filter(pl.col("distance") < 1).head(need.n).iter_rows(named=True)
        ],
    )


def asked_of(house: House, company: Company, need: Need) -> Asked:
    """Return what is needed as level and importance per skill; what is given comes before what is read."""
    given = {one.skill_id: (level_of(one.level, one.scale), one.importance) for one in need.skills}
    unknown = sorted(
        set(given)
        - set(house.store.frame("skills", ("skill_id",), SKILLS.skill_id.in_(list(given)))["skill_id"])
    )
    if unknown:
        raise UnknownRecordError("There is no such skill.", found=", ".join(unknown[:5]))
    levels, finds, version, fallback = dict(given), {}, None, None
    if need.job_id is not None:
        required = requirements_of(house, need.job_id, company.known.as_of)
        version, fallback, finds = required.model_version, required.fallback, dict(required.finds)
        rows = required.levels.select("skill_id", "level", "importance").iter_rows()
        levels = {skill: (level, weight) for skill, level, weight in rows} | levels
    if need.text.strip():
        try:
            model = house.models.current("skills")
            read = read_text(house, model, need.text)
            version = model.version
            levels = {one.skill_id: (one.level, one.importance) for one in read} | levels
            finds |= {one.skill_id: one for one in read if one.skill_id not in given}
        except BadInputError:
            fallback = "text_without_words"
        except UnavailableError:
            fallback = "text_not_read"
    return Asked(levels, finds, version, fallback)


def needed_skill(one: SkillNeed, name: str, asked: Asked) -> NeededSkill:
    """Return one skill as it is answered."""
    find = asked.finds.get(one.skill_id, GIVEN)
    return NeededSkill(
        skill_id=one.skill_id,
        skill=name,
        level=one.level,
        importance=round(one.importance, 4),
        words=find.words or None,
        confidence=round(find.confidence, 4),
        n_holders=one.n_holders,
        n_near=one.n_near,
        courses=list(one.course_ids[:MOST_COURSES]),
        adaptable=list(one.adaptable_ids[:MOST_ADAPTABLE]),
        decision=one.decision,
        reason=one.reason,
    )


def verdict_of(found: list[SkillNeed]) -> tuple[str, str]:
    """Return what the organisation is to do, as a code and in words."""
    said = {one.decision for one in found}
    count = {what: sum(one.decision == what for one in found) for what in ("held", "train", "adapt", "hire")}
    words = f"Of {len(found)} skills {count['held']} are there, {count['train']} can be trained, for {count['adapt']} a course " \
            f"could be adapted, and {count['hire']} no course moves."  # fmt: skip
    if said == {"held"}:
        return "no_training_needed", f"{words} Training is not what is missing."
    if said <= {"held", "train"}:
        return "train", words
    if "hire" not in said:
        return "train_and_adapt", words
    return ("hire" if said <= {"held", "hire"} else "train_and_hire"), words


def nothing_read(company: Company, asked: Asked) -> NeedsAssessment:
    """Return that nothing can be told: no skill was found in what was asked."""
    return NeedsAssessment(
        as_of=company.as_of,
        model_version=asked.model_version,
        fallback=asked.fallback or "no_skill_recognised",
        verdict="cannot_tell",
        verdict_words="No skill was recognised in what was asked: name skills, or give a longer text in the model's language.",
        skills=[],
        people=[],
    )
