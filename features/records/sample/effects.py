"""What is planted: each course's true effect on each outcome and on leaving, and whom a course attracts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records.sample.catalogue import Catalogue
from features.records.sample.months import Array

KPIS = ("productivity", "quality", "engagement_score")
CLUSTERS = 8
# (share of courses with a positive effect, lowest, highest) in the unit of the KPI
POSITIVE = {
    "productivity": (0.38, 1.2, 3.6),
    "quality": (0.28, 0.8, 2.4),
    "engagement_score": (0.22, 1.0, 3.0),
}
HARMFUL = 2  # so many courses lower productivity
RETENTION = (0.30, 0.08, 0.30)  # share of courses that lower the hazard of leaving, and by how much (log)
PROGRAMME_EFFECTS = {
    "PR-101": {"productivity": 3.0, "exit": -0.35},
    "PR-102": {},
    "PR-103": {"productivity": 2.5, "quality": 1.5},
    "PR-104": {"engagement_score": 3.0},
    "PR-105": {"exit": -0.25},
}


@dataclass(frozen=True)
class Effects:
    """The planted truth about courses.

    Parameters
    ----------
    outcome : (n_c, 3) float
        Added to each KPI (`KPIS`, in their units) at every measurement after completion, for good.
    exit : (n_c,) float
        Added, while the completion is less than 12 months old, to the sum whose saturated value
        enters the log hazard of leaving voluntarily; negative keeps people.
    popularity, motivation_pull, performance_pull : (n_c,) float
        How much a course is liked by all, by the motivated, and by high performers when choosing.
    taste : (n_clusters, n_c) float
        How much each taste cluster likes each course.
    """

    outcome: Array
    exit: Array
    popularity: Array
    motivation_pull: Array
    performance_pull: Array
    taste: Array


def draw_effects(catalogue: Catalogue, rng: np.random.Generator) -> Effects:
    """Draw the planted effects; mandatory courses have none, programmes have fixed ones."""
    count = len(catalogue.courses)
    fixed = catalogue.course_flags("mandatory") | catalogue.course_flags("is_programme")
    free = np.flatnonzero(~fixed)
    outcome = np.stack([positive(count, free, POSITIVE[kpi], rng) for kpi in KPIS], axis=1)
    unlucky = rng.choice(free[outcome[free, 0] == 0], HARMFUL, replace=False)
    outcome[unlucky, 0] = -rng.uniform(1.5, 2.5, HARMFUL)
    leaving = -positive(count, free, RETENTION, rng)
    external = rng.choice(free[leaving[free] == 0], 3, replace=False)
    leaving[external] = rng.uniform(0.1, 0.25, 3)
    for number, course in enumerate(catalogue.courses):
        planted = PROGRAMME_EFFECTS.get(course.id, {})
        outcome[number] += [planted.get(kpi, 0.0) for kpi in KPIS]
        leaving[number] += planted.get("exit", 0.0)
    return Effects(
        np.round(outcome, 2),
        np.round(leaving, 3),
        popularity=rng.normal(0, 0.55, count),
        motivation_pull=rng.uniform(0.0, 0.6, count),
        performance_pull=rng.uniform(-0.4, 0.5, count),
        taste=topics_of_taste(catalogue, rng),
    )


def positive(count: int, free: Array, how: tuple[float, float, float], rng: np.random.Generator) -> Array:
    """Return effects that are positive for a share of the free courses and exactly 0 elsewhere."""
    share, low, high = how
    out = np.zeros(count)
    chosen = rng.choice(free, max(1, round(share * len(free))), replace=False)
    out[chosen] = rng.uniform(low, high, len(chosen))
    return out


def topics_of_taste(catalogue: Catalogue, rng: np.random.Generator) -> Array:
    """Return how much clusters like courses: a liking for skills, and one of their own for each course."""
    liking = rng.normal(0, 1, (CLUSTERS, len(catalogue.skills)))
    teaches = (catalogue.taught > 0).astype(float)
    by_skill = liking @ teaches.T / np.sqrt(np.maximum(teaches.sum(axis=1), 1))
    own = rng.normal(0, 0.8, by_skill.shape)
    return np.asarray(by_skill + own)
