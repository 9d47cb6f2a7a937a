"""Job titles linked to public occupations: by the same words first, by a model of vectors and words else, or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from features.skills.extraction import Encode, distinct_vectors
from features.text import TAG, Floats, plain_text, windows

# What follows a comma, bracket, slash or dash: the place, the client, the product. A title that is not linked as it stands is
# tried without: of board titles with such a tail that links 45 % more, hardly less often as the board did (.34 against .39).
TAIL = re.compile(r"\s*(?:[,(\[|@/]|\s[-–:]\s).*$")
FEW = 8  # titles
LONGEST_TITLE = 300  # characters: what is longer is no title


class OccupationScorer(Protocol):
    """What `training.skills.scorer` offers for titles."""

    concept_ids: list[str]
    names: list[str]
    window_lengths: list[int]
    threshold: float

    def title_scores(
        self, vectors: Floats, texts: Sequence[str], windows: Floats, window_offsets: NDArray[np.int64]
    ) -> Floats:
        """Return (n, n_concepts) scores."""

    def confidence(self, scores: Any) -> Any:
        """Return the probability of being right, by score."""


@dataclass(frozen=True)
class TitleLink:
    """The public occupation a title was linked to.

    Parameters
    ----------
    occupation_id, name : str
        The occupation.
    confidence : float
        0–1; 1 where title and name are the same words.
    method : str
        ``exact`` or ``vector``.
    words : str
        The words of the title that speak for it.
    """

    occupation_id: str
    name: str
    confidence: float
    method: Literal["exact", "vector"]
    words: str


def link_titles(titles: Sequence[str], scorer: OccupationScorer, encode: Encode) -> list[TitleLink | None]:
    """Return the occupation that each title, else its head, is surest of; None where none is sure enough.

    Parameters
    ----------
    titles : sequence of str
        Markup is removed; a title without words or too long to be one is not linked.
    scorer : OccupationScorer
        Of the occupations; its threshold was chosen on validation titles.
    encode : callable
        Texts to vectors, by the encoder that the model was fitted with.
    """
    plain = [plain_text(title) for title in titles]
    asked = [text for text in dict.fromkeys(plain) if is_title(text)]
    heads = {text: head for text in asked if (head := TAIL.sub("", text)) != text and is_title(head)}
    # A few are read with their heads in one go: reading costs more by the time than by the text.
    links = linked(
        list(dict.fromkeys([*asked, *heads.values()] if len(asked) <= FEW else asked)), scorer, encode
    )
    missing = [heads[text] for text in heads if links[text] is None and heads[text] not in links]
    links |= linked(list(dict.fromkeys(missing)), scorer, encode)
    return [links.get(text) or links.get(heads.get(text, "")) for text in plain]


def linked(asked: Sequence[str], scorer: OccupationScorer, encode: Encode) -> dict[str, TitleLink | None]:
    """Return the link of each plain title."""
    if not asked:
        return {}
    pieces = [windows(text, scorer.window_lengths) for text in asked]
    parts = [words for piece in pieces for words in piece]
    offsets = np.cumsum([0, *map(len, pieces)]).astype(np.int64)
    vectors = distinct_vectors([*asked, *parts], encode)
    scores = scorer.title_scores(vectors[: len(asked)], asked, vectors[len(asked) :], offsets)
    return {text: best_link(text, row, scorer) for text, row in zip(asked, scores, strict=True)}


def is_title(text: str) -> bool:
    """Say whether a text may be a title: it has letters, is short, and is no markup."""
    return len(text) <= LONGEST_TITLE and any(letter.isalpha() for letter in text) and not TAG.search(text)


def best_link(title: str, scores: Floats, scorer: OccupationScorer) -> TitleLink | None:
    """Return the best occupation of a title, None below the threshold."""
    best = int(np.argmax(scores))
    if scores[best] < scorer.threshold:
        return None
    name = scorer.names[best]
    confidence = float(scorer.confidence(scores[best : best + 1])[0])
    return TitleLink(scorer.concept_ids[best], name, confidence, "vector", shared_words(title, name))


def shared_words(title: str, name: str) -> str:
    """Return the words of a title that an occupation's name begins like; the whole title where it has none.

    Examples
    --------
    >>> shared_words("Sr. Data Analysts (Berlin)", "data analyst")
    'Data Analysts'
    """
    stems = [word[:5] for word in name.lower().split()]
    shared = [word for word in windows(title, [1]) if any(word.lower().startswith(stem) for stem in stems)]
    return " ".join(shared) or title
