"""Which course people choose: fit to the job, gaps, taste, popularity, and what the records show of them."""

from __future__ import annotations

import numpy as np

from features.records.sample.months import Array
from features.records.sample.world import World

LOCAL_LANGUAGES = {"Hamburg": ("en", "de"), "Madrid": ("en", "es")}
BLOCK = 20_000


def open_courses(world: World, who: Array) -> Array:
    """Return (n, n_c) bool: courses that people may take now and have not taken."""
    people, catalogue = world.people, world.catalogue
    asks = catalogue.needs_first.astype(np.float32)
    met = people.done[who].astype(np.float32) @ asks.T >= asks.sum(axis=1) - 0.5
    elective = ~(catalogue.course_flags("mandatory") | catalogue.course_flags("is_programme"))
    languages = np.array(
        [
            [course.language in LOCAL_LANGUAGES.get(place.name, ("en",)) for course in catalogue.courses]
            for place in catalogue.places
        ]
    )
    departments = [family.department for family in catalogue.families]
    welcome = np.array(
        [[not course.eligibility or name in course.eligibility for course in catalogue.courses]
         for name in departments]
    )  # fmt: skip
    family = catalogue.job_families[people.job[who]]
    fits = elective & languages[people.place[who]] & welcome[family]
    return np.asarray(met & fits & ~people.taken[who])


def utility(world: World, who: Array) -> Array:
    """Return (n, n_c) float: how much each course attracts each person, before chance."""
    people, catalogue, effects = world.people, world.catalogue, world.effects
    job = people.job[who]
    out = (
        effects.popularity[None]
        + 3.2 * catalogue.relevance[job]
        + 1.1 * effects.taste[people.taste[who]]
        + 1.8 * gap_closed(world, who)
        + people.standard_motivation(who)[:, None] * effects.motivation_pull
        + people.standard_productivity(who)[:, None] * effects.performance_pull
    )
    too_hard = catalogue.taught.max(axis=1)[None] - people.levels[who].max(axis=1)[:, None] > 3
    return np.asarray(out - 1.5 * too_hard)


def gap_closed(world: World, who: Array) -> Array:
    """Return (n, n_c) float: levels towards the job's requirement that a course would add, weighted."""
    people, catalogue = world.people, world.catalogue
    job = people.job[who]
    required, weight, held = catalogue.required[job], catalogue.importance[job], people.levels[who]
    out = np.zeros((len(who), len(catalogue.courses)), np.float32)
    for course, skill in zip(*np.nonzero(catalogue.taught), strict=True):
        reach = np.minimum(catalogue.taught[course, skill], required[:, skill])
        out[:, course] += weight[:, skill] * np.maximum(reach - held[:, skill], 0)
    return out


def choose(world: World, who: Array, allowed: Array | None = None) -> Array:
    """Draw one course per person (a multinomial logit); -1 where none is open."""
    out = np.empty(len(who), int)
    for first in range(0, len(who), BLOCK):
        part = who[first : first + BLOCK]
        is_open = open_courses(world, part)
        if allowed is not None:
            is_open &= allowed[first : first + BLOCK]
        chance = world.rng.gumbel(size=is_open.shape)
        score = np.where(is_open, utility(world, part) + chance, -np.inf)
        best = score.argmax(axis=1)
        out[first : first + BLOCK] = np.where(is_open.any(axis=1), best, -1)
    return out
