"""Step 2: ESCO skills read from five real job postings, and real courses for what a person lacks of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.reality.proof import VAR, Fact
from features.recommendation.catalogue import Catalogue
from features.recommendation.catalogue_building import build_catalogue
from features.recommendation.gap_sets import best_set
from features.recommendation.gap_value import gains, needs_of
from features.records.encoder import store_cache
from features.records.encoder_export import open_encoder
from features.records.settings import RecordsSettings
from features.records.store import open_store
from features.skills.extraction import Find, extract_skills
from features.text import course_text, embed
from training.loading import load_scorer
from training.payload import write_payload
from training.skills import fit as fitting
from training.skills.dataset import dataset_of
from training.skills.labelled import label
from training.skills.taxonomy import concepts_of, from_records

AS_OF = datetime(2025, 1, 1, tzinfo=UTC)
POSTINGS, COURSES, SKILLS_PER_COURSE, SKILLS_PER_POSTING = 5, 10, 5, 12
SEED = 0

Encode = Callable[[Sequence[str]], Any]
Records = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Desk:
    """What the step works with: the records of step 1, an encoder with its cache, and the model of ESCO."""

    records: Records
    encode: Encode
    scorer: Any


def prove() -> Iterator[Fact]:
    """Read five postings, tag the catalogue, and recommend to a person who holds every other skill."""
    store = open_store(f"sqlite:///{VAR / 'skillpath.db'}")
    vectors = open_store(f"sqlite:///{VAR / 'vectors.db'}")  # kept: the next run embeds nothing
    encoder, cache = open_encoder(RecordsSettings(var=VAR)), store_cache(vectors)
    records = esco_and_courses(store.frames(["skills", "skill_aliases", "jobs", "courses"]))
    encode: Encode = lambda texts: embed(texts, encoder, cache)  # noqa: E731
    desk = Desk(records, encode, esco_scorer(records, encode))
    tagged = tag_courses(desk)
    yield Fact(
        "courses tagged with ESCO skills",
        f"{tagged['course_id'].n_unique():,} of {records['courses'].height:,}",
    )
    for job in postings(records):
        yield from about(desk, tagged, job)
    store.close()
    vectors.close()


def esco_and_courses(records: Records) -> Records:
    """Return ESCO's skills, the postings, and the English courses that have a description."""
    esco = records["skills"].filter(pl.col("taxonomy") == "esco")
    return {
        "skills": esco,
        "skill_aliases": records["skill_aliases"].join(esco.select("skill_id"), "skill_id", "semi"),
        "jobs": records["jobs"].filter(pl.col("taxonomy").fill_null("organisation") == "organisation"),
        "courses": records["courses"].filter(pl.col("description").is_not_null()),
    }


def esco_scorer(records: Records, encode: Encode) -> Any:
    """Return the skills model of ESCO with shipped knobs, written as a payload and loaded back."""
    nothing = label([], encode, ())
    dataset = dataset_of(concepts_of(from_records(records), encode), nothing, nothing, encode, "ESCO")
    payload = fitting.fit(dataset, fitting.Parameters(), np.random.default_rng(SEED))
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        write_payload(payload, Path(folder) / "payload")
        return load_scorer(Path(folder) / "payload")


def tag_courses(desk: Desk) -> pl.DataFrame:
    """Return ``course_skills`` as the model reads them from each course's text."""
    rows = desk.records["courses"].select("course_id", "title", "description").rows()
    scores = desk.scorer.scores(
        np.asarray(desk.encode([course_text(title, words) for _, title, words in rows]))
    )
    found = []
    for (course_id, _, _), row in zip(rows, scores, strict=True):
        best = np.argsort(-row, kind="stable")[:SKILLS_PER_COURSE]
        found += [
            (course_id, desk.scorer.concept_ids[one], 4.0, "extracted", float(row[one])) for one in best
        ]
    names = ("course_id", "skill_id", "level", "source", "confidence")
    tags = pl.DataFrame(found, schema=dict(zip(names, (pl.String, pl.String, pl.Float64, pl.String, pl.Float64), strict=True)), orient="row")  # fmt: skip
    return tags.filter(pl.col("confidence") >= tags["confidence"].median()).with_columns(
        pl.col("confidence").clip(0, 1)
    )


def postings(records: Records) -> list[dict[str, Any]]:
    """Return five postings of different titles, drawn with a fixed seed."""
    jobs = (
        records["jobs"]
        .filter(pl.col("description").str.len_chars() > 400)
        .unique("title", maintain_order=True)
    )
    return jobs.sample(POSTINGS, seed=SEED).to_dicts()


def about(desk: Desk, tagged: pl.DataFrame, job: dict[str, Any]) -> Iterator[Fact]:
    """Yield the skills of a posting, and ten courses with the gap each closes."""
    finds = extract_skills(job["description"], desk.scorer, desk.encode, most=SKILLS_PER_POSTING)
    held = finds[::2]
    yield Fact(f"{job['title'][:60]}: asks for", "; ".join(f"{find.name} {find.level:.0f}" for find in finds))
    yield Fact("    the person holds", "; ".join(find.name for find in held))
    catalogue = catalogue_of(desk.records, tagged, job["job_id"], finds)
    have = {catalogue.skill_index[find.skill_id]: find.level for find in held}
    needs = needs_of(catalogue.jobs[job["job_id"]], have)
    chosen = best_set(catalogue, needs, np.ones(catalogue.size, dtype=bool), COURSES)
    chosen += next_best(catalogue, needs, chosen)
    for place, course in enumerate(chosen[:COURSES], start=1):
        closes = ", ".join(
            f"{catalogue.skill_names[needs.skills[skill]]} {start:.0f}→{end:.0f}"
            for skill, start, end, _ in gains(catalogue, course, needs)
        )
        yield Fact(f"    {place:2d} {catalogue.titles[course][:60]}", f"closes {closes}")
    complete = len(finds) > 1 and len(chosen) >= 1
    yield Fact(
        "    skills found, courses found", f"{len(finds)}, {min(len(chosen), COURSES)}", "some", complete
    )


def next_best(catalogue: Catalogue, needs: Any, chosen: list[int]) -> list[int]:
    """Return further courses that close a gap, once the set closes all it can: alternatives, best first."""
    worth = [
        (sum(gain[3] for gain in gains(catalogue, course, needs)), course) for course in range(catalogue.size)
    ]
    ranked = sorted((pair for pair in worth if pair[0] > 0), key=lambda pair: (-pair[0], pair[1]))
    return [course for _, course in ranked if course not in chosen]


def catalogue_of(records: Records, tagged: pl.DataFrame, job_id: str, finds: list[Find]) -> Catalogue:
    """Return the catalogue with the posting's skills as what its job asks for."""
    rows = [(job_id, find.skill_id, find.level, find.importance, "extracted", None) for find in finds]
    kinds: dict[str, Any] = {"job_id": pl.String, "skill_id": pl.String, "level": pl.Float64, "importance": pl.Float64,
             "source": pl.String, "required_from": pl.Datetime("us", "UTC")}  # fmt: skip
    asked = pl.DataFrame(rows, schema=kinds, orient="row")
    return build_catalogue({**records, "course_skills": tagged, "job_skills": asked}, AS_OF)
