"""What a reader of statements may ask: the query parameters of xAPI, each checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import QueryParams

from features.records.moments import to_micros
from features.records.reading.xapi_statement import NotUnderstoodError, identifiers
from features.records.reading.xapi_values import IRI, TIMESTAMP, UUID, is_moment
from serving.http.problems import Problem, shown

MOST = 500
FORMATS = ("exact", "ids", "canonical")
BESIDE_AN_ID = ("attachments", "format")


@dataclass(frozen=True)
class Asked:
    """A request for statements.

    Parameters
    ----------
    statement_id, voided_id : str
        One statement, or one that was voided; empty for a list.
    people : frozenset of (str, str)
        Issuer and identifier of the person it is about; empty for anybody.
    verb, activity, registration : str
        Empty for any.
    since, until : int or None
        Stored after, and not later than, these microseconds.
    limit : int
        Most statements of one answer.
    ascending, related_activities, related_agents : bool
        Oldest first; look for activity and agent everywhere in a statement.
    form : str
        exact, ids or canonical.
    cursor : tuple of (int, int) or None
        Stored at, and number of, the last statement of the page before.
    pairs : tuple of (str, str)
        The query itself, but for the cursor: the next page asks for the same.
    """

    statement_id: str = ""
    voided_id: str = ""
    people: frozenset[tuple[str, str]] = frozenset()
    verb: str = ""
    activity: str = ""
    registration: str = ""
    since: int | None = None
    until: int | None = None
    limit: int = MOST
    ascending: bool = False
    related_activities: bool = False
    related_agents: bool = False
    form: str = "exact"
    cursor: tuple[int, int] | None = None
    pairs: tuple[tuple[str, str], ...] = ()


def an_id(text: str) -> str:
    """Return a UUID as it is kept."""
    if not UUID.fullmatch(text):
        raise ValueError("a UUID")
    return text.lower()


def an_iri(text: str) -> str:
    """Return an IRI."""
    if not IRI.fullmatch(text):
        raise ValueError("an IRI")
    return text


def a_flag(text: str) -> bool:
    """Return true or false."""
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def no_attachments(text: str) -> bool:
    """Return False: attachments are not kept, so none can be asked for."""
    if a_flag(text):
        raise ValueError("false: attachments are not kept")
    return False


def a_moment(text: str) -> int:
    """Return a time in microseconds; one without a zone is UTC."""
    if not TIMESTAMP.fullmatch(text) or not is_moment(text):
        raise ValueError("a time such as 2026-01-31T09:00:00Z")
    found = datetime.fromisoformat(text.upper().replace(",", "."))
    return to_micros(found if found.tzinfo else found.replace(tzinfo=UTC))


def a_limit(text: str) -> int:
    """Return how many; 0 means as many as one answer holds."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ValueError("a number from 0")
    return min(int(text), MOST) or MOST


def a_format(text: str) -> str:
    """Return a format."""
    if text not in FORMATS:
        raise ValueError(", ".join(FORMATS))
    return text


def a_person(text: str) -> frozenset[tuple[str, str]]:
    """Return by what a person is identified."""
    try:
        agent = json.loads(text)
        found = frozenset(identifiers({**agent, "objectType": "Agent"}))
    except (ValueError, RecursionError, TypeError, NotUnderstoodError):
        found = frozenset()
    if not found:
        raise ValueError('an agent such as {"mbox": "mailto:ann@example.org"}')
    return found


def a_cursor(text: str) -> tuple[int, int]:
    """Return where to go on."""
    stored, _, number = text.partition(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (stored, number)):
        raise ValueError("as `more` gave it")
    return int(stored), int(number)


PARAMETERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "statementId": ("statement_id", an_id),
    "voidedStatementId": ("voided_id", an_id),
    "agent": ("people", a_person),
    "verb": ("verb", an_iri),
    "activity": ("activity", an_iri),
    "registration": ("registration", an_id),
    "related_activities": ("related_activities", a_flag),
    "related_agents": ("related_agents", a_flag),
    "since": ("since", a_moment),
    "until": ("until", a_moment),
    "limit": ("limit", a_limit),
    "format": ("form", a_format),
    "attachments": ("", no_attachments),
    "ascending": ("ascending", a_flag),
    "cursor": ("cursor", a_cursor),
}


def asked_by(query: QueryParams) -> Asked:
    """Return what a query asks for.

    Raises
    ------
    Problem
        400 for a parameter that xAPI does not know, gives twice, or that is not as it should be.
    """
    values: dict[str, Any] = {}
    for name, text in query.multi_items():
        if name not in PARAMETERS or name in values:
            what = "comes twice" if name in values else "is not known"
            raise Problem(
                400, f"The parameter {shown(name)} {what}.", field=shown(name), allowed=", ".join(PARAMETERS)
            )
        try:
            values[name] = PARAMETERS[name][1](text)
        except ValueError as error:
            raise Problem(
                400, f"{name} is not as it should be.", field=name, found=shown(text), allowed=str(error)
            ) from error
    one = {"statementId", "voidedStatementId"} & set(values)
    if (one and set(values) - one - set(BESIDE_AN_ID)) or len(one) > 1:
        raise Problem(400, "An id is asked for alone, or with format.", found=", ".join(sorted(values)))
    named = {PARAMETERS[name][0]: value for name, value in values.items() if PARAMETERS[name][0]}
    pairs = tuple((name, text) for name, text in query.multi_items() if name != "cursor")
    return Asked(**named, pairs=pairs)
