"""Course catalogues of other systems: Moodle's web services, and pages with schema.org courses, by settings only."""

from __future__ import annotations

import hashlib
import html
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from features.errors import BadInputError, UnavailableError
from features.records.reading import ImportOptions, ImportReport, import_file
from features.records.store import Store
from serving.pulling.web import read

MOODLE_PATH = "/webservice/rest/server.php"
FRONT_PAGE = 1  # Moodle's own site is its first course
TAG = re.compile(r"<[^>]*>")
LINKED_DATA = re.compile(
    r"<script[^>]*type\s*=\s*[\"']?application/ld\+json[\"']?[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE
)

Clock = Callable[[], datetime]
Item = dict[str, Any]


def pull_moodle(store: Store, url: str, token: str, clock: Clock) -> ImportReport:
    """Take in a Moodle's courses with what they teach, by its web services.

    Parameters
    ----------
    store : Store
        Where to.
    url : str
        Address of the Moodle.
    token : str
        Of a web service with ``core_course_get_courses``, ``core_course_get_categories`` and, for what courses teach,
        ``core_competency_list_course_competencies``.
    clock : callable
        Now.

    Raises
    ------
    UnavailableError
        If Moodle does not answer, or refuses; nothing was kept.
    """
    names = {one["id"]: plain(one["name"]) for one in asked(url, token, "core_course_get_categories")}
    courses = [one for one in asked(url, token, "core_course_get_courses") if one["id"] != FRONT_PAGE]
    items = [course_of(url, one, names, competencies(url, token, one["id"])) for one in courses]
    return import_items(store, items, "moodle", clock) if items else ImportReport()


def asked(url: str, token: str, function: str, **parameters: Any) -> list[Item]:
    """Return what a function of Moodle's web services answers."""
    form = {"wstoken": token, "wsfunction": function, "moodlewsrestformat": "json", **parameters}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = read(url.rstrip("/") + MOODLE_PATH, headers, urlencode(form).encode())
    try:
        said = json.loads(answer.body)
    except ValueError as error:
        raise UnavailableError(f"Moodle's {function} answers no JSON.") from error
    if not isinstance(said, list):
        found = str(said.get("errorcode", "")) if isinstance(said, dict) else type(said).__name__
        raise UnavailableError(
            f"Moodle's {function} is refused.",
            found=found[:100],
            hint="Is the function part of the token's service?",
        )
    return said


def competencies(url: str, token: str, course_id: int) -> list[Item]:
    """Return what a course teaches, nothing where the token may not ask."""
    try:
        listed = asked(url, token, "core_competency_list_course_competencies", id=course_id)
    except UnavailableError:
        return []
    return [one["competency"] for one in listed if isinstance(one.get("competency"), dict)]


def course_of(url: str, course: Item, categories: dict[int, str], taught: Sequence[Item]) -> Item:
    """Return a Moodle course as schema.org has it; its id is the number by which statements name it."""
    address = f"{url.rstrip('/')}/course/view.php?id={course['id']}"
    category = categories.get(course.get("categoryid", 0))
    description = "\n\n".join(
        filter(None, (plain(course.get("summary", "")), category and f"Category: {category}."))
    )
    teaches = [
        {"@type": "DefinedTerm", "@id": str(one.get("idnumber") or f"moodle-competency-{one['id']}"),
         "name": plain(one.get("shortname", ""))}
        for one in taught
    ]  # fmt: skip
    return {
        "@type": "Course", "identifier": str(course["id"]), "name": plain(course["fullname"]), "url": address,
        "description": description, "inLanguage": course.get("lang") or None, "teaches": teaches,
    }  # fmt: skip


def plain(text: str) -> str:
    """Return a text without markup."""
    return " ".join(html.unescape(TAG.sub(" ", text)).split())


def pull_pages(store: Store, urls: Sequence[str], clock: Clock) -> ImportReport:
    """Take in the schema.org courses of pages: JSON-LD itself, or inside HTML."""
    total = ImportReport()
    for url in urls:
        answer = read(url, {"Accept": "application/ld+json, application/json, text/html"})
        items = courses_in(answer.body.decode("utf-8", "replace"), url)
        report = import_items(store, items, "pages", clock)
        total = ImportReport(total.accepted + report.accepted, total.duplicates + report.duplicates)
    return total


def courses_in(text: str, url: str) -> list[Any]:
    """Return the linked data of a page."""
    parts = [text] if text.lstrip()[:1] in ("{", "[") else LINKED_DATA.findall(text)
    try:
        found = [json.loads(part) for part in parts]
    except ValueError as error:
        raise BadInputError("The linked data of a page is no JSON.", found=url) from error
    return [one for part in found for one in (part if isinstance(part, list) else [part])]


def import_items(store: Store, items: Sequence[Any], name: str, clock: Clock) -> ImportReport:
    """Import linked data as a file of it: all of it is kept, or none."""
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(json.dumps(item) for item in items)
        path = Path(folder) / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.jsonl"
        path.write_text(text)
        return import_file(store, path, "course-jsonld", ImportOptions(clock=clock, known_at="import"))


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)
