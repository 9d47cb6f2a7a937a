"""Texts are cleaned, cut and embedded once; the encoders here have vectors known by hand."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from features.text import (
    MAX_CHARACTERS,
    Floats,
    content_hash,
    course_text,
    embed,
    embed_missing,
    plain_text,
    sentences,
    windows,
)


class CountingEncoder:
    """Encodes a text as (its length, 1), of length one, and remembers what it was asked."""

    model_id, dimension = "counting/f32", 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        vectors = np.array([[len(text), 1.0] for text in texts], dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Memory:
    """A cache in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Floats] = {}

    def read(self, model_id: str, hashes: Sequence[str]) -> dict[str, Floats]:
        return {key: self.kept[model_id, key] for key in hashes if (model_id, key) in self.kept}

    def known(self, model_id: str, hashes: Sequence[str]) -> set[str]:
        return set(self.read(model_id, hashes))

    def write(self, model_id: str, vectors: Mapping[str, Floats]) -> None:
        self.kept.update({(model_id, key): vector for key, vector in vectors.items()})


class TestHardTexts:
    @pytest.mark.parametrize("empty", ["", "  \n\t ", "<p></p>", "<script>alert(1)</script>"])
    def test_an_empty_text_gets_the_zero_vector_and_is_never_encoded(self, empty: str) -> None:
        encoder = CountingEncoder()
        assert embed([empty], encoder).tolist() == [[0.0, 0.0]]
        assert encoder.asked == []

    def test_no_texts_give_no_vectors(self) -> None:
        assert embed([], CountingEncoder()).shape == (0, 2)

    def test_scripts_styles_and_tags_never_reach_the_encoder(self) -> None:
        hostile = "Learn <b>SQL</b><script>steal()</script><STYLE>p{}</STYLE> &amp; R<br/>now<script>forever"
        assert plain_text(hostile) == "Learn SQL & R now"

    def test_signs_that_only_look_like_markup_stay(self) -> None:
        assert plain_text("errors < 3 and uptime > 99") == "errors < 3 and uptime > 99"

    @pytest.mark.parametrize("piece", ["word ", "<", "<script", "&lt;", "a.", "<p", "• ", "((("])
    def test_a_million_characters_are_cut_and_read_in_linear_time(self, piece: str) -> None:
        text = (piece * (1_000_000 // len(piece) + 1))[:1_000_000]
        started = time.process_time()
        assert len(plain_text(text)) <= MAX_CHARACTERS
        sentences(text)
        assert time.process_time() - started < 5  # quadratic work would take minutes

    def test_a_lone_surrogate_has_a_hash_and_no_error(self) -> None:
        assert len(content_hash("\ud800")) == 64


class TestCutting:
    def test_windows_are_the_runs_of_so_many_words_in_order(self) -> None:
        assert windows("plan budgets, spend wisely", [2]) == ["plan budgets", "budgets spend", "spend wisely"]

    def test_windows_neither_begin_nor_end_with_a_function_word(self) -> None:
        assert windows("plan the budget of IT", [1, 3]) == [
            "plan",
            "budget",
            "IT",
            "plan the budget",
            "budget of IT",
        ]
        assert windows("it is the", [2]) == []

    def test_a_window_that_comes_twice_counts_once(self) -> None:
        assert windows("weld steel weld steel", [2]) == ["weld steel", "steel weld"]

    def test_a_short_sentence_is_its_own_window(self) -> None:
        assert windows("Leadership.", [2, 3]) == ["Leadership"]
        assert windows("?!", [1]) == []

    def test_five_words_have_five_four_and_three_windows_of_one_two_and_three(self) -> None:
        assert [len(windows("v w x y z", [length])) for length in (1, 2, 3, 6)] == [5, 4, 3, 1]

    def test_sentences_end_at_stops_breaks_and_bullets_but_not_in_abbreviations(self) -> None:
        text = "Know Node.js and e.g. Go. Lead people!\n• Write docs • Plan"
        assert sentences(text) == ["Know Node.js and e.g. Go.", "Lead people!", "Write docs", "Plan"]

    def test_an_endless_sentence_is_cut_after_sixty_words(self) -> None:
        assert [len(part.split()) for part in sentences("word " * 130)] == [60, 60, 10]

    def test_a_course_without_description_is_its_title(self) -> None:
        assert (course_text("SQL", None), course_text("SQL", "Queries")) == ("SQL", "SQL. Queries")


class TestCache:
    def test_a_second_run_embeds_nothing_and_gives_the_same_vectors(self) -> None:
        encoder, cache = CountingEncoder(), Memory()
        first = embed(["aa", "b", "aa"], encoder, cache)
        second = embed(["aa", "b", "aa"], encoder, cache)
        assert sorted(encoder.asked) == ["aa", "b"]
        assert np.array_equal(first, second)

    def test_a_changed_text_embeds_that_one_alone(self) -> None:
        encoder, cache = CountingEncoder(), Memory()
        assert embed_missing(["one", "two", "three"], encoder, cache) == 3
        assert embed_missing(["one", "two!", "three"], encoder, cache) == 1
        assert encoder.asked[3:] == ["two!"]

    def test_another_model_shares_no_vectors(self) -> None:
        encoder, cache = CountingEncoder(), Memory()
        embed(["one"], encoder, cache)
        encoder.model_id = "counting/bf16"
        assert embed_missing(["one"], encoder, cache) == 1

    def test_texts_are_encoded_shortest_first_and_answered_in_order(self) -> None:
        encoder = CountingEncoder()
        vectors = embed(["ccc", "a", "bb"], encoder)
        assert encoder.asked == ["a", "bb", "ccc"]
        assert (vectors[:, 0] / vectors[:, 1]).round(4).tolist() == [3.0, 1.0, 2.0]

    def test_progress_is_told_of_missing_texts_only(self) -> None:
        encoder, cache, told = CountingEncoder(), Memory(), list[tuple[int, int]]()
        embed(["one"], encoder, cache)
        embed(["one", "two"], encoder, cache, lambda done, total: told.append((done, total)))
        assert told == [(1, 1)]
