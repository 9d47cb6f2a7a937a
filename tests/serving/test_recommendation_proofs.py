"""The proofs of `benchmarks.recommendation_answers`, small: greedy near the optimum, no prerequisite broken."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks.recommendation_answers import (
    exact_value,
    graph_at_random,
    live_milliseconds,
    set_milliseconds,
    shares_of_the_best,
    violations,
)
from benchmarks.recommendation_cases import case_at_random, catalogue_at_random
from features.recommendation.gap_value import set_value
from features.records.circles import any_circle


def test_the_integer_programme_finds_the_best_set_of_a_few() -> None:
    rng = np.random.default_rng(7)
    for _ in range(5):
        catalogue = catalogue_at_random(9, 6, rng)
        needs = case_at_random(catalogue, rng).needs
        best = max(set_value(catalogue, some, needs) for some in combinations(range(9), 3))
        assert exact_value(catalogue, needs, 3) == pytest.approx(best)


def test_sets_come_near_the_exact_optimum_and_nearer_by_exchange() -> None:
    shares = shares_of_the_best(25, np.random.default_rng(7))
    greedy, exchanged = shares.T
    assert shares.max() <= 1 + 1e-9
    assert (exchanged >= greedy - 1e-9).all()
    assert greedy.min() >= 1 - 1 / np.e
    assert exchanged.min() >= 0.95
    assert set_milliseconds(200, 3, np.random.default_rng(7)).shape == (3,)


def test_no_list_and_no_path_breaks_a_prerequisite_on_random_graphs() -> None:
    listed, broken = violations(100, np.random.default_rng(7))
    assert listed > 500
    assert broken == 0


def test_random_graphs_have_prerequisites_and_no_circle() -> None:
    rng = np.random.default_rng(7)
    graphs = [graph_at_random(30, rng) for _ in range(20)]
    assert any(any(graph) for graph in graphs)
    asks = [
        {str(course): [str(one) for one in first] for course, first in enumerate(graph)} for graph in graphs
    ]
    assert not any(any_circle(graph) for graph in asks)


def test_a_re_rank_of_many_courses_is_timed_whatever_is_asked_for() -> None:
    for is_plain in (True, False):
        took = live_milliseconds(500, 3, np.random.default_rng(7), is_plain=is_plain)
        assert took.shape == (3,)
        assert (took > 0).all()
