"""The door: what kind of source it is, and who reads it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from features.errors import BadInputError
from features.records.reading.mapping import shipped_mappings
from features.records.reading.options import (
    DATE_ORDERS,
    DECIMAL_MARKS,
    KNOWN_AT_RULES,
    ImportOptions,
    ImportReport,
)
from features.records.reading.problems import near_match, shown
from features.records.reading.quarantine import replay_quarantine
from features.records.reading.tabular import import_canonical, import_mapped
from features.records.store import Store
from features.records.tables import IMPORTABLE

Importer = Callable[[Store, Sequence[Path], ImportOptions], ImportReport]

# Tables whose own columns a file may have: the records, and who a person is elsewhere.
CANONICAL = (*IMPORTABLE, "identities")
# Kinds with a reader of their own: module and function.
SOURCES = {
    "esco": ("esco", "import_esco"),
    "onet": ("onet", "import_onet"),
    "course-jsonld": ("course_jsonld", "import_course_jsonld"),
    "xapi": ("xapi", "import_xapi"),
}
TAXONOMIES = ("esco", "onet")
# What statements in the quarantine may wait for: people, courses, and who a person is elsewhere.
AWAITED = ("identities", "employees", "courses", "course-jsonld", "course-catalogue")
# Kinds that are read by a mapping, and the one that holds where none is named.
BY_MAPPING = {
    "course-catalogue": "course_catalogue",
    "job-descriptions": "job_descriptions",
    "hris": "",
    "learning-records": "",
}


def kinds() -> tuple[str, ...]:
    """Return every kind of source that can be imported."""
    return (*SOURCES, *BY_MAPPING, *CANONICAL, *shipped_mappings())


def import_file(store: Store, path: Path, kind: str, options: ImportOptions | None = None) -> ImportReport:
    """Import one source: all of it is kept, or nothing.

    Parameters
    ----------
    store : Store
        Where to.
    path : Path
        A file, or the folder of a taxonomy.
    kind : str
        A table name, a source such as ``esco`` or ``xapi``, or the name of a shipped mapping (see `kinds`).
    options : ImportOptions, optional
        Mapping, encoding, rule for ``known_at``, clock.

    Returns
    -------
    ImportReport
        What was new, what stood there already, what was put aside.

    Raises
    ------
    RefusedFileError
        If anything in it is wrong; the message names file, line, column, what was found and what is allowed.
    """
    options, path = options or ImportOptions(), Path(path)
    check_options(options)
    report = import_one(store, path, kind, options)
    if kind in AWAITED and report.accepted:
        replay_quarantine(store, options)
    return report


def import_one(store: Store, path: Path, kind: str, options: ImportOptions) -> ImportReport:
    """Import one source by the reader of its kind; raise BadInputError for a kind that there is not."""
    if kind in SOURCES:
        return reader_of(kind)(store, [path], options)
    if options.mapping or kind in shipped_mappings():
        return import_mapped(store, path, kind, options)
    if BY_MAPPING.get(kind):
        return import_mapped(store, path, BY_MAPPING[kind], options)
    if kind in CANONICAL:
        return import_canonical(store, path, kind, options)
    if kind in BY_MAPPING:
        raise BadInputError(
            f"The kind {kind} needs a mapping.",
            allowed=", ".join(shipped_mappings()),
            hint="Name it with --mapping.",
        )
    raise BadInputError(
        "Unknown kind of source.",
        found=shown(kind),
        allowed=", ".join(kinds()),
        hint=near_match(kind, kinds()),
    )


def import_sources(
    store: Store, paths: Sequence[Path], kind: str, options: ImportOptions | None = None
) -> dict[str, ImportReport]:
    """Import several files of one kind, one after the other; the archives of a taxonomy are one source.

    Returns
    -------
    dict of str to ImportReport
        By file name.

    Raises
    ------
    RefusedFileError
        If a file cannot be used; files imported before it stay.
    """
    if kind in TAXONOMIES:
        return {kind: reader_of(kind)(store, paths, options or ImportOptions())}
    return {path.name: import_file(store, path, kind, options) for path in paths}


def reader_of(kind: str) -> Importer:
    """Return the reader of a kind that has one of its own."""
    module, function = SOURCES[kind]
    reader: Importer = getattr(importlib.import_module(f"features.records.reading.{module}"), function)
    return reader


def check_options(options: ImportOptions) -> None:
    """Refuse options that mean nothing."""
    choices = (
        ("known_at", options.known_at, KNOWN_AT_RULES),
        ("decimal", options.decimal, DECIMAL_MARKS),
        ("dates", options.dates, DATE_ORDERS),
    )
    for name, value, allowed in choices:
        if value not in allowed:
            raise BadInputError(f"Unknown value of {name}.", found=shown(value), allowed=" or ".join(allowed))
