"""What a job asks for: as given, else as the public occupation of its title does, else as read from its text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa

from features.errors import BadInputError, UnavailableError, UnknownRecordError
from features.history import History
from features.records.schema import METADATA
from features.skills.extraction import Find, extract_skills
from features.skills.levels import rejected_tags, required_levels
from features.skills.required import future_levels
from features.skills.titles import TitleLink, link_titles
from serving.house import House
from serving.models.answering import LoadedModel

R = TypeVar("R")
TABLES = METADATA.tables
BY_MODELS = ("linked", "extracted")  # sources of requirements that no person gave
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
    link : TitleLink, optional
        The public occupation whose requirements these are.
    future : polars.DataFrame, optional
        As `features.skills.required.future_levels` returns them.
    """

    job_id: str
    title: str
    levels: pl.DataFrame
    finds: dict[str, Find]
    model_version: str | None = None
    fallback: str | None = None
    link: TitleLink | None = None
    future: pl.DataFrame | None = None


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
    own = job_records(house, [job_id])
    known = History(as_of, own)
    future = future_levels(known)
    stored = required_levels(known)
    by_people = stored.filter(~pl.col("source").is_in(BY_MODELS))
    if not by_people.is_empty():
        return Requirements(job_id, job["title"], stored, {}, future=future)
    derived = derived_requirements(house, job, known)
    if (
        derived.levels.is_empty() and not stored.is_empty()
    ):  # what a model wrote before answers where none can now
        derived = Requirements(job_id, job["title"], stored, {})
    return replace(derived, future=future)


def derived_requirements(house: House, job: dict[str, Any], known: History) -> Requirements:
    """Return what a job without requirements of its own asks for: by the occupation of its title, else by its text."""
    job_id = job["job_id"]
    rejected = rejected_tags(known)["skill_id"].to_list()
    link, version = linked_occupation(house, job) if is_ours(job) else (None, None)
    levels = linked_levels(house, job_id, link, known.as_of)
    if levels.is_empty():
        return read_requirements(house, job, rejected)
    levels = levels.filter(~pl.col("skill_id").is_in(rejected))
    return Requirements(job_id, job["title"], levels, {}, version, link=link)


def is_ours(job: dict[str, Any]) -> bool:
    """Say whether a job is the organisation's own, not an occupation of a public taxonomy."""
    return job["taxonomy"] in (None, "organisation")


def job_records(house: House, job_ids: list[str]) -> dict[str, pl.DataFrame]:
    """Return jobs, their aliases and what they ask for."""
    return {
        name: house.store.frame(name, where=TABLES[name].c.job_id.in_(job_ids))
        for name in ("job_skills", "jobs", "job_aliases")
    }


def linked_levels(house: House, job_id: str, link: TitleLink | None, as_of: datetime) -> pl.DataFrame:
    """Return what the linked occupation asks for, as the job's; none without a link."""
    if link is None:
        return frame_of(job_id, [])
    levels = required_levels(History(as_of, job_records(house, [link.occupation_id])))
    return levels.with_columns(job_id=pl.lit(job_id), source=pl.lit("linked"))


def linked_occupation(house: House, job: dict[str, Any]) -> tuple[TitleLink | None, str | None]:
    """Return the public occupation of a job's title, and the version of the model where one had to find it.

    The same words come first (title, then alias); else the model's occupations, where it has some and is sure enough.
    """
    title = job["title"]
    exact = named_occupation(house, title)
    if exact is not None:
        return TitleLink(exact[0], exact[1], 1.0, "exact", title), None
    try:
        model = house.models.current("skills")
        occupations: Any = getattr(model.scorer, "occupations", None)
        if not hasattr(occupations, "best_titles"):  # none, or of a model from before it could be asked
            return None, None
        encode = known_encoder(house, model)
        found = remembered(
            house, ("titles", model.digest, title), lambda: link_titles([title], occupations, encode)
        )
    except UnavailableError:
        return None, None
    return found[0], model.version if found[0] else None


def named_occupation(house: House, title: str) -> tuple[str, str] | None:
    """Return identifier and title of the public occupation that bears a title, or has it as an alias."""
    jobs, aliases = TABLES["jobs"].c, TABLES["job_aliases"].c
    is_public = jobs.taxonomy.in_(("esco", "onet"))
    same = [title, title.lower(), title.capitalize()]
    named = sa.select(jobs.job_id, jobs.title).where(is_public).order_by(jobs.job_id).limit(1)
    by_title = named.where(jobs.title.in_(same))
    by_alias = named.join(TABLES["job_aliases"], aliases.job_id == jobs.job_id).where(aliases.alias.in_(same))
    with house.store.reading() as connection:
        found = connection.execute(by_title).first() or connection.execute(by_alias).first()
    return (found[0], found[1]) if found else None


def read_requirements(house: House, job: dict[str, Any], rejected: Sequence[str] = ()) -> Requirements:
    """Return the skills read from a job's text by the model, but those that a person rejected.

    There are none, and the answer says why, where that cannot be done.
    """
    job_id, title = job["job_id"], job["title"]
    text = job["description"] or ""
    try:
        model = house.models.current("skills")
        read = remembered(house, ("texts", model.digest, text), lambda: read_text(house, model, text))
        finds = [find for find in read if find.skill_id not in rejected]
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


def remembered(house: House, what: tuple[str, str, str], read: Callable[[], list[R]]) -> list[R]:
    """Return what a model read from a text, reading it once per process."""
    kind, digest, text = what
    key = (digest, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    kept: dict[Any, list[R]] = house.cache.setdefault(f"skills read from {kind}", {})
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
    return extract_skills(text, model.scorer, known_encoder(house, model))


def known_encoder(house: House, model: LoadedModel) -> Callable[[Sequence[str]], Any]:
    """Return the encoder that a model was trained with.

    Raises
    ------
    UnavailableError
        If there is none, or another one.
    """
    encode = encoder_of(house)
    known = house.cache.setdefault("skills encoder", {})
    if model.digest not in known:
        known[model.digest] = model.scorer.knows_encoder(encode)
    if not known[model.digest]:
        raise UnavailableError("The skills model was trained with another encoder.", hint="Train it again.")
    return encode


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
