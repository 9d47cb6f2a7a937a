"""Somebody's recommender that adds up weights between courses (EASE, SLIM, neighbours) into a bundle like ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import BadInputError
from training.payload import Payload
from training.recommendation.dataset import Dataset
from training.recommendation.estimators import cohort_popularity
from training.recommendation.fit import (
    DENSE_COURSES,
    completion_shares,
    compressed_arrays,
    payload,
    stored,
)

FILE_NAME = "item_weights.npz"
BLEND = {"warm": {"takers": 1.0}, "new": {"popularity": 1.0}}


@dataclass(frozen=True)
class ItemWeights:
    """A recommender whose score of a course is the sum of its weights for the courses that a person took.

    Parameters
    ----------
    course_ids : sequence of str
        Of the records; a course that is not among them speaks for none, and none for it.
    weights : (n_courses, n_courses) float
        Row: a course taken; column: the course scored; both in the order of `course_ids`. Of a factor model with item
        factors ``V`` and a person who is the sum of what they took it is ``V @ V.T``.
    """

    course_ids: Sequence[str]
    weights: NDArray[np.floating]


def recommender_bundle(dataset: Dataset, model: ItemWeights) -> Payload:
    """Return the payload of a recommender: its own ranking for who has a history, what is popular in the job for who has none.

    Parameters
    ----------
    dataset : Dataset
        Of recommendation: its courses and jobs, and how often each course was taken before the last block.
    model : ItemWeights
        Whether a course was taken counts, not how much of it.

    Raises
    ------
    BadInputError
        If it names what is no course of the records, or one twice, or its weights are no square of finite numbers.
    """
    n = len(dataset.course_ids)
    places = checked_places(model, list(dataset.course_ids))
    weights = np.zeros((n, n), dtype=np.float32)
    weights[np.ix_(places, places)] = model.weights
    arrays: dict[str, Any] = (
        compressed_arrays("weights", weights) if n > DENSE_COURSES else {"weights": weights}
    )
    arrays["cohorts"] = cohort_popularity(dataset.known, dataset.jobs, len(dataset.job_ids))
    facts = {
        "course_ids": list(dataset.course_ids),
        "job_ids": list(dataset.job_ids),
        "blend": BLEND,
        "weight_power": 0.0,
        "factors": {},
        "completion": completion_shares(dataset),
        "chosen": {"shape": "brought"},
    }
    return payload(facts, stored(arrays))


def checked_places(model: ItemWeights, names: list[str]) -> NDArray[np.int64]:
    """Return where a model's courses stand among the records'."""
    ids, n = list(model.course_ids), len(model.course_ids)
    known = {name: place for place, name in enumerate(names)}
    strange = [one for one in ids if one not in known]
    if strange or len(set(ids)) < n:
        twice = sorted({one for one in ids if ids.count(one) > 1}) if not strange else []
        raise BadInputError(
            "The recommender's courses are not those of the records, each once.",
            found=", ".join([*strange, *twice][:5]), allowed=f"course ids such as {', '.join(names[:3])}",
        )  # fmt: skip
    if np.shape(model.weights) != (n, n) or not np.isfinite(model.weights).all():
        raise BadInputError(
            "The weights between courses are no square of finite numbers.",
            found=f"shape {np.shape(model.weights)}", allowed=f"({n}, {n}), one row and one column a course id",
        )  # fmt: skip
    return np.array([known[one] for one in ids], dtype=np.int64)


def read_item_weights(path: Path) -> ItemWeights:
    """Read ``course_ids`` and ``weights`` from a file that ``numpy.savez`` wrote.

    Raises
    ------
    BadInputError
        If it is no such file, holds something else, or holds Python objects, which nobody opens here.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ItemWeights(
                [str(one) for one in arrays["course_ids"]], np.asarray(arrays["weights"], np.float64)
            )
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise BadInputError(
            f"{FILE_NAME} holds no weights between courses.", found=str(error)[:200],
            allowed="numpy.savez(path, course_ids=…, weights=…), texts and numbers, no Python objects",
        ) from error  # fmt: skip
