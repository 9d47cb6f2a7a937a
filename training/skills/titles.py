"""What titles need beside vectors: the words of every name, and examples of titles that people linked.

Examples are kept only where they rank validation titles better than going without: folds are cut by a hash of the title,
so that no title is its own example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.skills.titles import title_windows
from training.skills.calibration import calibrated
from training.skills.dataset import Dataset
from training.skills.evaluate import model_scores
from training.skills.knobs import TITLE_KNOBS, Knobs
from training.skills.labelled import Labelled, fold_of, label
from training.skills.scorer import SLOTS, Scorer, counted_rows, found_with, weighted_rows
from training.skills.taxonomy import Concepts, Encode, Floats, Integers

FOLDS = 4
SHARES = ((0.0, 0.0), (0.2, 0.0), (0.5, 0.0), (0.5, 0.02), (0.5, 0.05), (1.0, 0.02), (1.0, 0.05), (2.0, 0.05),
          (2.0, 0.1), (4.0, 0.1))  # fmt: skip
MOST_JUDGED = 4_000  # validation titles on which shares are compared: enough for a standard error of .006
AMONG = 1  # only the best occupation of a title is ever used

Arrays = dict[str, NDArray[Any]]
Examples = tuple[
    Integers, Floats, Integers
]  # concepts, cosine of each title with their nearest example, number


def chosen_for_titles(dataset: Dataset, shipped: Knobs, is_enough: bool) -> tuple[Knobs, Arrays]:
    """Return the knobs of titles, and the arrays of names and examples that the scorer needs."""
    names = name_arrays(dataset.concepts, shipped)
    if not is_enough:
        return shipped, names
    data = dataset.validation
    base = model_scores(scorer_of(dataset.concepts, shipped, names), data, are_titles=True)
    shares, judged, scores = choose_examples(base, data)
    knobs = replace(shipped, example_share=shares[0], prior_share=shares[1])
    knobs = calibrated(scores, data.subset(judged), knobs, AMONG)
    return knobs, names | (example_arrays(data) if any(shares) else {})


def label_titles(pairs: Sequence[tuple[str, frozenset[int]]], concepts: Concepts, encode: Encode) -> Labelled:
    """Return labelled titles with the windows that they are linked by."""
    known = {*concepts.words}
    return label(pairs, encode, TITLE_KNOBS.window_lengths, is_sentence=True,
                 windows_of=lambda title, length: title_windows(title, [length], known))  # fmt: skip


def scorer_of(concepts: Concepts, knobs: Knobs, more: Arrays) -> Scorer:
    """Return a scorer of concepts that was not written yet."""
    taxonomy = concepts.taxonomy
    said = {"concept_ids": taxonomy.concept_ids, "names": taxonomy.names, "sources": taxonomy.sources}
    said["words"] = concepts.words
    if concepts.word_vectors is not None:
        more = {**more, "word_vectors": concepts.word_vectors}
    arrays = (concepts.aliases, taxonomy.offsets, concepts.centroids)
    return Scorer(*arrays, {**asdict(knobs), **said}, concepts.centroids[0], more)


def name_arrays(concepts: Concepts, knobs: Knobs) -> Arrays:
    """Return what the scorer needs of the names beside their vectors: words, letter groups, and how common they are."""
    common = (np.float32(knobs.common_share) * commonness(concepts)).astype(np.float16)
    return {**lexical_arrays(concepts.taxonomy.aliases), "common": common}


def commonness(concepts: Concepts) -> Floats:
    """Return how near each concept is to the average name, less the mean, (n_concepts,) float32.

    Boards and their users say the common occupation where the taxonomy has a special one: the nearer to all names, the more
    often it is meant.
    """
    near = concepts.centroids @ concepts.aliases.mean(axis=0, dtype=np.float32)
    return np.asarray(near - near.mean(), dtype=np.float32)


def lexical_arrays(names: Sequence[str]) -> Arrays:
    """Return every name as weighted words and groups of letters, and the weights: the rarer among names, the more."""
    counted = counted_rows(names)
    documents = np.bincount(counted.indices, minlength=2 * SLOTS)
    idf = (np.log((1 + len(names)) / (1 + documents)) + 1).astype(np.float16)
    rows = weighted_rows(counted, idf.astype(np.float32))
    return {
        "lexical_data": rows.data.astype(np.float16),
        "lexical_indices": rows.indices.astype(np.int32),
        "lexical_indptr": rows.indptr.astype(np.int32),
        "idf": idf,
    }


def example_arrays(data: Labelled) -> Arrays:
    """Return titles with their occupations, by occupation."""
    owners = owners_of(data)
    order = np.argsort(owners, kind="stable")
    return {
        "example_vectors": data.sentence_vectors[order].astype(np.float16),
        "example_concepts": owners[order].astype(np.int32),
    }


def owners_of(data: Labelled) -> Integers:
    """Return the occupation of each title, the first where it has several."""
    return np.array([min(relevant) for relevant in data.relevant], dtype=np.int64)


def choose_examples(base: Floats, data: Labelled) -> tuple[tuple[float, float], NDArray[np.intp], Floats]:
    """Return the shares that rank titles best with examples from other folds, and the scores they give.

    Going without examples stays unless they are better by more than a standard error of the paired difference.

    Parameters
    ----------
    base : (n, n_concepts) float32
        Scores without examples.
    data : Labelled
        Titles.

    Returns
    -------
    (float, float), (n_judged,) int, (n_judged, n_concepts) float32
        Shares, which titles were judged, and their scores under the shares.
    """
    parts = list(folds_of(data))
    judged = np.concatenate([rows for rows, _ in parts])
    owners = owners_of(data)[judged]
    found = {shares: reciprocal_ranks(scored(base, parts, shares), owners) for shares in SHARES}
    best = max(found, key=lambda shares: float(found[shares].mean()))
    gain = found[best] - found[SHARES[0]]
    error = float(gain.std(ddof=1)) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    chosen = best if gain.mean() > error else SHARES[0]
    return chosen, judged, scored(base, parts, chosen)


def folds_of(data: Labelled) -> Iterator[tuple[NDArray[np.intp], Examples]]:
    """Yield the judged titles of each fold, with the examples that the other folds give them."""
    folds = np.array([fold_of(text, FOLDS) for text in data.texts])
    looked_at = np.zeros(len(data), dtype=bool)
    looked_at[np.linspace(0, len(data) - 1, min(len(data), MOST_JUDGED)).astype(np.int64)] = True
    for fold in range(FOLDS):
        rows, others = np.flatnonzero(looked_at & (folds == fold)), np.flatnonzero(folds != fold)
        if not len(rows) or not len(others):
            continue
        yield rows, examples_for(data, rows, others)


def examples_for(data: Labelled, rows: NDArray[np.intp], others: NDArray[np.intp]) -> Examples:
    """Return what some titles are to others: concepts, the cosine with their nearest example, and their number."""
    owners = owners_of(data)
    others = others[np.argsort(owners[others], kind="stable")]
    concepts, starts, counts = np.unique(owners[others], return_index=True, return_counts=True)
    cosines = data.sentence_vectors[rows] @ data.sentence_vectors[others].T
    return concepts, np.maximum.reduceat(cosines, starts, axis=1), counts


def scored(
    base: Floats, parts: Sequence[tuple[NDArray[np.intp], Examples]], shares: tuple[float, float]
) -> Floats:
    """Return the scores of the judged titles under shares."""
    return np.concatenate([found_with(base[rows], examples, shares) for rows, examples in parts])


def reciprocal_ranks(scores: Floats, owners: Integers) -> Floats:
    """Return 1 / rank of each title's occupation; among equals it stands in the middle."""
    own = scores[np.arange(len(owners)), owners][:, None]
    return np.asarray(1.0 / (0.5 + (scores > own).sum(axis=1) + (scores == own).sum(axis=1) / 2))
