"""Training programmes with a question declared before they start: randomised, offered, staggered, picked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records.sample.enrolment import PROGRAMME, enrol
from features.records.sample.months import Array
from features.records.sample.people import PERMANENT
from features.records.sample.world import World

TRAINED, OFFERED, COMPARISON = range(3)
LATER = 3  # months between the cohorts of a staggered programme


@dataclass(frozen=True)
class Programme:
    """One programme.

    Parameters
    ----------
    id, title, course, kpi, design, population : str
        As `programmes.csv` has them.
    start_share : float
        When it starts, as a share of the simulated months.
    share : float
        Part of the eligible people who take part.
    departments : tuple of str
        Whom it is for; empty means all.
    hoped : float
        The effect hoped for, in the unit of the KPI.
    """

    id: str
    title: str
    course: str
    kpi: str
    design: str
    population: str
    start_share: float
    share: float
    departments: tuple[str, ...]
    hoped: float

    def start(self, world: World) -> int:
        """Return the month in which it starts."""
        return max(1, int(world.months.count * self.start_share))


OFFICE = ("Software Engineering", "Data & Analytics", "IT Operations", "Sales", "Customer Service", "Finance",
          "Human Resources", "Marketing", "Product & Design")  # fmt: skip
FLOOR = ("Production", "Supply Chain", "Quality & Safety")

PROGRAMMES = (
    Programme("P-FOCUS", "Focus and Feedback", "PR-101", "productivity", "randomised",
              "office staff with more than half a year of service, by lot", 0.33, 0.30, OFFICE, 2.0),
    Programme("P-BREATHE", "Mindful Mornings", "PR-102", "engagement_score", "randomised",
              "everybody with more than half a year of service, by lot", 0.20, 0.22, (), 2.0),
    Programme("P-SHOPFLOOR", "Digital Shop Floor", "PR-103", "productivity", "staggered",
              "production, supply chain and quality, one group of teams after the other", 0.40, 1.0, FLOOR, 2.0),
    Programme("P-MENTOR", "Cross-department Mentoring", "PR-104", "engagement_score", "offer",
              "office staff; places are offered by lot and taken up by choice", 0.45, 0.24, OFFICE, 3.0),
    Programme("P-CIRCLE", "Talent Circle", "PR-105", "productivity", "observational",
              "well-rated staff, picked by their managers", 0.50, 0.06, (), 4.0),
)  # fmt: skip


def run_programmes(world: World, who: Array) -> None:
    """Start the programmes, or their next cohorts, that are due this month."""
    for programme in PROGRAMMES:
        age = world.month - programme.start(world)
        if programme.design == "staggered":
            if age >= 0 and age % LATER == 0 and age // LATER < 3:
                start_cohort(world, programme, who, age // LATER)
        elif age == 0:
            start_at_once(world, programme, who)


def eligible(world: World, programme: Programme, who: Array) -> Array:
    """Return who may take part."""
    people, catalogue = world.people, world.catalogue
    wanted = [not programme.departments or f.department in programme.departments for f in catalogue.families]
    family = catalogue.job_families[people.job[who]]
    served = world.today - people.hired[who] > 183
    return np.asarray(who[np.array(wanted)[family] & served & (people.contract[who] == PERMANENT)])


def start_at_once(world: World, programme: Programme, who: Array) -> None:
    """Divide the participants into arms by the design, and train those who go."""
    people, rng = world.people, world.rng
    pool = eligible(world, programme, who)
    if programme.design == "observational":
        rating = np.nan_to_num(people.rating[pool], nan=3.0)
        chance = programme.share * np.clip(rating - 2.5, 0, 3) ** 2
        chosen = pool[rng.random(len(pool)) < np.minimum(chance, 0.9)]
        join(world, programme, chosen, TRAINED)
        train(world, programme, chosen)
        return
    pool = pool[rng.random(len(pool)) < programme.share]
    lot = rng.permutation(len(pool)) < len(pool) / 2
    arm = OFFERED if programme.design == "offer" else TRAINED
    join(world, programme, pool[lot], arm)
    join(world, programme, pool[~lot], COMPARISON)
    taker = pool[lot]
    if programme.design == "offer":
        accept = np.clip(0.55 + 0.15 * people.standard_motivation(taker), 0.05, 0.95)
        taker = taker[rng.random(len(taker)) < accept]
    train(world, programme, taker)


def start_cohort(world: World, programme: Programme, who: Array, cohort: int) -> None:
    """Train one group of teams; the fourth group is never trained, and is the comparison from the start."""
    if cohort == 0:
        pool = eligible(world, programme, who)
        team = world.people.team[pool]
        group = ((world.teams.parent[np.maximum(team, 0)] + team) * 7 + 3) % 4
        world.cohorts[programme.id] = [pool[group == number] for number in range(4)]
        join(world, programme, pool[group == 3], COMPARISON)
    now = np.intersect1d(world.cohorts[programme.id][cohort], who)
    join(world, programme, now, TRAINED)
    train(world, programme, now)


def course_of(world: World, programme: Programme) -> int:
    """Return the course of a programme."""
    return next(n for n, course in enumerate(world.catalogue.courses) if course.id == programme.course)


def join(world: World, programme: Programme, who: Array, arm: int) -> None:
    """Write down who takes part in which arm, on the first day."""
    world.records["programme_members"].add(
        len(who), programme=PROGRAMMES.index(programme), who=who, arm=arm, happened=world.today
    )


def train(world: World, programme: Programme, who: Array) -> None:
    """Enrol participants in the course of the programme."""
    enrol(world, who, np.full(len(who), course_of(world, programme)), PROGRAMME)
