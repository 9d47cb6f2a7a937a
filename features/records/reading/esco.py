"""ESCO v1.1.1 as published: two zip archives of CSV files (or the files themselves).

Occupations become jobs, skills and skill groups become skills, alternative labels become aliases; concept URIs are
the identifiers.

References
----------
European Commission, *European Skills, Competences, Qualifications and Occupations (ESCO)*, v1.1.1, 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from features.records.reading.batches import LINE, Batch, Piece
from features.records.reading.csv_members import Member, digest_of, find_members, require
from features.records.reading.engine import Origin, load
from features.records.reading.options import ImportOptions, ImportReport
from features.records.store import Store

CLASSIFICATION = ("skills_en.csv", "skillGroups_en.csv", "occupations_en.csv")
RELATIONS = ("occupationSkillRelations.csv", "skillSkillRelations.csv", "broaderRelationsSkillPillar.csv")
IMPORTANCE = {"essential": "1.0", "optional": "0.5"}
LANGUAGE = "en"


def import_esco(store: Store, paths: Sequence[Path], options: ImportOptions) -> ImportReport:
    """Import ESCO whole: all of it is kept, or nothing."""
    members = find_members(paths, (*CLASSIFICATION, *RELATIONS))
    require(members, (*CLASSIFICATION, *RELATIONS), paths)
    origin = Origin(
        "esco", ", ".join(sorted({member.path.name for member in members.values()})), digest_of(members)
    )
    return load(store, pieces(members), origin, options)


def pieces(members: Mapping[str, Member]) -> Iterator[Piece]:
    """Yield the rows of every table, what is named before what names it."""
    for batch in members["skills_en.csv"].rows(
        ("conceptUri", "skillType", "reuseLevel", "preferredLabel", "altLabels")
    ):
        yield skills(batch)
        yield aliases(batch, "skill_aliases", "skill_id")
    for batch in members["skillGroups_en.csv"].rows(
        ("conceptUri", "preferredLabel", "altLabels", "description")
    ):
        yield skill_groups(batch)
        yield aliases(batch, "skill_aliases", "skill_id")
    for batch in members["occupations_en.csv"].rows(
        ("conceptUri", "iscoGroup", "preferredLabel", "altLabels")
    ):
        yield occupations(batch)
        yield aliases(batch, "job_aliases", "job_id")
    for batch in members["occupationSkillRelations.csv"].rows(("occupationUri", "relationType", "skillUri")):
        yield required_skills(batch)
    for batch in members["skillSkillRelations.csv"].rows(
        ("originalSkillUri", "relationType", "relatedSkillUri")
    ):
        yield relations(batch, "originalSkillUri", "relatedSkillUri", pl.col("relationType"))
    for batch in members["broaderRelationsSkillPillar.csv"].rows(("conceptUri", "broaderUri")):
        yield relations(batch, "conceptUri", "broaderUri", pl.lit("broader"))


def skills(batch: Batch) -> Piece:
    """Return skills and knowledge concepts."""
    frame = batch.frame.select(
        pl.col("conceptUri").alias("skill_id"),
        pl.col("preferredLabel").alias("name"),
        pl.col("description"),
        pl.lit("esco").alias("taxonomy"),
        pl.col("skillType").alias("skill_type"),
        pl.col("reuseLevel").alias("reuse_level"),
        LINE,
    )
    return Piece(
        "skills", batch.file, frame, {"skill_id": "conceptUri", "name": "preferredLabel"}, share=batch.share
    )


def skill_groups(batch: Batch) -> Piece:
    """Return the groups above the skills."""
    frame = batch.frame.select(
        pl.col("conceptUri").alias("skill_id"),
        pl.col("preferredLabel").alias("name"),
        pl.col("description"),
        pl.lit("esco").alias("taxonomy"),
        pl.lit("skill group").alias("skill_type"),
        LINE,
    )
    return Piece(
        "skills", batch.file, frame, {"skill_id": "conceptUri", "name": "preferredLabel"}, share=batch.share
    )


def occupations(batch: Batch) -> Piece:
    """Return occupations, as jobs of the taxonomy."""
    frame = batch.frame.select(
        pl.col("conceptUri").alias("job_id"),
        pl.col("preferredLabel").alias("title"),
        pl.col("description"),
        pl.lit("esco").alias("taxonomy"),
        pl.col("iscoGroup").alias("code"),
        LINE,
    )
    return Piece(
        "jobs", batch.file, frame, {"job_id": "conceptUri", "title": "preferredLabel"}, share=batch.share
    )


def aliases(batch: Batch, table: str, key: str) -> Piece:
    """Return alternative and hidden labels, one row each; a label that comes twice counts once."""
    labels = pl.concat_str(
        *(
            pl.col(name).fill_null("")
            for name in ("altLabels", "hiddenLabels")
            if name in batch.frame.columns
        ),
        separator="\n",
    )
    frame = (
        batch.frame.select(
            pl.col("conceptUri").alias(key), labels.str.split("\n").alias("alias"), "preferredLabel", LINE
        )
        .explode("alias", empty_as_null=True)
        .with_columns(pl.col("alias").str.strip_chars())
        .filter((pl.col("alias").str.len_chars() > 0) & (pl.col("alias") != pl.col("preferredLabel")))
        .select(key, "alias", pl.lit(LANGUAGE).alias("language"), LINE)
        .unique([key, "alias"], keep="first", maintain_order=True)
    )
    return Piece(table, batch.file, frame, {key: "conceptUri", "alias": "altLabels"}, share=batch.share)


def required_skills(batch: Batch) -> Piece:
    """Return what occupations require: essential weighs 1, optional a half."""
    frame = batch.frame.select(
        pl.col("occupationUri").alias("job_id"),
        pl.col("skillUri").alias("skill_id"),
        pl.col("relationType").replace(IMPORTANCE).alias("importance"),
        pl.lit("given").alias("source"),
        LINE,
    )
    labels = {"job_id": "occupationUri", "skill_id": "skillUri", "importance": "relationType"}
    return Piece("job_skills", batch.file, frame, labels, orphans="quarantine", share=batch.share)


def relations(batch: Batch, one: str, other: str, relation: pl.Expr) -> Piece:
    """Return how skills hang together."""
    frame = batch.frame.select(
        pl.col(one).alias("skill_id"), pl.col(other).alias("related_id"), relation.alias("relation"), LINE
    )
    labels = {"skill_id": one, "related_id": other, "relation": "relationType"}
    return Piece("skill_relations", batch.file, frame, labels, orphans="quarantine", share=batch.share)
