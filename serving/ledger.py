"""The ledger of what was shown to whom, committed in groups so that no answer waits for it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from features.records.store import Store

log = logging.getLogger("skillpath.ledger")

FLUSH_SECONDS = 0.1  # small groups: an answer that comes meanwhile waits for no more than one of them
MOST_WAITING = 50_000
GROUP = 1_000


class Ledger:
    """Rows of ``recommendations_shown`` waiting for their group commit (at most a second may be lost in a crash).

    Parameters
    ----------
    store : Store
        Where they are kept.

    Attributes
    ----------
    later : deque of (mapping, request)
        Rows to which something is added before they are written, and what was asked.
    flushing : lock
        Held from when rows are taken until they are committed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.waiting: deque[Mapping[str, object]] = deque(maxlen=MOST_WAITING)
        self.later: deque[tuple[Mapping[str, object], Any]] = deque()
        self.flushing = threading.RLock()

    def shown(self, answer: Mapping[str, object]) -> None:
        """Note what an answer showed; it has the columns of ``recommendations_shown``, its moment as microseconds."""
        self.waiting.append(answer)

    def flush(self) -> int:
        """Commit what waits; return how many rows. Where the store is away they go on waiting.

        What another thread is about to commit is committed too when this returns: an erasure must find it.
        """
        with self.flushing:
            while self.later:
                self.shown(self.later.popleft()[0])
            return self.commit_groups()

    def commit_groups(self) -> int:
        """Commit what waits, group by group; return how many rows."""
        count = 0
        while self.waiting:
            group = [self.waiting.popleft() for _ in range(min(GROUP, len(self.waiting)))]
            try:
                with self.store.transaction(is_deferred=True) as connection:
                    self.store.append(connection, "recommendations_shown", group)
            except sa.exc.SQLAlchemyError as error:
                self.waiting.extendleft(reversed(group))
                log.warning(
                    "the ledger waits for the store",
                    extra={"rows": len(self.waiting), "why": type(error).__name__},
                )
                return count
            count += len(group)
        return count
