"""Courses that nobody took have a blend of their own: chosen by hiding courses, bounded by what it costs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from training.context import TrainingContext
from training.recommendation.dataset import Block, Dataset, build
from training.recommendation.fit import Parameters, fit
from training.recommendation.newcomers import Trial, best_lift, best_shape, choose_newcomers, hides
from training.recommendation.scorer import CONTENT, NOTHING, Scorer

PEOPLE, OLD, NEW = 60, 60, 10


def trial(takes_new: float, rng: np.random.Generator) -> Trial:
    """Return people of whom a share took one new course each, the one that content points to; all took an old one."""
    targets = np.zeros((PEOPLE, OLD + NEW))
    targets[np.arange(PEOPLE), rng.integers(0, OLD, PEOPLE)] = 1.0
    wanted = rng.integers(0, NEW, PEOPLE)
    took = rng.random(PEOPLE) < takes_new
    targets[np.flatnonzero(took), OLD + wanted[took]] = 1.0
    content = np.where(np.arange(NEW) == wanted[:, None], 1.5, -0.5)
    nothing = sp.csr_matrix((PEOPLE, OLD + NEW))
    others = np.where(targets > 0, 3.0, rng.normal(0.0, 1.0, targets.shape))
    new = np.arange(OLD + NEW) >= OLD
    return Trial(
        new,
        new,
        Block(sp.csr_matrix(np.ones_like(targets)), nothing, sp.csr_matrix(targets), np.full(PEOPLE, -1)),
        {"takers": rng.normal(size=content.shape), "content": content},
        np.zeros_like(content),
        others.astype(np.float32),
    )


def test_what_ranks_new_courses_is_what_tells_them_apart() -> None:
    asked = [trial(1.0, np.random.default_rng(seed)) for seed in range(2)]
    shape = best_shape(asked, {"takers": 1.0})
    assert shape["content"] > shape.get("takers", 0.0)
    assert asked[0].among_themselves(shape).mean() > 0.95


def test_new_courses_are_lifted_as_far_as_accuracy_allows() -> None:
    wanted = [trial(1.0, np.random.default_rng(1))]
    blend, figures = best_lift({"content": 1.0}, wanted, wanted)
    assert figures["newcomers: recall@20 of hidden courses"] > 0.95
    nobody = trial(0.0, np.random.default_rng(2))
    lonely, _ = best_lift({"content": 1.0}, wanted, [*wanted, nobody])
    without = nobody.among_all({"content": 1.0, "lift": -9.0})[0]
    error = without.std(ddof=1) / np.sqrt(without.size)
    assert lonely["lift"] <= blend["lift"]
    assert nobody.among_all(lonely)[0].mean() >= without.mean() - max(error, 1e-9)


def test_a_tenth_of_the_courses_is_hidden_at_a_time_no_course_twice(even_and_odd: TrainingContext) -> None:
    small = build(even_and_odd)
    assert hides(small, np.random.default_rng(7)) == []  # a tenth of twelve courses says nothing
    large = dataclasses.replace(small, train=sp.csr_matrix(np.ones((4, 80))))
    found = np.array(hides(large, np.random.default_rng(7)))
    assert found.sum(axis=1).tolist() == [8] * 4
    assert found.sum(axis=0).max() == 1


def test_where_nothing_is_new_nothing_is_chosen(even_and_odd: TrainingContext) -> None:
    dataset = build(even_and_odd)
    taken = dataclasses.replace(dataset, known=sp.csr_matrix(np.ones(dataset.known.shape)))

    def never(_: object) -> Scorer:
        raise AssertionError("a model was fitted for nothing")

    assert choose_newcomers(taken, never, {"takers": 1.0}, np.random.default_rng(7)) == ({}, {})


@pytest.fixture
def scorer(even_and_odd: TrainingContext) -> Scorer:
    """Return a fitted scorer, with a blend for the course that nobody took."""
    dataset: Dataset = build(even_and_odd)
    made = fit(dataset, Parameters(ridge=10.0), np.random.default_rng(7))
    import io
    import json

    model = json.loads(made.files["model.json"])
    model["blend"]["newcomers"] = {"content": 1.0, "lift": 5.0}
    with np.load(io.BytesIO(made.files["arrays.npz"])) as arrays:
        return Scorer(model, {name: arrays[name] for name in arrays.files})


def test_a_new_course_is_scored_by_its_own_blend_for_people_with_a_history(scorer: Scorer) -> None:
    cold = scorer.course_ids.index("c12")
    assert np.flatnonzero(scorer.newcomers).tolist() == [cold]
    items = [scorer.course_ids.index("c00")]
    asked = ([0, 1, 1], items, [1.0], [-1, -1])
    content = scorer.parts(*asked)["content"]
    lifted = scorer.scores(*asked)
    del scorer.model["blend"]["newcomers"]
    plain = scorer.scores(*asked)
    assert lifted[0, cold] == pytest.approx(5.0 + content[0, cold])
    assert lifted[1, cold] == pytest.approx(plain[1, cold])  # nobody's history speaks for it
    rest = np.arange(scorer.n_items) != cold
    assert lifted[:, rest] == pytest.approx(plain[:, rest])


def test_a_course_that_nobody_took_is_never_said_to_have_takers(scorer: Scorer) -> None:
    cold = scorer.course_ids.index("c12")
    like, unlike = scorer.course_ids.index("c00"), scorer.course_ids.index("c01")
    for item, expected in ((like, (CONTENT, like)), (unlike, (NOTHING, -1))):
        parts = {name: part[0] for name, part in scorer.parts([0, 1], [item], [1.0], [-1]).items()}
        kind, because = scorer.causes([item], [1.0], parts, np.array([cold]))
        assert (kind[0], because[0]) == expected
