"""What a job asks for: as given, else as the public occupation of its title does, else as read from its text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.errors import BadInputError, UnavailableError, UnknownRecordError
from features.history import History
from features.records.schema import METADATA
from features.skills.extraction import Find, extract_skills
from features.skills.levels import required_levels
from serving.house import House
from serving.models.answering import LoadedModel

TABLES = METADATA.tables
MOST_KEPT = 2_000  # jobs whose text was read, per process
NOT_READ = "job_text_not_read"
NO_TEXT = "job_without_requirements_or_text"


@dataclass(frozen=True)
class Requirements:
    """What a job asks for.

    Parameters
    ----------
    job_id, title : str
        Which job.
    levels : polars.DataFrame
        As `features.skills.levels.required_levels` returns them.
    finds : mapping of str to Find
        Where in the job's text each extracted skill stands.
    model_version : str, optional
        Of the model that read the text.
    fallback : str, optional
        Why there are none.
    """

    job_id: str
    title: str
    levels: pl.DataFrame
    finds: dict[str, Find]
    model_version: str | None = None
    fallback: str | None = None


def requirements_of(house: House, job_id: str, as_of: datetime) -> Requirements:
    """Return what a job asks for, as the records say now.

    Raises
    ------
    UnknownRecordError
        If there is no such job.
    """
    jobs = house.store.frame("jobs", where=TABLES["jobs"].c.job_id == job_id)
    if jobs.is_empty():
        raise UnknownRecordError("There is no such job.", found=job_id)
    job = jobs.row(0, named=True)
    occupation = linked_occupation(house, job["title"]) if job["taxonomy"] in (None, "organisation") else None
    asked = [job_id, occupation] if occupation else [job_id]
    records = {
        "job_skills": house.store.frame("job_skills", where=TABLES["job_skills"].c.job_id.in_(asked)),
        "jobs": house.store.frame("jobs", where=TABLES["jobs"].c.job_id.in_(asked)),
        "job_aliases": house.store.frame("job_aliases", where=TABLES["job_aliases"].c.job_id.in_(asked)),
    }
    levels = required_levels(History(as_of, records)).filter(pl.col("job_id") == job_id)
    if levels.is_empty():
        return read_requirements(house, job)
    return Requirements(job_id, job["title"], levels, {})


def linked_occupation(house: House, title: str) -> str | None:
    """Return the public occupation that bears a title, or has it as an alias; None where there is none."""
    jobs, aliases = TABLES["jobs"].c, TABLES["job_aliases"].c
    is_public = jobs.taxonomy.in_(("esco", "onet"))
    same = [title, title.lower(), title.capitalize()]
    by_title = sa.select(jobs.job_id).where(is_public, jobs.title.in_(same)).order_by(jobs.job_id).limit(1)
    by_alias = (
        sa.select(jobs.job_id)
        .join(TABLES["job_aliases"], aliases.job_id == jobs.job_id)
        .where(is_public, aliases.alias.in_(same))
        .order_by(jobs.job_id)
        .limit(1)
    )
    with house.store.reading() as connection:
        found: str | None = connection.scalar(by_title) or connection.scalar(by_alias)
    return found


def read_requirements(house: House, job: dict[str, Any]) -> Requirements:
    """Return the skills read from a job's text by the model; none, and why, where that cannot be done."""
    job_id, title = job["job_id"], job["title"]
    text = job["description"] or ""
    try:
        model = house.models.current("skills")
        finds = remembered(house, (model.digest, text), lambda: read_text(house, model, text))
    except BadInputError:
        return Requirements(job_id, title, frame_of(job_id, []), {}, fallback=NO_TEXT)
    except UnavailableError:
        return Requirements(job_id, title, frame_of(job_id, []), {}, fallback=NOT_READ)
    return Requirements(
        job_id, title, frame_of(job_id, finds), {one.skill_id: one for one in finds}, model.version
    )


def frame_of(job_id: str, finds: Sequence[Find]) -> pl.DataFrame:
    """Return finds as required levels."""
    rows = [(job_id, one.skill_id, one.level, one.importance, "extracted") for one in finds]
    schema = {"job_id": pl.String, "skill_id": pl.String, "level": pl.Float64, "importance": pl.Float64,
              "source": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def remembered(house: House, what: tuple[str, str], read: Callable[[], list[Find]]) -> list[Find]:
    """Return what was read from a text under a model, reading it once per process."""
    digest, text = what
    key = ("skills read", digest, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    kept: dict[Any, list[Find]] = house.cache.setdefault("skills read", {})
    if key not in kept:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[key] = read()
    return kept[key]


def read_text(house: House, model: LoadedModel, text: str) -> list[Find]:
    """Return the skills that a model reads from a text.

    Raises
    ------
    UnavailableError
        If there is no encoder, or not the one that the model was trained with.
    """
    encode = encoder_of(house)
    known = house.cache.setdefault("skills encoder", {})
    if model.digest not in known:
        known[model.digest] = model.scorer.knows_encoder(encode)
    if not known[model.digest]:
        raise UnavailableError("The skills model was trained with another encoder.", hint="Train it again.")
    return extract_skills(text, model.scorer, encode)


def encoder_of(house: House) -> Callable[[Sequence[str]], Any]:
    """Return the text encoder, opening the exported one at its first use.

    Raises
    ------
    UnavailableError
        If none was exported.
    """
    if house.encoder is not None:
        return house.encoder
    if "encoder" not in house.cache:
        from features.records.encoder import open_exported

        house.cache["encoder"] = open_exported(house.settings.exported_encoder, house.settings.threads)
    encode: Callable[[Sequence[str]], Any] = house.cache["encoder"].encode
    return encode
