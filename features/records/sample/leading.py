"""Who leads which team: vacancies filled from below, managers kept true to the tree, leaders swapped."""

from __future__ import annotations

import numpy as np

from features.records.sample.months import Array
from features.records.sample.people import PERMANENT
from features.records.sample.teams import role_of_leader
from features.records.sample.world import World


def leader_jobs(world: World) -> Array:
    """(n_teams,) int: the job that the leader of each team holds."""
    teams = world.teams
    jobs = {}
    for team in range(teams.count):
        key = (int(teams.family[team]), role_of_leader(teams, team))
        jobs[team] = world.catalogue.job_with(*key)
    return np.array([jobs[team] for team in range(teams.count)])


def fill_vacancies(world: World) -> Array:
    """Give every team without a leader its best member as successor; return who moved up."""
    teams = world.teams
    moved = []
    for depth in range(int(teams.depth.max()) + 1):
        vacant = np.flatnonzero((teams.depth == depth) & (teams.leader < 0) & teams.is_alive)
        if len(vacant):
            moved.append(succeed(world, vacant))
    return np.concatenate(moved) if moved else np.array([], int)


def succeed(world: World, vacant: Array) -> Array:
    """Move the strongest member of each vacant team to its lead; a team without members dies."""
    people, teams = world.people, world.teams
    is_vacant = np.zeros(teams.count, bool)
    is_vacant[vacant] = True
    working = people.working()
    members = working[(people.team[working] >= 0) & is_vacant[people.team[working]]]
    strength = (
        world.catalogue.grades[people.job[members]] * 2.0
        + np.nan_to_num(people.rating[members], nan=3.0)
        + (people.contract[members] == PERMANENT) * 20
        + world.rng.normal(0, 0.5, len(members))
    )
    order = np.lexsort((-strength, people.team[members]))
    chosen_teams, firsts = np.unique(people.team[members][order], return_index=True)
    chosen = members[order][firsts]
    teams.is_alive[np.setdiff1d(vacant, chosen_teams)] = False
    earlier = people.leads[chosen]
    teams.leader[earlier[earlier >= 0]] = -1
    teams.leader[chosen_teams] = chosen
    people.put(chosen, leads=chosen_teams, team=teams.parent[chosen_teams])
    world.promote(chosen, world.leader_jobs[chosen_teams])
    return chosen


def update_managers(world: World, day: int) -> Array:
    """Set everybody's manager from the tree; return whose manager changed."""
    people, teams = world.people, world.teams
    who = people.working()
    team = people.team[who]
    manager = np.where(team >= 0, teams.leader[np.maximum(team, 0)], -1)
    changed = manager != people.manager[who]
    people.manager[who] = manager
    moved = who[changed]
    people.manager_since[moved] = day
    return np.asarray(moved)


def swap_leaders(world: World, share: float) -> None:
    """Let a few pairs of neighbouring teams of a department swap their leaders."""
    people, teams = world.people, world.teams
    leaf = np.flatnonzero(teams.is_leaf & teams.is_alive & (teams.leader >= 0) & (teams.parent > 0))
    first = leaf[:-1][world.rng.random(max(len(leaf) - 1, 0)) < share]
    for one in first[np.diff(first, prepend=-10) > 2]:
        other = leaf[np.searchsorted(leaf, one) + 1]
        if teams.family[one] == teams.family[other]:
            a, b = teams.leader[one], teams.leader[other]
            teams.leader[one], teams.leader[other] = b, a
            people.leads[a], people.leads[b] = other, one
            people.team[a], people.team[b] = teams.parent[other], teams.parent[one]
