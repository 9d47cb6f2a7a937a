"""Enrol people in courses, let time pass, and let completions do what is planted."""

from __future__ import annotations

import numpy as np

from features.records.sample.months import Array
from features.records.sample.people import RECENT
from features.records.sample.world import World

ELECTIVE, NOMINATED, MANDATORY, PROGRAMME = range(4)
COMPLETED, WITHDRAWN, FAILED, LINGERING, EXPIRED = range(5)
IN_PERSON = ("classroom", "workshop", "simulation", "blended")
FINISH_CHANCE = {ELECTIVE: 0.76, NOMINATED: 0.83, MANDATORY: 0.94, PROGRAMME: 0.93}
FAIL_CHANCE = 0.07  # of those who finish a course with an exam


def enrol(world: World, who: Array, courses: Array, how: int, earliest: Array | None = None) -> None:
    """Enrol people in courses this month; what becomes of it is drawn now and comes true later.

    Parameters
    ----------
    world : World
        Of the current month.
    who, courses : (n,) int
        One enrolment each.
    how : int
        Elective, nominated, mandatory or programme.
    earliest : (n,) int, optional
        Not before this day; the first of the month by default.
    """
    people, rng, count = world.people, world.rng, len(who)
    length = world.tomorrow - world.today
    first = np.full(count, world.today) if earliest is None else np.minimum(earliest, world.tomorrow - 1)
    enrolled = np.minimum(first + rng.integers(0, length, count), world.tomorrow - 1)
    hours = np.array([course.hours for course in world.catalogue.courses])[courses]
    in_person = np.array([course.modality in IN_PERSON for course in world.catalogue.courses])[courses]
    wait = np.where(in_person, rng.integers(4, 30, count), rng.integers(0, 6, count))
    taking = np.where(in_person, np.ceil(hours / 7) - 1, np.ceil(hours * rng.uniform(1.0, 4.5, count)))
    started = enrolled + wait
    ended = started + np.maximum(taking, 0).astype(int)
    fate = fates(world, who, courses, how)
    if how == MANDATORY:
        started, ended = enrolled, enrolled + rng.integers(0, 20, count)
    score = np.clip(0.72 + 0.05 * people.ability[who] + rng.normal(0, 0.1, count), 0.3, 1)
    score = np.where(fate == FAILED, score * 0.6, score)
    world.records["enrolments"].add(
        count, who=who.astype(np.int32), course=courses.astype(np.int16), how=np.int8(how),
        enrolled=enrolled.astype(np.int32), started=started.astype(np.int32),
        ended=ended.astype(np.int32), fate=fate, score=score.astype(np.float32),
    )  # fmt: skip
    people.taken[who, courses] = True
    finished = fate == COMPLETED
    schedule(world, who[finished], courses[finished], ended[finished])


def fates(world: World, who: Array, courses: Array, how: int) -> Array:
    """Draw what becomes of enrolments: recorded motivation and overtime matter, nothing hidden does."""
    people, rng, count = world.people, world.rng, len(who)
    catalogue = world.catalogue
    hours = np.array([course.hours for course in catalogue.courses])[courses]
    chance = FINISH_CHANCE[how] + 0.04 * people.standard_motivation(who)
    chance = chance - 0.002 * np.minimum(hours, 40) - 0.06 * (people.overtime[who] > 8)
    draw = rng.random(count)
    unfinished = np.where(rng.random(count) < 0.6, WITHDRAWN, LINGERING)
    if how == MANDATORY:
        return np.where(draw < FINISH_CHANCE[MANDATORY], COMPLETED, EXPIRED).astype(np.int8)
    exam = catalogue.course_flags("has_exam")[courses]
    failed = exam & (rng.random(count) < FAIL_CHANCE)
    out = np.where(draw < np.clip(chance, 0.3, 0.97), np.where(failed, FAILED, COMPLETED), unfinished)
    return out.astype(np.int8)


def schedule(world: World, who: Array, courses: Array, days: Array) -> None:
    """Put completions into the months in which they fall."""
    months = world.months.month_of(days)
    for month in np.unique(months[months < world.months.count]):
        here = months == month
        world.due[int(month)].append((who[here], courses[here], days[here]))


def complete(world: World) -> tuple[Array, Array, Array]:
    """Let this month's completions take effect; return (people, courses, days) of those who were there."""
    people, effects = world.people, world.effects
    parts = world.due.pop(world.month, [])
    if not parts:
        return (np.array([], int),) * 3
    who, courses, days = (np.concatenate(column) for column in zip(*parts, strict=True))
    there = people.active[who] & (people.left[who] > days)
    who, courses, days = who[there], courses[there], days[there]
    fresh = ~people.done[who, courses]
    new, learned = who[fresh], courses[fresh]
    np.add.at(people.effect, new, effects.outcome[learned].astype(np.float32))
    np.add.at(people.recent_exit, (new, world.month % RECENT), effects.exit[learned].astype(np.float32))
    optional = ~world.catalogue.course_flags("mandatory")[learned]
    np.add.at(people.recent_count, (new[optional], world.month % RECENT), 1)
    people.done[who, courses] = True
    for slot, course in enumerate(world.catalogue.mandatory):
        renewed = courses == course
        people.certified[who[renewed], slot] = days[renewed]
    raise_levels(world, new, learned)
    return who, courses, days


def remember(world: World, who: Array, courses: Array, days: Array) -> None:
    """Record completions from before the first day, and let them take effect."""
    people, effects = world.people, world.effects
    count = len(who)
    world.records["enrolments"].add(
        count, who=who.astype(np.int32), course=courses.astype(np.int16), how=np.int8(ELECTIVE),
        enrolled=days - 14, started=days - 12, ended=days, fate=np.full(count, COMPLETED, np.int8),
        score=np.full(count, 0.8, np.float32),
    )  # fmt: skip
    people.taken[who, courses] = True
    people.done[who, courses] = True
    people.effect[who] += effects.outcome[courses]
    months_ago = (world.today - days) // 31 + 1
    recent = months_ago <= RECENT
    ring = (world.month - months_ago[recent]) % RECENT
    people.recent_exit[who[recent], ring] += effects.exit[courses[recent]]
    people.recent_count[who[recent], ring] += ~world.catalogue.course_flags("mandatory")[courses[recent]]


def raise_levels(world: World, who: Array, courses: Array) -> None:
    """Raise true levels to nearly what the course teaches, where they were lower."""
    people, rng = world.people, world.rng
    for number in range(0, len(who), 20_000):
        part = slice(number, number + 20_000)
        taught = world.catalogue.taught[courses[part]]
        reached = np.where(taught > 0, taught - rng.uniform(0, 0.5, (len(taught), 1)), 0)
        np.maximum.at(people.levels, who[part], reached.astype(np.float32))


def forget_last_year(world: World) -> None:
    """Empty the month of the rolling year that begins again."""
    world.people.recent_exit[:, world.month % RECENT] = 0
    world.people.recent_count[:, world.month % RECENT] = 0
