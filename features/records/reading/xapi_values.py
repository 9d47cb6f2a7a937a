"""The single values of an xAPI statement: each rule yields what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from features.records.reading.durations import DURATION

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
MAIL = re.compile(r"mailto:[^@\s]+@[^@\s]+")
SHA1 = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
VERSION = re.compile(r"1\.0(\.\d+)?|2\.0\.\d+")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.IGNORECASE)
NO_OFFSET = re.compile(r"-00(:?00)?")


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Say whether a value is a text of that form."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def a_text(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no text, or an empty one: it says nothing and is to be left out."""
    if not isinstance(value, str):
        yield f"{where} is no text"
    elif not value:
        yield f"{where} is an empty text"


def a_flag(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is neither true nor false."""
    if not isinstance(value, bool):
        yield f"{where} is neither true nor false"


def a_number(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{where} is no number"


def an_integer(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        yield f"{where} is no whole number"


def a_uuid(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no UUID."""
    if not matches(UUID, value):
        yield f"{where} is no UUID"


def an_iri(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no IRI with a scheme."""
    if not matches(IRI, value):
        yield f"{where} is no IRI"


def a_mail_address(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no mailto address."""
    if not matches(MAIL, value):
        yield f"{where} is no mailto address"


def a_sha1(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no SHA-1 in hexadecimal."""
    if not matches(SHA1, value):
        yield f"{where} is no SHA-1"


def a_language(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no language tag (RFC 5646)."""
    if not matches(LANGUAGE, value):
        yield f"{where} is no language tag"


def a_language_map(value: Any, where: str) -> Iterator[str]:
    """Yield complaints about texts by language; one without any language says nothing."""
    if not isinstance(value, dict):
        yield f"{where} is no map of languages"
        return
    for language, text in value.items():
        if not matches(LANGUAGE, language):
            yield f"{where} has {language[:40]!r}, which is no language tag"
        if not isinstance(text, str):
            yield f"{where}.{language[:40]} is no text"


def an_extension(value: Any, where: str) -> Iterator[str]:
    """Yield complaints about extensions: names are IRIs, values may be anything; none at all says nothing."""
    if not isinstance(value, dict):
        yield f"{where} is no object"
    elif not value:
        yield f"{where} is empty"
    else:
        for name in value:
            if not matches(IRI, name):
                yield f"{where} has {name[:80]!r}, which is no IRI"


def a_timestamp(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no time of RFC 3339, or has the offset -00:00, which says nothing."""
    if not matches(TIMESTAMP, value) or NO_OFFSET.fullmatch(value[-6:]) or not is_moment(value):
        yield f"{where} is no time of RFC 3339"


def is_moment(text: str) -> bool:
    """Say whether a text of the right form is a day and an hour that exist."""
    try:
        datetime.fromisoformat(text.upper().replace(",", "."))
    except ValueError:
        return False
    return True


def a_duration(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about what is no duration of ISO 8601."""
    if not matches(DURATION, value):
        yield f"{where} is no duration of ISO 8601"


def a_version(value: Any, where: str) -> Iterator[str]:
    """Yield a complaint about a version other than 1.0.x and 2.0.x."""
    if not matches(VERSION, value):
        yield f"{where} is none of 1.0.x and 2.0.x"
