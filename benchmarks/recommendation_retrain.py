"""What a full retrain of recommendations costs: from records of many employees and events to a written payload.

Run: ``python -m benchmarks.recommendation_retrain``. Limits: 600 s and 8 GiB for 100,000 employees and 10 million
events. Texts count as embedded already (their vectors are kept by content), so vectors are drawn.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.processes import machine
from training.context import Floats, TrainingContext
from training.payload import write_payload
from training.recommendation.dataset import build
from training.recommendation.fit import Parameters, fit

START = datetime(2022, 1, 1, tzinfo=UTC)
DAYS = 1_460
MOMENT = pl.Datetime("us", "UTC")
LIMIT_SECONDS, LIMIT_GIB = 600.0, 8.0
WIDTH = 384
TOPICS = 40


def drawn_vectors(texts: Sequence[str]) -> Floats:
    """Return a unit vector per text."""
    rng = np.random.default_rng(len(texts))
    found = rng.normal(size=(len(texts), WIDTH)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def records(employees: int, courses: int, events: int, rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Return records in which people take courses of their own topics, popular ones more often."""
    people = np.sort(rng.integers(0, employees, events))
    topic = rng.integers(0, TOPICS, employees)
    own = rng.random(events) < 0.7
    per_topic = courses // TOPICS
    ranks = np.minimum((per_topic * rng.random(events) ** 2).astype(np.int64), per_topic - 1)
    chosen = np.where(own, topic[people], rng.integers(0, TOPICS, events))
    course = ranks * TOPICS + chosen
    when = pl.Series(rng.integers(0, DAYS * 86_400, events)) * 1_000_000 + int(START.timestamp() * 1e6)
    names = pl.Series([f"e{place:06d}" for place in range(employees)])
    ids = pl.Series([f"c{place:05d}" for place in range(courses)])
    kinds = pl.Series(["enrolled", "started", "completed"])[rng.integers(0, 3, events)]
    happened = when.cast(MOMENT)
    learning = pl.DataFrame({
        "event_id": pl.int_range(events, eager=True).cast(pl.String), "employee_id": names[people],
        "course_id": ids[course], "kind": kinds, "happened_at": happened, "known_at": happened,
        "snoozed_until": pl.Series([None] * events, dtype=MOMENT),
    })  # fmt: skip
    jobs = [f"j{place}" for place in range(TOPICS)]
    since = pl.Series([START] * employees, dtype=MOMENT)
    return {
        "learning_events": learning,
        "courses": pl.DataFrame({
            "course_id": ids, "title": ids, "description": [""] * courses, "level": [3.0] * courses,
        }),
        "course_skills": pl.DataFrame({
            "course_id": ids, "skill_id": [f"s{place % TOPICS}" for place in range(courses)],
            "level": [3.0] * courses, "source": ["given"] * courses, "confidence": [1.0] * courses,
        }),
        "job_skills": pl.DataFrame({
            "job_id": jobs, "skill_id": [f"s{place}" for place in range(TOPICS)], "level": [3.0] * TOPICS,
            "importance": [1.0] * TOPICS, "source": ["given"] * TOPICS,
            "required_from": pl.Series([None] * TOPICS, dtype=MOMENT),
        }),
        "job_history": pl.DataFrame({
            "employee_id": names, "spell": [1] * employees, "job_id": pl.Series(jobs)[topic],
            "happened_at": since, "known_at": since,
        }),
    }  # fmt: skip


def timed(name: str, step: Callable[[], object]) -> object:
    """Run a step and print its wall-clock and processor seconds, and the peak of memory so far."""
    started, worked = time.perf_counter(), time.process_time()
    found = step()
    took, worked = time.perf_counter() - started, time.process_time() - worked
    print(
        f"  {name:8} {took:6.0f} s, of the processor {worked:6.0f} s, peak {peak_gib():.1f} GiB", flush=True
    )
    return found


def peak_gib() -> float:
    """Return the most memory this process has held."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main() -> None:
    """Print what each step takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=100_000)
    parser.add_argument("--courses", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    print(machine("numpy", "scipy", "polars"))
    rng = np.random.default_rng(7)
    made = records(options.employees, options.courses, options.events, rng)
    held = peak_gib()
    context = TrainingContext(made, START + timedelta(days=DAYS + 1), encode=drawn_vectors, rng=rng)
    started = time.perf_counter()
    print(f"{options.employees:,} employees, {options.courses:,} courses, {options.events:,} events")
    dataset = timed("dataset", lambda: build(context))
    payload = timed("fit", lambda: fit(dataset, Parameters(), rng))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        timed("write", lambda: write_payload(payload, Path(folder) / "payload"))  # type: ignore[arg-type]
    took = time.perf_counter() - started
    print(f"whole: {took:.0f} s (limit {LIMIT_SECONDS:.0f}), peak {peak_gib():.1f} GiB (limit {LIMIT_GIB:.0f}; "
          f"{held:.1f} to hold the records)")  # fmt: skip


if __name__ == "__main__":
    main()
