"""The audit: who read whose score, when and for which purpose; written before the answer, chained by hashes.

Each row's hash covers the digest of its subject under a salt of its own, not the subject. To erase a person empties subject
and salt of their rows: nobody can tell any more whom they were about, and the chain still holds. How many rows an erasure
emptied stands in a row of the chain itself, so that an emptied row which no erasure accounts for is found.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import sqlalchemy as sa

from features.errors import UnavailableError
from features.records import row_security
from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store
from serving.http.problems import Problem

TABLE = METADATA.tables["audit"]
LAST = sa.select(TABLE.c.sequence, TABLE.c.row_hash).order_by(TABLE.c.sequence.desc()).limit(1)
HASHED = ("sequence", "at", "actor", "action", "subject_digest", "purpose", "model_digest", "previous_hash")
CHAIN_LOCK = 0x5C111_A0D17
START = "0" * 64
ERASED, RETENTION = "erase_employee", "retention"  # what may empty rows, and says how many
ANCHOR = "audit.anchor"
ANCHOR_BYTES = 128
TURN_SECONDS = 1.0


def row_hash(row: dict[str, object]) -> str:
    """Return the SHA-256 over an audit row and the hash before it."""
    return hashlib.sha256(msgspec.json.encode([row[name] for name in HASHED])).hexdigest()


def subject_digest(salt: str, subject: str) -> str:
    """Return what the chain knows of a subject."""
    return hashlib.sha256((salt + subject).encode()).hexdigest()


@dataclass(frozen=True)
class Head:
    """Where the chain ends: kept elsewhere, it proves later that nothing before was changed or cut off."""

    sequence: int
    row_hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.row_hash}"


@dataclass(frozen=True)
class Verdict:
    """What a look at the whole chain found.

    Parameters
    ----------
    rows : int
        Rows looked at.
    broken_at : int, optional
        Sequence of the first row that does not follow from the one before.
    emptied, accounted : int
        Rows without a subject, and those that erasures account for.
    head : Head, optional
        The last row; None of an empty chain.
    lost : str
        Why the chain is not the one a known head was of; empty where it is.
    """

    rows: int
    broken_at: int | None
    emptied: int
    accounted: int
    head: Head | None
    lost: str = ""

    @property
    def holds(self) -> bool:
        """Say whether nothing was changed, cut off or emptied by hand."""
        return self.broken_at is None and self.emptied == self.accounted and not self.lost


class Audit:
    """An append-only chain of rows; no audit, no score.

    Parameters
    ----------
    store : Store
        Where it is kept.
    clock : callable
        Now, aware UTC.
    anchor : Path, optional
        File outside the database that names the last row.
    most_people : int, optional
        How many different people one caller may read in a day; None: any number.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        anchor: Path | None = None,
        most_people: int | None = None,
    ) -> None:
        self.store, self.clock, self.anchor, self.most_people = store, clock, anchor, most_people
        self.lock = threading.Lock()

    def record(
        self, actor: str, action: str, subject: str, purpose: str, model_digest: str | None = None
    ) -> None:
        """Write that somebody reads a person's score, before they read it.

        Raises
        ------
        UnavailableError
            If it cannot be written; the score must not be answered then.
        """
        self.record_many(actor, action, [subject], purpose, model_digest)

    @row_security.everybody()  # the chain goes on from a row about somebody else
    def record_many(
        self,
        actor: str,
        action: str,
        subjects: Iterable[str],
        purpose: str,
        model_digest: str | None = None,
    ) -> None:
        """Write one row per person of a list that somebody reads.

        Raises
        ------
        UnavailableError
            If it cannot be written.
        Problem
            429 where the caller has read about as many people today as one caller may.
        """
        said = {"actor": actor, "action": action, "purpose": purpose, "model_digest": model_digest}
        rows: list[dict[str, object]] = [{**said, "subject": subject} for subject in subjects]
        try:
            with self.turn(), self.store.transaction() as connection:
                self.check_breadth(connection, actor, len(rows))
                head = self.extend(connection, rows)
        except sa.exc.SQLAlchemyError as error:
            raise UnavailableError(
                "The audit cannot be written, so no score is shown.", hint="Try again when the store answers."
            ) from error
        self.remember(head)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Let one thread of this process write at a time: waiting here is short, SQLite's own waiting is by naps.

        Raises
        ------
        UnavailableError
            If no turn comes soon: then the store does not answer whoever has it.
        """
        if not self.lock.acquire(timeout=TURN_SECONDS):
            raise UnavailableError(
                "The audit cannot be written, so no score is shown.", hint="Try again when the store answers."
            )
        try:
            yield
        finally:
            self.lock.release()

    def check_breadth(self, connection: sa.Connection, actor: str, more: int) -> None:
        """Raise Problem where a caller would have read about more people today than one caller may."""
        if self.most_people is None:
            return
        now = self.clock()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        read = sa.and_(TABLE.c.actor == actor, TABLE.c.at >= to_micros(midnight))
        rows = connection.scalar(sa.select(sa.func.count()).select_from(TABLE).where(read)) or 0
        if rows + more <= self.most_people:
            return  # no more people than readings; who they are is looked up only where it matters
        seen = sa.select(sa.func.count(sa.distinct(TABLE.c.subject))).where(read)
        if (connection.scalar(seen) or 0) + more > self.most_people:
            seconds = int((midnight + timedelta(days=1) - now).total_seconds())
            raise Problem(
                429,
                "One caller reads about so many people in a day and no more.",
                headers={"Retry-After": str(seconds)},
                name="too-many-people",
                allowed=str(self.most_people),
            )

    def extend(self, connection: sa.Connection, rows: list[dict[str, object]]) -> Head | None:
        """Append rows to the chain inside a transaction that nobody else can append in; return where it ends."""
        if self.store.is_postgres:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CHAIN_LOCK})
        last = connection.execute(LAST).first()
        sequence, before = (last[0], last[1]) if last else (0, START)
        at = to_micros(self.clock())
        for row in rows:
            sequence += 1
            salt = secrets.token_hex(16)
            row.update(sequence=sequence, at=at, previous_hash=before, subject_salt=salt)
            row["subject_digest"] = subject_digest(salt, str(row["subject"]))
            before = row["row_hash"] = row_hash(row)
        if rows:
            connection.execute(sa.insert(TABLE), rows)
        return Head(sequence, before) if sequence else None

    def remember(self, head: Head | None) -> None:
        """Write the last row's name outside the database; a chain that is cut off or made anew no longer fits it."""
        if self.anchor is None or head is None:
            return
        text = f"{head}".ljust(ANCHOR_BYTES).encode()  # one length, one write: a rename waits for the disk
        with contextlib.suppress(OSError):  # the chain itself is written; verifying tells an old anchor too
            descriptor = os.open(self.anchor, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.pwrite(descriptor, text, 0)
            finally:
                os.close(descriptor)

    def remembered(self) -> Head | None:
        """Return the head that the anchor names, or None."""
        if self.anchor is None or not self.anchor.is_file():
            return None
        return parse_head(self.anchor.read_text())

    def first_break(self) -> int | None:
        """Return the sequence of the first row that does not follow from the one before, or None."""
        return self.verify().broken_at

    def verify(self, known: Head | None = None) -> Verdict:
        """Look at the whole chain, and whether it still contains a head that was known before."""
        before, rows, emptied, accounted, broken_at = START, 0, 0, 0, None
        known = known or self.remembered()
        missing = known is not None
        columns = [TABLE.c[name] for name in (*HASHED, "row_hash", "subject", "subject_salt")]
        with self.store.reading() as connection:
            for found in connection.execute(sa.select(*columns).order_by(TABLE.c.sequence)).mappings():
                row, rows = dict(found), rows + 1
                if broken_at is None and not follows(row, rows, before):
                    broken_at = int(row["sequence"])
                emptied += not row["subject_salt"]
                accounted += emptied_by(row)
                missing = missing and (row["sequence"], row["row_hash"]) != (known.sequence, known.row_hash)  # type: ignore[union-attr]
                before = row["row_hash"]
        head = Head(rows, before) if rows else None
        lost = f"row {known} is not in it: it was cut off, or made anew" if missing else ""
        return Verdict(rows, broken_at, emptied, accounted, head, lost)


def follows(row: dict[str, object], expected: int, before: str) -> bool:
    """Say whether a row follows from the one before, and says of its subject what it said at first."""
    salt, subject = str(row["subject_salt"] or ""), str(row["subject"])
    is_same = subject == "" if not salt else row["subject_digest"] == subject_digest(salt, subject)
    in_line = row["sequence"] == expected and row["previous_hash"] == before
    return is_same and in_line and row["row_hash"] == row_hash(row)


def emptied_by(row: dict[str, object]) -> int:
    """Return how many rows an erasure emptied, by its own row."""
    if row["action"] not in (ERASED, RETENTION):
        return 0
    try:
        return int(json.loads(str(row["purpose"]))["emptied"])
    except (ValueError, KeyError, TypeError):
        return 0


def parse_head(text: str) -> Head | None:
    """Return a head as it was printed, or None where it is none."""
    sequence, _, found = text.strip().partition(":")
    return Head(int(sequence), found) if sequence.isdigit() and len(found) == len(START) else None
