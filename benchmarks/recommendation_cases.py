"""Random catalogues and people for proofs of the recommendation's live part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.recommendation.catalogue import (
    DAY_MICROS,
    Catalogue,
    Floats,
    Integers,
    Links,
    Priority,
    Profile,
)
from features.recommendation.gap_value import needs_of
from features.recommendation.person_state import PersonState
from serving.recommendation.case import Candidates, Case, Causes
from serving.recommendation.policy import RankingPolicy

FOREVER = 2**62
ASKED_SKILLS = 12
KEPT = 256


def catalogue_at_random(courses: int, skills: int, rng: np.random.Generator) -> Catalogue:
    """Return courses that teach one to four skills each, with one job that asks for some of them."""
    count = rng.integers(1, 5, courses)
    course = np.repeat(np.arange(courses), count)
    skill = rng.integers(0, skills, course.size)
    pairs = np.unique(np.stack([course, skill], axis=1), axis=0)
    level = rng.integers(1, 6, len(pairs)).astype(float)
    coverage = rng.uniform(0.5, 1.0, len(pairs))
    asked = rng.choice(skills, min(ASKED_SKILLS, skills), replace=False).astype(np.int64)
    profile = Profile(asked, rng.integers(2, 6, asked.size).astype(float), rng.uniform(0.1, 1.0, asked.size))
    names = tuple(f"C{one:05}" for one in range(courses))
    skill_ids = tuple(f"S{one}" for one in range(skills))
    return Catalogue(
        course_ids=names,
        skill_ids=skill_ids,
        course_index={name: place for place, name in enumerate(names)},
        skill_index={name: place for place, name in enumerate(skill_ids)},
        titles=names,
        urls=(None,) * courses,
        modalities=tuple(("online", "classroom", "workshop")[one % 3] for one in range(courses)),
        languages=(None,) * courses,
        skill_names=skill_ids,
        hours=rng.integers(1, 40, courses).astype(float),
        valid_from=np.full(courses, -FOREVER),
        valid_until=np.full(courses, FOREVER),
        certificate_days=np.full(courses, np.inf),
        is_open=np.ones(courses, dtype=bool),
        only_for={},
        teaches=links(pairs[:, 0], pairs[:, 1], (level, coverage), courses),
        taught_by=links(pairs[:, 1], pairs[:, 0], (level, coverage), skills),
        prerequisites=((),) * courses,
        jobs={"J": profile},
        job_titles={"J": "J"},
        providers=tuple(f"P{one % 40}" for one in range(courses)),
    )


def links(rows: Integers, others: Integers, values: tuple[Floats, Floats], n: int) -> Links:
    """Return pairs grouped by their rows."""
    order = np.lexsort((others, rows))
    start = np.searchsorted(rows[order], np.arange(n + 1)).astype(np.int64)
    return Links(start, others[order], values[0][order], values[1][order])


def case_at_random(
    catalogue: Catalogue, rng: np.random.Generator, candidates: Candidates | None = None
) -> Case:
    """Return a person with some levels, some completions, and some evidence that fades."""
    held = {int(skill): float(rng.integers(0, 5)) for skill in rng.integers(0, len(catalogue.skill_ids), 15)}
    asked = catalogue.jobs["J"].skills
    held |= {
        int(skill): float(rng.integers(0, 4)) for skill in rng.choice(asked, asked.size // 2, replace=False)
    }
    done = {int(course): 0 for course in rng.integers(0, catalogue.size, 5)}
    state = PersonState(
        completed=done,
        current=frozenset(done),
        held=held,
        fading=dict.fromkeys(list(held)[-3:], 10 * DAY_MICROS),
    )
    none = Candidates(np.zeros(catalogue.size), 2.0, np.empty(0, dtype=np.int64))
    return Case(catalogue, needs_of(catalogue.jobs["J"], held), candidates or none, state)


def candidates_at_random(catalogue: Catalogue, rng: np.random.Generator) -> Candidates:
    """Return scores of a model for as many courses as are kept of a person."""
    kept = rng.choice(catalogue.size, KEPT, replace=False).astype(np.int64)
    scores = np.zeros(catalogue.size)
    scores[kept] = rng.exponential(1.0, KEPT)
    position = np.zeros(catalogue.size, dtype=np.int32)
    position[kept] = np.arange(1, KEPT + 1)
    causes = Causes(position, np.ones(KEPT, dtype=np.int64), kept, np.arange(catalogue.size))
    return Candidates(scores, 8.0, kept, causes)


def everything_asked_for(catalogue: Catalogue) -> tuple[Catalogue, RankingPolicy]:
    """Return the catalogue with five strategic priorities, and a policy that asks for all there is."""
    wanted = tuple(Priority(skill, 0.5, -FOREVER, FOREVER) for skill in range(5))
    policy = RankingPolicy(diversity=0.3, max_per_provider=3, max_per_modality=10)
    return replace(catalogue, priorities=wanted), policy
