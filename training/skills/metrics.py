"""How well concepts are ranked for texts, one number per text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

SKILL_METRICS = ("rp@1", "rp@5", "rp@10", "mrr")
TITLE_METRICS = ("mrr", "map", "r@1", "r@5", "r@10")


def ranks_of(scores: Floats, relevant: Collection[int]) -> NDArray[np.int64]:
    """Return the ranks of the relevant concepts, best first; 1 is the top.

    Equal scores are ranked in the order of the concepts, so that a constant score earns no luck.

    Examples
    --------
    >>> ranks_of(np.array([0.1, 0.9, 0.5, 0.9]), {2, 3})
    array([2, 3])
    """
    wanted = np.fromiter(relevant, dtype=np.int64)
    own = scores[wanted][:, None]
    above = (scores[None, :] > own).sum(axis=1)
    before = ((scores[None, :] == own) & (np.arange(len(scores))[None, :] < wanted[:, None])).sum(axis=1)
    return np.sort(1 + above + before)


def measured(ranks: NDArray[np.int64]) -> dict[str, float]:
    """Return every metric of one text from the ranks of its relevant concepts.

    ``rp@k`` = relevant among the first k / min(k, relevant); ``r@k`` = 1 where one of the first k is relevant;
    ``mrr`` = 1 / rank of the first; ``map`` = mean precision at the relevant ranks.

    Examples
    --------
    >>> found = measured(np.array([2, 3]))
    >>> found["rp@1"], found["rp@5"], found["mrr"], round(found["map"], 3)
    (0.0, 1.0, 0.5, 0.583)
    """
    n = len(ranks)
    found = {f"rp@{k}": float((ranks <= k).sum() / min(k, n)) for k in (1, 5, 10)}
    found |= {f"r@{k}": float(ranks[0] <= k) for k in (1, 5, 10)}
    return found | {"mrr": float(1 / ranks[0]), "map": float((np.arange(1, n + 1) / ranks).mean())}


def measure(scores: Floats, relevant: Sequence[Collection[int]]) -> dict[str, Floats]:
    """Return every metric for every text.

    Parameters
    ----------
    scores : (n_texts, n_concepts) float
        Higher is better.
    relevant : sequence of collections of int
        Concept numbers of each text; none is empty.

    Returns
    -------
    dict of str to (n_texts,) float
    """
    rows = [measured(ranks_of(row, wanted)) for row, wanted in zip(scores, relevant, strict=True)]
    return {
        name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else measured(np.array([1])))
    }


def text_scores(sentence_scores: Floats, sentence_offsets: NDArray[np.int64]) -> Floats:
    """Return the score of each concept for each text: that of its best sentence."""
    return np.maximum.reduceat(sentence_scores, sentence_offsets[:-1], axis=0)


def means(found: Mapping[str, Floats]) -> dict[str, float]:
    """Return the mean of every metric."""
    return {name: float(values.mean()) for name, values in found.items()}
