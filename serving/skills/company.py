"""What everybody holds and what their jobs ask for, read once and kept for a minute."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from features.history import History, history
from features.records.facts import FACT_KEYS
from features.records.row_security import everybody
from features.records.schema import METADATA
from features.skills.levels import COMPLETION_KINDS, current_jobs, gaps, held_levels
from features.skills.reskilling import courses_with_hours
from serving.house import House

TABLES = METADATA.tables
READS = ("job_history", "exits", "held_skills", "courses", "course_skills", "jobs", "job_aliases", "job_skills",
         "job_relations", "skills")  # fmt: skip
KEY = "skills of everybody"
KEPT_SECONDS = 60.0
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


def company_of(house: House) -> Company:
    """Return the organisation, at most a minute old; one request at a time reads it anew."""
    kept: tuple[float, Company] | None = house.cache.get(KEY)
    if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
        return kept[1]
    with RENEWING:
        newer: tuple[float, Company] | None = house.cache.get(
            KEY
        )  # another request may have read it meanwhile
        if newer is not None and newer is not kept:
            return newer[1]
        read = read_company(house)
        house.cache[KEY] = (time.monotonic(), read)
        return read


@everybody()
def read_company(house: House) -> Company:
    """Read everybody's evidence and every job's requirements."""
    now, store = house.clock(), house.store
    records = store.frames(READS)
    kinds = TABLES["learning_events"].c.kind.in_(COMPLETION_KINDS)
    records["learning_events"] = store.frame("learning_events", where=kinds)
    known = history(records, now + timedelta(microseconds=1), FACT_KEYS)
    people = people_of(known)
    ids = people["employee_id"].to_list()
    held = held_levels(known).join(people.select("employee_id"), "employee_id", "semi")
    compared = gaps(known, ids, held=held)
    return Company(now, records, known, people, held, compared, courses_with_hours(known))


def people_of(known: History) -> pl.DataFrame:
    """Return job, department and manager of everybody who is employed."""
    jobs = current_jobs(known)
    last = known["job_history"].sort("spell", "happened_at", maintain_order=True)
    last = last.unique("employee_id", keep="last", maintain_order=True)
    places: Any = last.select("employee_id", "department", "manager_id")
    return jobs.join(places, "employee_id").sort("employee_id")
