"""Fitting the recommendation model: chosen on validation, fitted on everything before the test block."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from features.recommendation.behaviour import FEATURE_SCHEMA
from training.limits import within
from training.payload import Payload, json_bytes, npz_bytes
from training.recommendation.autoencoder import Autoencoder, AutoencoderSettings, fitted_autoencoder
from training.recommendation.blend import choose_blend, sampled
from training.recommendation.choosing import Chosen, choose, ease_of, weighted
from training.recommendation.content import Content
from training.recommendation.dataset import Dataset, Known, Origin
from training.recommendation.estimators import (
    cohort_popularity,
    content_weights,
    keep_largest,
    popularity,
)
from training.recommendation.factors import item_factors
from training.recommendation.factors import model_facts as factor_facts
from training.recommendation.lately import lately
from training.recommendation.new_courses import with_content, with_expected_popularity
from training.recommendation.newcomers import choose_newcomers
from training.recommendation.scorer import Scorer

Floats = NDArray[np.floating]
Matrix = Any  # a scipy.sparse.csr_matrix of shape (n_people, n_courses)

DENSE_COURSES = 4_096  # up to here all item–item weights are kept
LEAST_STARTERS = 5
CODED_PEOPLE = 500  # of whom an autoencoder learns, at least
MOST_CELLS = 40_000_000  # people × courses on which the blend is chosen


@dataclass(frozen=True)
class Parameters:
    """What can be set; 0 means: chosen on the validation block.

    Parameters
    ----------
    ridge, person_power : float
        Of EASE; `ridge` 0 chooses both.
    content_strength : float
        So many enrolments make a course's own weights count as much as its content.
    keep_per_course : int
        Item–item weights kept per course in catalogues of more than `DENSE_COURSES`.
    validation_people : int
        Most people used for choosing.
    """

    ridge: float = field(default=0.0, metadata=within(0))
    person_power: float = field(default=0.0, metadata=within(0, 1))
    content_strength: float = field(default=5.0, metadata=within(0))
    keep_per_course: int = field(default=512, metadata=within(1))
    validation_people: int = field(default=8_000, metadata=within(1))


def fit(dataset: Dataset, parameters: Parameters, rng: np.random.Generator) -> Payload:
    """Return the model's payload.

    Parameters
    ----------
    dataset : Dataset
        Its test block is not looked at.
    parameters : Parameters
        Overrides.
    rng : numpy.random.Generator
        Samples people of the validation block where there are very many.
    """
    block = sampled(dataset.validation, parameters.validation_people, rng)
    chosen, weights = (
        (Chosen(parameters.person_power, parameters.ridge), None)
        if parameters.ridge > 0
        else choose(dataset, block, rng)
    )
    begun = [Begun(coder_of(origin.known.history, chosen, rng)) for origin in dataset.origins]
    known = [replace(begun[0], weights=weights), *begun[1:]]
    trials = [
        (origin_scorer(dataset, origin, chosen, parameters, rng, one), origin.block)
        for origin, one in zip(dataset.origins, known, strict=True)
    ]
    most = max(200, MOST_CELLS // (max(len(dataset.course_ids), 1) * len(trials)))
    blend, figures = choose_blend([(scorer, sampled(people, most, rng)) for scorer, people in trials])
    newcomers, more = choose_newcomers(
        dataset,
        lambda origin: origin_scorer(dataset, origin, chosen, parameters, rng, begun[0]),
        blend["warm"],
        rng,
    )
    if newcomers:
        blend, figures = {**blend, "newcomers": newcomers}, figures | more
    is_coded = any(one.get("autoencoder") for one in blend.values())
    coder = coder_of(dataset.known, chosen, rng, begun[0].coder) if is_coded else None
    went_on = Begun(coder, tuple(trials[0][0].starts))
    arrays = model_arrays(dataset, dataset.now, chosen, parameters, rng, went_on)
    model = model_facts(dataset, dataset.now, blend, chosen)
    model["chosen"] = {**chosen.facts(), "validation_ndcg_at_10": {**chosen.tried, **figures}}
    return payload(model, stored(arrays))


@dataclass(frozen=True)
class Begun:
    """What is not fitted anew: an autoencoder of what is known, item factors to go on from, and item–item weights."""

    coder: Autoencoder | None = None
    factors: tuple[Floats, ...] = ()
    weights: Floats | None = None


def coder_of(
    history: Matrix, chosen: Chosen, rng: np.random.Generator, start: Autoencoder | None = None
) -> Autoencoder | None:
    """Return an autoencoder of histories; None where the people of whom it could learn are few."""
    people = np.count_nonzero(np.diff(history.indptr) > 1)
    if people < CODED_PEOPLE:
        return None
    settings = AutoencoderSettings.of_people(history.shape[0])
    return fitted_autoencoder(weighted(history, chosen.weight_power), settings, rng, start)


def origin_scorer(
    dataset: Dataset,
    origin: Origin,
    chosen: Chosen,
    parameters: Parameters,
    rng: np.random.Generator,
    begun: Begun,
) -> Scorer:
    """Return the model as it would have been at a moment, its blend not chosen yet."""
    facts = model_facts(dataset, origin.known, {"warm": {}, "new": {}}, chosen)
    return Scorer(facts, model_arrays(dataset, origin.known, chosen, parameters, rng, begun))


def model_arrays(
    dataset: Dataset,
    known: Known,
    chosen: Chosen,
    parameters: Parameters,
    rng: np.random.Generator,
    begun: Begun,
) -> dict[str, Any]:
    """Return the arrays of a model fitted to what is known."""
    history = weighted(known.history, chosen.weight_power)
    weights = ease_of(known.history, chosen) if begun.weights is None else begun.weights
    alike = similarities(dataset.content, len(dataset.course_ids))
    weights = content_weights(weights, alike, popularity(history), parameters.content_strength)
    arrays: dict[str, Any] = {}
    if weights.shape[0] > DENSE_COURSES:
        arrays |= compressed_arrays("weights", keep_largest(weights, parameters.keep_per_course))
    else:
        arrays["weights"] = weights
    if chosen.factors is not None:
        starts = item_factors(history, chosen.factors, rng, begun.factors)
        if alike.shape[0]:
            support, strength = popularity(history), parameters.content_strength
            starts = [with_content(one, alike.sum(axis=0), support, strength, rng) for one in starts]
        arrays |= {f"factors_{place}": one for place, one in enumerate(starts)}
    if begun.coder is not None:
        arrays |= coded_arrays(begun.coder, alike, popularity(history), parameters.content_strength, rng)
    if chosen.window_days > 0 and known.ages is not None:
        arrays["lately"] = lately(known.ages, chosen.window_days)
    cohorts = cohort_popularity(history, dataset.jobs, len(dataset.job_ids))
    support, strength = popularity(history), parameters.content_strength
    likeness = alike.sum(axis=0) if alike.shape[0] else np.empty((0, 0), dtype=np.float32)
    arrays["cohorts"] = with_expected_popularity(cohorts, likeness, support, strength, rng)
    arrays["newcomers"] = (support == 0).astype(np.uint8)
    if dataset.content.vectors is not None:
        arrays["vectors"] = dataset.content.vectors.astype(np.float16)
    if dataset.content.skills is not None:
        arrays |= compressed_arrays("skills", dataset.content.skills)
    return arrays


def coded_arrays(
    coder: Autoencoder, alike: Floats, support: Floats, strength: float, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return the arrays of an autoencoder in which rarely taken courses lean on what they are about."""
    known = support > strength
    if not alike.shape[0] or not known.any():
        return coder.arrays()
    likeness, usual = alike.sum(axis=0), coder.level[known].mean()
    own = np.column_stack([coder.outwards, coder.level - usual])
    led = with_content(own, likeness, support, strength, rng)
    inwards = with_content(coder.inwards, likeness, support, strength, rng)
    return Autoencoder(inwards, led[:, :-1], led[:, -1] + usual).arrays()


def similarities(content: Content, n: int) -> Floats:
    """Return how alike each two courses are, by text and by skills, (n_features, n, n) float32."""
    found = []
    if content.vectors is not None:
        found.append(np.asarray(content.vectors @ content.vectors.T, dtype=np.float32))
    if content.skills is not None:
        found.append(np.asarray((content.skills @ content.skills.T).todense(), dtype=np.float32))
    return np.stack(found) if found else np.empty((0, n, n), dtype=np.float32)


def compressed_arrays(name: str, matrix: Any) -> dict[str, Any]:
    """Return a matrix as the arrays of its compressed rows."""
    rows = sp.csr_matrix(matrix)
    rows.sort_indices()
    return {
        f"{name}_data": rows.data.astype(np.float32),
        f"{name}_indices": rows.indices.astype(np.int32),
        f"{name}_indptr": rows.indptr.astype(np.int64),
        f"{name}_columns": np.array(rows.shape[1], dtype=np.int64),
    }


def stored(arrays: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return arrays as they are written."""
    return {name: np.asarray(value) for name, value in arrays.items()}


def model_facts(
    dataset: Dataset, known: Known, blend: dict[str, dict[str, float]], chosen: Chosen
) -> dict[str, Any]:
    """Return the plain facts of a model."""
    return {
        "course_ids": list(dataset.course_ids),
        "job_ids": list(dataset.job_ids),
        "blend": blend,
        "weight_power": chosen.weight_power,
        "factors": {} if chosen.factors is None else factor_facts(known.history, chosen.factors),
        "completion": completion_shares(dataset),
    }


def completion_shares(dataset: Dataset) -> dict[str, float]:
    """Return the share of those who began each course and completed it, shrunk towards the catalogue's.

    A beta-binomial estimate: each course is given as many starters of the average course as `LEAST_STARTERS`;
    courses with fewer starters of their own are left out.
    """
    began = sum(starters for starters, _ in dataset.completion.values())
    if not began:
        return {}
    average = sum(done for _, done in dataset.completion.values()) / began
    return {
        course: round((done + LEAST_STARTERS * average) / (starters + LEAST_STARTERS), 4)
        for course, (starters, done) in sorted(dataset.completion.items())
        if starters >= LEAST_STARTERS
    }


def payload(model: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Payload:
    """Return the payload, with golden histories that belong to nobody."""
    n = len(model["course_ids"])
    golden = golden_inputs(n, len(model["job_ids"]))
    taken = [model["course_ids"][place] for place in golden["items"][: int(golden["indptr"][1])]]
    example = {
        "course_ids": np.array([jsoned(taken), "[]"]),
        "job_id": np.array([model["job_ids"][0] if model["job_ids"] else "", ""]),
    }
    return Payload(
        question="recommendation",
        files={"model.json": json_bytes(model), "arrays.npz": npz_bytes(arrays)},
        golden_inputs=golden,
        feature_schema=FEATURE_SCHEMA,
        input_example=example,
    )


def jsoned(values: list[str]) -> str:
    """Return a list as JSON text."""
    return json_bytes(values).decode()


def golden_inputs(n_courses: int, n_jobs: int) -> dict[str, NDArray[Any]]:
    """Return synthetic histories: a few courses, one course, none; with and without a job."""
    first = sorted({place * max(n_courses // 5, 1) % n_courses for place in range(5)})
    items = np.array([*first, n_courses - 1], dtype=np.int64)
    shares = np.linspace(0.0, 1.0, 3 * n_courses).reshape(3, n_courses)
    return {
        "indptr": np.array([0, len(first), len(items), len(items)], dtype=np.int64),
        "items": items,
        "weights": np.linspace(0.5, 1.0, len(items)),
        "jobs": np.array([n_jobs - 1, -1, 0 if n_jobs else -1], dtype=np.int64),
        "gap_shares": shares,
    }
