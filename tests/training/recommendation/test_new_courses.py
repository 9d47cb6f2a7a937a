"""Courses that nobody took: placed by what they are about, and hidden with all that was done with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import RefusedError
from training.recommendation.evaluate_table import run
from training.recommendation.new_courses import with_content, with_expected_popularity


def test_a_course_that_nobody_took_gets_the_factor_of_courses_like_it() -> None:
    kind = np.arange(41) % 2
    factors = np.where(kind[:, None] == 0, [[1.0, 0.0]], [[0.0, 1.0]])
    factors[40] = 0.0  # never taken; even by its content
    alike = (kind[:, None] == kind[None, :]).astype(float)
    support = np.array([50.0] * 40 + [0.0])
    found = with_content(factors, alike, support, 5.0, np.random.default_rng(7))
    assert found[40] == pytest.approx([1.0, 0.0], abs=0.02)
    assert found[0] == pytest.approx([1.0, 0.0], abs=0.02)


def test_with_few_known_courses_factors_stay_as_they_are() -> None:
    factors = np.ones((5, 2))
    assert with_content(factors, np.eye(5), np.full(5, 9.0), 5.0, np.random.default_rng(7)) is factors


def test_hidden_courses_are_found_by_their_words(board: Path, tmp_path: Path) -> None:
    items = sorted(pd.read_csv(board)["item"].unique())
    words = ["even" if place % 2 == 0 else "odd" for place in range(len(items))]
    pd.DataFrame({"item_id": items, "about": words}).to_csv(tmp_path / "items.csv", index=False)
    asked = [
        "--split",
        "new-courses",
        "--items",
        str(tmp_path / "items.csv"),
        "--peers",
        "random,content-knn",
    ]
    found = run(["--interactions", str(board), *asked, "--seed", "7"])
    assert "1 of 16 courses hidden" in found.protocol
    assert "whole catalogue" in found.protocol
    assert found.metrics["recall@20"].value == 1.0  # a list of twenty holds all of sixteen courses
    assert found.n["targets"] == found.n["people_asked"]


def test_without_content_hidden_courses_are_refused(board: Path) -> None:
    with pytest.raises(RefusedError, match="content"):
        run(["--interactions", str(board), "--split", "new-courses"])


def test_without_content_a_course_that_nobody_took_is_of_average_popularity() -> None:
    cohorts = np.array([[-1.0, -3.0, -9.0]], dtype=np.float32)
    nothing, rng = np.empty((0, 0)), np.random.default_rng(7)
    found = with_expected_popularity(cohorts, nothing, np.array([5.0, 1.0, 0.0]), 0.0, rng)
    assert found.tolist() == [[-1.0, -3.0, -2.0]]  # the mean of what is known
    assert with_expected_popularity(cohorts, nothing, np.ones(3), 0.0, rng) is cohorts


def test_a_course_that_nobody_took_is_expected_to_be_as_popular_as_courses_like_it() -> None:
    kind = np.arange(41) % 2
    cohorts = np.where(kind == 0, -1.0, -6.0)[None, :].astype(np.float32)
    cohorts[0, 40] = -9.0  # never taken; even by its content
    alike = (kind[:, None] == kind[None, :]).astype(float)
    support = np.array([50.0] * 40 + [0.0])
    found = with_expected_popularity(cohorts, alike, support, 5.0, np.random.default_rng(7))
    assert found[0, 40] == pytest.approx(-1.0, abs=0.1)
    assert found[0, :40] == pytest.approx(cohorts[0, :40])
