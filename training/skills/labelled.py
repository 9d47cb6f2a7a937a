"""Texts whose concepts are known, with the vectors that every choice of knobs needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.skills.extraction import distinct_vectors, first_words
from features.text import sentences, windows
from training.skills.taxonomy import Encode, Floats, Integers

Windows = Callable[[str, int], list[str]]

CANDIDATE_LENGTHS = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Labelled:
    """Texts with the concepts they speak of, cut into sentences and word windows.

    Parameters
    ----------
    texts : sequence of str
        As they were given.
    relevant : sequence of frozenset of int
        Concept numbers of each text; never empty.
    sentence_offsets : (n_texts + 1,) int
        Where each text's sentences begin.
    sentence_vectors : (n_sentences, d) float32
        One per sentence.
    window_vectors : mapping of int to ((n_windows, d) float32, (n_sentences + 1,) int)
        By window length: vectors, and where each sentence's begin.
    """

    texts: tuple[str, ...]
    relevant: tuple[frozenset[int], ...]
    sentence_offsets: Integers
    sentence_vectors: Floats
    window_vectors: Mapping[int, tuple[Floats, Integers]]

    def __len__(self) -> int:
        return len(self.texts)

    def windows_of(self, lengths: Sequence[int]) -> tuple[Floats, Integers]:
        """Return the windows of those lengths: vectors, and where each sentence's begin."""
        chosen = [self.window_vectors[length] for length in lengths]
        n = len(self.sentence_vectors)
        if not chosen:
            return np.zeros((0, self.sentence_vectors.shape[1]), np.float32), np.zeros(n + 1, dtype=np.int64)
        owner = np.concatenate([np.repeat(np.arange(n), np.diff(offsets)) for _, offsets in chosen])
        order = np.argsort(owner, kind="stable")
        counts = np.bincount(owner, minlength=n)
        vectors = np.concatenate([vectors for vectors, _ in chosen])[order]
        return vectors, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def subset(self, places: NDArray[np.intp]) -> Labelled:
        """Return some of the texts."""
        rows = [
            row
            for place in places
            for row in range(self.sentence_offsets[place], self.sentence_offsets[place + 1])
        ]
        counts = np.diff(self.sentence_offsets)[places]
        return Labelled(
            tuple(self.texts[place] for place in places),
            tuple(self.relevant[place] for place in places),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            self.sentence_vectors[rows],
            {
                length: rows_of(vectors, offsets, rows)
                for length, (vectors, offsets) in self.window_vectors.items()
            },
        )


def rows_of(vectors: Floats, offsets: Integers, rows: Sequence[int]) -> tuple[Floats, Integers]:
    """Return the windows of some sentences."""
    kept = [np.arange(offsets[row], offsets[row + 1]) for row in rows]
    counts = [len(part) for part in kept]
    index = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    return vectors[index], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def label(
    pairs: Sequence[tuple[str, frozenset[int]]],
    encode: Encode,
    lengths: Sequence[int] = CANDIDATE_LENGTHS,
    *,
    is_sentence: bool = False,
    most_words: int = 250,
    windows_of: Windows | None = None,
) -> Labelled:
    """Return labelled texts with their vectors.

    Parameters
    ----------
    pairs : sequence of (str, frozenset of int)
        A text and the numbers of its concepts; texts without any are left out.
    encode : callable
        Texts to vectors.
    lengths : sequence of int
        Window lengths that may be chosen.
    is_sentence : bool
        True where each text is one sentence or title and is not to be cut.
    most_words : int
        Words read of each longer text: windows cost time.
    windows_of : callable, optional
        Returns the windows of one length of a sentence; all of them by default.
    """
    kept = [(text, relevant) for text, relevant in pairs if relevant and text.strip()]
    cut = [
        [text] if is_sentence else first_words(sentences(text), most_words) or [text[:1000]]
        for text, _ in kept
    ]
    flat = [sentence for part in cut for sentence in part]
    pieces = {
        length: [(windows_of or windows_or_none)(sentence, length) for sentence in flat] for length in lengths
    }
    texts = [*flat, *(words for parts in pieces.values() for part in parts for words in part)]
    vectors = distinct_vectors(texts, encode) if texts else np.zeros((0, 1), np.float32)
    by_length, start = {}, len(flat)
    for length, parts in pieces.items():
        offsets = np.cumsum([0, *map(len, parts)]).astype(np.int64)
        by_length[length] = (vectors[start : start + offsets[-1]], offsets)
        start += int(offsets[-1])
    return Labelled(
        tuple(text for text, _ in kept),
        tuple(relevant for _, relevant in kept),
        np.cumsum([0, *map(len, cut)]).astype(np.int64),
        vectors[: len(flat)],
        by_length,
    )


def windows_or_none(sentence: str, length: int) -> list[str]:
    """Return the windows of one length; none where the sentence is shorter."""
    found = windows(sentence, [length])
    return [] if len(found) == 1 and found[0].count(" ") + 1 < length else found


def fold_of(text: str, folds: int) -> int:
    """Return the fold of a text, the same on every machine; texts alike but for case share one."""
    plain = " ".join(text.lower().split())
    return int.from_bytes(hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()[:8], "big") % folds
