"""Tags for what nobody tagged: skills read from courses, requirements linked or read for jobs.

What people gave, validated or rejected stands: a tag that was rejected is not written again. What an earlier run wrote is
replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.errors import BadInputError
from features.records.schema import METADATA
from features.skills.extraction import extract_skills
from features.skills.levels import TAUGHT_LEVEL
from features.text import course_text
from serving.house import House
from serving.skills.requirements import BY_MODELS, is_ours, known_encoder, requirements_of

TABLES = METADATA.tables
BY_PEOPLE = ("given", "validated")
MOST_TAGS = 15  # of a course: the surest

Row = dict[str, Any]


@dataclass(frozen=True)
class Tagged:
    """What was written.

    Parameters
    ----------
    model_version : str
        Of the skills model.
    courses, jobs : int
        How many were tagged.
    without_courses, without_jobs : int
        How many the model abstained from: no text, or nothing in it that it is sure of.
    """

    model_version: str
    courses: int
    without_courses: int
    jobs: int
    without_jobs: int


def tag_records(house: House) -> Tagged:
    """Tag courses and the organisation's jobs that no person and no catalogue tagged.

    Raises
    ------
    UnavailableError
        If there is no verified skills model, or not its encoder.
    """
    model = house.models.current("skills")
    courses = untagged(house, "courses", "course_id", "course_skills")
    jobs = [job for job in untagged(house, "jobs", "job_id", "job_skills") if is_ours(job)]
    taught = [course_tags(house, course) for course in courses]
    asked = [job_tags(house, job) for job in jobs]
    replace_tags(house, "course_skills", taught)
    replace_tags(house, "job_skills", asked)
    done, known = sum(map(bool, taught)), sum(map(bool, asked))
    return Tagged(model.version, done, len(taught) - done, known, len(asked) - known)


def untagged(house: House, name: str, key: str, tags: str) -> list[Row]:
    """Return courses or jobs to which nobody gave a skill."""
    given = house.store.frame(tags, (key, "source"))
    given = given.filter(pl.col("source").fill_null("given").is_in(BY_PEOPLE))
    return house.store.frame(name).join(given.select(key).unique(), key, "anti").to_dicts()


def course_tags(house: House, course: Mapping[str, Any]) -> list[Row]:
    """Return the skills read from a course's text; none where it has no words or nothing is sure."""
    model = house.models.current("skills")
    text = course_text(course["title"] or "", course["description"])
    try:
        finds = extract_skills(text, model.scorer, known_encoder(house, model), MOST_TAGS)
    except BadInputError:
        return []
    return [
        {
            "course_id": course["course_id"],
            "skill_id": find.skill_id,
            "level": course["level"] if course["level"] is not None else TAUGHT_LEVEL,
            "source": "extracted",
            "confidence": find.confidence,
        }
        for find in finds
    ]


def job_tags(house: House, job: Mapping[str, Any]) -> list[Row]:
    """Return what a job asks for by the occupation of its title, or by its text."""
    required = requirements_of(house, job["job_id"], house.clock())
    rows = required.levels.select("job_id", "skill_id", "level", "importance", "source").to_dicts()
    return [row for row in rows if row["source"] in BY_MODELS]


def replace_tags(house: House, name: str, found: Iterable[Sequence[Row]]) -> None:
    """Write tags in the place of those that a model wrote before; those of people stand."""
    rows = [row for part in found for row in part]
    table = TABLES[name]
    with house.store.transaction() as connection:
        connection.execute(sa.delete(table).where(table.c.source.in_(BY_MODELS)))
        house.store.append(connection, name, rows)
