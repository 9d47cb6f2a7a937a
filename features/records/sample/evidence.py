"""Evidence about skills from five sources, and the goals of development plans."""

from __future__ import annotations

import numpy as np

from features.records.sample.months import FAR, Array
from features.records.sample.world import World

ASSESSED, MANAGER, PEER, INFERRED, SELF = range(5)
TEXTS = ("test", "yearly review", "peer feedback", "profile", "self-assessment")
BIAS = (0.0, 0.05, 0.1, -0.3, 0.35)
NOISE = (0.25, 0.45, 0.6, 0.8, 0.6)


def required_skills(world: World) -> Array:
    """(n_j, k) int: the skills each job asks for, padded with -1."""
    lists = [np.flatnonzero(row) for row in world.catalogue.required]
    out = np.full((len(lists), max(len(one) for one in lists)), -1)
    for number, one in enumerate(lists):
        out[number, : len(one)] = one
    return out


def self_assess(world: World, who: Array, days: Array) -> None:
    """Let people rate themselves in all skills of their job; some profiles are read by machine as well."""
    table = required_skills(world)[world.people.job[who]]
    rows, columns = np.nonzero(table >= 0)
    record_levels(world, who[rows], table[rows, columns], SELF, days[rows])
    read = world.rng.random(len(rows)) < 0.08
    record_levels(world, who[rows[read]], table[rows[read], columns[read]], INFERRED, days[rows[read]])


def load_profiles(world: World, who: Array) -> None:
    """Let those who are there on the first day have rated themselves in the weeks before."""
    ago = 1 + world.rng.integers(0, 45, len(who))
    self_assess(world, who, world.today - np.minimum(ago, world.today - world.people.hired[who]))


def review_skills(world: World, who: Array) -> None:
    """Let managers rate three skills of some people each February, and peers one in June."""
    rng = world.rng
    plan = {2: (MANAGER, 0.35, 3), 6: (PEER, 0.05, 1)}.get(world.season)
    if plan is None:
        return
    source, share, count = plan
    table = required_skills(world)
    chosen = who[rng.random(len(who)) < share]
    days = world.today + rng.integers(0, 25, len(chosen))
    width = (table[world.people.job[chosen]] >= 0).sum(axis=1)
    start = rng.integers(0, width)
    for turn in range(count):
        skill = table[world.people.job[chosen], (start + turn) % width]
        record_levels(world, chosen, skill, source, days)


def certify(world: World, who: Array, courses: Array, days: Array) -> None:
    """Record the tests passed at the end of courses that have one."""
    exam = world.catalogue.course_flags("has_exam")[courses]
    who, courses, days = who[exam], courses[exam], days[exam]
    rows, skills = np.nonzero(world.catalogue.taught[courses])
    record_levels(world, who[rows], skills, ASSESSED, days[rows])


def record_levels(world: World, who: Array, skills: Array, source: int, days: Array) -> None:
    """Write evidence down: the true level, seen through the source's bias and noise."""
    rng = world.rng
    exact = world.people.levels[who, skills] + BIAS[source] + rng.normal(0, NOISE[source], len(who))
    grain = 1.0 if source in (SELF, PEER) else 0.5
    world.records["held_skills"].add(
        len(who), who=who.astype(np.int32), skill=skills.astype(np.int16), source=np.int8(source),
        happened=days, known=days + (0 if source in (SELF, ASSESSED) else 3),
        level=np.clip(np.round(exact / grain) * grain, 0, 5).astype(np.float32),
    )  # fmt: skip


def welcome(world: World) -> None:
    """Let those hired last month rate themselves."""
    people = world.people
    who = people.working()
    before = world.months.starts[world.month - 1] if world.month else world.today
    new = who[(people.hired[who] >= before) & (people.hired[who] < world.today) & (people.left[who] == FAR)]
    self_assess(world, new, world.today + world.rng.integers(0, 20, len(new)))


def set_goals(world: World, who: Array) -> None:
    """Let some people write a development goal each February: a job to reach, or a skill to raise."""
    if world.season != 2:
        return
    people, rng, catalogue = world.people, world.rng, world.catalogue
    chosen = who[rng.random(len(who)) < 0.22]
    upward = [catalogue.next_jobs[job] for job in people.job[chosen]]
    job = np.array([rng.choice(one) if len(one) else -1 for one in upward], int)
    job = np.where(rng.random(len(chosen)) < 0.5, job, -1)
    gaps = catalogue.required[people.job[chosen]] - people.levels[chosen]
    gaps = np.where(catalogue.required[people.job[chosen]] > 0, gaps, -9)
    skill = (gaps + rng.normal(0, 0.4, gaps.shape) * (gaps > -9)).argmax(axis=1)
    target = np.ceil(catalogue.required[people.job[chosen], skill])
    days = world.today + rng.integers(0, 25, len(chosen))
    world.records["goals"].add(
        len(chosen), who=chosen, job=job, skill=np.where(job < 0, skill, -1), level=target,
        happened=days, due=world.today + 330,
    )  # fmt: skip
