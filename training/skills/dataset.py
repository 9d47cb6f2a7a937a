"""The skills dataset: a taxonomy with its vectors, and texts whose skills are known.

There is no time in it: texts are split by a hash of their content, so that no text is on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from features.errors import RefusedError
from features.text import course_text, job_text
from training.context import TrainingContext
from training.skills.labelled import Labelled, fold_of, label
from training.skills.taxonomy import Concepts, Encode, Floats, concepts_of, from_records, pairs_of, words_of

MOST_VALIDATION, MOST_TEST, MOST_EXAMPLES = 60, 120, 600
LENGTHS, MOST_WORDS = (1, 2, 3, 4), 60  # windows cost time: so many of each text are compared
BELIEVED = ("given", "validated")
PROBE = "Plan, carry out and document the training of new colleagues."  # tells encoders apart
RECORDS_PROTOCOL = "every skill of the taxonomy ranked for held-out texts of courses and jobs; texts split by a hash of their content"


@dataclass(frozen=True)
class Dataset:
    """Everything that fit and evaluate need.

    Parameters
    ----------
    concepts : Concepts
        The taxonomy and its vectors.
    validation, test : Labelled
        Texts with their concepts: knobs are chosen on the first, the second is looked at once.
    probe : (d,) float32
        The encoder's vector of `PROBE`.
    protocol : str
        How the texts were split and scored.
    are_titles : bool
        True where the texts are titles.
    digest : str
        Digest of taxonomy and texts.
    occupations : Concepts, optional
        Public occupations and their vectors, to link titles to.
    examples : callable, optional
        Returns tagged texts to fine-tune on, encoded when it is asked; None where there are none but those of `validation`.
    """

    concepts: Concepts
    validation: Labelled
    test: Labelled
    probe: Floats
    protocol: str
    are_titles: bool
    digest: str
    occupations: Concepts | None = None
    examples: Callable[[], Labelled] | None = None


def build(context: TrainingContext) -> Dataset:
    """Return the dataset of the records.

    Raises
    ------
    RefusedError
        If there are no skills: nothing can be recognised.
    """
    taxonomy = from_records(context.records)
    if not taxonomy.size:
        raise RefusedError(
            "The records hold no skills to recognise in texts.",
            hint="Import a taxonomy: skillpath import esco …",
        )
    pairs = list(labelled_texts(context.records, taxonomy.places()))
    pairs.sort(key=lambda pair: hashlib.sha256(pair[0].encode("utf-8", "surrogatepass")).digest())
    ours = [pair for pair in pairs if fold_of(pair[0], 5) < 2]
    validation, examples = (
        ours[:MOST_VALIDATION],
        ours[MOST_VALIDATION : MOST_VALIDATION + MOST_EXAMPLES],
    )
    test = [pair for pair in pairs if fold_of(pair[0], 5) >= 2][:MOST_TEST]
    built = dataset_of(
        concepts_of(taxonomy, context.encode, words_of),
        label(validation, context.encode, LENGTHS, most_words=MOST_WORDS),
        label(test, context.encode, LENGTHS, most_words=MOST_WORDS),
        context.encode,
        RECORDS_PROTOCOL,
    )
    return replace(
        built,
        occupations=public_occupations(context),
        examples=lambda: label(examples, context.encode, (), most_words=MOST_WORDS),
    )


def public_occupations(context: TrainingContext) -> Concepts | None:
    """Return the occupations of the public taxonomies, None where none was imported."""
    jobs = context.records["jobs"].filter(pl.col("taxonomy").fill_null("organisation") != "organisation")
    if jobs.is_empty() or "job_aliases" not in context.records:
        return None
    tables = {"jobs": jobs, "job_aliases": context.records["job_aliases"]}
    return concepts_of(from_records(tables, "occupation"), context.encode, pairs_of)


def dataset_of(
    concepts: Concepts,
    validation: Labelled,
    test: Labelled,
    encode: Encode,
    protocol: str,
    are_titles: bool = False,
) -> Dataset:
    """Return a dataset of labelled texts."""
    total = hashlib.sha256(concepts.taxonomy.digest.encode())
    for data in (validation, test):
        for text, relevant in zip(data.texts, data.relevant, strict=True):
            total.update(f"{text}\0{sorted(relevant)}\n".encode("utf-8", "surrogatepass"))
    probe = np.asarray(encode([PROBE]), dtype=np.float32)[0]
    return Dataset(concepts, validation, test, probe, protocol, are_titles, total.hexdigest())


def labelled_texts(
    records: Mapping[str, pl.DataFrame], places: Mapping[str, int]
) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield the texts of courses and of the organisation's jobs with the skills that people gave them."""
    courses = records["courses"].select("course_id", "title", "description")
    taught = skills_by(records["course_skills"], "course_id")
    for course_id, title, description in courses.iter_rows():
        yield course_text(title, description), numbers(taught.get(course_id, ()), places)
    jobs = records["jobs"].filter(pl.col("taxonomy").fill_null("organisation") == "organisation")
    asked = skills_by(records["job_skills"], "job_id")
    for job_id, title, description in jobs.select("job_id", "title", "description").iter_rows():
        if description:
            yield job_text(title, description), numbers(asked.get(job_id, ()), places)


def skills_by(frame: pl.DataFrame, key: str) -> dict[str, Sequence[str]]:
    """Return the skills of each course or job that a person or a catalogue gave it."""
    believed = frame.filter(pl.col("source").fill_null("given").is_in(BELIEVED))
    return dict(believed.group_by(key, maintain_order=True).agg("skill_id").iter_rows())


def numbers(skill_ids: Sequence[str], places: Mapping[str, int]) -> frozenset[int]:
    """Return the concept numbers of skills; those outside the taxonomy are left out."""
    return frozenset(places[skill_id] for skill_id in skill_ids if skill_id in places)
