"""Draw who leaves in a month, and write it down as it becomes known."""

from __future__ import annotations

import numpy as np

from features.records.sample.hazard import CAUSES, Terms, hazards
from features.records.sample.months import FAR, Array
from features.records.sample.world import World

SHOCK_PER_MONTH = 0.008  # chance that a department is restructured
VOLUNTARY, INVOLUNTARY, RETIREMENT, OTHER = range(4)
REASONS = (
    ("better offer", "career change", "family reasons", "dissatisfied with pay", "conflict with manager",
     "relocation", "further studies"),
    ("performance", "position closed", "misconduct", "probation not passed"),
    ("retirement", "early retirement"),
    ("contract ended", "end of internship", "death in service"),
)  # fmt: skip


class DriverSums:
    """Count, sum and sum of squares of each term of the hazard, over person-months."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], list[float]] = {}

    def add(self, terms: dict[str, Terms]) -> None:
        """Add a month."""
        for cause, parts in terms.items():
            for name, values in parts.items():
                entry = self.sums.setdefault((cause, name), [0.0, 0.0, 0.0])
                entry[0] += len(values)
                entry[1] += float(values.sum())
                entry[2] += float((values.astype(float) ** 2).sum())

    def spread(self, cause: str, name: str) -> float:
        """Return the standard deviation of a term over all person-months."""
        count, total, squares = self.sums[cause, name]
        return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0)))


def draw_exits(world: World, drivers: DriverSums) -> None:
    """Decide who leaves this month and when; keep the true hazards of everybody."""
    people, rng = world.people, world.rng
    who = people.working()
    shocks = np.where(rng.random(len(world.catalogue.families)) < SHOCK_PER_MONTH, 1.0, 0.0)
    chances, terms = hazards(world, who, shocks)
    drivers.add(terms)
    world.records["truth_months"].add(
        len(who),
        who=who.astype(np.int32), month=np.int16(world.month),
        **{cause: chances[:, n].astype(np.float32) for n, cause in enumerate(CAUSES)},
        motivation=people.motivation[who], engagement=people.engagement[who],
    )  # fmt: skip
    chances[people.leads[who] == 0] = 0  # the managing director stays
    leaves = rng.random(len(who)) < 1 - np.prod(1 - chances, axis=1)
    leavers = who[leaves]
    share = np.cumsum(chances[leaves], axis=1)
    cause = (rng.random(len(leavers))[:, None] * share[:, -1:] > share).sum(axis=1)
    length = world.tomorrow - world.today
    people.left[leavers] = world.today + 1 + rng.integers(0, length - 1, len(leavers))
    people.cause[leavers] = cause
    record_exits(world, leavers)


def record_exits(world: World, who: Array) -> None:
    """Write exits down: notice is given before, some are entered late, a few reasons are corrected."""
    people, rng, count = world.people, world.rng, len(who)
    left, cause = people.left[who], people.cause[who]
    notice = np.where(cause == VOLUNTARY, rng.integers(20, 62, count), rng.integers(60, 150, count))
    known = np.where(np.isin(cause, (VOLUNTARY, RETIREMENT)), left - notice, left)
    late = rng.random(count) < 0.05
    known = np.maximum(np.where(late, left + rng.integers(5, 25, count), known), people.hired[who] + 1)
    text = np.array([rng.integers(0, len(REASONS[one])) for one in cause], int)
    wanted = np.nan_to_num(people.rating[who], nan=3.0) >= 3.5
    regretted = (cause == VOLUNTARY) & (wanted | (rng.random(count) < 0.15))
    mistaken = (rng.random(count) < 0.015) & (cause == VOLUNTARY) & ~late
    rows = world.records["exits"]
    first = np.where(mistaken, OTHER, cause)
    rows.add(count, who=who, happened=left, known=known, cause=first, text=np.where(mistaken, -1, text),
             regretted=regretted)  # fmt: skip
    wrong = np.flatnonzero(mistaken)
    rows.add(len(wrong), who=who[wrong], happened=left[wrong], known=left[wrong] + 12, cause=cause[wrong],
             text=text[wrong], regretted=regretted[wrong])  # fmt: skip


def let_go(world: World) -> None:
    """At the end of the month, take those who left out of their seats."""
    people, teams = world.people, world.teams
    gone = np.flatnonzero(people.active & (people.left < FAR))
    people.active[gone] = False
    teams.exits = np.roll(teams.exits, 1, axis=1)
    member_of = people.team[gone][people.team[gone] >= 0]
    teams.exits[:, 0] = np.bincount(member_of, minlength=teams.count)
    led = people.leads[gone][people.leads[gone] >= 0]
    teams.leader[led] = -1
    people.leads[gone] = -1


def staying(world: World) -> Array:
    """Return everybody who is at work all month: not leaving, not on leave, not hired this month."""
    people = world.people
    who = people.working()
    here = (people.left[who] == FAR) & (people.leave_until[who] < 0) & (people.hired[who] < world.today)
    return np.asarray(who[here])
