"""Titles: shared words, examples that people linked, and neither where it does not help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.skills.titles import link_titles
from features.text import Floats
from training.context import TrainingContext
from training.isolation import trial
from training.loading import load_scorer
from training.payload import write_payload
from training.skills.dataset import Dataset, dataset_of, public_occupations
from training.skills.evaluate import evaluate, model_scores
from training.skills.fit import Parameters, fit
from training.skills.labelled import label
from training.skills.scorer import SLOTS, counted_rows, found_with, weighted_rows
from training.skills.taxonomy import concepts_of, taxonomy_of
from training.skills.titles import lexical_arrays

NAMES = ["welder", "nurse", "baker", "pilot", "lawyer", "farmer"]
JARGON = ["zork", "quux", "blip", "frob", "plugh", "xyzzy"]  # what the trade calls them: no letters in common
TAXONOMY = taxonomy_of(
    [(f"o{place}", name, "esco") for place, name in enumerate(NAMES)], {"o0": ["metal joiner"]}
)


def encode(texts: Sequence[str]) -> Floats:
    """Return one axis per known word; the last is every other word's."""
    words = [*NAMES, *JARGON, "metal", "joiner"]
    vectors = np.zeros((len(texts), len(words) + 1), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().split():
            vectors[row, words.index(word) if word in words else -1] += 1
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def titles(n: int, words: Sequence[str], start: int = 0) -> list[tuple[str, frozenset[int]]]:
    return [(f"{words[place % 6]} shift{place}", frozenset([place % 6])) for place in range(start, start + n)]


def dataset(validation: list[tuple[str, frozenset[int]]], test: list[tuple[str, frozenset[int]]]) -> Dataset:
    sets = [label(part, encode, (2,), is_sentence=True) for part in (validation, test)]
    return dataset_of(concepts_of(TAXONOMY, encode), sets[0], sets[1], encode, "planted", are_titles=True)


def fitted(data: Dataset, folder: Path) -> Path:
    write_payload(fit(data, Parameters(), np.random.default_rng(7)), folder)
    return folder


class TestWords:
    def test_a_text_shares_everything_with_itself_and_nothing_with_other_letters(self) -> None:
        idf = np.ones(2 * SLOTS, dtype=np.float32)
        rows = weighted_rows(counted_rows(["Metal joiner", "metal  JOINER", "quux"]), idf)
        assert np.allclose((rows @ rows.T).toarray(), [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-6)

    def test_words_of_one_text_are_counted_with_their_pairs_and_letter_groups(self) -> None:
        # words a, b and the pair "a b"; each padded word " a " has one group of three letters and one each of 4 and 5 cut short
        counted = counted_rows(["a b"])
        assert (counted.indices < SLOTS).sum() == 3
        assert (counted.indices >= SLOTS).sum() == 2

    def test_the_rarer_a_word_among_names_the_more_it_weighs(self) -> None:
        arrays = lexical_arrays(["data clerk", "data analyst", "data nurse"])
        columns = {word: counted_rows([word]).indices[0] for word in ("data", "nurse")}
        assert arrays["idf"][columns["nurse"]] > arrays["idf"][columns["data"]]


class TestExamples:
    def test_scores_with_examples_are_those_worked_out_by_hand(self) -> None:
        found = np.array([[0.5, 0.4, 0.3]], dtype=np.float32)
        examples = (np.array([1, 2]), np.array([[0.9, 0.1]], dtype=np.float32), np.array([1, 3]))
        raised = found_with(found, examples, (0.5, 0.1))
        expected = [0.5 + 0.25, 0.4 + 0.5 * 0.9 + 0.1 * np.log(2), 0.3 + 0.5 * 0.3 + 0.1 * np.log(4)]
        assert raised[0] == pytest.approx(expected)

    def test_jargon_that_no_name_resembles_is_learnt_from_validated_titles(self, tmp_path: Path) -> None:
        known, unknown = titles(60, JARGON), titles(30, JARGON, 1_000)
        learnt = evaluate(
            fitted(dataset(known, unknown), tmp_path / "a"), dataset(known, unknown), np.random.default_rng(7)
        )
        without = evaluate(
            fitted(dataset([], unknown), tmp_path / "b"), dataset([], unknown), np.random.default_rng(7)
        )
        assert (learnt.metrics["mrr"].value, learnt.diagnostics["examples"]) == (1.0, 60)
        assert without.metrics["mrr"].value < 0.6

    def test_where_names_suffice_no_examples_are_kept(self, tmp_path: Path) -> None:
        right = titles(60, NAMES)
        found = load_scorer(fitted(dataset(right, right), tmp_path / "p"))
        assert (found.knobs["example_share"], len(found.more.get("example_concepts", ()))) == (0.0, 0)

    def test_the_written_payload_scores_titles_as_the_fit_did(self, tmp_path: Path) -> None:
        data = dataset(titles(60, JARGON), titles(30, NAMES, 500))
        scorer = load_scorer(fitted(data, tmp_path / "p"))
        found = model_scores(scorer, data.test, are_titles=True)
        assert found.argmax(axis=1).tolist() == [place % 6 for place in range(500, 530)]


class TestLinking:
    @pytest.fixture
    def payload(self, tmp_path: Path) -> Path:
        data = replace(dataset([], []), are_titles=False, occupations=concepts_of(TAXONOMY, encode))
        return fitted(data, tmp_path / "payload")

    def test_the_payload_brings_the_occupations_along_and_loads_alone(self, payload: Path) -> None:
        found = load_scorer(payload).occupations
        assert found is not None
        assert found.names == NAMES
        assert trial(payload) == ""

    def test_titles_are_linked_with_confidence_and_their_words_or_not_at_all(self, payload: Path) -> None:
        occupations = load_scorer(payload).occupations
        assert occupations is not None
        asked = [
            "Welders (m/f)",
            "Baker, Oslo branch",
            "welder",
            "WELDER!",
            "",
            "<b>nurse</b>",
            "Zauberer",
            "12345",
            "welder " * 100,
            "<script>baker</script>",
        ]
        links = dict(zip(asked, link_titles(asked, occupations, encode), strict=True))
        assert [title for title, link in links.items() if link] == [
            "Baker, Oslo branch",
            "welder",
            "<b>nurse</b>",
        ]
        link = links["welder"]
        assert link is not None
        assert (link.occupation_id, link.method, link.words) == ("o0", "vector", "welder")
        assert 0 < link.confidence < 1

    def test_no_titles_are_no_links(self, payload: Path) -> None:
        occupations = load_scorer(payload).occupations
        assert occupations is not None
        assert link_titles([], occupations, encode) == []

    def test_public_occupations_come_from_the_records_and_the_organisations_own_jobs_do_not(self) -> None:
        jobs = pl.DataFrame(
            {"job_id": ["j", "e"], "title": ["Boss", "welder"], "taxonomy": ["organisation", "esco"]}
        )
        aliases = pl.DataFrame({"job_id": ["e"], "alias": ["metal joiner"], "language": ["en"]})
        context = TrainingContext(
            {"jobs": jobs, "job_aliases": aliases}, datetime(2024, 1, 1, tzinfo=UTC), encode=encode
        )
        found = public_occupations(context)
        assert found is not None
        assert found.taxonomy.aliases == ("welder", "metal joiner")
        nobody = TrainingContext(
            {"jobs": jobs.head(1), "job_aliases": aliases}, datetime(2024, 1, 1, tzinfo=UTC), encode=encode
        )
        assert public_occupations(nobody) is None
