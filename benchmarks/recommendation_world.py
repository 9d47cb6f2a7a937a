"""A store of many employees and courses, with a model and everybody's kept scores, for load tests of recommendations."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store, open_store
from training.payload import Payload, json_bytes, write_payload
from training.recommendation.content import Content, unit_rows
from training.recommendation.dataset import Block, Dataset
from training.recommendation.fit import Parameters, fit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400 * 1_000_000
ROWS = 20_000
GAP_WEIGHT = 8.0


@dataclass(frozen=True)
class World:
    """How much of everything there is."""

    employees: int = 100_000
    courses: int = 5_000
    jobs: int = 120
    skills: int = 400
    events_each: int = 10
    evidence_each: int = 6
    seed: int = 7

    @property
    def name(self) -> str:
        """Names the folder it is kept in."""
        return f"{self.employees}x{self.courses}-{self.seed}"


def ready_world(folder: Path, world: World) -> Path:
    """Return the folder of a world, made where it does not stand yet: the store and the model's payload."""
    place = folder / world.name
    if not (place / "ready").is_file():
        place.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        history = build_store(place, world)
        payload = fit(dataset_of(world, history), Parameters(ridge=200.0), np.random.default_rng(world.seed))
        write_payload(with_gap_weight(payload), place / "payload")
        (place / "ready").write_text(f"made in {time.perf_counter() - started:.0f} s\n")
    return place


def with_gap_weight(payload: Payload) -> Payload:
    """Return the payload with the blend that real histories lead to: this world's people know nothing of gaps."""
    model = json.loads(payload.files["model.json"])
    for blend in model["blend"].values():
        blend["gap"] = GAP_WEIGHT
    return replace(payload, files={**payload.files, "model.json": json_bytes(model)})


def build_store(place: Path, world: World) -> Any:
    """Write the records and return who completed what, (employees, courses) sparse."""
    rng = np.random.default_rng(world.seed)
    store = open_store(f"sqlite:///{place / 'skillpath.db'}")
    for name, rows in tables(world, rng):
        insert(store, name, rows)
    taken = interests(world, rng)
    insert(store, "learning_events", events(world, taken, rng))
    insert(store, "held_skills", evidence(world, rng))
    store.close()
    return taken


def insert(store: Store, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows in groups."""
    table = METADATA.tables[name]
    group: list[dict[str, Any]] = []
    with store.transaction() as connection:
        for row in rows:
            group.append(row)
            if len(group) == ROWS:
                connection.execute(sa.insert(table), group)
                group = []
        if group:
            connection.execute(sa.insert(table), group)


def tables(world: World, rng: np.random.Generator) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield every table but the facts of learning and skills."""
    start = to_micros(NOW - timedelta(days=1_000))
    yield "skills", ({"skill_id": f"S{one}", "name": f"Skill number {one}"} for one in range(world.skills))
    yield "jobs", ({"job_id": f"J{one}", "title": f"Job number {one}"} for one in range(world.jobs))
    yield (
        "courses",
        (
            {
                "course_id": f"C{one:05}",
                "title": f"A course of medium title length, number {one}",
                "url": f"https://lms.example/courses/{one}",
                "hours": float(rng.integers(1, 40)),
                "modality": ("online", "classroom", "workshop")[one % 3],
                "language": "en",
            }
            for one in range(world.courses)
        ),
    )
    yield (
        "course_skills",
        (
            {
                "course_id": f"C{one:05}",
                "skill_id": f"S{skill}",
                "level": float(rng.integers(1, 6)),
                "source": "given",
            }
            for one in range(world.courses)
            for skill in skills_of(one, world)
        ),
    )
    yield (
        "course_prerequisites",
        (
            {"course_id": f"C{one:05}", "prerequisite_id": f"C{one - 1:05}"}
            for one in range(1, world.courses, 7)
        ),
    )
    yield (
        "job_skills",
        (
            {
                "job_id": f"J{job}",
                "skill_id": f"S{skill}",
                "level": float(rng.integers(2, 6)),
                "importance": float(rng.random()),
            }
            for job in range(world.jobs)
            for skill in rng.choice(world.skills, 12, replace=False)
        ),
    )
    yield (
        "employees",
        (
            {"employee_id": f"E{one:06}", "spell": 1, "hired_at": start, "known_at": start}
            for one in range(world.employees)
        ),
    )
    yield (
        "job_history",
        (
            {
                "employee_id": f"E{one:06}",
                "spell": 1,
                "happened_at": start,
                "known_at": start,
                "job_id": f"J{one % world.jobs}",
                "department": f"D{one % 17}",
            }
            for one in range(world.employees)
        ),
    )


def skills_of(course: int, world: World) -> Sequence[int]:
    """Return the three skills of a course: neighbours, so that courses are alike in groups."""
    first = course * world.skills // world.courses
    return sorted({(first + step) % world.skills for step in (0, 1, 7)})


def interests(world: World, rng: np.random.Generator) -> Any:
    """Return who completed what: people take courses near their own place in the catalogue, and popular ones."""
    n = world.employees * world.events_each
    people = np.repeat(np.arange(world.employees), world.events_each)
    centre = (people % world.jobs) * (world.courses / world.jobs)
    near = centre + rng.normal(0, world.courses / 40, n)
    popular = world.courses * rng.random(n) ** 3
    courses = np.where(rng.random(n) < 0.7, near, popular).astype(np.int64) % world.courses
    taken = sp.csr_matrix((np.ones(n), (people, courses)), shape=(world.employees, world.courses))
    taken.data[:] = 1.0
    return taken


def events(world: World, taken: Any, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield one completion per pair."""
    pairs = taken.tocoo()
    times = to_micros(NOW) - rng.integers(DAY, 900 * DAY, pairs.nnz)
    for number, (person, course, at) in enumerate(
        zip(pairs.row.tolist(), pairs.col.tolist(), times.tolist(), strict=True)
    ):
        yield {
            "event_id": f"e{number}",
            "employee_id": f"E{person:06}",
            "course_id": f"C{course:05}",
            "kind": "completed",
            "happened_at": at,
            "known_at": at,
        }


def evidence(world: World, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield some held skills per person."""
    for person in range(world.employees):
        for skill in range(world.evidence_each):
            at = to_micros(NOW) - int(rng.integers(DAY, 700 * DAY))
            yield {
                "employee_id": f"E{person:06}",
                "skill_id": f"S{(person * 7 + skill * 31) % world.skills}",
                "level": float(rng.integers(1, 5)),
                "source": ("self", "manager", "assessed")[skill % 3],
                "happened_at": at,
                "known_at": at,
            }


def dataset_of(world: World, taken: Any) -> Dataset:
    """Return a dataset whose fit is quick: a validation block of a few hundred people."""
    some = taken[:400]
    held = sp.csr_matrix(some.multiply(np.arange(world.courses)[None, :] % 4 == 0))
    rest = sp.csr_matrix(some - held)
    asked = np.flatnonzero((np.diff(held.indptr) > 0) & (np.diff(rest.indptr) > 0))
    jobs = np.arange(world.employees) % world.jobs
    job_ids = tuple(sorted(f"J{one}" for one in range(world.jobs)))
    place = np.array([job_ids.index(f"J{one}") for one in range(world.jobs)])[jobs]
    block = Block(rest[asked], rest[asked], held[asked], place[asked])
    pairs = [(one, skill) for one in range(world.courses) for skill in skills_of(one, world)]
    rows, columns = np.array(pairs).T
    skills = sp.csr_matrix((np.ones(rows.size), (rows, columns)), shape=(world.courses, world.skills))
    return Dataset(
        protocol="a world for load tests",
        course_ids=tuple(f"C{one:05}" for one in range(world.courses)),
        job_ids=job_ids,
        train=taken,
        known=taken,
        jobs=place,
        validation=block,
        test=block,
        digest=world.name,
        content=Content(skills=unit_rows(skills)),
    )
