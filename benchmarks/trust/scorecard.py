"""What a row of the scorecard says: what was tried, how often, what was found, and whether it holds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.records.moments import to_micros
from features.records.store import Store, open_store
from serving.settings import ServingSettings

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Fact:
    """One line of a row.

    Parameters
    ----------
    what : str
        What was tried, and how often.
    found : str
        What came of it.
    target : str
        What should.
    holds : bool
        Whether it did. Times are printed, and judged only where the row is about time.
    """

    what: str
    found: str
    target: str
    holds: bool


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Parameters
    ----------
    part : int
        1: all of it; 20: a twentieth.
    """

    part: int = 20

    def of(self, count: int) -> int:
        """Return how often something is tried."""
        return max(1, count // self.part)


Row = Callable[[Effort], Iterator[Fact]]


@contextmanager
def own_settings(**given: object) -> Iterator[ServingSettings]:
    """Give settings with a folder of their own, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="skillpath-trust-"))
    try:
        yield ServingSettings(var=folder / "var", store_url="", clock="", progress=False, **given)  # type: ignore[arg-type]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stocked(settings: ServingSettings, people: int) -> Store:
    """Return records with so many people, two courses and a job."""
    store, at = open_store(settings.url), to_micros(LONG_AGO)
    staff = [
        {"employee_id": f"E{number}", "spell": 1, "hired_at": at, "known_at": at} for number in range(people)
    ]
    with store.transaction() as connection:
        store.upsert(connection, "employees", staff)
        store.upsert(connection, "jobs", [{"job_id": "J1", "title": "Analyst"}])
        store.upsert(connection, "courses", [{"course_id": name, "title": name} for name in ("C1", "C2")])
    return store
