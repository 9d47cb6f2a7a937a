"""Statements as they were sent: taken out of the body byte for byte, read, and judged before anything is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from features.records.reading.xapi_conformance import breaches
from features.records.reading.xapi_maps import shipped_maps
from features.records.reading.xapi_statement import (
    NotUnderstoodError,
    Reading,
    content_digest,
    identifiers,
    parse,
    read_statement,
    statement_id,
)
from serving.http.problems import Problem, shown

SHOWN_BREACHES = 5


@dataclass(frozen=True)
class Sent:
    """One statement as it was sent.

    Parameters
    ----------
    text : str
        As it stood in the body.
    content : dict
        The same, parsed.
    reading : Reading
        What it says; without a kind where it is not understood.
    reason : str
        Why it is not understood, or an empty text.
    breaches : tuple of str
        Rules of xAPI that it breaks.
    """

    text: str
    content: dict[str, Any]
    reading: Reading
    reason: str
    breaches: tuple[str, ...]

    @property
    def text_digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def answered_id(self) -> str:
        """The id that is answered: the sender's own, else the one that was made."""
        return str(self.content.get("id") or self.reading.statement_id)


def texts_of(body: bytes) -> list[str]:
    """Return the statements of a body, each as it stands there; raise Problem (400) where it holds none."""
    try:
        if body.lstrip()[:1] == b"[":
            members = [bytes(raw).decode() for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
        else:
            msgspec.json.decode(body)
            members = [body.decode().strip()]
    except (ValueError, RecursionError) as error:
        raise Problem(
            400, f"The body is not JSON: {error}.", allowed="a statement, or a list of them"
        ) from error
    return members


def read_all(texts: Sequence[str], *, is_strict: bool, own_id: str | None = None) -> list[Sent]:
    """Read statements; one that nobody could learn from, or any that breaks a rule where that is strict, is refused.

    Parameters
    ----------
    texts : sequence of str
        As sent.
    is_strict : bool
        Whether every rule of xAPI holds; else a person's learning counts more.
    own_id : str, optional
        The id that the request itself gives, for a statement without one.

    Raises
    ------
    Problem
        400, with the place and what is wrong there; nothing was kept.
    """
    sent = [read(text, place, own_id) for place, text in enumerate(texts)]
    for place, one in enumerate(sent):
        if one.breaches and (is_strict or not is_about_learning(one.content)):
            detail = (
                f"Statement {place} does not conform to xAPI: {'; '.join(one.breaches[:SHOWN_BREACHES])}."
            )
            raise Problem(400, detail, field=one.breaches[0].split(" ")[0])
    refuse_one_id_twice(sent)
    return sent


def read(text: str, place: int, own_id: str | None) -> Sent:
    """Return one statement; raise Problem (400) where it is no statement at all."""
    try:
        content = parse(text)
        if own_id is not None and content.get("id") is None:
            content = {**content, "id": own_id}
        digest = content_digest(content)
        reading, reason = Reading(statement_id(content, digest), digest), ""
    except NotUnderstoodError as error:
        raise Problem(
            400, f"Statement {place} is none: {error}.", found=shown(text), allowed="a JSON object"
        ) from error
    try:
        reading = read_statement(content, shipped_maps())
    except NotUnderstoodError as error:
        reason = str(error)
    return Sent(text, content, reading, reason, tuple(breaches(content)))


def is_about_learning(content: dict[str, Any]) -> bool:
    """Say whether a statement tells of a person who did something: that must not be lost for a mistake in its form."""
    actor, verb, target = (content.get(name) for name in ("actor", "verb", "object"))
    if not isinstance(actor, dict) or not isinstance(verb, dict) or not isinstance(target, dict):
        return False
    try:
        is_somebody = any(True for _ in identifiers(actor))
    except NotUnderstoodError:
        return False
    return is_somebody and isinstance(verb.get("id"), str) and bool(verb["id"]) and bool(target.get("id"))


def refuse_one_id_twice(sent: Sequence[Sent]) -> None:
    """Raise Problem (400) where two statements of one request have the same id."""
    seen: set[str] = set()
    for one in sent:
        if one.content.get("id") is None:
            continue
        if one.reading.statement_id in seen:
            raise Problem(
                400, "Two statements of the request have the same id.", found=shown(one.answered_id)
            )
        seen.add(one.reading.statement_id)
