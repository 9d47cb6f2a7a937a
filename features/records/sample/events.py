"""Learning events: what an LMS would have logged of every enrolment, view and dismissal."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.records.sample.enrolment import (
    COMPLETED,
    EXPIRED,
    FAILED,
    IN_PERSON,
    MANDATORY,
    PROGRAMME,
    WITHDRAWN,
)
from features.records.sample.learning import DUE_DAYS
from features.records.sample.months import Array
from features.records.sample.world import World

KINDS = ("assigned", "shown", "clicked", "enrolled", "started", "progressed", "completed", "passed",
         "failed", "rated", "withdrawn", "expired", "dismissed")  # fmt: skip
KIND = {name: np.int8(code) for code, name in enumerate(KINDS)}
WITHDRAWAL_REASONS = ("no time", "content not as expected", "changed role", "too difficult", "too easy")
DISMISSAL_REASONS = ("not relevant for my work", "already known", "not now", "prefer another format")
CAPACITY = 18  # seats of a session
MINUTE = 60_000_000
DAY = 86_400_000_000

Block = dict[str, Array]


def learning_events(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the learning events, and the sessions in which some of them took place.

    Returns
    -------
    events : polars.DataFrame
        Codes and microseconds, in order of time: who, course, kind, happened, known and the details.
    sessions : polars.DataFrame
        One row per dated run of a course.
    """
    rng = world.rng
    enrolments = world.records["enrolments"].arrays()
    sessions = hold_sessions(world, enrolments)
    blocks = [
        *attendance(world, enrolments, rng),
        *endings(world, enrolments, rng),
        *views(world, enrolments, rng),
    ]
    frame = pl.concat([block_frame(block) for block in blocks], how="diagonal")
    left = world.people.left.astype(np.int64) * DAY
    end = world.months.end_day * DAY
    who = frame["who"].to_numpy()
    happened = frame["happened"].to_numpy()
    on_page = np.isin(frame["kind"].to_numpy(), (KIND["shown"], KIND["clicked"]))
    keep = (
        ((happened >= world.months.first_day * DAY) | ~on_page)
        & (happened < end)
        & (happened < left[who])
        & (happened >= world.people.hired[who].astype(np.int64) * DAY)
    )
    events = frame.filter(pl.Series(keep)).sort("happened", "who", "course", "kind")
    return events, sessions


def block_frame(block: Block) -> pl.DataFrame:
    """Return a block of events as a frame."""
    count = len(block["who"])
    columns = {name: np.full(count, v) if np.ndim(v) == 0 else v for name, v in block.items()}
    return pl.DataFrame(columns)


def moments(days: Array, rng: np.random.Generator) -> Array:
    """Return working-hour times on days, in microseconds since 1970."""
    return days.astype(np.int64) * DAY + rng.integers(7 * 60, 18 * 60, len(days)) * MINUTE


def attendance(world: World, rows: Block, rng: np.random.Generator) -> list[Block]:
    """Return the events up to the middle of each enrolment: enrolled, started, progressed."""
    hours = np.array([course.hours for course in world.catalogue.courses])[rows["course"]]
    in_session = rows["session"] >= 0
    logged = rows["ended"] >= world.months.first_day  # of earlier years only completions were kept
    blocks = [event(take(rows, logged), "enrolled", moments(rows["enrolled"][logged], rng), rng)]
    began = logged & (rows["how"] != MANDATORY) & (rows["fate"] != EXPIRED) & ~in_session
    began &= (rows["fate"] != WITHDRAWN) | (rng.random(len(began)) < 0.6)
    blocks.append(event(take(rows, began), "started", moments(rows["started"][began], rng), rng))
    long = began & (hours >= 5) & ~in_session & (rng.random(len(began)) < 0.7)
    middle = (rows["started"] + rows["ended"])[long] // 2
    some = event(take(rows, long), "progressed", moments(middle, rng) + DAY // 24, rng)
    some["progress_share"] = np.round(rng.uniform(0.2, 0.8, int(long.sum())), 2)
    return [*blocks, some]


def endings(world: World, rows: Block, rng: np.random.Generator) -> list[Block]:
    """Return how enrolments ended: completed, passed, failed, rated, withdrawn, expired."""
    courses = world.catalogue.courses
    exam = np.array([course.has_exam for course in courses])[rows["course"]]
    hours = np.array([course.hours for course in courses])[rows["course"]]
    fate, in_session = rows["fate"], rows["session"] >= 0
    done = fate == COMPLETED
    at_end = rows["ended"].astype(np.int64) * DAY + 20 * 60 * MINUTE
    completed = event(take(rows, done), "completed", at_end[done], rng, late=in_session[done])
    completed["hours"] = np.round(hours[done] * rng.uniform(0.8, 1.3, int(done.sum())), 1)
    completed["progress_share"] = np.ones(int(done.sum()))
    tested = {"passed": done & exam, "failed": fate == FAILED}
    blocks = [completed]
    for kind, where in tested.items():
        block = event(take(rows, where), kind, at_end[where] + MINUTE, rng)
        block["score_share"] = np.round(rows["score"][where].astype(float), 2)
        blocks.append(block)
    return [*blocks, *opinions(world, rows, rng), *quits(rows, rng)]


def opinions(world: World, rows: Block, rng: np.random.Generator) -> list[Block]:
    """Return ratings: those who like the topic rate higher."""
    asked = (rows["fate"] == COMPLETED) & (rows["how"] != MANDATORY) & (rng.random(len(rows["who"])) < 0.4)
    taste = world.effects.taste[world.people.taste[rows["who"][asked]], rows["course"][asked]]
    rated = event(take(rows, asked), "rated", rows["ended"][asked] * DAY + 21 * 60 * MINUTE, rng)
    rated["rating"] = np.clip(np.round(3.9 + 0.35 * taste + rng.normal(0, 0.7, len(taste))), 1, 5)
    return [rated]


def quits(rows: Block, rng: np.random.Generator) -> list[Block]:
    """Return withdrawals with their reason, and mandatory courses that were not done in time."""
    quit_ = rows["fate"] == WITHDRAWN
    days = rows["started"][quit_] + rng.integers(0, 10, int(quit_.sum()))
    withdrawn = event(take(rows, quit_), "withdrawn", moments(days, rng), rng)
    withdrawn["reason"] = np.array(WITHDRAWAL_REASONS)[rng.integers(0, 5, int(quit_.sum()))]
    missed = rows["fate"] == EXPIRED
    due = (rows["enrolled"][missed] + DUE_DAYS) * DAY
    return [withdrawn, event(take(rows, missed), "expired", due, rng)]


def views(world: World, rows: Block, rng: np.random.Generator) -> list[Block]:
    """Return what was shown on start pages: before a part of the enrolments, and in vain."""
    before = (rows["how"] != MANDATORY) & (rows["how"] != PROGRAMME) & (rng.random(len(rows["who"])) < 0.2)
    earlier = np.maximum(rows["enrolled"][before] - rng.integers(1, 6, int(before.sum())), 0)
    part = {name: take(rows, before)[name] for name in ("who", "course")}
    at = moments(earlier, rng)
    blocks = [event(part, "shown", at, rng), event(part, "clicked", at + MINUTE, rng)]
    seen = world.records["shown"].arrays()
    at = moments(seen["day"], rng)
    shown = {name: seen[name] for name in ("who", "course")}
    blocks.append(event(shown, "shown", at, rng))
    clicked, dismissed = seen["clicked"], seen["dismissed"] & ~seen["clicked"]
    blocks.append(event(take(shown, clicked), "clicked", at[clicked] + MINUTE, rng))
    away = event(take(shown, dismissed), "dismissed", at[dismissed] + MINUTE, rng)
    reasons = rng.integers(0, 4, int(dismissed.sum()))
    away["reason"] = np.array(DISMISSAL_REASONS)[reasons]
    snoozed = np.where(reasons == 2, (at[dismissed] // DAY + 90) * DAY, -1)
    away["snoozed"] = snoozed
    return [*blocks, away]


def event(rows: Block, kind: str, at: Array, rng: np.random.Generator, late: Array | None = None) -> Block:
    """Return events of one kind; attendance lists of sessions come in days later."""
    count = len(at)
    delay = rng.integers(0, 30, count) * MINUTE
    slow = (rng.random(count) < 0.02) | (False if late is None else late & (rng.random(count) < 0.3))
    known = at + np.where(slow, rng.integers(2, 30, count) * DAY, delay)
    out: Block = {
        "who": rows["who"],
        "course": rows["course"],
        "kind": np.full(count, KIND[kind]),
        "happened": at,
        "known": known,
    }
    if "session" in rows and kind in ("enrolled", "started", "completed"):
        out["session"] = rows["session"]
    return out


def take(rows: Block, where: Array) -> Block:
    """Return some of the rows."""
    return {name: values[where] for name, values in rows.items()}


def hold_sessions(world: World, rows: Block) -> pl.DataFrame:
    """Group enrolments in courses with a trainer into sessions; add their number to the enrolments."""
    modality = np.array([course.modality in IN_PERSON for course in world.catalogue.courses])
    place = world.people.place[rows["who"]].astype(np.int64)
    month = np.clip(world.months.month_of(rows["started"]), 0, world.months.count)
    live = np.flatnonzero(modality[rows["course"]] & (rows["how"] != MANDATORY))
    order = live[np.lexsort((rows["started"][live], place[live], month[live], rows["course"][live]))]
    key = (rows["course"][order].astype(np.int64) * 1000 + month[order]) * 100 + place[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    within = np.arange(len(key)) - np.repeat(starts, np.diff(np.append(starts, len(key))))
    fresh = within % CAPACITY == 0
    number = np.cumsum(fresh) - 1
    rows["session"] = np.full(len(rows["who"]), -1)
    rows["session"][order] = number
    first, begins = order[fresh], np.flatnonzero(fresh)
    ends = np.maximum.reduceat(rows["ended"][order], begins) if len(begins) else np.array([], int)
    columns = {
        "course": rows["course"][first],
        "place": place[first],
        "starts": rows["started"][first],
        "ends": ends,
    }
    return pl.DataFrame(columns)
