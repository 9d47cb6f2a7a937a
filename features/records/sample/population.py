"""Who works there on the first day, and whoever is hired later."""

from __future__ import annotations

import numpy as np

from features.records.sample.effects import CLUSTERS
from features.records.sample.forms import FRAILTY_SHAPE
from features.records.sample.months import Array
from features.records.sample.people import CONTRACTOR, INTERN, PERMANENT, TEMPORARY
from features.records.sample.world import PAY_SPREAD, World

PART_TIME_BY_FAMILY = 0.16
THERE = ((PERMANENT, 0.925), (TEMPORARY, 0.035), (CONTRACTOR, 0.03), (INTERN, 0.01))  # on the first day
HIRED = ((PERMANENT, 0.76), (TEMPORARY, 0.10), (CONTRACTOR, 0.09), (INTERN, 0.05))


def settle(world: World) -> None:
    """Fill every team, and its lead, with people who have been there for a while."""
    people, teams = world.people, world.teams
    rng = world.rng
    leaders = people.places(teams.count)
    teams.leader[:] = leaders
    people.put(leaders, leads=np.arange(teams.count), team=teams.parent, place=teams.place)
    people.put(leaders, job=world.leader_jobs)
    members = people.places(int(teams.target.sum()))
    their_team = np.repeat(np.arange(teams.count), teams.target)[: len(members)]
    people.put(members, team=their_team, place=teams.place[their_team])
    people.put(members, job=rungs_for(world, teams.family[their_team], 1.0))
    everybody = np.arange(people.count)
    people.put(everybody, identity=rng.permutation(people.count), active=True)
    born_with(world, everybody)
    people.contract[members] = draw_contracts(rng, len(members), THERE)
    give_past(world, everybody)
    people.pay[everybody] = draw_pay(world, everybody)
    people.manager[everybody] = np.where(
        people.team[everybody] >= 0, teams.leader[np.maximum(people.team[everybody], 0)], -1
    )


def rungs_for(world: World, families: Array, slope: float) -> Array:
    """Draw a job of the ladder of each family; a larger slope draws lower grades."""
    catalogue, rng = world.catalogue, world.rng
    out = np.zeros(len(families), int)
    for family in np.unique(families):
        rungs = [n for n, job in enumerate(catalogue.jobs) if job.family == family and job.role == "rung"]
        grades = catalogue.grades[rungs]
        weight = np.exp(-slope * 0.35 * (grades - grades.min()))
        here = families == family
        out[here] = rng.choice(rungs, int(here.sum()), p=weight / weight.sum())
    return out


def born_with(world: World, who: Array) -> None:
    """Draw what people bring along: ability, drive, taste, commute, hours, true skill levels."""
    people, rng, count = world.people, world.rng, len(who)
    catalogue = world.catalogue
    mean_commute = np.array([place.commute for place in catalogue.places])[people.place[who]]
    families = catalogue.job_families[people.job[who]]
    base_overtime = np.array([family.overtime for family in catalogue.families])[families]
    people.put(
        who,
        ability=rng.normal(0, 1, count),
        motivation=rng.normal(0, 1, count),
        mood=rng.normal(0, 1, count),
        frailty=np.log(rng.gamma(FRAILTY_SHAPE, 1 / FRAILTY_SHAPE, count)),
        taste=rng.integers(0, CLUSTERS, count),
        commute=np.round(np.minimum(mean_commute * rng.lognormal(-0.12, 0.5, count), 150)),
        overtime=np.round(np.clip(rng.normal(base_overtime, 2.5), 0, 25) * 2) / 2,
    )
    levels = catalogue.required[people.job[who]]
    wobble = rng.normal(-0.35, 0.8, levels.shape).astype(np.float32)
    levels = np.where(levels > 0, levels + wobble, 0)
    extra = (rng.random(levels.shape) < 0.06) * rng.uniform(0.5, 3.0, levels.shape)
    people.levels[who] = np.clip(np.maximum(levels, extra), 0, 5)


def draw_contracts(rng: np.random.Generator, count: int, mix: tuple[tuple[int, float], ...]) -> Array:
    """Draw kinds of contract from a mix."""
    kinds, shares = zip(*mix, strict=True)
    return rng.choice(kinds, count, p=shares)


def give_past(world: World, who: Array) -> None:
    """Draw when people were hired and last promoted, and their last rating."""
    people, rng, count = world.people, world.rng, len(who)
    served = rng.exponential(5.5 * 365, count) + 20
    veterans = (rng.random(count) < 0.15) & (people.contract[who] == PERMANENT)
    served = np.where(veterans, (15 + 22 * rng.beta(1.0, 1.7, count)) * 365, served)
    short = people.contract[who] != PERMANENT
    served = np.where(short, rng.uniform(20, 500, count), served)
    leading = people.leads[who] >= 0
    served = np.minimum(np.where(leading, served + 3 * 365, served), 37 * 365)
    hired = np.maximum(world.today - served.astype(int), world.today - 38 * 365)
    waited = np.minimum(rng.exponential(2.2 * 365, count).astype(int) + 10, world.today - hired)
    rating = np.round(np.clip(3.2 + 0.55 * people.ability[who] + rng.normal(0, 0.45, count), 1, 5) * 2) / 2
    new = world.today - hired < 200
    people.put(
        who,
        hired=hired,
        promoted=world.today - waited,
        rating=np.where(new, np.nan, rating),
        manager_since=hired,
    )


def draw_pay(world: World, who: Array) -> Array:
    """Draw pay around the middle of the band, in local currency."""
    people = world.people
    spread = np.exp(world.rng.normal(0, PAY_SPREAD, len(who)))
    return world.band(people.job[who], people.place[who]) * spread
