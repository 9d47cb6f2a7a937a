"""The latest days of courses, by hand and where there are none."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from training.recommendation.lately import lately, windows_within


def test_a_course_that_came_up_lately_is_trending_and_new() -> None:
    old = np.array([[300.0], [200.0], [100.0], [90.0]])
    new = np.array([[5.0], [4.0], [0.0], [0.0]])
    never = np.zeros((4, 1))
    popular, trend, newness = lately(sp.csr_matrix(np.hstack([old, new, never])), 30.0)
    assert popular[1] > popular[0]
    assert trend[1] > trend[0]
    assert newness[1] > newness[0]
    assert popular[2] == trend[2] == newness[2] == 0.0  # nobody took it: an average course


def test_windows_are_at_most_half_of_what_the_data_span() -> None:
    assert windows_within(sp.csr_matrix(np.array([[70.0, 1.0]]))) == (7.0, 14.0, 30.0)
    assert windows_within(sp.csr_matrix((1, 2))) == ()


def test_nothing_known_is_nothing_lately() -> None:
    assert not lately(sp.csr_matrix((3, 4)), 30.0).any()
