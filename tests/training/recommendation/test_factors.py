"""Factors: by hand, on a planted checkerboard, and placed by the scorer as they were fitted."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from training.recommendation.factors import FactorSettings, item_factors, model_facts
from training.recommendation.scorer import Scorer, regularised, solved_factors


def checkers(people: int = 60, courses: int = 16) -> sp.csr_matrix:
    """Return a history in which even people take even courses and odd people odd ones."""
    rng = np.random.default_rng(7)
    rows, columns = np.indices((people, courses))
    return sp.csr_matrix(((rows + columns) % 2 == 0) * (rng.random((people, courses)) < 0.6) * 1.0)


def test_one_factor_of_one_course_is_a_ridge_regression_by_hand() -> None:
    # y = 2, seen once: (unobserved y² + y² + ridge) x = y, (0.5·4 + 4 + 2) x = 2.
    found = solved_factors(np.array([0, 1]), np.array([0]), np.array([[2.0]]), 0.5, np.array([2.0]))
    assert found == pytest.approx(np.array([[0.25]]))


def test_a_person_without_history_is_nowhere_among_the_factors() -> None:
    found = solved_factors(np.array([0, 0]), np.array([], dtype=int), np.ones((3, 2)), 0.1, np.ones(1))
    assert found.tolist() == [[0.0, 0.0]]


def test_long_and_short_histories_are_solved_alike() -> None:
    rng = np.random.default_rng(7)
    factors = rng.normal(size=(200, 4))
    long, short = np.arange(120), np.arange(5)
    together = solved_factors(
        np.array([0, 120, 125]), np.concatenate([long, short]), factors, 0.1, np.array([1.0, 2.0])
    )
    for row, items in enumerate((long, short)):
        own = factors[items]
        left = 0.1 * factors.T @ factors + own.T @ own + (row + 1.0) * np.eye(4)
        assert together[row] == pytest.approx(np.linalg.solve(left, own.sum(axis=0)))


def test_factors_find_the_checkerboard() -> None:
    history = checkers()
    settings = FactorSettings(dimensions=2, unobserved=0.1, ridge=0.01, starts=2)
    starts = item_factors(history, settings, np.random.default_rng(7))
    model = {
        "course_ids": [str(one) for one in range(16)],
        "job_ids": [],
        "blend": {"warm": {"factors": 1.0}, "new": {}},
        "factors": model_facts(history, settings),
    }
    arrays = {"weights": np.zeros((16, 16)), "cohorts": np.zeros((1, 16))}
    scorer = Scorer(model, arrays | {f"factors_{place}": one for place, one in enumerate(starts)})
    scores = scorer.scores(history.indptr, history.indices, history.data, np.full(60, -1))
    rows, columns = np.indices(scores.shape)
    own = np.where((rows + columns) % 2 == 0, scores, np.inf).min(axis=1)
    other = np.where((rows + columns) % 2 == 1, scores, -np.inf).max(axis=1)
    assert (own > other).mean() >= 0.9  # a course or two say little of a person


def test_the_penalty_is_the_same_for_twice_the_catalogue_and_twice_the_people() -> None:
    # Relative: what an average row brings is penalised ridge × what it brings, however much that is.
    for unseen in (10.0, 20.0):
        facts = {"ridge": 0.1, "unseen": unseen, "average": unseen + 5.0}
        assert regularised(np.array([5]), facts) / (unseen + 5.0) == pytest.approx([0.1])


def test_factors_go_on_from_others_without_a_lot_drawn() -> None:
    history = checkers()
    settings = FactorSettings(dimensions=2, unobserved=0.1, ridge=0.01, starts=2, rounds=6)
    first = item_factors(history, settings, np.random.default_rng(7))
    lots = np.random.default_rng(8)
    further = item_factors(history, settings, lots, first)
    assert lots.random() == np.random.default_rng(8).random()  # nothing was drawn
    longer = item_factors(history, FactorSettings(2, 0.1, 0.01, 9, 2), np.random.default_rng(7))
    for one, other in zip(further, longer, strict=True):
        assert one == pytest.approx(other, abs=1e-6)  # six rounds and three are nine
