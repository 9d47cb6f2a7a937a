"""What wanders from month to month, and what surveys and KPIs record of it."""

from __future__ import annotations

import numpy as np

from features.records.sample.months import Array
from features.records.sample.world import World

MOTIVATION_MEMORY = 0.96
SURVEY_MONTHS = (3, 9)
QUARTER_ENDS = (3, 6, 9, 12)
SEEN_MONTHS = (2, 5, 8, 11)  # a quarter's figures are known to everybody by then
UNITS = ("index", "percent", "points")
SEASON = {3: 0.5, 6: 1.0, 9: -0.5, 12: -1.0}


def wander(world: World) -> None:
    """Let motivation, mood and the climate of teams move on, and engagement with them."""
    people, teams, rng = world.people, world.teams, world.rng
    who = people.working()
    for name, memory in (("motivation", MOTIVATION_MEMORY), ("mood", 0.9)):
        values = getattr(people, name)
        values[who] = memory * values[who] + np.sqrt(1 - memory**2) * rng.normal(0, 1, len(who))
    teams.climate = 0.94 * teams.climate + np.sqrt(1 - 0.94**2) * rng.normal(0, 1, teams.count)
    teams.busy = 0.9 * teams.busy + np.sqrt(1 - 0.9**2) * rng.normal(0, 1, teams.count)
    people.engagement[who] = engagement(world, who)
    if world.season in SEEN_MONTHS:
        people.seen_productivity[who] = people.measured_productivity[who]


def engagement(world: World, who: Array) -> Array:
    """Return true engagement, 0-100."""
    people, teams = world.people, world.teams
    underpaid = np.maximum(-np.log(world.market_ratio()), 0)
    since = (world.today - people.manager_since[who]) / 30.44
    was_changed = people.manager_since[who] > people.hired[who]
    promoted = (world.today - people.promoted[who]) / 30.44
    out = (
        64.0
        + 4.5 * people.motivation[who]
        + 5.0 * people.mood[who]
        + 3.0 * teams.climate[np.maximum(people.team[who], 0)]
        - 18.0 * underpaid
        - np.where(was_changed, 4.0 * np.exp(-since / 3), 0)
        + 3.0 * np.exp(-promoted / 6)
        - 0.35 * np.maximum(people.overtime[who] - 6, 0)
        + people.effect[who, 2]
    )
    return np.asarray(np.clip(out, 3, 99))


def survey(world: World, who: Array) -> None:
    """Ask everybody at work in March and September; about five in six answer."""
    if world.season not in SURVEY_MONTHS:
        return
    people, rng = world.people, world.rng
    who = who[rng.random(len(who)) < 0.84]
    count = len(who)
    engaged = people.engagement[who]
    underpaid = np.maximum(-np.log(market_ratio_of(world, who)), 0)
    answers = {
        "engagement": 1 + 4 * engaged / 100 + rng.normal(0, 0.25, count),
        "satisfaction": 1.2 + 3.6 * engaged / 100 - 4 * underpaid
        - 0.03 * people.overtime[who] + rng.normal(0, 0.35, count),
        "intent_to_stay": 2.0 + 3.2 * engaged / 100 - 0.5 * people.frailty[who] + rng.normal(0, 0.5, count),
        "motivation": 3.4 + 0.6 * people.motivation[who] + rng.normal(0, 0.35, count),
    }  # fmt: skip
    happened = world.today + 13 + rng.integers(0, 4, count)
    for item, exact in answers.items():
        value = np.round(np.clip(exact, 1, 5), 1)
        world.records["surveys"].add(
            count, who=who.astype(np.int32), happened=happened, known=happened + 10, item=item,
            value=value.astype(np.float32),
        )  # fmt: skip
        if item == "motivation":
            people.answered_motivation[who] = value


def market_ratio_of(world: World, who: Array) -> Array:
    """Return the pay against the median for some of those at work."""
    out = np.ones(world.people.capacity)
    out[world.people.working()] = world.market_ratio()
    return out[who]


def measure(world: World, who: Array) -> None:
    """Measure the KPIs on the last day of each quarter."""
    if world.season not in QUARTER_ENDS:
        return
    people, rng, count = world.people, world.rng, len(who)
    tenure = (world.tomorrow - people.hired[who]) / 365.25
    climate = world.teams.climate[np.maximum(people.team[who], 0)]
    productivity = (
        100.0 + SEASON[world.season] + 5.0 * people.ability[who] + 4.0 * people.motivation[who]
        + 1.5 * climate - 9.0 * np.exp(-tenure / 0.6) + people.effect[who, 0] + rng.normal(0, 3.5, count)
    )  # fmt: skip
    quality = (
        78.0 + 2.0 * people.ability[who] + 1.2 * people.motivation[who] - 4.0 * np.exp(-tenure / 0.5)
        - 0.2 * np.maximum(people.overtime[who] - 8, 0) + people.effect[who, 1] + rng.normal(0, 4, count)
    )  # fmt: skip
    engaged = people.engagement[who] + rng.normal(0, 3.0, count)
    people.measured_productivity[who] = np.round(productivity, 2)
    people.year_sum[who] += productivity
    people.year_count[who] += 1
    for kpi, values in enumerate((productivity, np.clip(quality, 0, 100), np.clip(engaged, 0, 100))):
        record_outcomes(world, who, kpi, np.round(values, 2))


def record_outcomes(world: World, who: Array, kpi: int, values: Array) -> None:
    """Write measurements down: known weeks later, some of them late, a few corrected."""
    rng, count = world.rng, len(who)
    day = world.tomorrow - 1
    known = day + rng.integers(12, 26, count) + np.where(rng.random(count) < 0.02, 60, 0)
    mistaken = rng.random(count) < 0.004
    first = np.where(mistaken, np.round(values * 0.9, 2), values)
    wrong = np.flatnonzero(mistaken)
    rows = world.records["outcomes"]
    rows.add(count, who=who.astype(np.int32), happened=np.int32(day), known=known.astype(np.int32),
             kpi=np.int8(kpi), value=first.astype(np.float32))  # fmt: skip
    rows.add(len(wrong), who=who[wrong].astype(np.int32), happened=np.int32(day),
             known=(known[wrong] + 30).astype(np.int32), kpi=np.int8(kpi),
             value=values[wrong].astype(np.float32))  # fmt: skip
