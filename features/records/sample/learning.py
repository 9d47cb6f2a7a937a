"""A month of learning: what must be done, whom managers nominate, and what people choose themselves."""

from __future__ import annotations

import numpy as np

from features.records.sample.choice import choose
from features.records.sample.enrolment import ELECTIVE, MANDATORY, NOMINATED, enrol, remember
from features.records.sample.months import FAR, Array
from features.records.sample.world import World

ELECTIVES_PER_MONTH = 0.25
SEASONAL = {7: 0.6, 8: 0.55, 12: 0.5, 1: 1.2, 2: 1.1, 9: 1.2, 10: 1.15}
NOMINATION_MONTHS = (3, 9)
RENEW_BEFORE_DAYS = 45
DUE_DAYS = 30


def assign_mandatory(world: World, who: Array) -> None:
    """Assign mandatory courses that were never done, or whose certificate expires soon."""
    people, rng, catalogue = world.people, world.rng, world.catalogue
    family = catalogue.job_families[people.job[who]]
    for slot, number in enumerate(catalogue.mandatory):
        course = catalogue.courses[number]
        departments = [one.department for one in catalogue.families]
        bound = np.array([course.mandatory == ("all",) or name in course.mandatory for name in departments])
        expires = people.certified[who, slot] + (course.certificate_days or FAR)
        asked = who[bound[family] & (expires - RENEW_BEFORE_DAYS <= world.today)]
        people.certified[asked, slot] = world.today
        days = world.today + rng.integers(0, 5, len(asked))
        record_assignments(world, asked, np.full(len(asked), number), days, by=None)
        enrol(world, asked, np.full(len(asked), number), MANDATORY, earliest=days)


def spread_certificates(world: World, who: Array) -> None:
    """Give those who were there before the first day certificates of different age."""
    people, rng, catalogue = world.people, world.rng, world.catalogue
    for slot, number in enumerate(catalogue.mandatory):
        lasts = catalogue.courses[number].certificate_days or 3650
        people.certified[who, slot] = world.today - rng.integers(0, lasts, len(who))


def remember_courses(world: World, who: Array, rounds: int = 3) -> None:
    """Give those who were there before the first day courses completed in up to four earlier years."""
    people, rng = world.people, world.rng
    for later in reversed(range(rounds)):
        span = np.minimum(world.today - people.hired[who] - 60, 4 * 365)
        some = (span > 60) & (rng.random(len(who)) < 0.6 * np.minimum(span / 1000, 1))
        learners = who[some]
        courses = choose(world, learners)
        ago = (rng.random(len(learners)) + later) / rounds * (span[some] - 30)
        days = world.today - 1 - ago.astype(int)
        found = courses >= 0
        remember(world, learners[found], courses[found], days[found])


def record_assignments(world: World, who: Array, courses: Array, days: Array, by: Array | None) -> None:
    """Write assignments down; `by` are the nominating managers, none where the course is mandatory."""
    is_mandatory = by is None
    world.records["assignments"].add(
        len(who), who=who.astype(np.int32), course=courses.astype(np.int16), happened=days,
        mandatory=is_mandatory, due=days + (DUE_DAYS if is_mandatory else 90),
        by=np.full(len(who), -1) if by is None else by,
    )  # fmt: skip


def nominate(world: World, who: Array) -> None:
    """Let managers nominate: weak performers for supporting courses, strong ones for demanding ones.

    They go by the last known productivity, which the records show.
    """
    if world.season not in NOMINATION_MONTHS:
        return
    people, rng = world.people, world.rng
    seen = people.standard_productivity(who)
    known = ~np.isnan(people.seen_productivity[who])
    chance = 0.03 + 0.22 * (seen < -0.7) * known + 0.22 * (seen > 0.8) * known
    picked = rng.random(len(who)) < chance
    nominees, strength = who[picked], seen[picked]
    courses = choose(world, nominees, allowed=nominable(world, strength))
    some = (courses >= 0) & (people.manager[nominees] >= 0)
    nominees, courses = nominees[some], courses[some]
    days = world.today + rng.integers(0, 15, len(nominees))
    record_assignments(world, nominees, courses, days, by=people.manager[nominees])
    agrees = rng.random(len(nominees)) < np.clip(0.68 + 0.1 * people.standard_motivation(nominees), 0.2, 0.95)
    enrol(world, nominees[agrees], courses[agrees], NOMINATED, earliest=days[agrees])


def nominable(world: World, strength: Array) -> Array:
    """Return (n, n_c) bool: courses managers nominate people of that strength for."""
    courses = world.catalogue.courses
    top = world.catalogue.taught.max(axis=1)
    support = np.array([course.nominated == "support" for course in courses]) | (top <= 2)
    talent = np.array([course.nominated == "talent" for course in courses]) | (top >= 4)
    anything = np.ones(len(courses), bool)
    return np.where(
        (strength < -0.7)[:, None], support, np.where((strength > 0.8)[:, None], talent, anything)
    )


def choose_electives(world: World, who: Array) -> None:
    """Let people enrol by themselves; the recorded motivation of the last survey raises the rate."""
    people, rng = world.people, world.rng
    rate = ELECTIVES_PER_MONTH * SEASONAL.get(world.season, 1.0) * people.fte[who]
    rate = rate * np.exp(0.45 * people.standard_motivation(who))
    rate = rate * np.where(world.today - people.hired[who] < 120, 1.4, 1.0)
    chosen = who[rng.random(len(who)) < 1 - np.exp(-rate)]
    courses = choose(world, chosen)
    some = courses >= 0
    enrol(world, chosen[some], courses[some], ELECTIVE)
    browse(world, who)


def browse(world: World, who: Array) -> None:
    """Let some people see courses on their start page, and dismiss a few."""
    rng = world.rng
    seen = who[rng.random(len(who)) < 0.06]
    courses = rng.integers(0, len(world.catalogue.courses), len(seen))
    offered = ~(
        world.catalogue.course_flags("mandatory")[courses]
        | world.catalogue.course_flags("is_programme")[courses]
    )
    seen, courses = seen[offered], courses[offered]
    days = world.today + rng.integers(0, world.tomorrow - world.today, len(seen))
    world.records["shown"].add(
        len(seen), who=seen.astype(np.int32), course=courses.astype(np.int16), day=days,
        dismissed=rng.random(len(seen)) < 0.15, clicked=rng.random(len(seen)) < 0.3,
    )  # fmt: skip
