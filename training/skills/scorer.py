"""Scores of a taxonomy's concepts for texts and titles, from their vectors and words; nothing of ours imported.

A concept has a name and other names (aliases). Its score for a text is the mean of two cosines: of the text with the
nearest alias, and with the centroid of all of them. A sentence often says several things: short windows of words meet one
vector per concept, between its name and its centroid, and the best window is mixed in.

A title is short and full of rare words: there the words and letter groups it shares with a name are mixed in too, how
common the concept is, and what people said of titles like it (examples), where there are some.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

LEAST_COSINE = 0.999  # of an encoder with itself at another precision
NAME_SHARE = np.float32(0.75)  # of the preferred name in what windows meet; the rest is the centroid
ROUNDING = 1e-5  # of float32 sums: what lies so near the threshold is looked at exactly
ALWAYS = ("aliases", "offsets", "centroids", "probe")  # arrays of every payload
SLOTS = 2**19  # of hashed words; as many again for groups of letters
WORD_SHARE = 2 / 3  # of a lexical cosine; the rest are groups of letters
TOKEN, LETTERS = re.compile(r"[^\s,;:()/-]+"), (3, 4, 5)
SAME_WORDS = 0.995  # lexical cosine from which on a title has the words of a name, stored as halves
BLOCK_SENTENCES = 8  # whose windows meet the concepts at once
BLOCK_TEXTS = 32  # texts scored at once: bounds the memory at 32 × aliases


class Scorer:
    """Concept scores from text vectors.

    Parameters
    ----------
    aliases : (n_aliases, d) float32
        Vectors of length one of all names, those of a concept together, its preferred name first.
    offsets : (n_concepts + 1,) int
        Where each concept's names begin.
    centroids : (n_concepts, d) float32
        Mean of a concept's names, of length one.
    knobs : dict
        ``concept_ids``, ``names``; chosen: ``window_lengths``, ``window_share``, ``threshold``, ``slope``, ``intercept``.
    probe : (d,) float32
        The encoder's vector of ``knobs["probe_text"]``: another encoder gives another.
    more : mapping of str to array, optional
        ``word_vectors`` (of ``knobs["words"]``); ``lexical_…`` and ``idf`` (as `weighted_rows` makes them of the names); ``common``
        (what a title's score gains where the concept is a common one); ``example_vectors``, ``example_concepts`` (ascending).
    """

    def __init__(
        self,
        aliases: Floats,
        offsets: Integers,
        centroids: Floats,
        knobs: dict[str, Any],
        probe: Floats,
        more: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.aliases, self.offsets, self.centroids = aliases, offsets, centroids
        self.anchors = NAME_SHARE * aliases[offsets[:-1]] + (1 - NAME_SHARE) * centroids
        self.probe, self.knobs = probe, knobs
        self.words: dict[str, int] = {word: row for row, word in enumerate(knobs.get("words", ()))}
        self.more = dict(more or {})
        self.word_vectors = self.more.get("word_vectors", aliases[:0])
        self.lexical, self.kept = lexical_matrix(self.more, len(aliases)), dict[str, Floats]()
        self.common = self.more.get("common", np.float32(0.0))
        self.lexical_share = np.float32(0.0 if self.lexical is None else knobs.get("lexical_share", 0.0))
        self.occupations: Scorer | None = None
        self.concept_ids: list[str] = knobs["concept_ids"]
        self.names: list[str] = knobs["names"]
        self.window_lengths: list[int] = knobs["window_lengths"]
        self.window_share: float = knobs["window_share"]
        self.threshold: float = knobs["threshold"]

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a payload: ``concepts.npz`` and ``model.json``; those of occupations from the folder of that name."""
        knobs = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "concepts.npz", allow_pickle=False) as file:
            arrays = {name: widened(file[name]) for name in file.files}
        names, offsets, centroids, probe = (arrays.pop(name) for name in ALWAYS)
        made = cls(names, offsets, centroids, knobs, probe, arrays)
        if (folder / "occupations").is_dir():
            made.occupations = cls.load(folder / "occupations")
        return made

    def knows_encoder(self, encode: Callable[[list[str]], Floats]) -> bool:
        """Say whether an encoder is the one that the concepts' vectors are from, at whatever precision."""
        vector = np.asarray(encode([self.knobs["probe_text"]]), dtype=np.float32)[0]
        return bool(vector.shape == self.probe.shape and float(vector @ self.probe) > LEAST_COSINE)

    def scores(self, vectors: Floats) -> Floats:
        """Return the score of every concept for whole texts.

        Parameters
        ----------
        vectors : (n, d) float
            Of length one, by the encoder that `knows_encoder` accepts.

        Returns
        -------
        (n, n_concepts) float32
            Mean of the cosines with the nearest alias and with the centroid; −1 to 1.
        """
        found = np.empty((len(vectors), len(self.centroids)), dtype=np.float32)
        for start in range(0, len(vectors), BLOCK_TEXTS):
            block = np.asarray(vectors[start : start + BLOCK_TEXTS], dtype=np.float32)
            nearest = np.maximum.reduceat(block @ self.aliases.T, self.offsets[:-1], axis=1)
            found[start : start + BLOCK_TEXTS] = (nearest + block @ self.centroids.T) / 2
        return found

    def sentence_scores(self, vectors: Floats, windows: Floats, window_offsets: Integers) -> Floats:
        """Return the score of every concept for sentences, (1 − share) × whole + share × best window, (n, n_concepts) float32.

        Parameters
        ----------
        vectors, windows : (n, d), (n_windows, d) float
            Vectors of the sentences and of their word windows, those of a sentence together.
        window_offsets : (n + 1,) int
            Where each sentence's windows begin; a sentence without windows is scored as a whole.
        """
        share, best = self.shares(window_offsets), self.best_windows(windows, window_offsets)
        return (1 - share) * self.scores(vectors) + share * best

    def shares(self, window_offsets: Integers) -> Floats:
        """Return the share of the windows in the score of each sentence, (n, 1); 0 where there are none."""
        return np.where(np.diff(window_offsets), self.window_share, 0.0).astype(np.float32)[:, None]

    def best_windows(self, windows: Floats, window_offsets: Integers, among: Any = None) -> Floats:
        """Return the cosine of the best window of each of n sentences with all or some concepts, (n, n_concepts)."""
        counts = np.diff(window_offsets) * bool(self.window_share)
        anchors = self.anchors if among is None or len(among) == len(self.anchors) else self.anchors[among]
        best = np.zeros((len(counts), len(anchors)), dtype=np.float32)
        for start in range(0, len(counts), BLOCK_SENTENCES):
            rows = start + np.flatnonzero(counts[start : start + BLOCK_SENTENCES])
            if len(rows):
                first, end = window_offsets[rows[0]], window_offsets[rows[-1] + 1]
                met = anchors @ np.asarray(windows[first:end], dtype=np.float32).T
                best[rows] = np.maximum.reduceat(met, window_offsets[rows] - first, axis=1).T
        return best

    def title_scores(
        self, vectors: Floats, texts: Sequence[str], windows: Floats, window_offsets: Integers
    ) -> Floats:
        """Return the score of every concept for titles, (n, n_concepts) float32.

        (1 − lexical share) × `sentence_scores` + lexical share × `lexical_scores` + ``common``, and above that
        example share × max(it, cosine with the nearest example) + prior share × log(1 + examples).
        """
        found = (1 - self.lexical_share) * self.sentence_scores(vectors, windows, window_offsets)
        found += self.beside_vectors(texts)
        return self.with_examples(found, np.asarray(vectors, dtype=np.float32))

    def beside_vectors(self, texts: Sequence[str]) -> Floats:
        """Return what words and common names add to the score of titles, (n, n_concepts) float32."""
        return self.lexical_share * self.lexical_scores(texts) + self.common

    def best_titles(
        self, vectors: Floats, texts: Sequence[str], windows: Floats, window_offsets: Integers
    ) -> tuple[Integers, Floats]:
        """Return the best concept of each title, (n,) int, −1 below the threshold, and its score as in `title_scores`."""
        found = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for start in range(0, len(texts), BLOCK_TEXTS):
            rows, some = slice(start, start + BLOCK_TEXTS), texts[start : start + BLOCK_TEXTS]
            own = vectors[rows], windows, window_offsets[start : start + len(some) + 1]
            if "example_concepts" not in self.more:
                among, scores = self.table_above(*own, 1 - self.lexical_share, self.beside_vectors(some))
            else:
                among, scores = np.arange(len(self.names)), self.title_scores(own[0], some, *own[1:])
            reached = scores.max(axis=1, initial=-1.0)
            best = among[scores.argmax(axis=1)] if len(among) else -1
            found[0].append(np.where(reached >= self.threshold, best, -1))
            found[1].append(reached)
        return np.concatenate(found[0]), np.concatenate(found[1])

    def named(self, texts: Sequence[str]) -> Integers:
        """Return the one concept that has each title among its names, word for word, (n,) int; −1 where none or several do."""
        found = self.lexical_scores(texts)
        return np.where((found >= SAME_WORDS).sum(axis=1) == 1, found.argmax(axis=1), -1)

    def lexical_scores(self, texts: Sequence[str]) -> Floats:
        """Return the weighted words and letter groups that each text shares with the best name of each concept, 0–1."""
        blocks = [texts[start : start + BLOCK_TEXTS] for start in range(0, len(texts), BLOCK_TEXTS)]
        if self.lexical is None or not blocks:
            return np.zeros((len(texts), len(self.centroids)), dtype=np.float32)
        return np.concatenate([self.lexical_block(block) for block in blocks])

    def lexical_block(self, texts: Sequence[str]) -> Floats:
        """Return `lexical_scores` of a few texts, and keep them: a title is looked for among the names, then scored."""
        known = self.kept
        if missing := [text for text in dict.fromkeys(texts) if text not in known]:
            rows = weighted_rows(counted_rows(missing), self.more["idf"])
            shared = np.maximum.reduceat((rows @ self.lexical).toarray(), self.offsets[:-1], axis=1)
            known = {text: known[text] for text in texts if text in known}
            self.kept = known = known | dict(zip(missing, shared, strict=True))
        return np.stack([known[text] for text in texts])

    def with_examples(self, found: Floats, vectors: Floats) -> Floats:
        """Return scores with what people said of texts like these; as they are where there are no examples."""
        share, prior = self.knobs.get("example_share", 0.0), self.knobs.get("prior_share", 0.0)
        owners = self.more.get("example_concepts")
        if owners is None or not len(owners) or not (share or prior):
            return found
        concepts, starts, counts = np.unique(owners, return_index=True, return_counts=True)
        nearest = np.maximum.reduceat(vectors @ self.more["example_vectors"].T, starts, axis=1)
        return found_with(found, (concepts, nearest, counts), (share, prior))

    def extract(self, vectors: Floats, windows: Floats, window_offsets: Integers) -> dict[str, NDArray[Any]]:
        """Return the concepts that the sentences of one text speak of, and where; those below the threshold are left out.

        Returns
        -------
        dict of arrays, best first
            ``concepts`` (numbers), ``scores``, ``confidence`` (0–1: share of such finds that were right on the
            validation data), ``sentences`` (number of the sentence it stands in), ``windows`` (number of the
            window it was read from, −1 for the whole sentence) and ``mentions`` (sentences above the threshold).
        """
        if not len(vectors):
            numbers = dict.fromkeys(("concepts", "sentences", "windows", "mentions"), np.zeros(0, np.int64))
            return numbers | dict.fromkeys(("scores", "confidence"), np.zeros(0))
        among, table = self.table_above(vectors, windows, window_offsets)
        best = table.max(axis=0, initial=-1.0)
        order = np.argsort(-best, kind="stable")
        order = order[best[order] >= self.threshold]
        concepts, table = among[order], table[:, order]
        sentences = table.argmax(axis=0)
        pairs = zip(concepts, sentences, strict=True)
        where = [self.window_of(*pair, windows, window_offsets) for pair in pairs]
        return {
            "concepts": concepts,
            "scores": best[order].astype(np.float64),
            "confidence": self.confidence(best[order]),
            "sentences": sentences,
            "windows": np.array(where, dtype=np.int64),
            "mentions": (table >= self.threshold).sum(axis=0),
        }

    def table_above(
        self, vectors: Floats, windows: Floats, window_offsets: Integers, weight: Any = 1.0, added: Any = 0.0
    ) -> tuple[Integers, Floats]:
        """Return the concepts that may reach the threshold, and ``weight × sentence_scores + added`` of them, exactly.

        A cosine is at most 1: a concept too far from every sentence to reach the threshold, were one of its aliases the
        sentence itself, is left out before aliases are met, seven times as many as concepts; before windows, were one of those.
        """
        texts, least = np.asarray(vectors, dtype=np.float32), self.threshold - ROUNDING
        central = (self.centroids @ texts.T).T  # this way round few texts cost half as much
        share = self.shares(window_offsets)
        rest, share = weight * (1 - share) / 2, weight * share
        highest = rest * (1 + central) + share + added
        among = np.flatnonzero((highest >= least).any(axis=0))
        table = highest[:, among] - share * (1 - self.best_windows(windows, window_offsets, among))
        is_kept = (table >= least).any(axis=0)
        kept = among[is_kept]
        return kept, table[:, is_kept] - rest * (1 - self.nearest_alias(texts, kept))

    def nearest_alias(self, texts: Floats, concepts: Integers) -> Floats:
        """Return the cosine of each text with the nearest alias of some concepts, (n, n_concepts) float32."""
        if not len(concepts):
            return np.zeros((len(texts), 0), dtype=np.float32)
        counts = np.diff(self.offsets)[concepts]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        rows = np.repeat(self.offsets[concepts] - starts, counts) + np.arange(counts.sum())
        return np.maximum.reduceat(texts @ self.aliases[rows].T, starts, axis=1)

    def window_of(self, concept: Any, sentence: Any, windows: Floats, window_offsets: Integers) -> int:
        """Return the number of the window of a sentence that is nearest to a concept, −1 where there is none."""
        start, end = int(window_offsets[sentence]), int(window_offsets[sentence + 1])
        if start == end:
            return -1
        return start + int((np.asarray(windows[start:end]) @ self.anchors[concept]).argmax())

    def confidence(self, scores: Floats) -> Floats:
        """Return the probability that a concept with such a score is right, as fitted on validation data."""
        line = self.knobs["slope"] * np.asarray(scores, dtype=np.float64) + self.knobs["intercept"]
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(line, -50, 50))))


def found_with(
    found: Floats, examples: tuple[Integers, Floats, Integers], shares: tuple[float, float]
) -> Floats:
    """Return scores raised by examples: concepts, the cosine of each text with their nearest one, and their number."""
    (concepts, nearest, counts), (share, prior) = examples, shares
    raised = (1 + np.float32(share)) * found
    own = np.maximum(found[:, concepts], nearest)
    raised[:, concepts] += np.float32(share) * (own - found[:, concepts])
    raised[:, concepts] += np.float32(prior) * np.log1p(counts).astype(np.float32)
    return np.asarray(raised, dtype=np.float32)


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Return halves as float32 and small integers as int64: what is stored narrow is computed wide."""
    wide = {np.dtype(np.float16): np.float32, np.dtype(np.int32): np.int64}.get(array.dtype)
    return array if wide is None else array.astype(wide)


def slots_of(text: str) -> Iterator[int]:
    """Yield the slot of every word, pair of words and group of letters of a text."""
    words = TOKEN.findall(text.lower())
    for term in [*words, *map(" ".join, pairwise(words))]:
        yield zlib.crc32(term.encode("utf-8", "surrogatepass")) % SLOTS
    for word in words:
        padded = f" {word} ".encode("utf-8", "surrogatepass")
        for length in LETTERS:
            for start in range(max(1, len(padded) - length + 1)):
                yield SLOTS + zlib.crc32(padded[start : start + length]) % SLOTS


def counted_rows(texts: Sequence[str]) -> sparse.csr_matrix:
    """Return (n_texts, 2 × SLOTS) float32: 1 + log of how often each slot comes."""
    data: list[float] = []
    columns: list[int] = []
    ends = [0]
    for text in texts:
        counts = Counter(slots_of(text))
        columns.extend(sorted(counts))
        data.extend(1 + np.log(counts[slot]) for slot in sorted(counts))
        ends.append(len(columns))
    shape = (len(texts), 2 * SLOTS)
    return sparse.csr_matrix((np.array(data, np.float32), np.array(columns), np.array(ends)), shape=shape)


def weighted_rows(rows: sparse.csr_matrix, idf: Floats) -> sparse.csr_matrix:
    """Return counted slots weighted, words and letter groups each of length √ of their share: cosines add up to 1."""
    rows.data *= idf[rows.indices]
    owners = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)) * 2 + (rows.indices >= SLOTS)
    squares = np.bincount(owners, rows.data.astype(np.float64) ** 2, minlength=2 * rows.shape[0])
    shares = np.where(np.arange(len(squares)) % 2 == 0, WORD_SHARE, 1 - WORD_SHARE)
    scale = np.sqrt(shares / np.maximum(squares, 1e-12))
    rows.data *= scale[owners].astype(np.float32)
    return rows


def lexical_matrix(arrays: Mapping[str, NDArray[Any]], n_aliases: int) -> sparse.csr_matrix | None:
    """Return (2 × SLOTS, n_aliases): which names have a slot, and how much it weighs there; None without any."""
    if "lexical_data" not in arrays:
        return None
    parts = (arrays["lexical_data"], arrays["lexical_indices"], arrays["lexical_indptr"])
    return sparse.csr_matrix(parts, shape=(n_aliases, 2 * SLOTS)).T.tocsr()
