"""Job titles linked to public occupations: by the same words first, by a model of vectors and words else, or not at all."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from features.skills.extraction import Encode, distinct_vectors
from features.text import TAG, Floats, plain_text, windows

# What follows a comma, bracket, slash or dash: the place, the client, the product. A title that is not linked as it stands is
# tried without: of board titles with such a tail that links 45 % more, hardly less often as the board did (.34 against .39).
TAIL = re.compile(r"\s*(?:[,(\[|@/]|\s[-–:]\s).*$")
# What says that the job is for men, women and anybody: "(m/f)", "m/w/d", "H/F".
FOR_ANYBODY = re.compile(
    r"[\s(\[]*\b(?:m\s?/\s?[fw]|[fw]\s?/\s?m|h\s?/\s?f|f\s?/\s?h)(?:\s?/\s?[dxiv]){0,2}\b[)\]]*",
    re.IGNORECASE,
)
FEW = 8  # titles
WORTH_A_CALL = 12  # words of padding that take as long to encode as asking the encoder once more
ENCODED = 2  # texts that may be encoded beside a title: windows, its head among them (MRR −.0017, ±.0011, of 15,462 titles)
LONGEST_TITLE = 300  # characters: what is longer is no title


class OccupationScorer(Protocol):
    """What `training.skills.scorer` offers for titles."""

    concept_ids: list[str]
    names: list[str]
    window_lengths: list[int]
    words: dict[str, int]  # windows whose vectors it brings along, in lower case
    word_vectors: Floats

    def named(self, texts: Sequence[str]) -> NDArray[np.integer]:
        """Return the one concept that has each title among its names, (n,) int; −1 where none or several do."""

    def best_titles(
        self, vectors: Floats, texts: Sequence[str], windows: Floats, window_offsets: NDArray[np.int64]
    ) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
        """Return the best concept of each title, −1 below the threshold, and its score, (n,) each."""

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
        0–1; 1 where the title is, word for word, a name of the occupation.
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
    """Return the occupation that has each title as a name, else the one that it, or else its head, is surest of, if any.

    Parameters
    ----------
    titles : sequence of str
        Markup is removed; a title without words or too long to be one is not linked.
    scorer : OccupationScorer
        Of the occupations; its threshold was chosen on validation titles.
    encode : callable
        Texts to vectors, by the encoder that the model was fitted with.
    """
    plain = [FOR_ANYBODY.sub(" ", plain_text(title)).strip() for title in titles]
    asked = [text for text in dict.fromkeys(plain) if is_title(text)]
    links: dict[str, TitleLink | None] = dict(named(asked, scorer))
    rest = [text for text in asked if text not in links]
    heads = {text: head for text in rest if (head := head_of(text)) != text}
    # A few are read with their heads in one go: reading costs more by the time than by the text.
    links |= linked(
        list(dict.fromkeys([*rest, *heads.values()] if len(rest) <= FEW else rest)), scorer, encode
    )
    missing = [heads[text] for text in heads if links[text] is None and heads[text] not in links]
    links |= linked(list(dict.fromkeys(missing)), scorer, encode)
    return [links.get(text) or links.get(heads.get(text, "")) for text in plain]


def named(asked: Sequence[str], scorer: OccupationScorer) -> dict[str, TitleLink]:
    """Return the link of each plain title that is, word for word, a name of one occupation: no encoder is asked."""
    if not asked:
        return {}
    found = zip(asked, scorer.named(asked).tolist(), strict=True)
    return {
        text: TitleLink(scorer.concept_ids[concept], scorer.names[concept], 1.0, "exact", text)
        for text, concept in found
        if concept >= 0
    }


def linked(asked: Sequence[str], scorer: OccupationScorer, encode: Encode) -> dict[str, TitleLink | None]:
    """Return the link of each plain title, by vectors and words; None below the threshold."""
    if not asked:
        return {}
    pieces = [title_windows(text, scorer.window_lengths, scorer.words) for text in asked]
    parts = [words for piece in pieces for words in piece]
    offsets = np.cumsum([0, *map(len, pieces)]).astype(np.int64)
    whole, parts_read = read_apart(asked, parts, scorer, encode)
    best, scores = scorer.best_titles(whole, asked, parts_read, offsets)
    sure = scorer.confidence(scores)
    return {
        text: link_to(scorer, int(concept), float(sure[row]), text) if concept >= 0 else None
        for row, (text, concept) in enumerate(zip(asked, best, strict=True))
    }


def head_of(text: str) -> str:
    """Return a title without its tail; as it stands where nothing that may be a title is left."""
    head = TAIL.sub("", text)
    return head if is_title(head) else text


def title_windows(text: str, lengths: Sequence[int], known: Container[str] = ()) -> list[str]:
    """Return the windows of a title's head: those whose vectors are known, and the last few others.

    Those in which every word has a letter or a digit, where there are some: a dash names nothing. Of 5,154 board titles the
    right occupation is found as well without the others (MRR −.0001, ±.0007). The last words of a title say what somebody is.

    Examples
    --------
    >>> title_windows("Sales clerk - Berlin", [2])
    ['Sales clerk']
    >>> title_windows("Regional logistics planning officer", [2], {"regional logistics"})
    ['Regional logistics', 'logistics planning', 'planning officer']
    """
    head = head_of(text)
    found = windows(head, lengths)
    named = [run for run in found if all(any(map(str.isalnum, word)) for word in run.split())] or found
    others = [run for run in named if run.lower() not in known]
    left_out = {*others[: -(ENCODED - (head != text))]}
    return [run for run in named if run not in left_out]


def read_apart(
    asked: Sequence[str], parts: Sequence[str], scorer: OccupationScorer, encode: Encode
) -> tuple[Floats, Floats]:
    """Return the vectors of titles and of their windows, those that the model does not bring along encoded.

    In one go, or in two where padding would cost more than a second: texts that are encoded together are padded to the
    longest of them.
    """
    rows = np.array([scorer.words.get(part.lower(), -1) for part in parts], dtype=np.int64)
    missing = [part for part, row in zip(parts, rows, strict=True) if row < 0]
    longest = max(text.count(" ") for text in asked) + 1
    if sum(longest - part.count(" ") - 1 for part in {*missing}) > WORTH_A_CALL:
        whole, read = distinct_vectors(asked, encode), distinct_vectors(missing, encode)
    else:
        vectors = distinct_vectors([*asked, *missing], encode)
        whole, read = vectors[: len(asked)], vectors[len(asked) :]
    if len(missing) == len(parts):
        return whole, read
    found = np.asarray(scorer.word_vectors, dtype=np.float32)[rows]
    found[rows < 0] = read
    return whole, found


def link_to(scorer: OccupationScorer, concept: int, confidence: float, title: str) -> TitleLink:
    """Return the link of a title to an occupation that is like it."""
    name = scorer.names[concept]
    return TitleLink(scorer.concept_ids[concept], name, confidence, "vector", shared_words(title, name))


def is_title(text: str) -> bool:
    """Say whether a text may be a title: it has letters, is short, and is no markup."""
    return len(text) <= LONGEST_TITLE and any(letter.isalpha() for letter in text) and not TAG.search(text)


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
