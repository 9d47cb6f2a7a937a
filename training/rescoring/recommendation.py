"""What a saved recommendation model ranks for the people of the last block."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp

from features.history import History, history
from features.recommendation.behaviour import interactions
from features.recommendation.catalogue_building import build_catalogue
from features.records.facts import FACT_KEYS
from features.skills.levels import COMPLETION_KINDS
from training.context import TrainingContext
from training.loading import load_scorer
from training.recommendation import dataset as building
from training.recommendation.dataset import Dataset
from training.recommendation.evaluate import PRIMARY, model_scores
from training.recommendation.ranking import all_target_ranks, per_person
from training.rescoring.rescored import Bools, Rescored
from training.stored import has_corrections, side_by_side, some

EVENT = "event_id"
COLUMNS: Mapping[str, Sequence[str]] = {
    "learning_events": ("employee_id", "course_id", "kind", "happened_at", "known_at", "snoozed_until"),
    "job_history": ("employee_id", "spell", "happened_at", "known_at", "job_id"),
    "held_skills": ("employee_id", "skill_id", "happened_at", "known_at", "level", "source"),
}
PAIR = ("employee_id", "course_id")
ABOUT_ONESELF = (
    "job_history",
    "exits",
    "goals",
    "held_skills",
)  # what is told of others changes nobody's needs
FURTHER = ("recall@20", "mrr")
MOST_JOBS = 12


def last_block(context: TrainingContext) -> Dataset:
    """Return the test people of the records, without anything to learn from: no text is embedded, no digest taken.

    Raises
    ------
    RefusedError
        If there are too few enrolments to judge by.

    Notes
    -----
    Where more than `dataset.MOST_PEOPLE` took something in the last block, the people drawn are not those of a training.
    """
    records = read(context.records)
    events = with_later_versions(records.pop("learning_events"))
    pairs = interactions(told(events, context.as_of))
    taken = building.enrolments(pairs)
    cut = building.block_starts(taken["taken_at"])[1]
    catalogue = build_catalogue(records, context.as_of)
    job_ids = tuple(sorted(catalogue.jobs))
    people = taken["employee_id"].unique().cast(pl.String).sort().to_list()
    rows = building.Rows(catalogue, people, job_ids)
    then = told(events, cut)
    moment = building.Moment(then, rows.numbered(interactions(then)))
    new = rows.taken_anew(moment, rows.numbered(taken), context.as_of)
    asked = building.drawn(new, context.rng)
    known = then_known(records, then, [people[row] for row in asked])
    block = rows.block_of(replace(moment, history=known), new, asked)
    nothing = sp.csr_matrix((0, catalogue.size))
    return Dataset(
        protocol=f"everybody who took something new from {cut:%Y-%m-%d} to {context.as_of:%Y-%m-%d}, "
        "scored with what was known before; every course ranked but those taken before",
        course_ids=catalogue.course_ids,
        job_ids=job_ids,
        train=nothing,
        known=nothing,
        jobs=np.zeros(0, dtype=np.int64),
        validation=block.rows(slice(0, 0)),
        test=block,
        digest="",
    )


def block_start(context: TrainingContext) -> datetime:
    """Return when the last block begins."""
    events = with_later_versions(read_events(context.records))
    taken = building.enrolments(interactions(told(events, context.as_of)))
    return building.block_starts(taken["taken_at"])[1]


def read(records: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables that a last block is made of; of the events, by far the largest, what it asks of them."""
    events = {"learning_events": partial(read_events, records)}  # they take longest, and are begun first
    return side_by_side(records, events | {
        name: partial(some, records, name, COLUMNS[name]) if name in COLUMNS else partial(records.__getitem__, name)
        for name in building.READS
        if name in records and name not in events
    })  # fmt: skip


def read_events(records: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return what is asked of events, people and courses as members of enumerations: they are grouped and sorted by number.

    Events are told apart, by ``event_id``, only where some were corrected.
    """
    key = (EVENT,) if has_corrections(records, "learning_events", EVENT) else ()
    events = some(records, "learning_events", (*COLUMNS["learning_events"], *key))
    return events.with_columns(
        pl.col(name).cast(pl.Enum(events[name].drop_nulls().unique().sort())) for name in PAIR
    )


def with_later_versions(events: pl.DataFrame) -> pl.DataFrame:
    """Return events in the order in which they became known, with ``corrected_at``: when a later version of each did, or null.

    Notes
    -----
    Few are corrected, and only these have their versions compared; then what was known at any moment is a filter.
    """
    ordered = events.sort("known_at", maintain_order=True)
    if EVENT not in events.columns:
        return ordered.with_columns(corrected_at=pl.lit(None, dtype=events.schema["known_at"]))
    placed = ordered.with_row_index("_place")
    corrected = placed.filter(pl.col(EVENT).is_duplicated()).select(
        "_place", corrected_at=pl.col("known_at").shift(-1).over(EVENT, "happened_at")
    )
    return placed.join(corrected, "_place", "left", maintain_order="left").drop("_place", EVENT)


def told(events: pl.DataFrame, as_of: datetime) -> History:
    """Return what `features.history.history` says of events at a moment."""
    is_latest = pl.col("corrected_at").is_null() | (pl.col("corrected_at") >= as_of)
    known = (pl.col("happened_at") < as_of) & (pl.col("known_at") < as_of)
    return History(as_of, {"learning_events": events.filter(known & is_latest).drop("corrected_at")})


def then_known(records: Mapping[str, pl.DataFrame], events: History, people: Sequence[str]) -> History:
    """Return what was known at a moment, of some people alone."""
    asked = pl.DataFrame({"employee_id": people}, schema={"employee_id": pl.String})
    own = {
        name: records[name].join(asked, "employee_id", "semi", maintain_order="left")
        for name in ABOUT_ONESELF
        if name in records
    }
    done = events["learning_events"].filter(pl.col("kind").is_in(COMPLETION_KINDS))
    done = done.cast(dict.fromkeys(PAIR, pl.String)).join(asked, "employee_id", "semi", maintain_order="left")
    found = history({**records, **own}, events.as_of, FACT_KEYS)
    return replace(found, tables={**found.tables, "learning_events": done})


def rescore(folder: Path, dataset: Dataset) -> Rescored:
    """Return what a payload ranks, all courses but those taken before."""
    scorer, block = load_scorer(folder), dataset.test
    started = time.perf_counter()
    ranks = all_target_ranks(model_scores(scorer, dataset), block.seen, block.targets)
    seconds = time.perf_counter() - started
    people = per_person(ranks, block.targets)
    kept = counted(dataset)
    return Rescored(
        primary=PRIMARY,
        units=np.asarray(people[PRIMARY][kept], dtype=np.float64),
        further={
            name: np.asarray(people[name][kept], dtype=np.float64) for name in FURTHER if name in people
        },
        rows_per_second=block.size / max(seconds, 1e-9),
    )


def counted(dataset: Dataset) -> Bools:
    """Return the people whose units count."""
    block = dataset.test
    return ~block.is_new if dataset.is_warm_only else np.ones(block.size, dtype=bool)


def slices(context: TrainingContext, dataset: Dataset) -> dict[str, Bools]:
    """Return slices of the people asked: warm, new, and the most frequent jobs."""
    block, kept = dataset.test, counted(dataset)
    found: dict[str, Bools] = {"warm": ~block.is_new[kept], "new people (no history)": block.is_new[kept]}
    jobs = block.jobs[kept]
    values, counts = np.unique(jobs[jobs >= 0], return_counts=True)
    for job in values[np.argsort(-counts, kind="stable")][:MOST_JOBS]:
        found[f"job = {dataset.job_ids[job]}"] = jobs == job
    return found
