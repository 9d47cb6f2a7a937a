"""Kept scores: a person's model scores, written in batch and in the background, read as one row."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.store import Store

TABLE = METADATA.tables["kept_scores"]
ONE_ROW = sa.select(TABLE.c.as_of, TABLE.c.computed_at, TABLE.c.payload).where(
    TABLE.c.question == sa.bindparam("question"),
    TABLE.c.employee_id == sa.bindparam("employee_id"),
    TABLE.c.model_digest == sa.bindparam("model_digest"),
)


class KeptScore(NamedTuple):
    """One person's kept scores: what they saw, when they were computed, and the question's own packing."""

    as_of: datetime
    computed_at: datetime
    payload: bytes


@dataclass
class KeptScores:
    """Scores in the store, one row per (question, person, model).

    Parameters
    ----------
    store : Store
        The records.
    """

    store: Store

    def read(self, question: str, employee_id: str, digest: str) -> KeptScore | None:
        """Return the person's scores under that model, or None."""
        with self.store.reading() as connection:
            row = connection.execute(
                ONE_ROW, {"question": question, "employee_id": employee_id, "model_digest": digest}
            ).first()
        if row is None:
            return None
        return KeptScore(from_micros(row[0]), from_micros(row[1]), row[2])

    def write(
        self,
        question: str,
        digest: str,
        rows: Iterable[tuple[str, bytes]],
        *,
        as_of: datetime,
        computed_at: datetime,
    ) -> int:
        """Keep scores of people, replacing those under the same model; return how many."""
        kept = [
            {
                "question": question,
                "employee_id": employee_id,
                "model_digest": digest,
                "as_of": to_micros(as_of),
                "computed_at": to_micros(computed_at),
                "payload": payload,
            }
            for employee_id, payload in rows
        ]
        with self.store.transaction() as connection:
            return self.store.upsert(connection, "kept_scores", kept)

    def people(self, question: str, digest: str, as_of: datetime | None = None) -> set[str]:
        """Return who has scores under that model, seen as of that moment where one is given."""
        query = sa.select(TABLE.c.employee_id).where(
            TABLE.c.question == question, TABLE.c.model_digest == digest
        )
        if as_of is not None:
            query = query.where(TABLE.c.as_of == to_micros(as_of))
        with self.store.reading() as connection:
            return set(connection.scalars(query))


class Changes:
    """People whose records changed and whose kept scores wait to be recomputed, oldest first."""

    def __init__(self) -> None:
        self.waiting: dict[str, float] = {}

    def add(self, employee_ids: Iterable[str]) -> None:
        """Note that these people's records changed."""
        now = time.monotonic()
        for employee_id in employee_ids:
            self.waiting.setdefault(employee_id, now)

    def take(self, count: int) -> list[str]:
        """Return up to `count` people, longest waiting first, and forget them."""
        taken = list(self.waiting)[:count]
        for employee_id in taken:
            del self.waiting[employee_id]
        return taken
