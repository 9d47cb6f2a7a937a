"""Names and protected attributes: they drive nothing but measured mediators, and say so here.

Sex shifts who works part time (recorded as hours); the place of work shifts ethnicity (recorded as
location); the year of birth only has to fit the years of service. Age and tenure are otherwise apart, so that
nobody is at risk for being older. Nothing else in the simulation reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records.sample.months import Array
from features.records.sample.world import World

SEXES = ("female", "male", "diverse")
ETHNICITIES = ("majority", "minority A", "minority B", "minority C")
FEMALE_SHARES = {
    "software-engineering": 0.24, "data-analytics": 0.33, "it-operations": 0.18, "sales": 0.44,
    "customer-service": 0.62, "finance": 0.55, "human-resources": 0.72, "marketing": 0.60,
    "production": 0.19, "supply-chain": 0.27, "product-design": 0.48, "quality": 0.37,
}  # fmt: skip
PART_TIME = {"female": 0.34, "male": 0.09, "diverse": 0.2}
FULL_WEEK = {"Hamburg": 38.5, "Madrid": 38.0, "Manchester": 37.5}


@dataclass
class Identities:
    """One place per person (not per spell), by identity.

    Parameters
    ----------
    sex, ethnicity : (n,) int
        Codes of `SEXES` and `ETHNICITIES`.
    birth_year : (n,) int
        Year of birth.
    given, family : (n,) int
        Codes of names.
    """

    sex: Array
    ethnicity: Array
    birth_year: Array
    given: Array
    family: Array


def room_for_identities(capacity: int) -> Identities:
    """Return empty places."""
    return Identities(*(np.zeros(capacity, int) for _ in range(5)))


def identify(world: World, identities: Identities, who: Array, names: tuple[int, int]) -> None:
    """Draw name and protected attributes of people, and the part time that depends on sex."""
    people, rng, count = world.people, world.rng, len(who)
    own = people.identity[who]
    family = world.catalogue.job_families[people.job[who]]
    shares = np.array([FEMALE_SHARES.get(one.id, 0.35) for one in world.catalogue.families])
    draw = rng.random(count)
    sex = np.where(draw < 0.006, 2, np.where(rng.random(count) < shares[family], 0, 1))
    part_time = rng.random(count) < np.array([PART_TIME[one] for one in SEXES])[sex]
    people.fte[who] = np.where(part_time, rng.choice([0.8, 0.75, 0.6, 0.5], count), 1.0)
    people.overtime[who] = np.where(part_time, people.overtime[who] * 0.5, people.overtime[who]).round()
    year = 1970 + people.hired[who] / 365.25
    served = (world.today - people.hired[who]) / 365.25
    age = np.clip(rng.normal(40, 10, count), 19 + served, 63)
    age = np.where(served > 18, np.clip(rng.uniform(48, 64, count), 18 + served, 66), age)
    minority = 0.14 + 0.05 * (people.place[who] % 3)
    ethnicity = np.where(rng.random(count) < minority, rng.integers(1, len(ETHNICITIES), count), 0)
    identities.sex[own], identities.ethnicity[own] = sex, ethnicity
    identities.birth_year[own] = (year + served - age).astype(int)
    identities.given[own] = rng.integers(0, names[0], count)
    identities.family[own] = rng.integers(0, names[1], count)


def weekly_hours(world: World) -> Array:
    """(n_places,) float: hours of a full week at each place."""
    return np.array([FULL_WEEK.get(place.name, 40.0) for place in world.catalogue.places])
