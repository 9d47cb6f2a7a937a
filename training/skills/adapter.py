"""Fine-tuning on an organisation's own tags: a linear map of the concepts' vectors, kept only where it surely ranks better.

The encoder stays as it is, and so do the vectors of texts: what is learnt is where the organisation's words put a concept.
Every concept moves by the same map, those that nobody tagged too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.skills.labelled import Labelled, fold_of
from training.skills.metrics import measure, text_scores
from training.skills.taxonomy import Concepts, Floats

RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0)
FOLDS = 5
SURE = 1.96  # standard errors
LEAST_TEXTS = 50  # tagged texts from which on a map is tried

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Adapted:
    """What came of fine-tuning.

    Parameters
    ----------
    concepts : Concepts
        Moved where that surely ranks better, as they were elsewhere.
    ridge : float
        How strongly the map is held to leaving everything where it is; 0 where nothing is moved.
    gain, error : float
        Mean paired gain on texts that the map was not learnt from, and its standard error.
    """

    concepts: Concepts
    ridge: float = 0.0
    gain: float = 0.0
    error: float = 0.0

    def facts(self) -> dict[str, float]:
        """Return what a payload says of it; nothing where nothing was tried."""
        if not self.error:
            return {}
        return {"fine_tune_ridge": self.ridge, "fine_tune_gain": self.gain, "fine_tune_error": self.error}


def adapted(concepts: Concepts, data: Labelled) -> Adapted:
    """Return the concepts as an organisation's tagged texts move them, if that surely ranks other texts better.

    Parameters
    ----------
    concepts : Concepts
        As the encoder gives them.
    data : Labelled
        Tagged texts; of their sentences alone, no windows.

    Notes
    -----
    Folds are cut by a hash of the text. The ridge is chosen on the other folds of each fold, so that the gain is that of
    texts which neither the map nor its ridge has seen; it is kept where the gain is above 0 by `SURE` standard errors.
    """
    if len(data) < LEAST_TEXTS:
        return Adapted(concepts)
    folds = np.array([fold_of(text, FOLDS) for text in data.texts])
    before, gains = quality(concepts, data), np.zeros(len(data))
    for fold in range(FOLDS):
        rest, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        ridge = best_ridge(concepts, data, before, rest, folds)
        gains[out] = quality(moved(concepts, map_of(concepts, data, rest, ridge)), data)[out] - before[out]
    error = float(gains.std(ddof=1) / np.sqrt(gains.size))
    if gains.mean() <= SURE * error:
        return Adapted(concepts, 0.0, float(gains.mean()), error)
    everything = np.arange(len(data))
    ridge = best_ridge(concepts, data, before, everything, folds)
    best = moved(concepts, map_of(concepts, data, everything, ridge))
    return Adapted(best, ridge, float(gains.mean()), error)


def best_ridge(
    concepts: Concepts, data: Labelled, before: Floats, rows: Rows, folds: NDArray[np.int64]
) -> float:
    """Return the ridge whose maps gain most on texts of some rows that they were not learnt from."""
    gained = dict.fromkeys(RIDGES, 0.0)
    parity = folds[rows] % 2
    for half in (0, 1):
        learnt, asked = rows[parity == half], rows[parity != half]
        for ridge in RIDGES:
            after = quality(moved(concepts, map_of(concepts, data, learnt, ridge)), data)
            gained[ridge] += float((after[asked] - before[asked]).sum())
    return max(RIDGES, key=lambda one: gained[one])


def map_of(concepts: Concepts, data: Labelled, rows: Rows, ridge: float) -> Floats:
    """Return the map W of a ridge regression towards the identity, (d, d) float.

    Minimises Σ ‖W c − s‖² / n + ridge · ‖W − 1‖² over the concepts c of each text (its n concepts count as one) and the
    sentence s of the text that is nearest to the concept.
    """
    size = concepts.centroids.shape[1]
    left, right = ridge * np.eye(size), ridge * np.eye(size)
    for row in rows:
        sentences = data.sentence_vectors[data.sentence_offsets[row] : data.sentence_offsets[row + 1]]
        own = concepts.centroids[sorted(data.relevant[row])].astype(np.float64)
        nearest = sentences[(own @ sentences.T).argmax(axis=1)].astype(np.float64)
        left += nearest.T @ own / len(own)
        right += own.T @ own / len(own)
    return np.asarray(np.linalg.solve(right, left.T).T)


def moved(concepts: Concepts, by: Floats) -> Concepts:
    """Return concepts whose vectors are mapped, and of length one again."""
    aliases, centroids = (
        (each.astype(np.float64) @ by.T).astype(np.float32) for each in (concepts.aliases, concepts.centroids)
    )
    return replace(concepts, aliases=of_length_one(aliases), centroids=of_length_one(centroids))


def of_length_one(vectors: Floats) -> Floats:
    """Return rows of length one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def quality(concepts: Concepts, data: Labelled) -> Floats:
    """Return how well the concepts of each text are ranked, (n_texts,): the mean of rp@5, rp@10 and mrr."""
    nearest = np.maximum.reduceat(
        data.sentence_vectors @ concepts.aliases.T, concepts.taxonomy.offsets[:-1], axis=1
    )
    scores = text_scores((nearest + data.sentence_vectors @ concepts.centroids.T) / 2, data.sentence_offsets)
    found = measure(scores, list(data.relevant))
    return np.asarray((found["rp@5"] + found["rp@10"] + found["mrr"]) / 3)
