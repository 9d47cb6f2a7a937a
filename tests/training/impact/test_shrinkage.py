"""Many courses together: by hand, planted, and left alone where there are few."""

from __future__ import annotations

import numpy as np
import pytest

from training.impact.doubts.shrinkage import shrunk


def test_few_courses_are_left_as_they_are() -> None:
    assert shrunk(np.arange(4.0), np.ones(4)) is None


def test_estimates_that_differ_no_more_than_their_errors_become_one() -> None:
    found = shrunk(np.array([1.0, 2.0, 3.0, 2.0, 2.0]), np.full(5, 5.0))
    assert found is not None
    assert found.spread == 0.0
    assert found.value == pytest.approx(np.full(5, 2.0))


def test_weights_are_as_computed_by_hand() -> None:
    # errors 1: Q = Σ(x − 0)² = 40 over (−4, −2, 0, 2, 4); between = (40 − 4) / (5 − 1) = 9; w = 9 / 10
    found = shrunk(np.array([-4.0, -2.0, 0.0, 2.0, 4.0]), np.ones(5))
    assert found is not None
    assert found.spread == pytest.approx(3.0)
    assert found.value == pytest.approx([-3.6, -1.8, 0.0, 1.8, 3.6])


def test_planted_effects_are_nearer_together_than_alone_and_covered() -> None:
    rng = np.random.default_rng(7)
    truth = rng.normal(1.0, 0.5, 400)
    error = rng.uniform(0.3, 0.8, 400)
    seen = truth + error * rng.normal(size=400)
    found = shrunk(seen, error)
    assert found is not None
    assert np.mean((found.value - truth) ** 2) < 0.7 * np.mean((seen - truth) ** 2)
    assert 0.91 < np.mean((found.low < truth) & (truth < found.high)) < 0.98
    assert found.mean == pytest.approx(1.0, abs=0.12)
