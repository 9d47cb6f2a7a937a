"""What everybody holds and what their jobs ask for, read once and kept for about a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import adbc_driver_manager
import polars as pl
import sqlalchemy as sa

from features.errors import UnavailableError
from features.history import History, history
from features.records.columnar import columns_of_table
from features.records.facts import FACT_KEYS
from features.records.row_security import everybody
from features.records.schema import METADATA
from features.records.store import Store
from features.skills.levels import COMPLETION_KINDS, current_jobs, gaps, held_levels
from features.skills.reskilling import courses_with_hours
from serving.house import House

log = logging.getLogger("skillpath.skills")

TABLES = METADATA.tables
WHOLE = ("courses", "course_skills", "jobs", "job_aliases", "job_skills", "job_relations", "skills")
# Of what grows with the people, the columns that are looked at.
COLUMNS = {
    "job_history": ("employee_id", "spell", "happened_at", "known_at", "job_id", "department", "manager_id"),
    "exits": ("employee_id", "spell", "happened_at", "known_at"),
    "held_skills": ("employee_id", "skill_id", "happened_at", "known_at", "level", "source", "evidence"),
    "learning_events": (
        "event_id",
        "employee_id",
        "course_id",
        "kind",
        "happened_at",
        "known_at",
        "score_share",
    ),
}
KEY = "skills of everybody"
KEPT_SECONDS = 60.0
QUICK_SECONDS = 0.5  # what a request may wait for
LEAST_REST = 20.0  # times as long as reading took
RENEWING = threading.Lock()


@dataclass(frozen=True)
class Company:
    """The organisation as of a moment.

    Parameters
    ----------
    as_of : datetime
        What the records knew.
    records : dict of str to polars.DataFrame
        As stored.
    known : History
        The records as of then.
    people : polars.DataFrame
        ``employee_id, job_id, department, manager_id`` of everybody who is employed.
    held, compared, courses : polars.DataFrame
        As `held_levels`, `gaps` and `courses_with_hours` return them.
    """

    as_of: datetime
    records: dict[str, pl.DataFrame]
    known: History
    people: pl.DataFrame
    held: pl.DataFrame
    compared: pl.DataFrame
    courses: pl.DataFrame


@dataclass(frozen=True)
class Kept:
    """The organisation with when it was read and how long that took, both in seconds."""

    company: Company
    read_at: float
    took: float

    @property
    def is_old(self) -> bool:
        """Say whether it is to be read again: after a minute, and never so often that a process does little else."""
        return time.monotonic() - self.read_at > max(KEPT_SECONDS, LEAST_REST * self.took)


def company_of(house: House) -> Company:
    """Return the organisation, about a minute old at most.

    Notes
    -----
    One thread at a time reads it anew. Where that is quick, the request waits for it; where the organisation is large
    (100,000 people: some ten seconds), requests are answered from what is in hand while it is read beside them.
    """
    kept: Kept | None = house.cache.get(KEY)
    if kept is None:
        with RENEWING:
            newer: Kept | None = house.cache.get(KEY)  # another request may have read it meanwhile
            return newer.company if newer is not None else renew(house, None)
    if kept.is_old and RENEWING.acquire(blocking=False):
        if kept.took > QUICK_SECONDS:
            threading.Thread(target=renew_beside, args=(house, kept), daemon=True).start()
            return kept.company
        try:
            return renew(house, kept)
        finally:
            RENEWING.release()
    return kept.company


def renew_beside(house: House, before: Kept) -> None:
    """Read the organisation in a thread of its own that holds the lock; without the store the one in hand goes on."""
    try:
        renew(house, before)
    except (sa.exc.SQLAlchemyError, UnavailableError) as error:
        log.warning("the organisation cannot be read again", extra={"why": type(error).__name__})
    finally:
        RENEWING.release()


def renew(house: House, before: Kept | None) -> Company:
    """Read the organisation and keep it, unless what stood before was dropped meanwhile: somebody may have been erased."""
    started = time.monotonic()
    read = read_company(house)
    if house.cache.get(KEY) is before:
        house.cache[KEY] = Kept(read, time.monotonic(), time.monotonic() - started)
    return read


@everybody()
def read_company(house: House) -> Company:
    """Read everybody's evidence and every job's requirements."""
    now, store = house.clock(), house.store
    records = store.frames(WHOLE)
    completed = {"learning_events": TABLES["learning_events"].c.kind.in_(COMPLETION_KINDS)}
    for name, columns in COLUMNS.items():
        records[name] = read_columns(store, name, columns, completed.get(name))
    known = history(records, now + timedelta(microseconds=1), FACT_KEYS)
    people = people_of(known)
    ids = people["employee_id"].to_list()
    held = held_levels(known).join(people.select("employee_id"), "employee_id", "semi")
    compared = gaps(known, ids, held=held)
    return Company(now, records, known, people, held, compared, courses_with_hours(known))


def read_columns(
    store: Store, name: str, columns: Sequence[str], where: sa.ColumnElement[bool] | None
) -> pl.DataFrame:
    """Return columns of a table; raise UnavailableError where the store is away."""
    try:
        return columns_of_table(store, name, columns, where)
    except adbc_driver_manager.Error as error:
        raise UnavailableError("The records cannot be read now.", found=type(error).__name__) from error


def people_of(known: History) -> pl.DataFrame:
    """Return job, department and manager of everybody who is employed."""
    jobs = current_jobs(known)
    last = known["job_history"].sort("spell", "happened_at", maintain_order=True)
    last = last.unique("employee_id", keep="last", maintain_order=True)
    places: Any = last.select("employee_id", "department", "manager_id")
    return jobs.join(places, "employee_id").sort("employee_id")
