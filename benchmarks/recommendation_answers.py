"""What recommendation answers are worth: sets against the exact optimum, prerequisites, planted truth, speed.

Run: ``make demo``, then ``python -m benchmarks.recommendation_answers`` (the planted truth is that of the demo's sample
organisation, in ``SKILLPATH_VAR``; ``--without-truth`` leaves it out). Intervals are 95 %, bootstrapped over people.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import scipy.optimize as so
import scipy.sparse as sp

from benchmarks.processes import machine
from benchmarks.recommendation_cases import (
    candidates_at_random,
    case_at_random,
    catalogue_at_random,
    everything_asked_for,
)
from features.recommendation.catalogue import Catalogue, Floats
from features.recommendation.gap_sets import best_set, greedy, worths
from features.recommendation.gap_value import Needs, set_value, worth_by_skill
from features.recommendation.learning_path import learning_path
from features.recommendation.prerequisites import prerequisite_violations
from serving.recommendation.boosts import boosts_of
from serving.recommendation.policy import RankingPolicy
from serving.recommendation.ranking import Wishes, rank

INSTANCES, GRAPHS, REPEATS = 1_000, 10_000, 300
CHOSEN = 5
OPTIMUM_WANTED, LIVE_WANTED_MS = 0.95, 5.0
LIVE_COURSES = 10_000


def exact_value(catalogue: Catalogue, needs: Needs, n: int) -> float:
    """Return the value of the best set of `n` courses, by an integer programme (HiGHS).

    Notes
    -----
    Maximise Σ w(c, s) y(c, s) with y(c, s) ≤ x(c), Σ_c y(c, s) ≤ 1 and Σ x ≤ n: each skill counts one chosen course.
    """
    worth = np.array([worth_by_skill(catalogue, course, needs) for course in range(catalogue.size)])
    course, skill = np.nonzero(worth)
    pairs, size = course.size, catalogue.size
    places = np.arange(pairs)
    chosen = sp.csr_matrix((-np.ones(pairs), (places, course)), shape=(pairs, size))
    rows = sp.vstack([
        sp.hstack([chosen, sp.identity(pairs)]),
        sp.hstack([
            sp.csr_matrix((needs.skills.size, size)),
            sp.csr_matrix((np.ones(pairs), (skill, places)), shape=(needs.skills.size, pairs)),
        ]),
        sp.hstack([sp.csr_matrix(np.ones((1, size))), sp.csr_matrix((1, pairs))]),
    ])  # fmt: skip
    limits = np.concatenate([np.zeros(pairs), np.ones(needs.skills.size), [n]])
    is_whole = np.concatenate([np.ones(size), np.zeros(pairs)])
    gain = -np.concatenate([np.zeros(size), worth[course, skill]])
    found = so.milp(
        gain, constraints=so.LinearConstraint(rows, ub=limits), integrality=is_whole, bounds=so.Bounds(0, 1)
    )
    return -float(found.fun)


def shares_of_the_best(instances: int, rng: np.random.Generator) -> Floats:
    """Return what greedy choice, and exchanges after it, reach of the best set's value on random instances, (n, 2) float."""
    shares = []
    for _ in range(instances):
        catalogue = catalogue_at_random(int(rng.integers(20, 120)), int(rng.integers(6, 30)), rng)
        needs = case_at_random(catalogue, rng).needs
        every = np.ones(catalogue.size, dtype=bool)
        best = exact_value(catalogue, needs, CHOSEN)
        pool, worth = worths(catalogue, needs, every)
        sets = ([int(pool[row]) for row in greedy(worth, CHOSEN)], best_set(catalogue, needs, every, CHOSEN))
        shares.append([set_value(catalogue, one, needs) / best if best > 0 else 1.0 for one in sets])
    return np.array(shares)


def set_milliseconds(courses: int, repeats: int, rng: np.random.Generator) -> Floats:
    """Return how long each choice of a set took, (repeats,) float ms of processor time."""
    catalogue, took = catalogue_at_random(courses, 400, rng), []
    for _ in range(repeats):
        needs = case_at_random(catalogue, rng).needs
        started = time.process_time_ns()
        best_set(catalogue, needs, np.ones(catalogue.size, dtype=bool), CHOSEN)
        took.append((time.process_time_ns() - started) / 1e6)
    return np.array(took)


def violations(graphs: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return how many courses were listed, on random prerequisite graphs, and how many before their prerequisites."""
    listed = broken = 0
    plain = catalogue_at_random(30, 12, rng)
    for _ in range(graphs):
        catalogue = replace(plain, prerequisites=graph_at_random(plain.size, rng))
        case = case_at_random(catalogue, rng)
        allowed = rng.random(catalogue.size) < rng.uniform(0.4, 1.0)
        allowed[list(case.state.current)] = False
        policy = RankingPolicy(diversity=float(rng.integers(0, 2)))
        found = rank(case, Wishes(10, 0, allowed, policy.diversity), policy, boosts_of(case, policy, {}, 0))
        path = learning_path(catalogue, case.needs, allowed, case.state.current, float(rng.uniform(5, 100)))
        for courses in ([one.course for one in found], [step.course for step in path.steps]):
            listed += len(courses)
            broken += prerequisite_violations(catalogue, [courses], [case.state.current])
    return listed, broken


def graph_at_random(n: int, rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    """Return random prerequisites without a circle: in a random order, each course asks for earlier ones alone."""
    order, density = rng.permutation(n), rng.uniform(0.01, 0.15)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    asks = rng.random((n, n)) < density
    return tuple(
        tuple(int(first) for first in np.flatnonzero(asks[course]) if place[first] < place[course])
        for course in range(n)
    )


def live_milliseconds(courses: int, repeats: int, rng: np.random.Generator, *, is_plain: bool) -> Floats:
    """Return how long each re-rank of a person took, (repeats,) float ms of processor time: boosts, needs, 20 courses."""
    catalogue = catalogue_at_random(courses, 400, rng)
    policy = RankingPolicy()
    if not is_plain:
        catalogue, policy = everything_asked_for(catalogue)
    took = []
    for _ in range(repeats):
        case = case_at_random(catalogue, rng, candidates_at_random(catalogue, rng))
        started = time.process_time_ns()
        needs = Needs(case.needs.skills, case.needs.required, case.needs.held, case.needs.importance)
        fresh = replace(case, needs=needs)
        allowed = catalogue.allowed(None, 0)
        allowed[list(case.state.current)] = False
        wishes = Wishes(20, 0, allowed, policy.diversity, policy.max_per_provider, policy.max_per_modality)
        rank(fresh, wishes, policy, boosts_of(fresh, policy, {}, 0))
        took.append((time.process_time_ns() - started) / 1e6)
    return np.array(took)


def main() -> None:
    """Print every figure beside what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=INSTANCES)
    parser.add_argument("--graphs", type=int, default=GRAPHS)
    parser.add_argument("--without-truth", action="store_true")
    arguments = parser.parse_args()
    print(machine("numpy", "scipy"))
    found = shares_of_the_best(arguments.instances, np.random.default_rng(7))
    for name, shares in zip(("greedy", "greedy and exchanges"), found.T, strict=True):
        print(f"{name} against the exact optimum, {shares.size:,} instances of {CHOSEN} courses: mean {shares.mean():.4f}, "
              f"least {shares.min():.4f}, at or above {OPTIMUM_WANTED:.0%} in {np.mean(shares >= OPTIMUM_WANTED):.2%}")  # fmt: skip
    took = set_milliseconds(LIVE_COURSES, REPEATS, np.random.default_rng(7))
    print(f"a set of {CHOSEN} of {LIVE_COURSES:,} courses: median {np.median(took):.2f} ms, "
          f"95th percentile {np.percentile(took, 95):.2f} ms (wanted {LIVE_WANTED_MS:g} or less)")  # fmt: skip
    listed, broken = violations(arguments.graphs, np.random.default_rng(7))
    print(
        f"prerequisites: {broken} violations among {listed:,} courses listed on {arguments.graphs:,} random graphs"
    )
    for is_plain, name in ((True, "plain"), (False, "with priorities, maintenance, caps and diversity")):
        took = live_milliseconds(LIVE_COURSES, REPEATS, np.random.default_rng(7), is_plain=is_plain)
        print(f"live part over {LIVE_COURSES:,} courses, {name}: median {np.median(took):.2f} ms, "
              f"95th percentile {np.percentile(took, 95):.2f} ms (wanted {LIVE_WANTED_MS:g} or less)")  # fmt: skip
    if not arguments.without_truth:
        from benchmarks.recommendation_truth import print_truth

        print_truth()


if __name__ == "__main__":
    main()
