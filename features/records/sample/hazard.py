"""The true monthly hazard of leaving, by cause: complementary log-log, with thresholds and saturation.

None of the models that Skillpath fits has this form: a hazard ``1 - exp(-exp(sum of terms))`` whose terms
saturate, step, bend and multiply, with a multiplier per person that no record shows.
"""

from __future__ import annotations

import numpy as np

from features.records.sample.forms import SEASON, SIZES
from features.records.sample.months import Array
from features.records.sample.people import CONTRACTOR, INTERN, PERMANENT, TEMPORARY
from features.records.sample.world import World

CAUSES = ("voluntary", "involuntary", "retirement", "other")
YEARLY = {"voluntary": 0.088, "involuntary": 0.019, "retirement": 0.019}
NEVER = -30.0

Terms = dict[str, Array]


def saturating(x: Array, scale: float) -> Array:
    """Return 1 - exp(-max(x, 0) / scale): 0 up to the threshold, then rising towards 1."""
    return 1 - np.exp(-np.maximum(x, 0) / scale)


def hill(x: Array, middle: float, steepness: float) -> Array:
    """Return x^k / (x^k + middle^k): a step from 0 to 1 around `middle`."""
    power = np.maximum(x, 0) ** steepness
    return np.asarray(power / (power + middle**steepness))


def step(x: Array, middle: float, width: float) -> Array:
    """Return a smooth step from 0 to 1 at `middle`."""
    return 1 / (1 + np.exp(-(x - middle) / width))


def voluntary_terms(world: World, who: Array, ratio: Array) -> Terms:
    """Return the drivers of leaving by one's own will, on the log-hazard scale.

    Parameters
    ----------
    world : World
        As of the first day of the month.
    who : (n,) int
        Everybody at work.
    ratio : (n,) float
        Pay against the median of job and place.
    """
    people = world.people
    gap = np.log(ratio)
    tenure = (world.today - people.hired[who]) / 30.44
    waited = (world.today - people.promoted[who]) / 30.44
    since = (world.today - people.manager_since[who]) / 30.44
    was_changed = people.manager_since[who] > people.hired[who]
    overtime = np.minimum(np.sqrt(np.maximum(people.overtime[who] - 6.0, 0) / 6.0), 1.4)
    commute = saturating(people.commute[who] - 40.0, 22.0)
    strong = np.nan_to_num(people.rating[who], nan=3.0) >= 4
    learned = people.recent_count[who].sum(axis=1)
    size = SIZES["voluntary"]
    return {
        "pay_against_median": size["below"] * saturating(-gap - 0.02, 0.09)
        + size["above"] * saturating(gap - 0.02, 0.12),
        "promotion_wait": size["promotion_wait"] * hill(waited, 32.0, 4.0) * np.where(strong, 1.4, 1.0),
        "manager_change": np.where(was_changed, size["manager_change"] * np.exp(-since / 3.5), 0.0),
        "team_exits": size["team_exits"] * saturating(team_exit_share(world, who), 0.22),
        "engagement": size["engagement"] * step(-people.engagement[who], -53.0, 3.0),
        "overtime": size["overtime"] * overtime,
        "commute": size["commute"] * commute,
        "overtime_times_commute": size["overtime_times_commute"] * overtime * commute,
        "learning": size["tanh"] * np.tanh(people.recent_exit[who].sum(axis=1) / size["tanh"])
        + size["count"] * saturating(learned, 2.0),
        "tenure": size["early"] * np.exp(-tenure / 16) * saturating(tenure, 2.5)
        + size["late"] * saturating(tenure - 96, 48.0),
        "season": np.full(len(who), SEASON[world.season - 1]),
        "on_leave": np.where(people.leave_until[who] >= 0, size["on_leave"], 0.0),
        "contract": np.where(people.contract[who] == PERMANENT, 0.0, size["contract"]),
        "frailty": people.frailty[who].astype(float),
    }


def team_exit_share(world: World, who: Array) -> Array:
    """Return the exits from one's team in the last three months, as a share of its size."""
    teams, people = world.teams, world.people
    team = np.maximum(people.team[who], 0)
    sizes = np.bincount(team, minlength=teams.count)
    return np.asarray(teams.exits[team].sum(axis=1) / np.maximum(sizes[team], 4))


def involuntary_terms(world: World, who: Array, shocks: Array) -> Terms:
    """Return the drivers of being let go, on the log-hazard scale."""
    people = world.people
    tenure = (world.today - people.hired[who]) / 30.44
    seen = np.nan_to_num(people.seen_productivity[who], nan=100.0)
    family = world.catalogue.job_families[people.job[who]]
    size = SIZES["involuntary"]
    return {
        "low_rating": np.where(np.nan_to_num(people.rating[who], nan=3.0) <= 2.0, size["low_rating"], 0.0),
        "low_productivity": size["low_productivity"] * step(-seen, -88.0, 2.5),
        "probation": size["probation"] * np.exp(-tenure / 5),
        "restructuring": shocks[family] * size["restructuring"],
        "on_leave": np.where(people.leave_until[who] >= 0, size["on_leave"], 0.0),
        "contract": np.where(people.contract[who] == PERMANENT, 0.0, size["contract"]),
    }


def retirement_terms(world: World, who: Array) -> Terms:
    """Return the driver of retirement: years of service, which the records show; never age itself."""
    years = (world.today - world.people.hired[who]) / 365.25
    return {
        "years_of_service": SIZES["retirement"]["years_of_service"] * hill(years, 29.0, 10.0),
        "too_early": np.where(years < 15, NEVER, 0.0),
    }


def other_terms(world: World, who: Array) -> Terms:
    """Return the driver of other exits: contracts that end."""
    monthly = np.full(len(who), SIZES["other"]["permanent"])
    rates = SIZES["other"]
    for contract, name in ((TEMPORARY, "temporary"), (CONTRACTOR, "contractor"), (INTERN, "intern")):
        monthly[world.people.contract[who] == contract] = rates[name]
    return {"contract_ends": np.log(-np.log1p(-monthly))}


def hazards(world: World, who: Array, shocks: Array) -> tuple[Array, dict[str, Terms]]:
    """Return the monthly hazard (n, 4) by cause, and the terms it was made of."""
    ratio = world.market_ratio()
    terms = {
        "voluntary": voluntary_terms(world, who, ratio),
        "involuntary": involuntary_terms(world, who, shocks),
        "retirement": retirement_terms(world, who),
        "other": other_terms(world, who),
    }
    if not world.intercepts:
        typical = {cause: {n: v for n, v in parts.items() if n != "season"} for cause, parts in terms.items()}
        world.intercepts |= {cause: intercept_for(typical[cause], YEARLY[cause] / 12) for cause in YEARLY}
        world.intercepts["other"] = 0.0
    sums = [world.intercepts[cause] + sum(terms[cause].values()) for cause in CAUSES]
    return 1 - np.exp(-np.exp(np.stack(sums, axis=1))), terms


def intercept_for(terms: Terms, monthly: float) -> float:
    """Return the intercept with which the mean monthly hazard is as wanted, by bisection."""
    total = sum(terms.values())
    low, high = -25.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = float(np.mean(1 - np.exp(-np.exp(middle + total))))
        low, high = (middle, high) if mean < monthly else (low, middle)
    return middle
