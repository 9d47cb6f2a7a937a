"""Free text about courses: its words, and which topic of a fitted model it speaks of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.history import History, latest

WORD = re.compile(r"[^\W\d_]{3,}")
NO_TOPIC = -1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def words_of(text: str) -> list[str]:
    """Return the words of a comment in lower case: letters only, three at least.

    Examples
    --------
    >>> words_of("Too few examples, E-17 said.")
    ['too', 'few', 'examples', 'said']
    """
    return [word.lower() for word in WORD.findall(text)]


def comments(history: History) -> pl.DataFrame:
    """Return the last comment of each person about each course, stage and rater.

    Returns
    -------
    polars.DataFrame
        ``course_id, employee_id, stage, rater, rating, comment, happened_at``.
    """
    key = ["course_id", "employee_id", "stage", "rater"]
    said = history["evaluations"].filter(pl.col("comment").str.strip_chars() != "")
    return latest(said, key).select(*key, "rating", "comment", "happened_at").sort(*key)


@dataclass(frozen=True)
class Topics:
    """Topics as directions over words.

    Parameters
    ----------
    words : tuple of str
        The vocabulary; each word was used by enough people to be nobody's own.
    rarity : (n_words,) float
        Inverse document frequency.
    weights : (n_topics, n_words) float
        Each topic's words, non-negative, of length 1.
    """

    words: tuple[str, ...]
    rarity: Floats
    weights: Floats

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each word stands."""
        return {word: place for place, word in enumerate(self.words)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Topics:
        """Return the topics that a payload keeps."""
        weights = np.asarray(stored["weights"], dtype=np.float64)
        return cls(tuple(stored["words"]), np.asarray(stored["rarity"], dtype=np.float64), weights)

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Return texts as word counts times rarity, each of length 1, (n_texts, n_words); 0 where no word is known."""
        found = np.zeros((len(texts), len(self.words)))
        for row, text in enumerate(texts):
            for word, count in Counter(words_of(text)).items():
                if word in self.place:
                    found[row, self.place[word]] = count
        found *= self.rarity
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.where(length > 0, length, 1.0), dtype=np.float64)

    def assigned(self, texts: Sequence[str]) -> tuple[Ints, Floats]:
        """Return the topic that each text speaks of most, and how much (0–1); `NO_TOPIC` where it speaks of none."""
        if not len(self.weights) or not texts:
            return np.full(len(texts), NO_TOPIC), np.zeros(len(texts))
        strength = self.vectors(texts) @ self.weights.T
        best = strength.argmax(axis=1)
        much = strength[np.arange(len(texts)), best]
        return np.where(much > 0, best, NO_TOPIC), much

    def leading(self, topic: int, count: int = 4) -> list[str]:
        """Return the words that a topic is known by, the strongest first."""
        order = np.argsort(-self.weights[topic], kind="stable")[:count]
        return [self.words[place] for place in order if self.weights[topic, place] > 0]
