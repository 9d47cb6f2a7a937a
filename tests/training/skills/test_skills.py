"""The skills model on a planted taxonomy, with an encoder whose vectors are known: one axis per word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.errors import BadInputError, RefusedError
from features.skills.extraction import extract_skills, stated_level
from features.text import Floats, plain_text
from training.context import TrainingContext
from training.isolation import trial
from training.loading import golden_difference, load_scorer
from training.payload import write_payload
from training.skills.calibration import best_threshold, logistic_curve
from training.skills.dataset import Dataset, build, dataset_of
from training.skills.evaluate import evaluate, model_scores
from training.skills.fit import Parameters, fit
from training.skills.knobs import Knobs, choose_windows, mixed, parts_of
from training.skills.labelled import fold_of, label
from training.skills.metrics import measured, ranks_of, text_scores
from training.skills.scorer import NAME_SHARE, Scorer
from training.skills.taxonomy import concepts_of, taxonomy_of

WORDS = ["write", "sql", "query", "queries", "sell", "cars", "nurse", "patients", "lead", "people", "the", "and", "you", "will",
         "expert", "in", "daily", "plan", "weld", "steel"]  # fmt: skip
DIMENSION = len(WORDS) + 1  # the last axis is every other word's


def encode(texts: Sequence[str]) -> Floats:
    """Return the counts of the known words, of length one."""
    vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in plain_text(text).lower().replace(".", " ").replace(",", " ").split():
            vectors[row, WORDS.index(word) if word in WORDS else -1] += 1
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


TAXONOMY = taxonomy_of(
    [("s1", "sql", "organisation"), ("s2", "sell cars", "organisation"), ("s3", "nurse patients", "organisation"),
     ("s4", "lead people", "organisation"), ("s5", "weld steel", "organisation")],
    {"s1": ["sql query", "queries"]},
)  # fmt: skip
CONCEPTS = concepts_of(TAXONOMY, encode)


def planted(n: int) -> list[tuple[str, frozenset[int]]]:
    """Return sentences that name one or two concepts among words that mean nothing."""
    rng = np.random.default_rng(7)
    texts = []
    for place in range(n):
        chosen = rng.choice(TAXONOMY.size, rng.integers(1, 3), replace=False)
        filler = f"you will plan the day{place}"
        texts.append(
            (
                f"{filler} and {' and daily '.join(TAXONOMY.names[one] for one in chosen)}",
                frozenset(map(int, chosen)),
            )
        )
    return texts


def dataset(n_validation: int = 40, n_test: int = 40) -> Dataset:
    pairs = planted(n_validation + n_test)
    sets = [label(part, encode, is_sentence=True) for part in (pairs[:n_validation], pairs[n_validation:])]
    return dataset_of(CONCEPTS, sets[0], sets[1], encode, "planted")


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    write_payload(fit(dataset(), Parameters(), np.random.default_rng(7)), tmp_path / "payload")
    return tmp_path / "payload"


class TestRefusals:
    def test_records_without_skills_cannot_be_trained_on(self) -> None:
        empty = {
            name: pl.DataFrame(schema=dict.fromkeys(columns, pl.String)) for name, columns in SHAPES.items()
        }
        with pytest.raises(RefusedError, match="no skills"):
            build(TrainingContext(empty, datetime(2024, 1, 1, tzinfo=UTC), encode=encode))

    def test_too_few_held_out_texts_are_a_refusal_and_not_a_number(self, payload: Path) -> None:
        found = evaluate(payload, dataset(40, 5), np.random.default_rng(7))
        assert (found.status, found.metrics) == ("refused", {})
        assert "5 texts" in found.reason

    @pytest.mark.parametrize("empty", ["", "   ", "<p></p>", "<script>sql</script>"])
    def test_a_text_without_words_is_refused(self, payload: Path, empty: str) -> None:
        with pytest.raises(BadInputError, match="no text"):
            extract_skills(empty, load_scorer(payload), encode)

    def test_a_million_characters_are_read_as_far_as_twelve_hundred_words(self, payload: Path) -> None:
        finds = extract_skills("you write sql queries. " * 45_000, load_scorer(payload), encode)
        assert [find.skill_id for find in finds][:1] == ["s1"]


SHAPES = {
    "skills": ("skill_id", "name", "taxonomy", "skill_type"),
    "skill_aliases": ("skill_id", "alias"),
    "courses": ("course_id", "title", "description"),
    "course_skills": ("course_id", "skill_id", "source"),
    "jobs": ("job_id", "title", "description", "taxonomy"),
    "job_skills": ("job_id", "skill_id", "source"),
}


class TestScorer:
    def test_a_score_is_the_mean_of_the_nearest_alias_and_the_centroid(self) -> None:
        scorer = scorer_with(Knobs())
        # sql: aliases (1,0,0), (1,1,0)/√2, (0,0,1) over (sql, query, queries); the centroid is their mean, unit length
        total = np.array([1 + 1 / np.sqrt(2), 1 / np.sqrt(2), 1.0])
        centroid = total / np.linalg.norm(total)
        assert scorer.scores(encode(["sql"]))[0, 0] == pytest.approx((1.0 + centroid[0]) / 2, abs=1e-6)

    def test_a_sentence_mixes_in_its_best_window(self) -> None:
        scorer = scorer_with(Knobs(window_lengths=(2,), window_share=0.4))
        sentence, windows = encode(["you sell cars daily"]), encode(["you sell", "sell cars", "cars daily"])
        whole = 2 / np.sqrt(4) / np.sqrt(2)  # cosine of four words with two of them
        found = scorer.sentence_scores(sentence, windows, np.array([0, 3]))
        assert found[0, 1] == pytest.approx(0.6 * whole + 0.4 * 1.0, abs=1e-6)

    def test_what_windows_meet_lies_between_name_and_centroid(self) -> None:
        scorer = scorer_with(Knobs())
        expected = NAME_SHARE * encode(["sql"])[0] + (1 - NAME_SHARE) * CONCEPTS.centroids[0]
        assert np.allclose(scorer.anchors[0], expected, atol=1e-6)

    def test_below_the_threshold_it_abstains(self) -> None:
        scorer = scorer_with(Knobs(threshold=0.99))
        assert (
            len(scorer.extract(encode(["plan the day"]), encode(["plan"]), np.array([0, 1]))["concepts"]) == 0
        )

    def test_no_sentences_give_no_concepts(self) -> None:
        nothing = np.zeros((0, DIMENSION), np.float32)
        found = scorer_with(Knobs()).extract(nothing, nothing, np.array([0]))
        assert {len(values) for values in found.values()} == {0}

    def test_another_encoder_is_told_apart_by_its_probe(self, payload: Path) -> None:
        scorer = load_scorer(payload)
        assert scorer.knows_encoder(encode)
        assert not scorer.knows_encoder(lambda texts: encode(texts)[:, ::-1])
        assert not scorer.knows_encoder(lambda texts: np.ones((len(texts), 3), np.float32))


def scorer_with(knobs: Knobs) -> Scorer:
    known: dict[str, Any] = {**vars(knobs), "concept_ids": list(TAXONOMY.concept_ids), "names": list(TAXONOMY.names),
                             "sources": list(TAXONOMY.sources), "probe_text": "sql"}  # fmt: skip
    return Scorer(CONCEPTS.aliases, TAXONOMY.offsets, CONCEPTS.centroids, known, encode(["sql"])[0])


class TestMetrics:
    def test_ranks_and_metrics_are_those_worked_out_by_hand(self) -> None:
        ranks = ranks_of(np.array([0.9, 0.1, 0.8, 0.7]), {1, 2})
        assert ranks.tolist() == [2, 4]
        found = measured(ranks)
        assert (found["rp@1"], found["rp@5"], found["mrr"], found["map"]) == (0.0, 1.0, 0.5, 0.5)

    def test_rp_divides_by_no_more_than_there_is(self) -> None:
        found = measured(np.array([1, 3, 7]))
        assert (found["rp@1"], found["rp@5"], found["rp@10"]) == (1.0, pytest.approx(2 / 3), 1.0)

    def test_a_constant_score_earns_its_place_in_the_list_and_no_luck(self) -> None:
        assert ranks_of(np.zeros(10), {6}).tolist() == [7]

    def test_the_threshold_maximises_f1_by_hand(self) -> None:
        # said 1: 2·1/(1+2); said 2: 2·1/(2+2); said 3: 2·2/(3+2) = 0.8 is the largest
        assert best_threshold(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2) == 0.7

    def test_a_planted_confidence_curve_is_found_again(self) -> None:
        rng = np.random.default_rng(7)
        values = rng.random(20_000)
        right = rng.random(20_000) < 1 / (1 + np.exp(-(8 * values - 5)))
        slope, intercept = logistic_curve(values, right)
        assert (slope, intercept) == (pytest.approx(8, abs=0.4), pytest.approx(-5, abs=0.3))

    def test_scores_that_mislead_get_no_falling_confidence(self) -> None:
        slope, intercept = logistic_curve(
            np.array([0.1, 0.2, 0.8, 0.9]), np.array([True, True, False, False])
        )
        assert (slope, intercept) == (0.0, 0.0)


class TestFit:
    def test_the_reloaded_payload_scores_as_it_was_evaluated(self, payload: Path) -> None:
        data = dataset().test
        scorer = load_scorer(payload)
        knobs = json.loads((payload / "model.json").read_text())
        by_parts = text_scores(
            mixed(parts_of(CONCEPTS, data), tuple(knobs["window_lengths"]), knobs["window_share"]),
            data.sentence_offsets,
        )
        assert np.abs(model_scores(scorer, data) - by_parts).max() < 2e-3  # fp16 aliases
        again = load_scorer(payload)
        assert np.abs(model_scores(again, data) - model_scores(scorer, data)).max() <= 1e-9

    def test_the_golden_answer_holds_and_the_payload_loads_alone(self, payload: Path) -> None:
        assert golden_difference(payload) <= 1e-9
        assert trial(payload) == ""

    def test_the_same_data_give_the_same_digest(self, tmp_path: Path) -> None:
        digests = {
            write_payload(fit(dataset(), Parameters(), np.random.default_rng(seed)), tmp_path / str(seed))
            for seed in (1, 2)
        }
        assert len(digests) == 1

    def test_planted_concepts_are_found_and_words_that_agree_are_reported_beside(self, payload: Path) -> None:
        found = evaluate(payload, dataset(), np.random.default_rng(7))
        assert found.metrics["rp@5"].value > 0.95
        assert found.metrics["rp@1"].value > found.peers["random"]["rp@1"].value + 0.4
        assert set(found.peer_units) == {"tfidf", "random"}
        assert found.per_unit.shape == found.peer_units["tfidf"].shape == (40,)

    def test_with_little_validation_the_shipped_knobs_serve(self, tmp_path: Path) -> None:
        write_payload(fit(dataset(5, 40), Parameters(), np.random.default_rng(7)), tmp_path / "payload")
        knobs = json.loads((tmp_path / "payload" / "model.json").read_text())
        assert (tuple(knobs["window_lengths"]), knobs["window_share"]) == (
            Knobs().window_lengths,
            Knobs().window_share,
        )

    def test_what_is_set_is_used_whatever_validation_says(self, tmp_path: Path) -> None:
        chosen = Parameters(window_lengths=(2,), window_share=0.25, threshold=0.5)
        write_payload(fit(dataset(), chosen, np.random.default_rng(7)), tmp_path / "payload")
        knobs = json.loads((tmp_path / "payload" / "model.json").read_text())
        assert (knobs["window_lengths"], knobs["window_share"], knobs["threshold"]) == ([2], 0.25, 0.5)

    def test_other_windows_are_chosen_only_where_they_are_clearly_better(self) -> None:
        data = dataset().validation
        parts = parts_of(CONCEPTS, data)
        assert choose_windows(parts, data, ((2,), 0.5)) == ((2,), 0.5)  # already finds everything
        useless = replace(parts, best={length: -table for length, table in parts.best.items()})
        assert choose_windows(useless, data, ((1, 2), 0.8)) == ((), 0.0)


class TestExtraction:
    def test_a_skill_comes_with_level_words_and_sentence(self, payload: Path) -> None:
        finds = extract_skills(
            "<p>You will lead people.</p><p>Expert in sql.</p>", load_scorer(payload), encode
        )
        by_id = {find.skill_id: find for find in finds}
        assert set(by_id) == {"s1", "s4"}
        assert (by_id["s4"].words, by_id["s4"].sentence) == ("lead people", "You will lead people.")
        assert (by_id["s1"].level, by_id["s4"].level) == (5.0, 3.0)
        assert all(0 <= find.importance <= 1 and 0 <= find.confidence <= 1 for find in finds)

    def test_a_skill_named_twice_weighs_more(self, payload: Path) -> None:
        scorer = load_scorer(payload)
        once = extract_skills("weld steel.", scorer, encode)[0]
        twice = extract_skills("weld steel. You weld steel.", scorer, encode)[0]
        assert twice.importance == pytest.approx(min(1.0, once.importance * 1.25))

    def test_levels_are_read_from_the_words_of_the_sentence(self) -> None:
        said = [
            "Aware of safety",
            "Basic knowledge of Go",
            "Write code",
            "Strong leadership",
            "Expertise in law",
        ]
        assert [stated_level(sentence) for sentence in said] == [1.0, 2.0, 3.0, 4.0, 5.0]


class TestRecords:
    def test_taught_skills_label_the_texts_of_courses_and_rejected_tags_do_not(self) -> None:
        courses = [(f"c{place}", text, None) for place, (text, _) in enumerate(planted(60))]
        tags = [
            (f"c{place}", f"s{one + 1}", "given") for place, (_, own) in enumerate(planted(60)) for one in own
        ]
        records = {
            "skills": frame("skills", [(one, name, None, None) for one, name in zip(TAXONOMY.concept_ids, TAXONOMY.names, strict=True)]),
            "skill_aliases": frame("skill_aliases", [("s1", "queries")]),
            "courses": frame("courses", courses),
            "course_skills": frame("course_skills", [*tags, ("c0", "s5", "rejected")]),
            "jobs": frame("jobs", [("j", "Welder", "You weld steel daily", None)]),
            "job_skills": frame("job_skills", [("j", "s5", "given")]),
        }  # fmt: skip
        found = build(TrainingContext(records, datetime(2024, 1, 1, tzinfo=UTC), encode=encode))
        texts = {*found.validation.texts, *found.test.texts}
        assert len(texts) == 61
        assert not {*found.validation.texts} & {*found.test.texts}
        assert {fold_of(text, 5) < 2 for text in found.validation.texts} == {True}


def frame(table: str, rows: list[tuple[str | None, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(SHAPES[table], pl.String), orient="row")


class TestSpeedChangesNothing:
    def test_concepts_left_out_early_are_those_that_could_not_be_said(self) -> None:
        rng = np.random.default_rng(7)
        vectors, windows = (unit(rng.normal(size=(n, DIMENSION))) for n in (6, 20))
        offsets = np.array([0, 5, 5, 9, 14, 18, 20])  # the second sentence has no windows
        for threshold in (-0.2, 0.1, 0.4, 0.9):
            scorer = scorer_with(Knobs(threshold=threshold))
            full = scorer.sentence_scores(vectors, windows, offsets)
            found = scorer.extract(vectors, windows, offsets)
            said = np.flatnonzero(full.max(axis=0) >= threshold)
            assert set(found["concepts"].tolist()) == set(said.tolist())
            assert np.allclose(found["scores"], full.max(axis=0)[found["concepts"]], atol=1e-6)
            assert found["sentences"].tolist() == full.argmax(axis=0)[found["concepts"]].tolist()

    def test_words_of_the_taxonomy_need_no_encoder_and_read_the_same(self, tmp_path: Path) -> None:
        words = ("cars", "lead", "sql", "steel", "weld")
        known = replace(CONCEPTS, words=words, word_vectors=encode(words))
        asked: list[str] = []

        def listening(texts: Sequence[str]) -> Floats:
            asked.extend(texts)
            return encode(texts)

        sets = [label(part, encode, is_sentence=True) for part in (planted(80)[:40], planted(80)[40:])]
        data = dataset_of(known, sets[0], sets[1], encode, "planted")
        write_payload(fit(data, Parameters(), np.random.default_rng(7)), tmp_path / "payload")
        text = "You weld steel. Expert in SQL and cars."
        with_words = extract_skills(text, load_scorer(tmp_path / "payload"), listening)
        without = extract_skills(text, scorer_with(Knobs()), encode)
        assert [find.skill_id for find in with_words] == [find.skill_id for find in without] == ["s5", "s1"]
        assert not {text.lower() for text in asked} & set(words)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
