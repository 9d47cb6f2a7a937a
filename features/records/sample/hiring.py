"""Fill empty seats: new people, and some who come back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features.records.sample.careers import record_jobs
from features.records.sample.months import FAR, Array
from features.records.sample.population import HIRED, born_with, draw_contracts, draw_pay, rungs_for
from features.records.sample.world import World

FILLED_PER_MONTH = 0.45  # of the empty seats
GROWTH_PER_YEAR = 0.01
REHIRE_SHARE = 0.04
REHIRE_AFTER_DAYS = 170
KEPT_BY_RETURNERS = ("identity", "ability", "motivation", "mood", "frailty", "taste", "levels", "taken",
                     "done", "certified", "effect", "job", "place", "commute", "overtime", "fte")  # fmt: skip

Identify = Callable[[Array], None]


def hire(world: World, identify: Identify) -> None:
    """Hire for this month; new people start on its first or fifteenth day."""
    seats = open_seats(world)
    if len(seats) == 0:
        return
    who = world.people.places(len(seats))
    seats = seats[: len(who)]
    back = returners(world, who)
    fresh, returning = who[: len(who) - len(back)], who[len(who) - len(back) :]
    start(world, who, seats)
    people = world.people
    people.identity[fresh] = next_identity(world) + np.arange(len(fresh))
    people.job[fresh] = rungs_for(world, world.teams.family[people.team[fresh]], 1.6)
    born_with(world, fresh)
    people.contract[fresh] = draw_contracts(world.rng, len(fresh), HIRED)
    come_back(world, returning, back)
    people.pay[who] = round_pay(draw_pay(world, who))
    people.active[who] = True
    identify(fresh)
    record_jobs(world, who, people.hired[who], first=True)


def next_identity(world: World) -> int:
    """Return the first identity that nobody has."""
    return int(world.people.identity.max()) + 1


def open_seats(world: World) -> Array:
    """Draw the teams whose empty seats are filled this month, one entry per seat."""
    people, teams, rng = world.people, world.teams, world.rng
    working = people.working()
    sizes = np.bincount(people.team[working][people.team[working] >= 0], minlength=teams.count)
    usable = teams.is_leaf & teams.is_alive & (teams.leader >= 0)
    grown = rng.random(teams.count) < GROWTH_PER_YEAR / 12 * teams.target
    teams.target = teams.target + grown
    gaps = np.where(usable, np.maximum(teams.target - sizes, 0), 0)
    return np.repeat(np.arange(teams.count), rng.binomial(gaps, FILLED_PER_MONTH))


def returners(world: World, who: Array) -> Array:
    """Draw earlier spells of people who come back."""
    people, rng = world.people, world.rng
    left = np.flatnonzero(
        (people.cause == 0) & (people.left < world.today - REHIRE_AFTER_DAYS) & ~people.returned
    )
    count = min(int(rng.binomial(len(who), REHIRE_SHARE)), len(left))
    back = rng.choice(left, count, replace=False) if count else np.array([], int)
    people.returned[back] = True
    return back


def start(world: World, who: Array, seats: Array) -> None:
    """Seat new people in their teams and set their first day."""
    people, teams, rng = world.people, world.teams, world.rng
    leader = teams.leader[seats]
    middle = (rng.random(len(who)) < 0.3) & (people.left[leader] == FAR)
    hired = world.today + np.where(middle, 14, 0)
    people.put(
        who, team=seats, place=teams.place[seats], hired=hired, promoted=hired, manager=leader,
        manager_since=hired,
    )  # fmt: skip


def come_back(world: World, who: Array, earlier: Array) -> None:
    """Give returners what they had when they left."""
    people = world.people
    for name in KEPT_BY_RETURNERS:
        getattr(people, name)[who] = getattr(people, name)[earlier]
    people.spell[who] = people.spell[earlier] + 1
    leading = np.array([job.role != "rung" for job in world.catalogue.jobs])[people.job[who]]
    families = world.catalogue.job_families[people.job[who]]
    wrong = leading | (families != world.teams.family[people.team[who]])
    people.job[who[wrong]] = rungs_for(world, world.teams.family[people.team[who[wrong]]], 0.5)


def round_pay(pay: Array) -> Array:
    """Return pay rounded to three or four leading digits, as contracts have it."""
    step = np.where(pay > 300_000, 1000.0, 100.0)
    return np.round(pay / step) * step
