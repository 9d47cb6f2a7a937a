"""Item–item models: by hand, on a planted checkerboard, and refused where they cannot be solved."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from training.recommendation.estimators import (
    cohort_popularity,
    content_weights,
    ease,
    item_knn,
    keep_largest,
    popularity,
    weighted_gram,
)


def checkers(people: int = 40, courses: int = 12, share: float = 0.7) -> sp.csr_matrix:
    """Return a history in which even people take even courses and odd people odd ones."""
    rng = np.random.default_rng(7)
    rows, columns = np.indices((people, courses))
    return sp.csr_matrix(((rows + columns) % 2 == 0) * (rng.random((people, courses)) < share) * 1.0)


def test_a_ridge_of_nothing_on_a_singular_history_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        ease(sp.csr_matrix(np.array([[1.0, 1.0]])), 0.0)


def test_ease_of_two_courses_is_the_ridge_regression_of_one_on_the_other() -> None:
    # Both taken by the same two people: G = [[2, 2], [2, 2]]; weight = 2 / (2 + ridge) = 2 / 3.
    weights = ease(sp.csr_matrix(np.ones((2, 2))), 1.0)
    assert weights == pytest.approx(np.array([[0.0, 2 / 3], [2 / 3, 0.0]]))


def test_ease_finds_the_checkerboard() -> None:
    history = checkers()
    scores = history @ ease(history, 10.0)
    scores = np.where(history.toarray() > 0, -np.inf, scores)
    rows, columns = np.indices(scores.shape)
    own, other = (rows + columns) % 2 == 0, (rows + columns) % 2 == 1
    worst_own = np.where(own & np.isfinite(scores), scores, np.inf).min(axis=1)
    assert (worst_own > np.where(other, scores, -np.inf).max(axis=1)).all()


def test_weighting_people_alike_is_ease_as_published_where_all_took_as_much() -> None:
    history = sp.csr_matrix(np.kron(np.eye(4), np.ones((1, 3))))
    assert ease(history, 3.0, 1.0) == pytest.approx(ease(history, 9.0, 0.0), abs=1e-6)  # W = I / 3


def test_cosine_neighbours_by_hand() -> None:
    history = sp.csr_matrix(np.array([[1.0, 1.0], [1.0, 0.0]]))
    assert item_knn(history)[0, 1] == pytest.approx(1 / np.sqrt(2))  # 1 common of lengths √2 and 1
    assert item_knn(history)[0, 0] == 0.0


def test_only_the_largest_weights_of_a_column_are_kept() -> None:
    assert keep_largest(np.array([[3.0], [-5.0], [1.0]]), 2).ravel().tolist() == [3.0, -5.0, 0.0]


def test_a_cohort_without_enrolments_has_everybodys_popularity() -> None:
    history = sp.csr_matrix(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    found = cohort_popularity(history, np.array([0, 0, -1]), 2)
    assert popularity(history).tolist() == [2.0, 1.0]
    assert found[1] == pytest.approx(found[-1])
    assert found[0, 0] > found[-1, 0]


def test_a_course_that_nobody_took_gets_the_weights_of_courses_like_it() -> None:
    history = checkers()
    cold = sp.hstack([history, sp.csr_matrix((history.shape[0], 1))], "csr")  # course 12: even by its content
    kind = np.arange(13) % 2
    similarity = (kind[:, None] == kind[None, :]).astype(float)[None]
    weights = content_weights(ease(cold, 1.0), similarity, popularity(cold), 5.0)
    scores = (cold @ weights)[:, 12]
    assert scores[0::2].min() > scores[1::2].max()
    assert weights[12, 12] == 0.0


def test_without_content_the_weights_stay_as_they_are() -> None:
    weights = ease(checkers(), 1.0)
    assert content_weights(weights, np.empty((0, 12, 12)), popularity(checkers()), 5.0) is weights


def test_weights_from_a_known_gram_matrix_are_the_same_and_leave_it_as_it_is() -> None:
    history = sp.random(80, 12, 0.3, "csr", random_state=7)
    gram = weighted_gram(history, 0.5)
    before = gram.copy()
    assert ease(history, 10.0, 0.5, gram=gram) == pytest.approx(ease(history, 10.0, 0.5), abs=0)
    assert (gram == before).all()
