"""The import engine: pieces of rows go in, all of them are kept or none."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.reading import keeping, orphans
from features.records.reading.batches import Piece
from features.records.reading.checks import check
from features.records.reading.convert import Converter
from features.records.reading.options import ImportOptions, ImportReport, TableCount
from features.records.reading.problems import Problems
from features.records.reading.settling import Settler
from features.records.reading.spells import fill_spells
from features.records.reading.staging import Staging
from features.records.store import Store

IMPORT_LOCK = 7_346_001  # one import at a time on PostgreSQL; SQLite has one writer anyway


@dataclass(frozen=True)
class Origin:
    """What is imported: its kind, file name and SHA-256."""

    kind: str
    file_name: str
    digest: str


# Called in the transaction, after the rows were kept; returns how many statements were put aside.
Epilogue = Callable[[sa.Connection], int]


def nothing_more(_connection: sa.Connection) -> int:
    """Put nothing aside."""
    return 0


def load(
    store: Store,
    pieces: Iterable[Piece],
    origin: Origin,
    options: ImportOptions,
    epilogue: Epilogue = nothing_more,
) -> ImportReport:
    """Import pieces of rows: all of them are kept, in one transaction, or none.

    Parameters
    ----------
    store : Store
        Where to.
    pieces : iterable of Piece
        Read once, converted and staged batch by batch.
    origin : Origin
        For the book of imports.
    options : ImportOptions
        Clock, rule for ``known_at``, progress.
    epilogue : callable
        Further writing that belongs to the same transaction.

    Returns
    -------
    ImportReport
        What was new.

    Raises
    ------
    RefusedFileError
        If anything is wrong; the message names up to twenty places.
    """
    started, problems, now = time.perf_counter(), Problems(), options.clock()
    with store.engine.connect() as connection:
        connection.detach()  # its temporary tables end with it
        connection.execution_options(skillpath_deferred=True)
        staging = Staging(connection)
        with connection.begin():
            stage(staging, pieces, Converter(problems, now), options)
        problems.raise_if_any()
        connection.execution_options(skillpath_deferred=False)
        with connection.begin():
            if store.is_postgres:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(IMPORT_LOCK)))
            report = settle_and_keep(store, staging, problems, options)
            quarantined = report.quarantined + epilogue(connection)
            seconds = time.perf_counter() - started
            report = dataclasses.replace(report, quarantined=quarantined, seconds=seconds)
            if report.accepted or report.quarantined:
                note_import(store, connection, origin, report, options)
    return report


def stage(staging: Staging, pieces: Iterable[Piece], converter: Converter, options: ImportOptions) -> None:
    """Convert pieces and let them wait; stop early when enough is wrong."""
    known_at = converter.now if options.known_at == "import" else None
    with contextlib.closing(iter_closing(pieces)) as source:
        for piece in source:
            frame = converter.convert(piece)
            if converter.problems.are_full:
                break
            if not converter.problems.found:
                staging.add(piece, frame, known_at)
            options.progress(f"reading {piece.file}", piece.share)
    if not converter.problems.found:
        staging.index()


def iter_closing(pieces: Iterable[Piece]) -> Generator[Piece, None, None]:
    """Yield the pieces; closing it closes the files behind them."""
    yield from pieces


def settle_and_keep(
    store: Store, staging: Staging, problems: Problems, options: ImportOptions
) -> ImportReport:
    """Check the waiting rows against each other and the records, then keep what is new."""
    imported_at = to_micros(options.clock())
    options.progress("checking", 0.0)
    fill_spells(staging)
    for staged in staging.tables.values():
        Settler(staging, staged, problems, imported_at).settle()
    orphans.mark_orphans(staging)
    check(staging, problems)
    problems.raise_if_any()
    options.progress("keeping", 0.5)
    counts = keeping.keep(store, staging)
    accepted, duplicates = keeping.count_lines(staging, counts) if counts else (0, 0)
    aside = orphans.put_aside(store, staging, imported_at)
    counts |= {
        name: TableCount(counts[name].accepted, counts[name].duplicates - number, number)
        for name, number in aside.items()
    }
    options.progress("keeping", 1.0)
    quarantined = sum(aside.values())
    return ImportReport(accepted, duplicates - quarantined, quarantined, tables=counts)


def note_import(
    store: Store, connection: sa.Connection, origin: Origin, report: ImportReport, options: ImportOptions
) -> None:
    """Write the import into the book of imports."""
    row = {
        "import_id": uuid.uuid4().hex,
        "kind": origin.kind,
        "file_name": origin.file_name,
        "content_digest": origin.digest,
        "finished_at": to_micros(options.clock()),
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "quarantined": report.quarantined,
        "known_at_rule": options.known_at,
    }
    store.append(connection, "imports", [row])
