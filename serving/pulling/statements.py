"""Statements of another record store: page by page along its `more` links, from where the last pull ended.

A page is kept in one transaction, and then the position is; a pull that is stopped between the two reads that page again,
and every statement of it is a duplicate.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from features.errors import UnavailableError
from features.records.reading.engine import Origin
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.xapi import Received, take
from features.records.store import Store
from serving.pulling.positions import keep_position, position
from serving.pulling.web import beside, read

VERSION = "X-Experience-API-Version"
CONSISTENT = "x-experience-api-consistent-through"
PAGE = 500
OVERLAP = timedelta(seconds=1)  # stores round the moments they answer
GONE = ("400", "404", "410")  # a `more` link that is no longer kept


class Page(msgspec.Struct):
    """One answer of a record store; its statements as they stand there."""

    statements: list[msgspec.Raw]
    more: str | None = None


class Stored(msgspec.Struct):
    """When another store got a statement."""

    stored: str | None = None


@dataclass(frozen=True)
class RecordStore:
    """Another record store.

    Parameters
    ----------
    url : str
        Its statements resource: ends with ``/statements``.
    user, password : str
        For HTTP Basic.
    """

    url: str
    user: str = ""
    password: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What every request says."""
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {basic}", VERSION: "1.0.3", "Accept": "application/json"}

    @property
    def source(self) -> str:
        """What names it in the records."""
        return f"xapi {self.url}"


def pull_statements(store: Store, other: RecordStore, clock: Callable[[], datetime]) -> ImportReport:
    """Take in the statements that another store has got since the last pull.

    Returns
    -------
    ImportReport
        Of all pages together.

    Raises
    ------
    UnavailableError
        If the other store does not answer; what was read until then is kept, and the next pull goes on there.
    RefusedError
        If a page leads to another host.
    """
    total = ImportReport()
    options = ImportOptions(clock=clock, known_at="import")
    for page, where in pages(other, position(store, other.source)):
        received = [
            Received(line, bytes(raw).decode().replace("\0", "\\u0000"), other.source)
            for line, raw in enumerate(page.statements, 1)
        ]
        digest = hashlib.sha256(b"".join(bytes(raw) for raw in page.statements)).hexdigest()
        report = take(store, received, Origin("xapi", host_of(other.url), digest), options)
        keep_position(store, other.source, where, clock())
        total = replace(
            total, accepted=total.accepted + report.accepted, duplicates=total.duplicates + report.duplicates,
            quarantined=total.quarantined + report.quarantined, seconds=total.seconds + report.seconds,
        )  # fmt: skip
    return total


def pages(other: RecordStore, where: dict[str, Any]) -> Iterator[tuple[Page, dict[str, Any]]]:
    """Yield pages, oldest first, each with the position after it; a `more` link that is gone begins at `since` again."""
    newest: str = where.get("newest", "")
    since: str = where.get("since", "")
    link: str = where.get("more", "")
    through = where.get("through", "")
    while True:
        try:
            page, consistent = fetch(other, link or first_page(other, since))
        except UnavailableError as error:
            if not link or error.found not in GONE:
                raise
            link = ""
            continue
        through = min(filter(None, (through, consistent)), default="")
        newest = max([newest, *stored_moments(page)])
        link = beside(other.url, page.more) if page.more else ""
        if link:
            yield page, {"since": since, "more": link, "newest": newest, "through": through}
            continue
        yield page, {"since": next_since(newest, through) or since}
        return


def fetch(other: RecordStore, url: str) -> tuple[Page, str]:
    """Return a page, and until when the other store says that it is whole."""
    answer = read(url, other.headers)
    try:
        page = msgspec.json.decode(answer.body, type=Page)
    except msgspec.MsgspecError as error:
        raise UnavailableError(
            f"{host_of(url)} answers no statements.",
            found=str(error)[:200],
            allowed='{"statements": […], "more": "…"}',
        ) from error
    return page, as_utc(answer.headers.get(CONSISTENT, ""))


def first_page(other: RecordStore, since: str) -> str:
    """Return the address at which a pull begins."""
    query = {"ascending": "true", "limit": str(PAGE), **({"since": since} if since else {})}
    return f"{other.url}?{urlencode(query)}"


def stored_moments(page: Page) -> Iterator[str]:
    """Yield when the other store got each statement of a page, as far as it says so."""
    for raw in page.statements:
        try:
            said = msgspec.json.decode(raw, type=Stored).stored
        except msgspec.MsgspecError:
            continue
        yield as_utc(said or "")


def next_since(newest: str, through: str) -> str:
    """Return where the next pull begins: a little before the newest statement that surely none comes before any more."""
    surely = min(filter(None, (newest, through)), default="") if newest else ""
    return (datetime.fromisoformat(surely) - OVERLAP).isoformat() if surely else ""


def as_utc(text: str) -> str:
    """Return a moment in one spelling, so that texts compare as moments do; empty where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return found.astimezone(UTC).isoformat(timespec="microseconds") if found.tzinfo else ""


def host_of(url: str) -> str:
    """Return the host of an address."""
    return urlsplit(url).hostname or ""
