"""Texts and their vectors: cleaned, cut into sentences and windows, embedded once per content.

Nothing is opened here: the encoder and the cache are given.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]  # (texts done, texts in all)

MAX_CHARACTERS = 100_000  # a longer text is cut: no model reads further, and no request should
BLOCK_TEXTS = 512  # texts between two writes of the cache: what an interruption may lose
MAX_SENTENCE_WORDS = 60

ACTIVE = ("script", "style")
TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
BREAKS = re.compile(
    r"(?<=[.!?;])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[\"'(]?[A-Z0-9])|\s*[\r\n•·▪●◦|]+\s*|\s+[-–*]\s+"
)
BLOCKS = re.compile(r"<(?:br|/?p|/?li|/?ul|/?ol|/?div|/?h[1-6]|/?tr)\b[^<>]*>", re.IGNORECASE)
WORD = re.compile(r"[^\s,;:()\[\]{}\"!?/\\]+")

FUNCTION_WORDS = (
    "a all also an and any are as at be been being but by can could do does etc for from had has have how if in "
    "into is it its may must no not of on or other our should so such than that the their then these they this "
    "those to was we were what when where which who will with would you your"
)
SAYS_NOTHING = frozenset(FUNCTION_WORDS.split())


class Encoder(Protocol):
    """What turns texts into vectors."""

    @property
    def model_id(self) -> str:
        """Name the model and its precision; vectors under different ids are not compared."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return (n_texts, dimension) vectors of length one."""


class VectorCache(Protocol):
    """What remembers vectors by model and content."""

    def read(self, model_id: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors that are known, by content hash."""

    def known(self, model_id: str, hashes: Sequence[str]) -> set[str]:
        """Return those of the content hashes whose vectors are known."""

    def write(self, model_id: str, vectors: Mapping[str, Floats]) -> None:
        """Keep vectors by content hash."""


def embed(
    texts: Sequence[str],
    encoder: Encoder,
    cache: VectorCache | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Return the vectors of texts, computing only those that the cache has not seen.

    Parameters
    ----------
    texts : sequence of str
        Anything; markup, scripts and blanks are removed first.
    encoder : Encoder
        Called with texts of similar length, shortest first.
    cache : VectorCache, optional
        Written after every block, so that an interruption loses little.
    progress : callable, optional
        Told how many of the missing texts are done.

    Returns
    -------
    (n_texts, dimension) float32
        Of length one; an empty text gets the zero vector, which resembles nothing.
    """
    named = {text: content_hash(plain_text(text)) for text in set(texts)}
    wanted = {named[text]: plain_text(text) for text in named}
    known = cache.read(encoder.model_id, list(wanted)) if cache else {}
    for block in embedded_blocks(wanted, set(known), encoder, progress):
        if cache:
            cache.write(encoder.model_id, block)
        known.update(block)
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    for row, text in enumerate(texts):
        if named[text] in known:
            vectors[row] = known[named[text]]
    return vectors


def embed_missing(
    texts: Sequence[str], encoder: Encoder, cache: VectorCache, progress: Progress | None = None
) -> int:
    """Fill the cache with the vectors of texts; return how many had to be computed."""
    wanted = {content_hash(plain): plain for plain in map(plain_text, dict.fromkeys(texts))}
    known = cache.known(encoder.model_id, list(wanted))
    count = 0
    for block in embedded_blocks(wanted, known, encoder, progress):
        cache.write(encoder.model_id, block)
        count += len(block)
    return count


def embedded_blocks(
    wanted: Mapping[str, str], known: Collection[str], encoder: Encoder, progress: Progress | None
) -> Iterator[dict[str, Floats]]:
    """Yield the vectors of plain texts that are not known, by content hash, shortest texts first."""
    missing = [key for key, text in wanted.items() if text and key not in known]
    missing.sort(key=lambda key: (len(wanted[key]), key))
    for start in range(0, len(missing), BLOCK_TEXTS):
        block = missing[start : start + BLOCK_TEXTS]
        yield dict(zip(block, encoder.encode([wanted[key] for key in block]), strict=True))
        if progress:
            progress(start + len(block), len(missing))


def content_hash(text: str) -> str:
    """Return the SHA-256 of a text, which names its vector in the cache."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def plain_text(text: str) -> str:
    """Return the words of a text: no markup, no scripts, single blanks, at most 100,000 characters."""
    return BLANKS.sub(" ", without_markup(text[:MAX_CHARACTERS])).strip()


def without_markup(text: str) -> str:
    """Return a text without tags, and without what stands inside scripts and styles; in linear time."""
    if "<" in text:
        for name in ACTIVE:
            text = without_element(text, name)
        text = TAG.sub(" ", BLOCKS.sub("\n", text))
    return html.unescape(text) if "&" in text else text


def without_element(text: str, name: str) -> str:
    """Return a text without an element and its content; one that is never closed takes the rest with it."""
    lower, kept, position = text.lower(), [], 0
    while (start := lower.find(f"<{name}", position)) >= 0:
        kept.append(text[position:start])
        end = lower.find(f"</{name}", start)
        if end < 0:
            return " ".join(kept)
        position = end
    return " ".join([*kept, text[position:]])


def sentences(text: str) -> list[str]:
    """Return the sentences and list items of a text, each at most 60 words long.

    Examples
    --------
    >>> sentences("<ul><li>Write SQL.</li><li>Lead a team; hire people</li></ul>")
    ['Write SQL.', 'Lead a team; hire people']
    >>> sentences("You know Python. You like C++ and .NET.")
    ['You know Python.', 'You like C++ and .NET.']
    """
    pieces = BREAKS.split(without_markup(text[:MAX_CHARACTERS]))
    cleaned = (BLANKS.sub(" ", piece).strip() for piece in pieces)
    return [part for piece in cleaned if piece for part in parts_of(piece)]


def parts_of(sentence: str) -> Iterator[str]:
    """Yield an endless sentence in parts of at most 60 words."""
    words = sentence.split(" ")
    for start in range(0, len(words), MAX_SENTENCE_WORDS):
        yield " ".join(words[start : start + MAX_SENTENCE_WORDS])


def windows(sentence: str, lengths: Sequence[int]) -> list[str]:
    """Return the runs of so many consecutive words of a sentence, each once, in order.

    Runs that begin or end with a function word ("of", "the") are left out: half of all, and they name nothing.
    A sentence shorter than the shortest length is its own and only window.

    Examples
    --------
    >>> windows("You write clean code.", [2, 3])
    ['write clean', 'clean code', 'write clean code']
    """
    words = [word.rstrip(".") or word for word in WORD.findall(sentence)]
    if len(words) < min(lengths, default=1):
        return [" ".join(words)] if words else []
    runs = [words[start : start + length] for length in lengths for start in range(len(words) - length + 1)]
    return list(dict.fromkeys(" ".join(run) for run in runs if says_something(run)))


def says_something(run: Sequence[str]) -> bool:
    """Say whether a run of words neither begins nor ends with a function word; "IT" in capitals is none."""
    return not any(word.lower() in SAYS_NOTHING and not (word.isupper() and len(word) > 1)
                   for word in (run[0], run[-1]))  # fmt: skip


def course_text(title: str, description: str | None) -> str:
    """Return what a course is embedded as."""
    return f"{title}. {description}" if description else title


def job_text(title: str, description: str | None) -> str:
    """Return what a job is embedded as."""
    return course_text(title, description)
