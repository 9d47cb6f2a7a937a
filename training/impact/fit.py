"""Fit the impact model: an estimate for every course and outcome, and what is expected without a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.impact.months import FEATURE_SCHEMA, HORIZON_DAYS
from training.impact.dataset import Dataset
from training.impact.estimators.crossfit import Pipeline, full_pipeline, screening_pipeline
from training.impact.expected import expected_arrays
from training.impact.programmes import programme_records
from training.impact.screening import Answer, records, screen
from training.impact.telling import levels
from training.impact.telling.topics import topics
from training.limits import among, within
from training.payload import Payload, json_bytes, npz_bytes


@dataclass(frozen=True)
class Parameters:
    """What may be set when fitting; the defaults are what ships.

    Parameters
    ----------
    pipeline : str
        ``screening`` (quick, verdicts end at *suggestive*) or ``full`` (minutes per course).
    full_courses : tuple of str
        Courses that are examined in full whatever `pipeline` says.
    trees : int
        Trees of each forest (full).
    seeds : int
        So many seeds, from 0 on (full).
    """

    pipeline: str = field(default="screening", metadata=among(("screening", "full")))
    full_courses: tuple[str, ...] = ()
    trees: int = field(default=500, metadata=within(1))
    seeds: int = field(default=5, metadata=within(1))


def fit(dataset: Dataset, parameters: Parameters, rng: np.random.Generator) -> Payload:
    """Return the payload of the impact model.

    Parameters
    ----------
    dataset : Dataset
        Everybody in every month that can be followed. Estimates use all of it, every row's nuisances being learnt on others;
        what is expected without a training is learnt before the last block.
    parameters : Parameters
        What may be set.
    rng : numpy.random.Generator
        Draws the moments at which people are compared.
    """
    seed = int(rng.integers(1, 2**31 - 1))
    courses = records(dataset, estimates(dataset, parameters, seed))
    body = {
        "course_ids": list(dataset.course_ids),
        "outcomes": list(dataset.outcome_names),
        "units": list(dataset.units),
        "features": list(dataset.names),
        "horizon_days": HORIZON_DAYS,
        "as_of": dataset.as_of.isoformat(),
        "seed": seed,
        "estimates": courses,
        "programmes": programme_records(*dataset.source, courses) if dataset.source else [],
        "levels": levels.by_course(dataset.source[1]) if dataset.source else {},
        "topics": topics(dataset.source[1]) if dataset.source else None,
    }
    arrays = expected_arrays(dataset)
    return Payload(
        question="impact",
        files={"estimates.json": json_bytes(plain(body)), "expected.npz": npz_bytes(arrays)},
        golden_inputs=golden_inputs(dataset),
        feature_schema=FEATURE_SCHEMA,
        input_example=input_example(dataset),
    )


def estimates(dataset: Dataset, parameters: Parameters, seed: int) -> list[Answer]:
    """Return the answers of every course and outcome, in order."""
    chosen = set(parameters.full_courses)
    if parameters.pipeline == "full":
        chosen = set(dataset.course_ids)
    full = [place for place, name in enumerate(dataset.course_ids) if name in chosen]
    rest = [place for place, name in enumerate(dataset.course_ids) if name not in chosen]
    found = screen(dataset, rest, screening_pipeline(), seed, dataset.threads)
    found += screen(dataset, full, full_of(dataset, parameters), seed)
    return sorted(found, key=lambda answer: (answer.course, answer.outcome))


def full_of(dataset: Dataset, parameters: Parameters) -> Pipeline:
    """Return the full pipeline as the parameters have it."""
    return full_pipeline(dataset.threads, parameters.trees, tuple(range(parameters.seeds)))


def golden_inputs(dataset: Dataset) -> dict[str, Any]:
    """Return indices of the first courses, each with every outcome; about nobody."""
    courses, outcomes = np.meshgrid(
        np.arange(min(len(dataset.course_ids), 50)), np.arange(len(dataset.outcome_names)), indexing="ij"
    )
    return {
        "course_index": courses.ravel().astype(np.int64),
        "outcome_index": outcomes.ravel().astype(np.int64),
    }


def input_example(dataset: Dataset) -> dict[str, Any]:
    """Return the data frame that `model.py` takes: names of courses and outcomes."""
    count = min(len(dataset.course_ids), 3)
    return {
        "course_id": np.array(list(dataset.course_ids[:count])),
        "outcome": np.array([dataset.outcome_names[0]] * count),
    }


def plain(value: Any) -> Any:
    """Return a value that JSON can say; numbers that are none become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
