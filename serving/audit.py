"""The audit: who read whose score, when and for which purpose; written before the answer, chained by hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
import sqlalchemy as sa

from features.errors import UnavailableError
from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store

TABLE = METADATA.tables["audit"]
LAST = sa.select(TABLE.c.sequence, TABLE.c.row_hash).order_by(TABLE.c.sequence.desc()).limit(1)
HASHED = ("sequence", "at", "actor", "action", "subject", "purpose", "model_digest", "previous_hash")
CHAIN_LOCK = 0x5C111_A0D17
START = "0" * 64


def row_hash(row: dict[str, object]) -> str:
    """Return the SHA-256 over an audit row and the hash before it."""
    return hashlib.sha256(msgspec.json.encode([row[name] for name in HASHED])).hexdigest()


class Audit:
    """An append-only chain of rows; no audit, no score.

    Parameters
    ----------
    store : Store
        Where it is kept.
    clock : callable
        Now, aware UTC.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store, self.clock = store, clock

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

    def record_many(
        self,
        actor: str,
        action: str,
        subjects: Iterable[str],
        purpose: str,
        model_digest: str | None = None,
    ) -> None:
        """Write one row per person of a list that somebody reads; raise UnavailableError if it cannot be."""
        said = {"actor": actor, "action": action, "purpose": purpose, "model_digest": model_digest}
        try:
            with self.store.transaction() as connection:
                self.extend(connection, [{**said, "subject": subject} for subject in subjects])
        except sa.exc.SQLAlchemyError as error:
            raise UnavailableError(
                "The audit cannot be written, so no score is shown.", hint="Try again when the store answers."
            ) from error

    def extend(self, connection: sa.Connection, rows: list[dict[str, object]]) -> None:
        """Append rows to the chain inside a transaction that nobody else can append in."""
        if self.store.is_postgres:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CHAIN_LOCK})
        last = connection.execute(LAST).first()
        sequence, before = (last[0], last[1]) if last else (0, START)
        at = to_micros(self.clock())
        for row in rows:
            sequence += 1
            row.update(sequence=sequence, at=at, previous_hash=before)
            before = row["row_hash"] = row_hash(row)
        if rows:
            connection.execute(sa.insert(TABLE), rows)

    def first_break(self) -> int | None:
        """Return the sequence of the first row that does not follow from the one before, or None."""
        before, expected = START, 1
        columns = [TABLE.c[name] for name in (*HASHED, "row_hash")]
        with self.store.reading() as connection:
            for found in connection.execute(sa.select(*columns).order_by(TABLE.c.sequence)).mappings():
                row = dict(found)
                follows = row["sequence"] == expected and row["previous_hash"] == before
                if not follows or row["row_hash"] != row_hash(row):
                    return int(row["sequence"])
                before, expected = row["row_hash"], expected + 1
        return None
