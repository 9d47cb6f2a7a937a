"""Courses as schema.org JSON-LD: one object, a list, a graph, or one a line.

References
----------
Schema.org Community Group, *Course*, https://schema.org/Course.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from features.records.reading.batches import LINE, Piece
from features.records.reading.durations import hours_of
from features.records.reading.engine import Origin, load
from features.records.reading.json_items import Item, json_items
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.problems import refuse, shown
from features.records.reading.streams import open_bytes, scan
from features.records.store import Store

ITEMS_AT_ONCE = 2_000
TYPES = ("course", "learningresource")
MODES = {"online": "online", "onsite": "classroom", "onsite learning": "classroom", "classroom": "classroom",
         "in-person": "classroom", "blended": "blended", "hybrid": "blended", "full-time": "classroom"}  # fmt: skip
LEVELS = {
    "beginner": 2.0,
    "introductory": 2.0,
    "foundation": 1.0,
    "intermediate": 3.0,
    "advanced": 4.0,
    "expert": 5.0,
}
LABELS = {
    "course_id": "identifier, courseCode, @id or url", "title": "name", "hours": "timeRequired", "language": "inLanguage",
    "cost_amount": "offers.price", "cost_currency": "offers.priceCurrency", "skill_id": "teaches", "name": "teaches",
    "starts_at": "hasCourseInstance.startDate", "ends_at": "hasCourseInstance.endDate",
    "prerequisite_id": "coursePrerequisites",
}  # fmt: skip
NUMBERS = ("level", "hours", "capacity")

Row = dict[str, object]


def import_course_jsonld(store: Store, paths: Sequence[Path], options: ImportOptions) -> ImportReport:
    """Import the courses of a JSON-LD file: all of them are kept, or none."""
    (path,) = paths
    found = scan(lambda: open_bytes(path), path.name, options.encoding)
    origin = Origin("course-jsonld", path.name, found.digest)
    report = load(store, pieces(path.name, json_items(path, found)), origin, options)
    courses = report.tables["courses"]
    return dataclasses.replace(report, accepted=courses.accepted, duplicates=courses.duplicates)


def pieces(file: str, items: Iterator[Item]) -> Iterator[Piece]:
    """Yield courses, what they teach, their sessions and prerequisites."""
    courses = (item for item in items if is_course(item.content))
    seen = 0
    while block := list(itertools.islice(courses, ITEMS_AT_ONCE)):
        seen += len(block)
        rows: dict[str, list[Row]] = {
            name: [] for name in ("courses", "skills", "course_skills", "sessions", "course_prerequisites")
        }
        for item in block:
            add_course(file, item, rows)
        for table, made in rows.items():
            if made:
                yield piece(file, table, made)
    if not seen:
        raise refuse(file, "the document holds no Course", allowed='objects with "@type": "Course"')


def piece(file: str, table: str, rows: Sequence[Row]) -> Piece:
    """Return rows as a piece of their table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = {
        name: pl.Int64 if name == LINE else pl.Float64 if name in NUMBERS else pl.String for name in names
    }
    try:
        frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, schema=schema)
    except UnicodeEncodeError as error:
        raise refuse(file, "a text holds half of a surrogate pair, which is no character") from error
    is_helper = table in ("skills", "course_skills")
    return Piece(
        table,
        file,
        frame,
        LABELS,
        keep_existing=table == "skills",
        repeats="first" if is_helper else "refuse",
    )


def is_course(content: Mapping[str, Any]) -> bool:
    """Say whether an object is a course."""
    kinds = content.get("@type", content.get("type", ""))
    names = [str(kind).rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower() for kind in many(kinds)]
    return any(name in TYPES for name in names)


def add_course(file: str, item: Item, rows: dict[str, list[Row]]) -> None:
    """Add the rows that one course makes."""
    content, line = item.content, item.line
    course_id = name_of(content)
    if course_id is None:
        raise refuse(file, "a course has no name that could identify it", line, column=LABELS["course_id"],
                     found=shown(words(content.get("name"))))  # fmt: skip
    instances = [one for one in many(content.get("hasCourseInstance")) if isinstance(one, dict)]
    rows["courses"].append({**course_row(course_id, content, instances), LINE: line})
    for skill_id, name in terms(content.get("teaches")):
        rows["skills"].append(
            {"skill_id": skill_id, "name": name, "taxonomy": taxonomy_of(skill_id), LINE: line}
        )
        rows["course_skills"].append(
            {"course_id": course_id, "skill_id": skill_id, "source": "given", LINE: line}
        )
    for skill_id, name in terms(content.get("competencyRequired")):
        rows["skills"].append(
            {"skill_id": skill_id, "name": name, "taxonomy": taxonomy_of(skill_id), LINE: line}
        )
    for number, instance in enumerate(instances):
        if instance.get("startDate"):
            rows["sessions"].append({**session_row(course_id, number, instance), LINE: line})
    for needed in many(content.get("coursePrerequisites")):
        prerequisite = name_of(needed) if isinstance(needed, dict) and is_course(needed) else None
        if prerequisite:
            rows["course_prerequisites"].append(
                {"course_id": course_id, "prerequisite_id": prerequisite, LINE: line}
            )


def course_row(course_id: str, content: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> Row:
    """Return the row of one course."""
    first: Mapping[str, Any] = instances[0] if instances else {}
    offer = next((one for one in many(content.get("offers")) if isinstance(one, dict)), {})
    mode = str(words(first.get("courseMode")) or words(content.get("courseMode")) or "").lower()
    hours = hours_of(words(content.get("timeRequired"))) or hours_of(words(first.get("courseWorkload")))
    price = words(offer.get("price"))
    return {
        "course_id": course_id, "title": words(content.get("name")), "description": described(content),
        "url": words(content.get("url")), "provider": words(content.get("provider")),
        "level": LEVELS.get(str(words(content.get("educationalLevel")) or "").lower()), "hours": hours,
        "modality": MODES.get(mode.rsplit("/", 1)[-1]), "language": words(content.get("inLanguage") or first.get("inLanguage")),
        "cost_amount": price, "cost_currency": words(offer.get("priceCurrency")) if price else None,
    }  # fmt: skip


def described(content: Mapping[str, Any]) -> str | None:
    """Return the description; required competencies, which have no column, are told at its end."""
    parts = [words(content.get("description"))]
    needed = [name for _, name in terms(content.get("competencyRequired"))]
    needed += [
        text
        for one in many(content.get("coursePrerequisites"))
        if isinstance(one, str) and (text := one.strip())
    ]
    parts += [f"Required: {', '.join(needed)}."] if needed else []
    return "\n\n".join(part for part in parts if part) or None


def session_row(course_id: str, number: int, instance: Mapping[str, Any]) -> Row:
    """Return the row of one dated run."""
    capacity = instance.get("maximumAttendeeCapacity")
    return {
        "session_id": words(instance.get("@id")) or f"{course_id}#{instance['startDate']}#{number}", "course_id": course_id,
        "starts_at": words(instance["startDate"]), "ends_at": words(instance.get("endDate")),
        "capacity": float(capacity) if isinstance(capacity, int | float) else None,
        "location": words(instance.get("location")),
    }  # fmt: skip


def many(value: Any) -> list[Any]:
    """Return a value that may be one or several as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def words(value: Any) -> str | None:
    """Return the text of a value: itself, a localised text, or the name of a thing; the first of several."""
    for one in many(value):
        if isinstance(one, dict):
            keys = ("@value", "name", "alternateName", "value", "@id")
            found = next((words(one[key]) for key in keys if one.get(key)), None)
        else:
            found = None if isinstance(one, bool) else str(one).strip()
        if found:
            return found
    return None


def name_of(content: Mapping[str, Any]) -> str | None:
    """Return what names a course, the publisher's own identifier first."""
    keys = ("identifier", "courseCode", "@id", "id", "url")
    return next((found for key in keys if (found := words(content.get(key)))), None)


def terms(value: Any) -> Iterator[tuple[str, str]]:
    """Yield identifier and name of each competency."""
    for one in many(value):
        name = words(one)
        if name:
            identifier = one.get("@id") or one.get("termCode") if isinstance(one, dict) else None
            yield str(identifier or name.lower()), name


def taxonomy_of(skill_id: str) -> str:
    """Return the taxonomy that a skill's identifier belongs to."""
    return "esco" if skill_id.startswith("http://data.europa.eu/esco/") else "organisation"
