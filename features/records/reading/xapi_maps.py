"""The maps that say what xAPI verbs and activity types mean here."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MAPS_FILE = Path(__file__).with_name("xapi_maps.toml")


@dataclass(frozen=True)
class Maps:
    """What IRIs mean.

    Parameters
    ----------
    course_types : frozenset of str
        Types of activities that are a whole course.
    about_course, about_part : mapping of str to str
        Verb → kind of learning event.
    progress : mapping of str to float
        Extension of a result → the number that means all of it.
    voided : str
        The verb that takes another statement back.
    """

    course_types: frozenset[str]
    about_course: Mapping[str, str]
    about_part: Mapping[str, str]
    progress: Mapping[str, float]
    voided: str


def plain_iri(iri: str) -> str:
    """Return an IRI without scheme, case and closing slash: platforms spell the same one differently."""
    text = iri.strip().lower().rstrip("/")
    return text.split("://", 1)[-1].removeprefix("www.")


@functools.cache
def shipped_maps() -> Maps:
    """Return the maps that come with the program."""
    content = tomllib.loads(MAPS_FILE.read_text(encoding="utf-8"))
    return Maps(
        frozenset(map(plain_iri, content["course_types"])),
        {plain_iri(iri): kind for iri, kind in content["verbs"]["course"].items()},
        {plain_iri(iri): kind for iri, kind in content["verbs"]["part"].items()},
        {plain_iri(iri): float(full) for iri, full in content["progress"].items()},
        plain_iri(content["voided"]),
    )
