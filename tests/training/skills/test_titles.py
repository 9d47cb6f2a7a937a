"""Titles: shared words, examples that people linked, and neither where it does not help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.skills.titles import FOR_ANYBODY, link_titles, title_windows
from features.text import Floats
from training.context import TrainingContext
from training.isolation import trial
from training.loading import load_scorer
from training.payload import write_payload
from training.skills.dataset import Dataset, dataset_of, public_occupations
from training.skills.evaluate import evaluate, model_scores
from training.skills.fit import Parameters, fit
from training.skills.knobs import TITLE_KNOBS
from training.skills.labelled import label
from training.skills.scorer import SLOTS, counted_rows, found_with, weighted_rows
from training.skills.taxonomy import concepts_of, pairs_of, taxonomy_of
from training.skills.titles import commonness, label_titles, lexical_arrays, name_arrays, scorer_of

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


def unit_rows(rng: np.random.Generator, n: int) -> Floats:
    found = rng.normal(size=(n, 15))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


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

    def test_what_is_kept_of_few_titles_is_what_would_be_found_anew(self) -> None:
        concepts = concepts_of(TAXONOMY, encode)
        arrays = name_arrays(concepts, TITLE_KNOBS)
        scorer = scorer_of(concepts, TITLE_KNOBS, arrays)
        asked = [["welder"], ["welder", "metal nurse"], ["metal nurse", "welder", "welder"], ["pilot"], []]
        for texts in [*asked, NAMES * 20]:
            anew = scorer_of(concepts, TITLE_KNOBS, arrays).lexical_scores(texts)
            assert np.array_equal(scorer.lexical_scores(texts), anew)
            assert len(scorer.kept) <= max(len(NAMES), len({*texts}))


class TestBestTitles:
    """What is looked at for the best occupation alone finds what all scores find."""

    @pytest.mark.parametrize("threshold", [-0.5, 0.3, 0.55, 0.9])
    @pytest.mark.parametrize("with_examples", [False, True])
    def test_the_best_is_that_of_all_scores_or_none_below_the_threshold(
        self, threshold: float, with_examples: bool
    ) -> None:
        rng = np.random.default_rng(7)
        knobs = replace(TITLE_KNOBS, threshold=threshold, example_share=0.5, prior_share=0.02)
        concepts = concepts_of(TAXONOMY, lambda texts: unit_rows(rng, len(texts)))
        more = name_arrays(concepts, knobs)
        if with_examples:
            more |= {"example_vectors": unit_rows(rng, 9), "example_concepts": np.repeat([0, 2, 5], 3)}
        scorer = scorer_of(concepts, knobs, more)
        texts = [f"{word} shift{place}" for place, word in enumerate((NAMES + JARGON) * 4)]
        offsets = np.cumsum([0, *rng.integers(0, 3, len(texts))])  # some titles have no windows
        parts = unit_rows(rng, len(texts)), texts, unit_rows(rng, int(offsets[-1])), offsets
        scores, (best, reached) = scorer.title_scores(*parts), scorer.best_titles(*parts)
        is_sure = scores.max(axis=1) >= threshold
        assert (best >= 0).tolist() == is_sure.tolist()
        assert best[is_sure].tolist() == scores.argmax(axis=1)[is_sure].tolist()
        assert np.allclose(reached[is_sure], scores.max(axis=1)[is_sure], atol=1e-6)

    def test_no_titles_have_no_best(self) -> None:
        concepts = concepts_of(TAXONOMY, encode)
        scorer = scorer_of(concepts, TITLE_KNOBS, name_arrays(concepts, TITLE_KNOBS))
        best, reached = scorer.best_titles(encode([]), [], encode([]), np.array([0]))
        assert (best.tolist(), reached.tolist()) == ([], [])

    def test_a_name_that_two_occupations_share_names_neither(self) -> None:
        shared = taxonomy_of(
            [("a", "welder", "esco"), ("b", "joiner", "esco")], {"a": ["fixer"], "b": ["fixer"]}
        )
        concepts = concepts_of(shared, encode)
        scorer = scorer_of(concepts, TITLE_KNOBS, name_arrays(concepts, TITLE_KNOBS))
        assert scorer.named(["Fixer", "JOINER", "welder joiner", ""]).tolist() == [-1, 1, -1, -1]

    def test_what_lies_nearer_to_all_names_is_the_commoner_occupation(self) -> None:
        taxonomy = taxonomy_of(
            [("a", "welder", "esco"), ("b", "nurse", "esco")], {"a": ["metal joiner", "welder metal"]}
        )
        common = commonness(concepts_of(taxonomy, encode))
        assert common[0] > 0 > common[1]
        assert common.mean() == pytest.approx(0.0, abs=1e-7)


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
        link = links["Baker, Oslo branch"]
        assert link is not None
        assert (link.occupation_id, link.method, link.words) == ("o2", "vector", "Baker")
        assert 0 < link.confidence < 1

    def test_a_title_that_is_a_name_word_for_word_asks_no_encoder(self, payload: Path) -> None:
        occupations = load_scorer(payload).occupations
        assert occupations is not None

        def silent(texts: Sequence[str]) -> Floats:
            raise AssertionError(f"{texts} were to be encoded")

        asked = ["WELDER", "Metal Joiner (m/f)", "nurse m/w/d", "Pilot H/F"]
        links = link_titles(asked, occupations, silent)
        assert [(link.name, link.method, link.confidence) for link in links if link] == [
            ("welder", "exact", 1.0), ("welder", "exact", 1.0), ("nurse", "exact", 1.0), ("pilot", "exact", 1.0),
        ]  # fmt: skip

    def test_letters_that_are_no_such_mark_stay_in_the_title(self) -> None:
        asked = ["F/X artist", "A/V technician", "D/W operator", "Platform/Web lead"]
        assert [FOR_ANYBODY.sub(" ", title) for title in asked] == asked

    def test_a_long_title_is_read_apart_from_its_windows_and_linked_alike(self, payload: Path) -> None:
        occupations = load_scorer(payload).occupations
        assert occupations is not None
        calls: list[int] = []

        def counting(texts: Sequence[str]) -> Floats:
            calls.append(len(texts))
            return encode(texts)

        long = "baker " * 8 + "pilot"
        (link,) = link_titles([long], occupations, counting)
        assert calls == [1, 2]  # the title; "baker baker" and "baker pilot"
        assert link is not None
        assert link.name == "baker"

    def test_what_has_no_letter_is_no_part_of_a_title(self) -> None:
        assert title_windows("Sales clerk - Berlin, hybrid", [2]) == ["Sales clerk"]
        assert title_windows("C++ & C# developer", [2]) == ["C# developer"]
        assert title_windows("- baker", [2]) == ["- baker"]  # there is no other

    def test_known_windows_and_the_last_two_others_are_read_of_a_title_one_where_its_head_is_too(
        self,
    ) -> None:
        known = {"lead regional"}
        long = "Lead regional logistics planning officer"
        assert title_windows(long, [2], known) == ["Lead regional", "logistics planning", "planning officer"]
        assert title_windows(f"{long}, Oslo office", [2], known) == ["Lead regional", "planning officer"]

    def test_pairs_of_words_that_several_names_have_are_brought_along_and_not_encoded(
        self, tmp_path: Path
    ) -> None:
        names = ["head baker of bread", "head baker of cake", "ship pilot"]
        taxonomy = taxonomy_of([(f"o{place}", name, "esco") for place, name in enumerate(names)], {})
        concepts = concepts_of(taxonomy, encode, pairs_of)
        assert concepts.words == ("head baker",)
        data = replace(dataset([], []), are_titles=False, occupations=concepts)
        occupations = load_scorer(fitted(data, tmp_path / "payload")).occupations
        assert occupations is not None
        encoded: list[str] = []

        def listening(texts: Sequence[str]) -> Floats:
            encoded.extend(texts)
            return encode(texts)

        link_titles(["Head baker pilot"], occupations, listening)
        assert encoded == ["Head baker pilot", "baker pilot"]
        labelled = label_titles([("Head baker pilot", frozenset([0]))], concepts, encode)
        vectors, offsets = labelled.windows_of([2])
        assert offsets.tolist() == [0, 2]
        assert np.array_equal(vectors, encode(["head baker", "baker pilot"]))

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
