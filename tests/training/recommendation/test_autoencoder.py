"""The autoencoder: what is hidden, what it finds on a planted checkerboard, and its scores by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from training.recommendation.autoencoder import (
    Autoencoder,
    AutoencoderSettings,
    batches,
    fitted_autoencoder,
    hide,
)
from training.recommendation.fit import CODED_PEOPLE, Parameters, coded_arrays, fit
from training.recommendation.scorer import Scorer
from training.recommendation.splits import Table, dataset_of

from .conftest import checkerboard

SMALL = AutoencoderSettings(width=8, least_steps=150, rate=0.02)


def checkers(people: int = 80, courses: int = 16) -> sp.csr_matrix:
    """Return a history in which even people take even courses and odd people odd ones."""
    rng = np.random.default_rng(7)
    rows, columns = np.indices((people, courses))
    return sp.csr_matrix(((rows + columns) % 2 == 0) * (rng.random((people, courses)) < 0.6) * 1.0)


def scorer_of(coder: Autoencoder) -> Scorer:
    """Return a scorer that ranks by an autoencoder alone."""
    n = coder.level.size
    model = {
        "course_ids": [str(one) for one in range(n)],
        "job_ids": [],
        "blend": {"warm": {"autoencoder": 1.0}, "new": {"autoencoder": 1.0}},
    }
    return Scorer(model, {"weights": np.zeros((n, n)), "cohorts": np.zeros((1, n))} | coder.arrays())


def test_what_is_shown_and_what_is_sought_are_the_history_and_share_nothing() -> None:
    history = sp.csr_matrix(checkers(), dtype=np.float32)
    hidden = hide(history, 0.5, np.random.default_rng(7))
    assert ((hidden.shown != 0) + (hidden.sought != 0) != (history != 0)).nnz == 0
    assert hidden.shown.multiply(hidden.sought).nnz == 0
    counts, sought = np.diff(history.indptr), np.diff(hidden.sought.indptr)
    assert (sought >= 1).all()
    assert (sought <= np.maximum(counts // 2, 1)).all()
    assert np.asarray(hidden.sought.sum(axis=1)).ravel() == pytest.approx(1.0)  # everybody counts alike


def test_everybody_is_seen_as_often_as_anybody_else() -> None:
    seen = np.concatenate(list(batches(np.arange(10), 4, 5, np.random.default_rng(7))))
    assert np.bincount(seen).tolist() == [2] * 10
    assert list(batches(np.arange(0), 4, 5, np.random.default_rng(7))) == []


def test_it_finds_the_checkerboard_and_the_same_seed_finds_the_same() -> None:
    history = checkers()
    found, again = (fitted_autoencoder(history, SMALL, np.random.default_rng(7)) for _ in range(2))
    assert found.outwards == pytest.approx(again.outwards)
    scores = scorer_of(found).scores(history.indptr, history.indices, history.data, np.full(80, -1))
    rows, columns = np.indices(scores.shape)
    is_own = (rows + columns) % 2 == 0
    own, other = np.where(is_own, scores, np.inf).min(axis=1), np.where(is_own, -np.inf, scores).max(axis=1)
    assert (own > other).mean() >= 0.95


def test_a_fit_that_starts_from_another_moves_on_from_it() -> None:
    history = checkers()
    first = fitted_autoencoder(history, SMALL, np.random.default_rng(7))
    still = fitted_autoencoder(history, replace(SMALL, rate=1e-12), np.random.default_rng(8), first)
    assert still.inwards == pytest.approx(first.inwards, abs=1e-6)
    further = fitted_autoencoder(history, SMALL, np.random.default_rng(8), first)
    assert np.abs(further.inwards - first.inwards).max() > 0.01


def test_the_scorer_computes_it_by_hand() -> None:
    inwards: NDArray[np.float32] = np.array([[3.0], [0.0], [4.0]], np.float32)
    outwards: NDArray[np.float32] = np.array([[1.0], [2.0], [-1.0]], np.float32)
    level: NDArray[np.float32] = np.array([0.5, 0.0, -0.5], np.float32)
    scorer = scorer_of(Autoencoder(inwards, outwards, level))
    history = sp.csr_matrix(np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    code = np.tanh(7.0 / np.sqrt(2.0))
    by_hand = np.array([[code + 0.5, 2 * code, -code - 0.5], [0.5, 0.0, -0.5]])
    assert scorer.by_autoencoder(history) == pytest.approx(by_hand)


def test_a_course_that_nobody_took_gets_what_courses_like_it_have() -> None:
    rng = np.random.default_rng(7)
    kind = np.arange(24) % 2
    alike = (kind[:, None] == kind[None, :]) * 0.5 + np.eye(24) * 0.5
    side = np.where(kind == 0, 1.0, -1.0)[:, None].astype(np.float32)
    level = np.full(24, -4.0, np.float32)
    level[0] = -9.0
    coder = Autoencoder(side * 2, side, level)
    coder.outwards[0] = 0.0
    support = np.full(24, 50.0)
    support[0] = 0.0
    found = coded_arrays(coder, alike[None], support, 5.0, rng)
    assert found["coded_out"][0, 0] > 0.5
    assert found["coded_level"][0] == pytest.approx(-4.0, abs=0.2)
    assert found["coded_out"][1:, 0] == pytest.approx(side[1:, 0], abs=0.2)


@pytest.mark.parametrize("people", [CODED_PEOPLE // 2, CODED_PEOPLE + 100])
def test_an_organisation_of_few_people_has_none(people: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AutoencoderSettings, "of_people", lambda _: replace(SMALL, least_steps=40))
    pairs = checkerboard(people, 20, np.random.default_rng(7), 0.8)
    courses = tuple(sorted(set(pairs["item"])))
    dataset = dataset_of(Table(pairs, courses, "digest"), "leave-one", 7)
    made = fit(dataset, Parameters(ridge=10.0), np.random.default_rng(7))
    tried = json.loads(made.files["model.json"])["chosen"]["validation_ndcg_at_10"]
    assert ("warm: autoencoder alone" in tried) == (people > CODED_PEOPLE)


def test_one_thread_and_two_give_the_same_bytes() -> None:
    import torch

    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            coder = fitted_autoencoder(checkers(2_000, 200), SMALL, np.random.default_rng(7))
            found.append([one.tobytes() for one in coder.arrays().values()])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
