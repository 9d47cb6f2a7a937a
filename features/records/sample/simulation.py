"""Live through the months, one after the other, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features.records.sample import catalogue_files
from features.records.sample.careers import begin_month, record_past
from features.records.sample.catalogue import read_catalogue
from features.records.sample.effects import draw_effects
from features.records.sample.enrolment import complete, forget_last_year
from features.records.sample.evidence import certify, load_profiles, review_skills, set_goals, welcome
from features.records.sample.exits import DriverSums, draw_exits, let_go, staying
from features.records.sample.hiring import hire, round_pay
from features.records.sample.identities import Identities, identify, room_for_identities
from features.records.sample.leading import leader_jobs
from features.records.sample.learning import (
    assign_mandatory,
    choose_electives,
    nominate,
    remember_courses,
    spread_certificates,
)
from features.records.sample.measurement import engagement, measure, survey, wander
from features.records.sample.months import Array, months_of
from features.records.sample.people import room_for
from features.records.sample.population import settle
from features.records.sample.programmes import run_programmes
from features.records.sample.teams import build_teams
from features.records.sample.world import World

SMALLEST_FAMILY = 3
ROOM_PER_YEAR = 0.26  # spells that begin in a year, at most, per person employed

Progress = Callable[[int, int], None]


@dataclass
class Simulation:
    """The finished simulation: the world on its last day, who the people are, and the hazard's drivers."""

    world: World
    identities: Identities
    drivers: DriverSums


def simulate(employees: int, years: int, seed: int, progress: Progress | None = None) -> Simulation:
    """Simulate an organisation.

    Parameters
    ----------
    employees : int
        People employed on the first day; the headcount stays near it.
    years : int
        Whole years, which end on a fixed day.
    seed : int
        Same seed, same organisation.
    progress : callable, optional
        Told (months done, months in all) after each month.
    """
    world = new_world(employees, years, np.random.default_rng(seed))
    identities = room_for_identities(world.people.capacity)
    given, family = catalogue_files.read_names()
    names = (len(given), len(family))
    settle(world)
    everybody = world.people.working()
    identify(world, identities, everybody, names)
    world.people.pay[everybody] = round_pay(world.people.pay[everybody])
    world.people.engagement[everybody] = engagement(world, everybody)
    spread_certificates(world, everybody)
    remember_courses(world, everybody)
    record_past(world)
    load_profiles(world, everybody)
    drivers = DriverSums()
    for month in range(world.months.count):
        world.month = month
        live(world, drivers, lambda who: identify(world, identities, who, names))
        if progress is not None:
            progress(month + 1, world.months.count)
    return Simulation(world, identities, drivers)


def new_world(employees: int, years: int, rng: np.random.Generator) -> World:
    """Return the organisation before anybody works there."""
    catalogue = read_catalogue()
    months = months_of(years)
    shares = np.array([family.share for family in catalogue.families[:-1]])
    sizes = np.maximum(np.round(shares * (employees - 1)), SMALLEST_FAMILY).astype(int)
    sizes[np.argmax(sizes)] += employees - 1 - sizes.sum()
    effects = draw_effects(catalogue, rng)
    teams = build_teams(sizes, np.array([place.share for place in catalogue.places]), rng)
    capacity = int(employees * (1.05 + ROOM_PER_YEAR * years)) + 60
    people = room_for(capacity, len(catalogue.skills), len(catalogue.courses), len(catalogue.mandatory))
    prices = np.ones(len(catalogue.places))
    world = World(catalogue, months, effects, people, teams, rng, prices)
    world.leader_jobs = leader_jobs(world)
    return world


def live(world: World, drivers: DriverSums, identify_new: Callable[[Array], None]) -> None:
    """Live through one month."""
    if world.month > 0:
        begin_month(world)
    forget_last_year(world)
    wander(world)
    draw_exits(world, drivers)
    welcome(world)
    hire(world, identify_new)
    who = staying(world)
    run_programmes(world, who)
    assign_mandatory(world, who)
    nominate(world, who)
    choose_electives(world, who)
    certify(world, *complete(world))
    review_skills(world, who)
    set_goals(world, who)
    survey(world, who)
    measure(world, who)
    let_go(world)
