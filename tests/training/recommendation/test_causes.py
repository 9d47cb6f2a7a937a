"""What a score rests on: without the course that is named, the course recommended falls, whatever part ranked it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from training.recommendation.autoencoder import AutoencoderSettings, fitted_autoencoder
from training.recommendation.estimators import ease
from training.recommendation.factors import FactorSettings, item_factors, model_facts
from training.recommendation.scorer import Scorer

PEOPLE, COURSES, KINDS = 300, 30, 5
SETTINGS = FactorSettings(dimensions=6, starts=2)


@pytest.fixture(scope="module")
def history() -> Any:
    """Return who took what: people of five kinds take courses of their own kind, and now and then another."""
    rng = np.random.default_rng(7)
    is_own = np.arange(PEOPLE)[:, None] % KINDS == np.arange(COURSES)[None, :] % KINDS
    taken = rng.random((PEOPLE, COURSES)) < np.where(is_own, 0.6, 0.08)
    return sp.csr_matrix(taken * rng.uniform(0.5, 1.0, taken.shape))


@pytest.fixture(scope="module")
def arrays(history: Any) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    starts = item_factors(history, SETTINGS, rng)
    coder = fitted_autoencoder(history, AutoencoderSettings(width=8, least_steps=100, rate=0.02), rng)
    shares = np.log(np.asarray(history.sum(axis=0)) + 1.0)
    named = {f"factors_{place}": one for place, one in enumerate(starts)}
    return {"weights": ease(history, 10.0), "cohorts": shares, **named, **coder.arrays()}


def scorer_of(history: Any, arrays: dict[str, Any], **blend: float) -> Scorer:
    model = {
        "course_ids": [str(place) for place in range(COURSES)],
        "job_ids": [],
        "blend": {"warm": blend, "new": {"popularity": 1.0}},
        "factors": model_facts(history, SETTINGS),
    }
    return Scorer(model, arrays)


def one_by_one(items: NDArray[Any], weights: NDArray[Any]) -> Any:
    """Return the rows of a history in each of which one course is left out."""
    row = sp.csr_matrix((weights, items, [0, items.size]), shape=(1, COURSES)).toarray()
    rows = np.repeat(row, items.size, axis=0)
    rows[np.arange(items.size), items] = 0.0
    return sp.csr_matrix(rows)


@pytest.mark.parametrize("person", [0, 7])
def test_what_each_part_would_lose_is_what_it_loses(
    history: Any, arrays: dict[str, Any], person: int
) -> None:
    scorer = scorer_of(history, arrays, takers=1.0, factors=1.0, autoencoder=1.0)
    row, asked = history[person], np.arange(COURSES)
    without = one_by_one(row.indices, row.data)
    parts = {
        scorer.by_weights: lambda past: np.asarray(past @ arrays["weights"]),
        scorer.by_codes: scorer.by_autoencoder,
    }
    for lost, scored in parts.items():
        raw, shares = lost(row.indices, row.data, asked)
        assert raw == pytest.approx(scored(row)[0])
        assert shares == pytest.approx(scored(row) - scored(without), abs=1e-6)
    raw, shares = scorer.by_places(row.indices, row.data, asked)
    assert raw == pytest.approx(scorer.by_factors(row)[0])
    exact = scorer.by_factors(row) - scorer.by_factors(without)
    assert (
        np.corrcoef(shares.ravel(), exact.ravel())[0, 1] > 0.999
    )  # the penalty of one course fewer is a little smaller


@pytest.mark.parametrize(
    "blend",
    [
        {"takers": 1.0},
        {"factors": 1.0},
        {"autoencoder": 1.0},
        {"takers": 0.5, "factors": 1.0, "autoencoder": 2.0, "popularity": 0.25},
    ],
)
def test_without_the_course_that_a_reason_names_the_course_falls(
    history: Any, arrays: dict[str, Any], blend: dict[str, float]
) -> None:
    scorer, fell, places = scorer_of(history, arrays, **blend), [], []
    for person in range(40):
        row = history[person]
        whole = scorer.parts(row.indptr, row.indices, row.data, np.array([-1]))
        scores = scorer.blended(whole, np.array([False]))[0]
        open_ones = np.setdiff1d(np.argsort(-scores), row.indices, assume_unique=True)
        best = open_ones[:5]
        own = {name: part[0] for name, part in whole.items()}
        _, because = scorer.causes(row.indices, row.data, own, best)
        without = one_by_one(row.indices, row.data)
        rest = scorer.parts(without.indptr, without.indices, without.data, np.full(without.shape[0], -1))
        left = scorer.blended(rest, np.zeros(without.shape[0], dtype=bool))
        for course, cause in zip(best, because, strict=True):
            if cause >= 0:
                after = left[int(np.flatnonzero(row.indices == cause)[0])]
                fell.append(after[course] < scores[course])
                places.append(
                    (after[open_ones] > after[course]).sum() >= (scores[open_ones] > scores[course]).sum()
                )
    assert len(fell) > 150
    assert np.mean(fell) >= 0.96
    assert np.mean(places) >= 0.9
