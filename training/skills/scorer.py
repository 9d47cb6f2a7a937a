"""Scores of a taxonomy's concepts for texts, from their vectors: arrays in, arrays out, nothing of ours imported.

A concept has a name and other names (aliases). Its score for a text is the mean of two cosines: of the text with the
nearest alias, and with the centroid of all of them. A sentence often says several things: short windows of words meet one
vector per concept, between its name and its centroid, and the best window is mixed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

LEAST_COSINE = 0.999  # of an encoder with itself at another precision
NAME_SHARE = np.float32(0.75)  # of the preferred name in what windows meet; the rest is the centroid
ROUNDING = 1e-5  # of float32 sums: what lies so near the threshold is looked at exactly
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
        ``concept_ids``, ``names``, ``sources`` and the chosen numbers: ``window_lengths``, ``window_share``,
        ``threshold``, ``slope``, ``intercept``.
    probe : (d,) float32
        The encoder's vector of ``knobs["probe_text"]``: another encoder gives another.
    word_vectors : (n_words, d) float32, optional
        Vectors of ``knobs["words"]``.
    """

    def __init__(
        self,
        aliases: Floats,
        offsets: Integers,
        centroids: Floats,
        knobs: dict[str, Any],
        probe: Floats,
        word_vectors: Floats | None = None,
    ) -> None:
        self.aliases, self.offsets, self.centroids = aliases, offsets, centroids
        self.anchors = NAME_SHARE * aliases[offsets[:-1]] + (1 - NAME_SHARE) * centroids
        self.probe = probe
        self.knobs = knobs
        self.words: dict[str, int] = {word: row for row, word in enumerate(knobs.get("words", ()))}
        self.word_vectors = aliases[:0] if word_vectors is None else word_vectors
        self.concept_ids: list[str] = knobs["concept_ids"]
        self.names: list[str] = knobs["names"]
        self.sources: list[str] = knobs["sources"]
        self.window_lengths: list[int] = knobs["window_lengths"]
        self.window_share: float = knobs["window_share"]
        self.threshold: float = knobs["threshold"]

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a payload: ``concepts.npz`` and ``model.json``."""
        knobs = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "concepts.npz", allow_pickle=False) as arrays:
            aliases, offsets = arrays["aliases"].astype(np.float32), arrays["offsets"].astype(np.int64)
            centroids, probe = arrays["centroids"].astype(np.float32), arrays["probe"].astype(np.float32)
            words = arrays["word_vectors"].astype(np.float32) if "word_vectors" in arrays else None
        return cls(aliases, offsets, centroids, knobs, probe, words)

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
        texts = np.asarray(vectors, dtype=np.float32)
        found = np.empty((len(texts), len(self.centroids)), dtype=np.float32)
        for start in range(0, len(texts), BLOCK_TEXTS):
            block = texts[start : start + BLOCK_TEXTS]
            nearest = np.maximum.reduceat(block @ self.aliases.T, self.offsets[:-1], axis=1)
            found[start : start + BLOCK_TEXTS] = (nearest + block @ self.centroids.T) / 2
        return found

    def alias_scores(self, vectors: Floats) -> Floats:
        """Return the score of every single name: mean of its own cosine and that of its concept's centroid.

        Returns
        -------
        (n, n_aliases) float32
        """
        texts = np.asarray(vectors, dtype=np.float32)
        owners = np.repeat(np.arange(len(self.centroids)), np.diff(self.offsets))
        return (texts @ self.aliases.T + (texts @ self.centroids.T)[:, owners]) / 2

    def sentence_scores(self, vectors: Floats, windows: Floats, window_offsets: Integers) -> Floats:
        """Return the score of every concept for sentences, the best window of each mixed in.

        Parameters
        ----------
        vectors : (n, d) float
            Vectors of the sentences.
        windows : (n_windows, d) float
            Vectors of their word windows, those of a sentence together.
        window_offsets : (n + 1,) int
            Where each sentence's windows begin; a sentence without windows is scored as a whole.

        Returns
        -------
        (n, n_concepts) float32
            (1 − share) × whole + share × best window.
        """
        found = self.scores(vectors)
        share = np.float32(self.window_share)
        for row in range(len(found)):
            part = windows[int(window_offsets[row]) : int(window_offsets[row + 1])]
            if len(part) and share:
                best = (np.asarray(part, dtype=np.float32) @ self.anchors.T).max(axis=0)
                found[row] = (1 - share) * found[row] + share * best
        return found

    def extract(self, vectors: Floats, windows: Floats, window_offsets: Integers) -> dict[str, NDArray[Any]]:
        """Return the concepts that a text speaks of, and where; those below the threshold are left out.

        Parameters
        ----------
        vectors, windows, window_offsets
            As for `sentence_scores`; the sentences of one text.

        Returns
        -------
        dict of arrays, best concept first
            ``concepts`` (numbers), ``scores``, ``confidence`` (0–1: share of such finds that were right on the
            validation data), ``sentences`` (number of the sentence it stands in), ``windows`` (number of the
            window it was read from, −1 for the whole sentence) and ``mentions`` (sentences above the threshold).
        """
        nothing = np.zeros(0, dtype=np.int64)
        if not len(vectors):
            return {
                **dict.fromkeys(("concepts", "sentences", "windows", "mentions"), nothing),
                **dict.fromkeys(("scores", "confidence"), np.zeros(0)),
            }
        among, table = self.table_above(vectors, windows, window_offsets)
        best = table.max(axis=0, initial=-1.0)
        order = np.argsort(-best, kind="stable")
        order = order[best[order] >= self.threshold]
        concepts, table = among[order], table[:, order]
        sentences = table.argmax(axis=0)
        where = [
            self.window_of(concept, row, windows, window_offsets)
            for concept, row in zip(concepts, sentences, strict=True)
        ]
        return {
            "concepts": concepts,
            "scores": best[order].astype(np.float64),
            "confidence": self.confidence(best[order]),
            "sentences": sentences,
            "windows": np.array(where, dtype=np.int64),
            "mentions": (table >= self.threshold).sum(axis=0),
        }

    def table_above(
        self, vectors: Floats, windows: Floats, window_offsets: Integers
    ) -> tuple[Integers, Floats]:
        """Return the concepts that may reach the threshold, and their scores for each sentence, exactly.

        A cosine is at most 1: a concept whose centroid and windows are too far from every sentence to reach the
        threshold, were one of its aliases the sentence itself, is left out before its aliases are met. They are
        seven times as many as the concepts.

        Returns
        -------
        (n_kept,) int, (n, n_kept) float32
            As `sentence_scores` has them in those columns.
        """
        texts = np.asarray(vectors, dtype=np.float32)
        central = texts @ self.centroids.T
        share = np.full((len(texts), 1), self.window_share, dtype=np.float32)
        best = np.zeros_like(central)
        for row in range(len(texts)):
            part = windows[int(window_offsets[row]) : int(window_offsets[row + 1])]
            if len(part) and self.window_share:
                np.max(np.asarray(part, dtype=np.float32) @ self.anchors.T, axis=0, out=best[row])
            else:
                share[row] = 0.0
        highest = (1 - share) * (1 + central) / 2 + share * best
        kept = np.flatnonzero((highest >= self.threshold - ROUNDING).any(axis=0))
        nearest = self.nearest_alias(texts, kept)
        return kept, (1 - share) * (nearest + central[:, kept]) / 2 + share * best[:, kept]

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
