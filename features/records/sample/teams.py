"""Teams and who leads them: a real tree from the managing director down to every team."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records.sample.months import Array

TEAM_SIZE = 9
SPAN = 8  # teams under one head


@dataclass
class Teams:
    """One place per team; team 0 is the board, whose members head the departments.

    Parameters
    ----------
    family, place, parent, depth : (n,) int
        Job family, place of work, team above (-1 for the board), distance from the board.
    is_leaf : (n,) bool
        True for teams of people who lead nobody.
    target : (n,) int
        How many members the team is meant to have.
    leader : (n,) int
        Place of the leader among the people; -1 while vacant.
    is_alive : (n,) bool
        False once nobody was left to lead it.
    climate, busy : (n,) float
        Wandering mood and workload of the team, in standard deviations.
    exits : (n, 3) int
        Exits of members in the last three months.
    """

    family: Array
    place: Array
    parent: Array
    depth: Array
    is_leaf: Array
    target: Array
    leader: Array
    is_alive: Array
    climate: Array
    busy: Array
    exits: Array

    @property
    def count(self) -> int:
        """How many teams there are."""
        return len(self.family)


def build_teams(sizes: Array, place_shares: Array, rng: np.random.Generator) -> Teams:
    """Return the tree of teams for families of given sizes; the board's family is the last one."""
    rows = [(len(sizes), 0, -1, 0, False, 0)]
    for family, size in enumerate(sizes):
        rows += family_tree(family, int(size), len(rows), rng.choice(len(place_shares), 400, p=place_shares))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    count = len(rows)
    return Teams(
        family=columns[0],
        place=columns[1],
        parent=columns[2],
        depth=columns[3],
        is_leaf=columns[4],
        target=columns[5],
        leader=np.full(count, -1),
        is_alive=np.ones(count, bool),
        climate=rng.normal(0, 1, count),
        busy=rng.normal(0, 1, count),
        exits=np.zeros((count, 3), int),
    )


def family_tree(
    family: int, size: int, first: int, places: Array
) -> list[tuple[int, int, int, int, bool, int]]:
    """Return the rows of one department's teams, from its head's team down to the leaves."""
    layers = [max(1, round(size / (TEAM_SIZE + 1)))]
    while layers[-1] > 1:
        layers.append(-(-layers[-1] // SPAN))
    members = max(size - sum(layers), layers[0])
    layers.reverse()
    rows: list[tuple[int, int, int, int, bool, int]] = []
    above = [0]
    for depth, width in enumerate(layers, start=1):
        here = [first + len(rows) + n for n in range(width)]
        is_leaf = depth == len(layers)
        for n in range(width):
            target = (members + n) // width if is_leaf else 0
            place = int(places[(family * 37 + n) % len(places)])
            rows.append((family, place, above[n * len(above) // width], depth, is_leaf, target))
        above = here
    return rows


def role_of_leader(teams: Teams, team: int) -> str:
    """Return the role of who leads a team."""
    if teams.parent[team] < 0:
        return "top"
    return "lead" if teams.is_leaf[team] and teams.parent[team] != 0 else "head"
