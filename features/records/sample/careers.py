"""What moves at the start of a month: succession, reviews, promotions, moves, leave, overtime."""

from __future__ import annotations

import numpy as np

from features.records.sample.leading import fill_vacancies, swap_leaders, update_managers
from features.records.sample.months import Array
from features.records.sample.people import PERMANENT, TEMPORARY
from features.records.sample.world import World

MOVE_PER_MONTH = 0.0022
LEAVE_PER_MONTH = 0.0028
REORGANISED_PER_MONTH = 0.006
LATE_SHARE = 0.03


def begin_month(world: World) -> None:
    """Let the organisation change on the first day of the month, and record who is affected."""
    people = world.people
    changed = np.zeros(people.capacity, bool)
    if world.season == 1 and world.month > 0:
        changed[review_pay(world)] = True
    if world.season in (1, 7):
        changed[redraw_overtime(world)] = True
    changed[fill_vacancies(world)] = True
    changed[promote_some(world)] = True
    changed[move_some(world)] = True
    changed[leave_and_return(world)] = True
    changed[make_permanent(world)] = True
    swap_leaders(world, REORGANISED_PER_MONTH)
    changed[update_managers(world, world.today)] = True
    who = np.flatnonzero(changed & people.active)
    record_jobs(world, who, np.full(len(who), world.today))


def review_pay(world: World) -> Array:
    """Rate everybody for the past year and raise pay with prices and rating."""
    people, rng = world.people, world.rng
    inflation = np.array([place.inflation for place in world.catalogue.places])
    world.prices = world.prices * (1 + inflation)
    who = people.working()
    rated = who[people.year_count[who] > 0]
    mean = people.year_sum[rated] / people.year_count[rated]
    exact = 3.2 + (mean - 101) / 10 + rng.normal(0, 0.4, len(rated))
    people.rating[rated] = np.round(np.clip(exact, 1, 5) * 2) / 2
    people.year_sum[:] = 0
    people.year_count[:] = 0
    merit = 0.007 * (np.nan_to_num(people.rating[who], nan=3.0) - 3)
    raise_share = inflation[people.place[who]] * 0.9 + merit + rng.normal(0, 0.006, len(who))
    people.pay[who] = people.pay[who] * (1 + np.maximum(raise_share, 0))
    return who


def redraw_overtime(world: World) -> Array:
    """Let overtime follow the workload of team and person; return whose overtime changed."""
    people, rng = world.people, world.rng
    who = people.working()
    families = world.catalogue.families
    usual = np.array([family.overtime for family in families])[world.catalogue.job_families[people.job[who]]]
    busy = world.teams.busy[np.maximum(people.team[who], 0)]
    wanted = 0.55 * people.overtime[who] + 0.45 * (usual + 2.2 * busy) + rng.normal(0, 1.4, len(who))
    rounded = np.round(np.clip(wanted, 0, 25) * 2) / 2
    changed = np.abs(rounded - people.overtime[who]) >= 1
    people.overtime[who[changed]] = rounded[changed]
    return who[changed]


def promote_some(world: World) -> Array:
    """Promote to the next rung, mostly in April and October, by rating, wait and recent learning."""
    people, rng, jobs = world.people, world.rng, world.catalogue.next_jobs
    who = people.working()
    who = who[(people.leads[who] < 0) & (people.contract[who] == PERMANENT)]
    years = (world.today - people.promoted[who]) / 365.25
    learned = np.minimum(people.recent_count[who].sum(axis=1), 6)
    rate = np.where(np.isin(world.season, (4, 10)), 0.042, 0.004)
    chance = rate * (years > 1) * np.minimum(years / 2.5, 2)
    chance = chance * np.exp(0.55 * (np.nan_to_num(people.rating[who], nan=3.0) - 3) + 0.06 * learned)
    chosen = who[rng.random(len(who)) < chance]
    chosen = chosen[np.array([len(jobs[job]) > 0 for job in people.job[chosen]], bool)]
    if len(chosen):
        world.promote(chosen, np.array([rng.choice(jobs[job]) for job in people.job[chosen]]))
    return np.asarray(chosen)


def move_some(world: World) -> Array:
    """Move some people to a similar job, in another team of the same place."""
    people, teams, rng = world.people, world.teams, world.rng
    who = people.working()
    who = who[(people.leads[who] < 0) & (people.leave_until[who] < 0)]
    movers = who[rng.random(len(who)) < MOVE_PER_MONTH]
    open_teams = teams.is_leaf & teams.is_alive & (teams.leader >= 0)
    moved = []
    for one in movers:
        near = world.catalogue.near_jobs[people.job[one]]
        if len(near) == 0:
            continue
        job = rng.choice(near)
        family = world.catalogue.jobs[job].family
        fitting = open_teams & (teams.family == family) & (teams.place == people.place[one])
        choices = np.flatnonzero(fitting & (np.arange(teams.count) != people.team[one]))
        if len(choices):
            people.team[one] = rng.choice(choices)
            people.job[one] = job
            moved.append(one)
    return np.array(moved, int)


def leave_and_return(world: World) -> Array:
    """Send some people on leave for months and bring others back; return both."""
    people, rng = world.people, world.rng
    who = people.working()
    back = who[people.leave_until[who] == world.month]
    people.leave_until[back] = -1
    here = who[(people.leave_until[who] < 0) & (people.leads[who] != 0)]
    away = here[rng.random(len(here)) < LEAVE_PER_MONTH]
    people.leave_until[away] = world.month + rng.integers(2, 11, len(away))
    return np.concatenate([back, away])


def make_permanent(world: World) -> Array:
    """Give some temporary staff a permanent contract after a year."""
    people, rng = world.people, world.rng
    who = people.working()
    waiting = who[(people.contract[who] == TEMPORARY) & (world.today - people.hired[who] > 330)]
    chosen = waiting[rng.random(len(waiting)) < 0.15]
    people.contract[chosen] = PERMANENT
    return np.asarray(chosen)


def record_jobs(world: World, who: Array, days: Array, *, first: bool = False) -> None:
    """Write down what holds for people from a day on; some of it becomes known late, some is corrected."""
    people, rng, count = world.people, world.rng, len(who)
    late = (rng.random(count) < LATE_SHARE) & (not first)
    known = days + np.where(late, rng.integers(15, 60, count), rng.integers(0, 4, count) * (not first))
    mistaken = (rng.random(count) < 0.003) & ~late & (not first)
    pay = people.pay[who]
    write_jobs(world, who, days, known, np.where(mistaken, pay * 0.91, pay))
    wrong = np.flatnonzero(mistaken)
    write_jobs(world, who[wrong], days[wrong], known[wrong] + 25, pay[wrong])


def write_jobs(world: World, who: Array, days: Array, known: Array, pay: Array) -> None:
    """Append rows of the job history with everything that holds."""
    people = world.people
    world.records["job_history"].add(
        len(who),
        who=who, happened=days, known=known, job=people.job[who], manager=people.manager[who],
        place=people.place[who], pay=pay, fte=people.fte[who], rating=people.rating[who],
        on_leave=people.leave_until[who] >= 0, contract=people.contract[who],
        commute=people.commute[who], overtime=people.overtime[who],
    )  # fmt: skip


def record_past(world: World) -> None:
    """Write down how everybody got where they are on the first day of the data."""
    people, catalogue = world.people, world.catalogue
    who = people.working()
    now = {name: getattr(people, name)[who].copy() for name in ("job", "pay", "rating", "manager")}
    hired, promoted = people.hired[who], people.promoted[who]
    climbed = promoted > hired
    inflation = np.array([place.inflation for place in catalogue.places])[people.place[who]]
    people.put(
        who,
        job=np.where(climbed, earlier_jobs(world, now["job"]), now["job"]),
        rating=np.nan,
        manager=manager_then(world, now["manager"], hired),
    )
    first_pay = now["pay"] / (1 + inflation) ** ((world.today - hired) / 365.25)
    write_jobs(world, who, hired, hired, first_pay / np.where(climbed, 1.12, 1.0))
    people.put(who, job=now["job"], manager=manager_then(world, now["manager"], promoted))
    later_pay = now["pay"] / (1 + inflation) ** ((world.today - promoted) / 365.25)
    days = promoted[climbed]
    write_jobs(world, who[climbed], days, days + 2, later_pay[climbed])
    people.put(who, **now)
    today = np.full(len(who), world.today)
    write_jobs(world, who, today, today, now["pay"])


def manager_then(world: World, managers: Array, days: Array) -> Array:
    """Return the managers who were there already on those days; -1 (unknown) for the others."""
    return np.where(world.people.hired[np.maximum(managers, 0)] <= days, managers, -1)


def earlier_jobs(world: World, jobs: Array) -> Array:
    """Return a lower rung of the same family for each job, or the same where there is none."""
    catalogue, rng = world.catalogue, world.rng
    out = jobs.copy()
    for job in np.unique(jobs):
        entry = catalogue.jobs[job]
        lower = [
            n for n, other in enumerate(catalogue.jobs)
            if other.family == entry.family and other.role == "rung" and other.grade < entry.grade
        ]  # fmt: skip
        if lower:
            here = jobs == job
            out[here] = rng.choice(lower, int(here.sum()))
    return out
