"""Skills read from a text: which ones, at which level, and in which words; scorer and encoder are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.errors import BadInputError
from features.skills.levels import REQUIRED_LEVEL
from features.text import Floats, sentences, windows

Encode = Callable[[Sequence[str]], Floats]

MAX_WORDS = 1_200  # of a text are read: more belongs into several texts
LEVEL_WORDS: tuple[tuple[float, str], ...] = (
    (5.0, r"expert\w*|master\w*|world[- ]class"),
    (4.0, r"advanced|strong|deep|extensive|excellent|proficien\w+|in[- ]depth|thorough"),
    (2.0, r"basic\w*|familiar\w*|fundamental\w*|exposure|willing\w* to learn|entry[- ]level"),
    (1.0, r"aware\w*|interest in|interested in"),
)
LEVEL_PATTERNS = tuple(
    (level, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for level, words in LEVEL_WORDS
)


class ConceptScorer(Protocol):
    """What `training.skills.scorer` offers, as far as it is used here."""

    concept_ids: list[str]
    names: list[str]
    window_lengths: list[int]
    words: Mapping[str, int]  # single words whose vectors it brings along, in lower case
    word_vectors: Floats

    def extract(
        self, vectors: Floats, windows: Floats, window_offsets: NDArray[np.int64]
    ) -> Mapping[str, Any]:
        """Return the concepts a text speaks of, best first, and where."""


@dataclass(frozen=True)
class Find:
    """A skill that was read from a text.

    Parameters
    ----------
    skill_id, name : str
        The concept of the taxonomy.
    level : float
        0–5, as the sentence says it ("expert in", "basic"); 3 where it does not.
    importance : float
        0–1: the confidence, raised a quarter by each further sentence that speaks of the skill.
    confidence : float
        0–1: how often such a find was right on the validation data.
    words : str
        The words it was read from.
    sentence : str
        The sentence they stand in.
    """

    skill_id: str
    name: str
    level: float
    importance: float
    confidence: float
    words: str
    sentence: str


def extract_skills(text: str, scorer: ConceptScorer, encode: Encode, most: int = 30) -> list[Find]:
    """Return the skills that a text asks for or teaches, the surest first.

    Words of a sentence that a surer skill was read from are not read as another one.

    Parameters
    ----------
    text : str
        A job description, a course content; markup is removed, and 1,200 words are read.
    scorer : ConceptScorer
        Of the skills model.
    encode : callable
        Texts to vectors, by the encoder that the model was fitted with.
    most : int
        No more finds than that.

    Raises
    ------
    BadInputError
        If there are no words in the text.
    """
    read = first_words(sentences(text), MAX_WORDS)
    if not read:
        raise BadInputError("There is no text to read skills from.", allowed="at least one word")
    pieces = [windows(sentence, scorer.window_lengths) for sentence in read]
    flat = [words for piece in pieces for words in piece]
    offsets = np.cumsum([0, *map(len, pieces)])
    # Apart from each other: encoded with a sentence, every window would be padded to the sentence's length.
    whole, parts = distinct_vectors(read, encode), text_vectors(flat, scorer, encode)
    found = scorer.extract(whole, parts, offsets)
    finds: list[Find] = []
    used: dict[int, set[str]] = {}
    for place, concept in enumerate(found["concepts"]):
        row, window = int(found["sentences"][place]), int(found["windows"][place])
        words = flat[window] if window >= 0 else read[row]
        already = used.setdefault(row, set())
        if set(words.lower().split()) <= already:
            continue
        already |= set(words.lower().split())
        confidence, mentions = float(found["confidence"][place]), int(found["mentions"][place])
        finds.append(
            Find(
                scorer.concept_ids[concept],
                scorer.names[concept],
                stated_level(read[row]),
                min(1.0, confidence * (1 + 0.25 * (mentions - 1))),
                confidence,
                words,
                read[row],
            )
        )
    return finds[:most]


def text_vectors(texts: Sequence[str], scorer: ConceptScorer, encode: Encode) -> Floats:
    """Return the vectors of texts: single words that the model knows from it, every other text encoded once."""
    rows = [scorer.words.get(text.lower(), -1) for text in texts]
    missing = [text for text, row in zip(texts, rows, strict=True) if row < 0]
    if len(missing) == len(texts):
        return distinct_vectors(texts, encode)
    vectors = np.asarray(scorer.word_vectors, dtype=np.float32)[rows]
    if missing:
        vectors[[place for place, row in enumerate(rows) if row < 0]] = distinct_vectors(missing, encode)
    return vectors


def distinct_vectors(texts: Sequence[str], encode: Encode) -> Floats:
    """Return the vectors of texts, each different one encoded once."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return np.asarray(encode(list(places)))[[places[text] for text in texts]]


def first_words(read: Sequence[str], most: int) -> list[str]:
    """Return sentences up to so many words in all."""
    kept, count = [], 0
    for sentence in read:
        count += sentence.count(" ") + 1
        if count > most:
            break
        kept.append(sentence)
    return kept


def stated_level(sentence: str) -> float:
    """Return the proficiency level that a sentence names, 3 (independent) where it names none.

    Examples
    --------
    >>> stated_level("Expert knowledge of SQL"), stated_level("Familiarity with Git"), stated_level("Write code")
    (5.0, 2.0, 3.0)
    """
    return next((level for level, pattern in LEVEL_PATTERNS if pattern.search(sentence)), REQUIRED_LEVEL)
