"""Fine-tuning on tags: a planted rotation is found, what says nothing moves nothing, and the map is the ridge's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.loading import load_scorer
from training.payload import write_payload
from training.skills.adapter import LEAST_TEXTS, adapted, map_of, moved
from training.skills.dataset import Dataset
from training.skills.fit import Parameters, fit
from training.skills.labelled import Labelled
from training.skills.metrics import measure
from training.skills.taxonomy import Concepts, Floats, taxonomy_of

N_CONCEPTS, SIZE = 40, 12


def unit(rows: Floats) -> Floats:
    """Return rows of length one."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def concepts(rng: np.random.Generator) -> Concepts:
    """Return concepts of one name each, anywhere."""
    taxonomy = taxonomy_of([(f"s{place}", f"skill {place}", "own") for place in range(N_CONCEPTS)], {})
    vectors = unit(rng.normal(size=(N_CONCEPTS, SIZE)))
    return Concepts(taxonomy, vectors, vectors)


def tagged(of: Concepts, by: Floats, rng: np.random.Generator, n: int = 150) -> Labelled:
    """Return texts of one sentence about one concept, which lies where a map puts it, and noise."""
    owner = rng.integers(0, N_CONCEPTS, n)
    vectors = unit(of.centroids[owner] @ by.T + 0.2 * rng.normal(size=(n, SIZE)))
    relevant = tuple(frozenset([int(one)]) for one in owner)
    return Labelled(tuple(f"text {row}" for row in range(n)), relevant, np.arange(n + 1), vectors, {})


def test_words_that_an_organisation_uses_otherwise_are_found_on_texts_that_were_not_learnt() -> None:
    rng = np.random.default_rng(7)
    of, turn = concepts(rng), np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
    found = adapted(of, tagged(of, turn, rng))
    assert found.gain - 1.96 * found.error > 0.2
    assert found.ridge > 0
    assert (found.concepts.centroids * (of.centroids @ turn.T)).sum(axis=1).mean() > 0.9
    assert np.linalg.norm(found.concepts.aliases, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_where_the_encoder_is_right_already_or_texts_are_few_nothing_moves() -> None:
    rng = np.random.default_rng(7)
    of = concepts(rng)
    for data in (tagged(of, np.eye(SIZE), rng), tagged(of, -np.eye(SIZE), rng, LEAST_TEXTS - 1)):
        found = adapted(of, data)
        assert found.concepts is of
        assert found.ridge == 0


def test_tags_at_random_move_nothing() -> None:
    rng = np.random.default_rng(7)
    of = concepts(rng)
    data = tagged(of, np.eye(SIZE), rng)
    mixed = rng.permutation(len(data))
    wrong = Labelled(data.texts, tuple(data.relevant[row] for row in mixed), data.sentence_offsets,
                     data.sentence_vectors, {})  # fmt: skip
    assert adapted(of, wrong).concepts is of


def test_the_map_is_a_ridge_regression_towards_leaving_everything_where_it_is() -> None:
    rng = np.random.default_rng(7)
    of = concepts(rng)
    data = tagged(of, np.eye(SIZE), rng, 60)
    rows = np.arange(len(data))
    assert map_of(of, data, rows, 1e9) == pytest.approx(np.eye(SIZE), abs=1e-5)
    own = of.centroids[[next(iter(one)) for one in data.relevant]].astype(np.float64)
    by_hand = np.linalg.lstsq(own, data.sentence_vectors.astype(np.float64), rcond=None)[0].T
    assert map_of(of, data, rows, 1e-9) == pytest.approx(by_hand, abs=1e-4)
    assert moved(of, np.eye(SIZE)).centroids == pytest.approx(of.centroids, abs=1e-6)


class TestFit:
    """Fine-tuning is a parameter; a payload says what came of it."""

    @pytest.fixture
    def dataset(self) -> Dataset:
        rng = np.random.default_rng(7)
        of, turn = concepts(rng), np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
        examples, test = tagged(of, turn, rng), tagged(of, turn, rng, 40)
        nothing = test.subset(np.arange(0))
        return Dataset(of, nothing, test, of.centroids[0], "", False, "", examples=lambda: examples)

    def test_a_payload_ranks_by_the_moved_concepts_and_says_so(
        self, dataset: Dataset, tmp_path: Path
    ) -> None:
        found = {}
        for fine_tune in (False, True):
            made = fit(dataset, Parameters(fine_tune=fine_tune), np.random.default_rng(7))
            write_payload(made, tmp_path / str(fine_tune))
            scores = load_scorer(tmp_path / str(fine_tune)).scores(dataset.test.sentence_vectors)
            found[fine_tune] = measure(scores, list(dataset.test.relevant))["mrr"].mean()
            facts = json.loads(made.files["model.json"])
            assert ("fine_tune_ridge" in facts) == fine_tune
        assert found[True] > found[False] + 0.3

    def test_nobody_encodes_examples_who_does_not_fine_tune(self, dataset: Dataset) -> None:
        def never() -> Labelled:
            raise AssertionError("examples were encoded for nothing")

        fit(replace(dataset, examples=never), Parameters(), np.random.default_rng(7))
