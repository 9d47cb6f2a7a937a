"""What one xAPI statement says: free of any database.

References
----------
Advanced Distributed Learning Initiative, *Experience API*, version 1.0.3, 2016.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from features.records.reading.durations import hours_of
from features.records.reading.xapi_maps import Maps, plain_iri

# What an object may be beside an activity; other words for it are platforms' own for activities.
NO_ACTIVITIES = ("Agent", "Group", "StatementRef", "SubStatement")
PARENTS = ("parent", "grouping", "category", "other")
COURSE_TAIL = re.compile(r"(course-v1:[^/?#]+)|([^/?#=]+)/?$")
MAX_NAME_BYTES = 700
VOIDS = "voids:"  # before the id of a statement that is taken back, where that is noted
# A store gives a statement its id, and says when, from whom and by which version it has it.
ADDED_BY_STORES = ("id", "stored", "authority", "version")


class NotUnderstoodError(ValueError):
    """A statement says something that has no place here (yet); the message is the reason."""


@dataclass(frozen=True)
class Reading:
    """What a statement says, before people and courses have been looked up.

    Parameters
    ----------
    statement_id : str
        Its id, or a hash of its content.
    digest : str
        SHA-256 of its canonical content.
    people : tuple of (str, str)
        Issuer and identifier of the actor, as many as the statement gives.
    courses : tuple of str
        Activities that may be the course, the likeliest first.
    kind : str
        Kind of learning event.
    happened_at, known_at : datetime or None
        None where the statement does not say.
    values : mapping
        ``score_share``, ``progress_share``, ``rating``, ``hours``.
    voids : str
        The statement that this one takes back, or an empty text.
    """

    statement_id: str
    digest: str
    people: tuple[tuple[str, str], ...] = ()
    courses: tuple[str, ...] = ()
    kind: str = ""
    happened_at: datetime | None = None
    known_at: datetime | None = None
    values: Mapping[str, float | None] | None = None
    voids: str = ""


def refuse_constant(text: str) -> float:
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError(f"{text} is no JSON")


def parse(text: str) -> dict[str, Any]:
    """Return one statement as a mapping; raise NotUnderstoodError for anything else."""
    try:
        content = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotUnderstoodError(f"no JSON: {error}") from error
    if not isinstance(content, dict):
        raise NotUnderstoodError(f"no statement, but a JSON {type(content).__name__}")
    return content


def statements_in(line: str) -> Iterator[str]:
    """Yield the statements of one line: itself, or the members of an array, each as it stands there."""
    text = line.strip()
    if not text.startswith("["):
        yield text
        return
    decoder, place = json.JSONDecoder(parse_constant=refuse_constant), 1
    members = []
    try:
        while (place := after(text, place, " \t\r\n,")) < len(text) and text[place] != "]":
            _, end = decoder.raw_decode(text, place)
            members.append(text[place:end])
            place = end
    except (ValueError, RecursionError):
        members = [text]
    yield from members


def after(text: str, place: int, blanks: str) -> int:
    """Return the first place that holds none of these characters."""
    while place < len(text) and text[place] in blanks:
        place += 1
    return place


def content_digest(content: Mapping[str, Any]) -> str:
    """Return a SHA-256 over what the sender said; what a record store adds on the way does not count."""
    said = {key: value for key, value in content.items() if key not in ADDED_BY_STORES}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_statement(content: Mapping[str, Any], maps: Maps) -> Reading:
    """Return what a statement says.

    Raises
    ------
    NotUnderstoodError
        If verb, actor, object or time has no meaning here; the message is the reason.
    """
    digest = content_digest(content)
    name = statement_id(content, digest)
    verb = plain_iri(text_of(part(content, "verb").get("id"), "the verb has no id"))
    target = part(content, "object")
    if verb == maps.voided:
        return Reading(name, digest, voids=text_of(target.get("id"), "it voids no statement").lower())
    people = tuple(identifiers(part(content, "actor")))
    if not people:
        raise NotUnderstoodError("the actor is no identified person")
    is_course, courses = course_candidates(content, target, maps)
    kind = (maps.about_course if is_course else maps.about_part).get(verb)
    if kind is None:
        about = "a course" if is_course else "a part of a course"
        raise NotUnderstoodError(f"the verb {verb} about {about} is not mapped")
    return Reading(
        name, digest, people, courses, kind, moment(content, "timestamp"), moment(content, "stored"),
        result_values(content, maps, kind, is_course=is_course),
    )  # fmt: skip


def statement_id(content: Mapping[str, Any], digest: str) -> str:
    """Return the statement's id, or one made of its content: the same content has the same one."""
    found = content.get("id")
    if isinstance(found, str) and found.strip():
        name = clean(found).lower()
        if name.startswith(VOIDS):
            raise NotUnderstoodError(f"an id does not begin with {VOIDS!r}")
        return name
    return str(uuid.UUID(bytes=bytes.fromhex(digest)[:16], version=5))


def part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part that must be an object."""
    found = content.get(name)
    if not isinstance(found, dict):
        raise NotUnderstoodError(f"the statement has no {name}")
    return found


def text_of(value: object, reason: str) -> str:
    """Return a text that must be there."""
    if not isinstance(value, str) or not value.strip():
        raise NotUnderstoodError(reason)
    return clean(value)


def clean(text: str) -> str:
    """Return a text that databases can hold; raise NotUnderstoodError for another."""
    text = text.strip()
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise NotUnderstoodError("an identifier holds half of a surrogate pair, which is no text") from error
    if size > MAX_NAME_BYTES or "\0" in text:
        raise NotUnderstoodError(f"an identifier is no text of at most {MAX_NAME_BYTES} bytes")
    return text


def identifiers(actor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield issuer and identifier of a person, by everything xAPI identifies people with."""
    if actor.get("objectType", "Agent") != "Agent":
        raise NotUnderstoodError("the actor is a group, not a person")
    account = actor.get("account")
    if isinstance(account, dict) and account.get("name"):
        yield clean(str(account.get("homePage", ""))), clean(str(account["name"]))
    for key in ("mbox", "mbox_sha1sum", "openid"):
        if actor.get(key):
            yield key, clean(str(actor[key]).removeprefix("mailto:"))


def course_candidates(
    content: Mapping[str, Any], target: Mapping[str, Any], maps: Maps
) -> tuple[bool, tuple[str, ...]]:
    """Return whether the statement is about a whole course, and the activities that may be that course."""
    if target.get("objectType", "Activity") in NO_ACTIVITIES:
        raise NotUnderstoodError(f"the object is no activity, but a {target['objectType']}")
    own = text_of(target.get("id"), "the object has no id")
    if is_course(target, maps):
        return True, (own,)
    context = content.get("context")
    related = context.get("contextActivities") if isinstance(context, dict) else None
    around = [
        activity
        for name in PARENTS
        for activity in listed((related or {}).get(name) if isinstance(related, dict) else None)
    ]
    courses = [
        clean(str(activity["id"])) for activity in around if is_course(activity, maps) and activity.get("id")
    ]
    if not courses:
        raise NotUnderstoodError("the statement names no course")
    return False, tuple(courses)


def listed(value: object) -> list[Mapping[str, Any]]:
    """Return context activities as a list: xAPI allows one without a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def is_course(activity: Mapping[str, Any], maps: Maps) -> bool:
    """Say whether an activity is a whole course."""
    definition = activity.get("definition")
    kind = definition.get("type") if isinstance(definition, dict) else None
    return isinstance(kind, str) and plain_iri(kind) in maps.course_types


def names_of_course(activity: str) -> tuple[str, ...]:
    """Return the names under which a catalogue may hold a course: its IRI, and the last part of it."""
    found = COURSE_TAIL.search(activity)
    tail = (found.group(1) or found.group(2)) if found else ""
    return (activity, tail) if tail and "=" not in activity.rsplit("/", 1)[-1] else (activity,)


def moment(content: Mapping[str, Any], key: str) -> datetime | None:
    """Return a time of the statement; one without a zone is UTC."""
    text = content.get(key)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise NotUnderstoodError(f"the {key} {text!r} is no time") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def result_values(
    content: Mapping[str, Any], maps: Maps, kind: str, *, is_course: bool
) -> dict[str, float | None]:
    """Return score, progress, rating and hours, each None where the statement says nothing usable."""
    result = content.get("result")
    if not isinstance(result, dict):
        return {}
    score = result.get("score")
    score = score if isinstance(score, dict) else {}
    share = score_share(score)
    raw = number(score.get("raw"))
    rating = raw if raw is not None and 1 <= raw <= 5 else None if share is None else 1 + 4 * share
    return {
        "score_share": share if kind != "rated" else None,
        "progress_share": progress_share(result, maps) if is_course else None,
        "rating": rating if kind == "rated" else None,
        "hours": number(hours_of(result.get("duration"))),
    }


def score_share(score: Mapping[str, Any]) -> float | None:
    """Return a score as a share 0-1: by raw, min and max where they are there, else as scaled.

    Platforms disagree on ``scaled`` (some run it from −1, as the standard allows), so it is the second choice.
    """
    raw, low, high = number(score.get("raw")), number(score.get("min")), number(score.get("max"))
    low = 0.0 if low is None else low
    if raw is not None and high is not None and high > low:
        return bounded((raw - low) / (high - low))
    scaled = number(score.get("scaled"))
    return bounded(scaled) if scaled is not None and raw is None else None


def progress_share(result: Mapping[str, Any], maps: Maps) -> float | None:
    """Return how far the person is, as a share 0-1."""
    extensions = result.get("extensions")
    for iri, value in (extensions if isinstance(extensions, dict) else {}).items():
        full, found = maps.progress.get(plain_iri(iri)), number(value)
        if full is not None and found is not None:
            return bounded(found / full)
    return None


def number(value: object) -> float | None:
    """Return a finite number, or None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def bounded(share: float) -> float | None:
    """Return a share, or None where it is none."""
    return share if 0 <= share <= 1 else None
