"""The knobs of the scorer, chosen on validation texts: windows, their share, and where to abstain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.skills.labelled import Labelled
from training.skills.metrics import measure, text_scores
from training.skills.scorer import NAME_SHARE
from training.skills.taxonomy import Concepts, Floats

SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
RANGES = ((1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 4), (2, 6))

Choice = tuple[tuple[int, ...], float]


@dataclass(frozen=True)
class Knobs:
    """What was chosen.

    Parameters
    ----------
    window_lengths : tuple of int
        Words per window.
    window_share : float
        Share of the best window in a sentence's score.
    threshold : float
        A concept below it is not said to be there.
    slope, intercept : float
        Of the logistic curve from score to confidence.
    lexical_share : float
        Share of the words and letter groups in the score of a title.
    common_share : float
        What a title's score gains where the concept is a common one (`training.skills.titles.commonness`).
    example_share, prior_share : float
        What examples add to it: the nearest one, and how many a concept has.
    """

    window_lengths: tuple[int, ...] = (1, 2, 3, 4)
    window_share: float = 0.5
    threshold: float = 0.657
    slope: float = 16.4
    intercept: float = -12.3
    lexical_share: float = 0.0
    common_share: float = 0.0
    example_share: float = 0.0
    prior_share: float = 0.0


# Chosen on the house and tech validation sets of Decorte et al. (arXiv 2209.05987, 2307.10778), and on vacancy titles.
SHIPPED = Knobs()
TITLE_KNOBS = Knobs(
    window_lengths=(2,),
    window_share=0.2,
    lexical_share=0.2,
    common_share=0.2,
    threshold=0.73,
    slope=4.61,
    intercept=-3.97,
)


@dataclass(frozen=True)
class Parts:
    """What every choice of knobs is mixed from, computed once.

    Parameters
    ----------
    whole : (n_sentences, n_concepts) float32
        Scores of whole sentences.
    best : mapping of int to (n_sentences, n_concepts) float32
        By window length: cosine of the best window; −inf where a sentence has none.
    """

    whole: Floats
    best: Mapping[int, Floats]


def parts_of(concepts: Concepts, data: Labelled) -> Parts:
    """Return the parts of the score of every sentence."""
    nearest = np.maximum.reduceat(
        data.sentence_vectors @ concepts.aliases.T, concepts.taxonomy.offsets[:-1], axis=1
    )
    whole = (nearest + data.sentence_vectors @ concepts.centroids.T) / 2
    anchors = (
        NAME_SHARE * concepts.aliases[concepts.taxonomy.offsets[:-1]] + (1 - NAME_SHARE) * concepts.centroids
    )
    best = {}
    for length, (vectors, offsets) in data.window_vectors.items():
        table = np.full_like(whole, -np.inf)
        for row in range(len(table)):
            if offsets[row] < offsets[row + 1]:
                table[row] = (vectors[offsets[row] : offsets[row + 1]] @ anchors.T).max(axis=0)
        best[length] = table
    return Parts(whole, best)


def mixed(parts: Parts, lengths: tuple[int, ...], share: float) -> Floats:
    """Return the score of every sentence under a choice of windows, as the scorer computes it."""
    if not share or not lengths:
        return parts.whole
    best = np.maximum.reduce([parts.best[length] for length in lengths])
    return np.where(np.isfinite(best), (1 - share) * parts.whole + share * best, parts.whole)


def choose_windows(
    parts: Parts, data: Labelled, shipped: Choice, rows: NDArray[np.intp] | None = None
) -> Choice:
    """Return the window lengths and share that rank best on some of the texts.

    The mean of rp@5, rp@10 and mrr decides. The shipped choice stays unless another one is better by more than a
    standard error of the paired difference: validation sets are small.
    """
    kept = np.arange(len(data)) if rows is None else rows
    lengths = [tuple(range(low, high + 1)) for low, high in RANGES if high in parts.best]
    choices: list[Choice] = [((), 0.0), *((length, share) for share in SHARES for length in lengths)]
    before = ranked(parts, data, shipped, kept)
    units = [ranked(parts, data, choice, kept) for choice in choices]
    best = int(np.argmax([unit.mean() for unit in units]))
    difference = units[best] - before
    error = float(difference.std(ddof=1) / np.sqrt(len(kept))) if len(kept) > 1 else np.inf
    return choices[best] if difference.mean() > error else shipped


def ranked(parts: Parts, data: Labelled, choice: Choice, rows: NDArray[np.intp]) -> Floats:
    """Return what decides between choices, one number per text."""
    scores = text_scores(mixed(parts, *choice), data.sentence_offsets)[rows]
    found = measure(scores, [data.relevant[row] for row in rows])
    return np.asarray((found["rp@5"] + found["rp@10"] + found["mrr"]) / 3)
