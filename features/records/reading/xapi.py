"""xAPI statements, one a line: understood ones become learning events, the others wait in the quarantine."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.reading.batches import LINE, Piece
from features.records.reading.engine import Origin, load
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.problems import refuse
from features.records.reading.streams import open_bytes, scan, text_lines
from features.records.reading.xapi_event import event_of
from features.records.reading.xapi_lookup import Directory, SeenStatements
from features.records.reading.xapi_maps import shipped_maps
from features.records.reading.xapi_statement import (
    VOIDS,
    NotUnderstoodError,
    Reading,
    parse,
    read_statement,
    statements_in,
)
from features.records.schema import METADATA
from features.records.store import Store

STATEMENTS_AT_ONCE = 5_000
RECEIVER = "xapi"  # the source of what platforms send
EVENT_COLUMNS = ("event_id", "employee_id", "course_id", "kind", "happened_at", "known_at",
                 "score_share", "progress_share", "rating", "hours")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Received:
    """One statement as it came: where it stood, its text, and when it came where that was before now."""

    line: int
    text: str
    source: str
    received_at: datetime | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclasses.dataclass
class Tally:
    """What became of the statements."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0


def import_xapi(store: Store, paths: Sequence[Path], options: ImportOptions) -> ImportReport:
    """Import a file of xAPI statements; not one of them is lost."""
    (path,) = paths
    found = scan(lambda: open_bytes(path), path.name, options.encoding)
    if not found.encoding.startswith("utf"):
        raise refuse(
            path.name, "the file is no UTF-8, as JSON must be", hint="Say the encoding with --encoding."
        )

    def received() -> Iterator[Received]:
        with open_bytes(path) as stream:
            for number, line in enumerate(text_lines(stream, path.name, found.encoding), 1):
                if line.strip():
                    for text in statements_in(line):
                        yield Received(number, text.replace("\0", "\\u0000"), path.name)

    return take(store, received(), Origin("xapi", path.name, found.digest), options)


def take(
    store: Store,
    received: Iterable[Received],
    origin: Origin,
    options: ImportOptions,
    *,
    is_replay: bool = False,
) -> ImportReport:
    """Take statements in: events, the statements themselves, and what is put aside, in one transaction."""
    understanding = Understanding(store, options, is_replay=is_replay)
    with understanding:
        report = load(
            store, understanding.pieces(received, origin.file_name), origin, options, understanding.void
        )
    tally = understanding.tally
    return dataclasses.replace(
        report, accepted=tally.accepted, duplicates=tally.duplicates, quarantined=tally.quarantined
    )


class Understanding:
    """Turns statements into rows.

    Parameters
    ----------
    store : Store
        Where people, courses and earlier statements are looked up.
    options : ImportOptions
        Clock, and the rule for ``known_at``.
    is_replay : bool
        True where the statements come out of the quarantine.
    """

    def __init__(self, store: Store, options: ImportOptions, *, is_replay: bool) -> None:
        self.store, self.maps, self.is_replay = store, shipped_maps(), is_replay
        self.now = options.clock()
        self.seen = SeenStatements()
        self.tally = Tally()
        self.voided: list[str] = []
        self.done: list[tuple[str, str]] = []

    def __enter__(self) -> Understanding:
        return self

    def __exit__(self, *_error: object) -> None:
        self.seen.close()

    def pieces(self, received: Iterable[Received], file: str) -> Iterator[Piece]:
        """Yield events, statements and what is put aside."""
        rows = iter(received)
        while block := list(itertools.islice(rows, STATEMENTS_AT_ONCE)):
            yield from self.block(block, file)

    def block(self, block: Sequence[Received], file: str) -> Iterator[Piece]:
        """Yield the rows of some statements."""
        readings, aside = self.readings(block)
        directory = Directory.of(
            self.store, [reading for _, reading in readings], [one.digest for one in block]
        )
        events: list[dict[str, object]] = []
        kept: list[dict[str, object]] = []
        for one, reading in readings:
            try:
                event = self.settle(one, reading, directory)
            except NotUnderstoodError as error:
                aside.append((one, str(error)))
                continue
            if event is None:
                self.tally.duplicates += 1
            else:
                self.tally.accepted += 1
                events += [{**event, LINE: one.line}] if event else []
                kept += self.kept_rows(one, reading)
            self.done.append((one.source, one.digest))
        yield from self.made(events, kept, self.aside_rows(aside, directory), file)

    def readings(
        self, block: Sequence[Received]
    ) -> tuple[list[tuple[Received, Reading]], list[tuple[Received, str]]]:
        """Read statements; return the understood ones, and the others with the reason."""
        understood, aside = [], []
        for one in block:
            try:
                understood.append((one, read_statement(parse(one.text), self.maps)))
            except NotUnderstoodError as error:
                aside.append((one, str(error)))
        return understood, aside

    def settle(self, one: Received, reading: Reading, directory: Directory) -> dict[str, object] | None:
        """Return the event of a statement, an empty one where it has none, or None for a second copy."""
        name = reading.statement_id
        digest = directory.statements.get(name) or self.seen.digest(name)
        if digest is not None and digest != reading.digest:
            raise NotUnderstoodError("another statement has the same id and says something else")
        waits_for_its_event = self.is_replay and name not in directory.events and not self.seen.digest(name)
        if digest is not None and not waits_for_its_event:
            return None
        event = {} if reading.voids else event_of(reading, directory, self.now, one.received_at or self.now)
        if event and one.source == RECEIVER:
            event["known_at"] = to_micros(self.now)  # until now nobody knew whom it is about
        self.seen.add(name, reading.digest)
        if reading.voids:
            self.voided.append(reading.voids)
        is_void = f"{VOIDS}{name}" in directory.statements
        return {} if is_void else event

    def kept_rows(self, one: Received, reading: Reading) -> list[dict[str, object]]:
        """Return the statement as received, and a mark for the one it takes back."""
        row: dict[str, object] = {
            "statement_id": reading.statement_id, "content_digest": reading.digest, "payload": one.text,
            "received_at": to_micros(self.now), LINE: one.line,
        }  # fmt: skip
        mark = {**row, "statement_id": f"{VOIDS}{reading.voids}"}
        return [row, mark] if reading.voids else [row]

    def aside_rows(
        self, aside: Iterable[tuple[Received, str]], directory: Directory
    ) -> list[dict[str, object]]:
        """Return what is put aside, and count it."""
        rows: list[dict[str, object]] = []
        for one, reason in aside:
            if self.is_replay or (one.source, one.digest) in directory.aside or self.seen.digest(one.digest):
                self.tally.duplicates += 1
                continue
            self.tally.quarantined += 1
            self.seen.add(one.digest, one.digest)
            rows.append({
                "source": one.source, "line": one.line, "content_digest": one.digest, "payload": one.text,
                "reason": reason, "received_at": to_micros(self.now), LINE: one.line,
            })  # fmt: skip
        return rows

    def made(
        self,
        events: list[dict[str, object]],
        kept: list[dict[str, object]],
        aside: list[dict[str, object]],
        file: str,
    ) -> Iterator[Piece]:
        """Yield the rows as pieces."""
        for table, rows in (("learning_events", events), ("statements", kept), ("quarantine", aside)):
            if rows:
                names = EVENT_COLUMNS if table == "learning_events" else METADATA.tables[table].c.keys()[1:]
                schema = {name: kind_of(table, name) for name in (*names, LINE)}
                frame = pl.DataFrame(
                    [{name: row.get(name) for name in schema} for row in rows], schema=schema
                )
                yield Piece(table, file, frame, keep_existing=True, repeats="first")

    def void(self, connection: sa.Connection) -> int:
        """Take back the events of voided statements, and empty the quarantine of what is now understood."""
        events, quarantine = METADATA.tables["learning_events"], METADATA.tables["quarantine"]
        for names in chunks(self.voided):
            connection.execute(sa.delete(events).where(events.c.event_id.in_(names)))
        if self.is_replay:
            for pairs in chunks(self.done):
                is_done = sa.tuple_(quarantine.c.source, quarantine.c.content_digest).in_(pairs)
                connection.execute(sa.delete(quarantine).where(is_done))
        return self.tally.quarantined


def kind_of(table: str, name: str) -> type[pl.DataType] | pl.Datetime:
    """Return the polars type in which a row gives a column."""
    if name in (LINE, "line"):
        return pl.Int64
    if name.endswith("_at"):
        return pl.Datetime("us", "UTC")
    return pl.Float64 if table == "learning_events" and name in EVENT_COLUMNS[6:] else pl.String


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield at most five hundred values at a time: databases bound the number of parameters."""
    for start in range(0, len(values), 500):
        yield values[start : start + 500]
