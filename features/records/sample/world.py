"""Everything that the months change, in one place: people, teams, prices and what was written down."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from features.records.sample.catalogue import Catalogue
from features.records.sample.effects import Effects
from features.records.sample.months import Array, Months
from features.records.sample.people import People
from features.records.sample.rows import Records
from features.records.sample.teams import Teams

GRADE_STEP = 1.17  # pay of a grade against the one below
PAY_SPREAD = 0.11  # standard deviation of log pay within a job


@dataclass
class World:
    """The organisation at one moment of the simulation.

    Parameters
    ----------
    month : int
        Index of the month that is being lived.
    prices : (n_places,) float
        How far pay scales have risen since the first month.
    leader_jobs : (n_teams,) int
        The job of whoever leads a team.
    due : dict of int to list
        Completions by month: (people, courses, days, scores).
    intercepts : dict of str to float
        Intercept of the hazard of each cause, on the log scale.
    cohorts : dict of str to list
        Groups of a staggered programme, by its identifier; the last one is never trained.
    """

    catalogue: Catalogue
    months: Months
    effects: Effects
    people: People
    teams: Teams
    rng: np.random.Generator
    prices: Array
    month: int = 0
    leader_jobs: Array = field(default_factory=lambda: np.array([], int))
    records: Records = field(default_factory=Records)
    due: dict[int, list[tuple[Array, Array, Array]]] = field(default_factory=lambda: defaultdict(list))
    intercepts: dict[str, float] = field(default_factory=dict)
    cohorts: dict[str, list[Array]] = field(default_factory=dict)

    @property
    def today(self) -> int:
        """First day of the current month."""
        return int(self.months.starts[self.month])

    @property
    def tomorrow(self) -> int:
        """First day of the next month."""
        return int(self.months.starts[self.month + 1])

    @property
    def season(self) -> int:
        """Calendar month, 1-12."""
        return int(self.months.numbers[self.month])

    def band(self, jobs: Array, places: Array) -> Array:
        """Return the middle of the pay band of jobs at places, in local currency at today's prices."""
        catalogue = self.catalogue
        family_pay = np.array([family.pay for family in catalogue.families])
        scales = np.array([place.scale for place in catalogue.places]) * self.prices
        grade = GRADE_STEP ** (catalogue.grades[jobs] - 1.0)
        return np.asarray(scales[places] * grade * family_pay[catalogue.job_families[jobs]])

    def promote(self, who: Array, jobs: Array) -> None:
        """Move people to higher jobs, with at least six per cent more pay."""
        people = self.people
        people.job[who] = jobs
        people.promoted[who] = self.today
        floor = people.pay[who] * 1.06
        people.pay[who] = np.maximum(floor, 0.93 * self.band(jobs, people.place[who]))

    def market_ratio(self) -> Array:
        """Return the pay of everybody at work against the median of their job and place.

        Where fewer than five people share a job and place, the middle of the pay band stands in.
        """
        people = self.people
        who = people.working()
        keys = people.job[who].astype(int) * 100 + people.place[who]
        pay = people.pay[who]
        order = np.lexsort((pay, keys))
        _, starts, group, counts = np.unique(
            keys[order], return_index=True, return_inverse=True, return_counts=True
        )
        middle = (pay[order][starts + (counts - 1) // 2] + pay[order][starts + counts // 2]) / 2
        reference = np.empty(len(who))
        reference[order] = np.where(counts >= 5, middle, np.nan)[group]
        band = self.band(people.job[who], people.place[who])
        return pay / np.where(np.isnan(reference), band, reference)
