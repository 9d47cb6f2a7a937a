"""Speed and memory: the screening of a large organisation, and one course in full."""

from __future__ import annotations

import argparse
import resource
import time
from datetime import UTC, datetime

import numpy as np

from training.impact.dataset import MICROS_PER_DAY, Dataset
from training.impact.estimate import observational_estimate
from training.impact.estimators.crossfit import full_pipeline, screening_pipeline
from training.impact.screening import records, screen
from training.impact.table import ComparisonTable

MONTHS, COVARIATES, OUTCOMES = 12, 55, 3
DAYS = 30
FULL_ROWS = 20_000


def speed(request: argparse.Namespace) -> None:
    """Print seconds and peak memory of both pipelines."""
    employees = request.employees or 100_000
    dataset = large(employees, request.courses, np.random.default_rng(request.seed), request.threads)
    started = time.perf_counter()
    found = screen(dataset, range(request.courses), screening_pipeline(), request.seed, request.threads)
    told = records(dataset, found)
    seconds = time.perf_counter() - started
    estimated = sum(one["status"] == "estimated" for one in told)
    print(f"screening: {employees:,} employees × {request.courses} courses × {OUTCOMES} outcomes, {estimated} estimated: "
          f"{seconds:.0f} s ({seconds / request.courses:.2f} s per course), peak {peak_gib():.1f} GiB; "
          f"wanted 900 s, 8 GiB")  # fmt: skip
    whole(request)


def whole(request: argparse.Namespace) -> None:
    """Print the seconds of the full pipeline on one course in a world that no line describes, every report beside it."""
    rng = np.random.default_rng(request.seed)
    columns = rng.normal(size=(FULL_ROWS, COVARIATES))
    bent = np.sin(2 * columns[:, 1]) + columns[:, 2] * columns[:, 3] + np.abs(columns[:, 4])
    trained = rng.random(FULL_ROWS) < 1 / (
        1 + np.exp(3 - columns[:, 0] - 0.5 * columns[:, 2] * columns[:, 3])
    )
    outcome = columns[:, 0] + bent + trained + rng.normal(size=FULL_ROWS)
    names = tuple(f"x{n}" for n in range(COVARIATES))
    before = columns[:, 0] + bent + rng.normal(size=FULL_ROWS)
    table = ComparisonTable(columns, names, trained, outcome, before, is_filled=True)
    started = time.perf_counter()
    found = observational_estimate(
        table, full_pipeline(request.threads, request.trees, tuple(range(request.seeds)))
    )
    print(f"full: {FULL_ROWS:,} people × {COVARIATES} covariates, {request.seeds} seeds × 5 folds: "
          f"{time.perf_counter() - started:.0f} s, {found.effect.value:.2f} ({found.effect.low:.2f} to {found.effect.high:.2f}) of 1.00, {found.verdict.code}; wanted 300 s")  # fmt: skip


def peak_gib() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def large(people: int, courses: int, rng: np.random.Generator, threads: int) -> Dataset:
    """Return a large organisation as arrays: everybody there in every month, enrolments at random moments."""
    rows = people * MONTHS
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    months = start + np.arange(MONTHS + 1) * DAYS * MICROS_PER_DAY
    covariates = rng.standard_normal((rows, COVARIATES))
    outcomes = covariates[:, :OUTCOMES] + rng.standard_normal((rows, OUTCOMES))
    n = courses * 400
    order = np.sort(rng.integers(0, courses, n))
    at = rng.integers(months[0], months[-1], n)
    enrolled = {"person": rng.integers(0, people, n), "course": order, "at": at,
                "completed_at": at + 20 * MICROS_PER_DAY, "is_completion_only": np.zeros(n, bool)}  # fmt: skip
    nobody = {name: np.zeros(0, np.int64) for name in ("person", "course", "at")}
    person = np.tile(np.arange(people), MONTHS)
    groups = np.column_stack([person % 20, person % 5, person // 8])
    previous = covariates[:, :OUTCOMES] + rng.standard_normal((rows, OUTCOMES))
    return Dataset(
        "0" * 64, datetime(2026, 1, 1, tzinfo=UTC), months,
        np.arange(rows).reshape(MONTHS, people).T.copy(), covariates, tuple(f"x{k}" for k in range(COVARIATES)),
        np.repeat(np.arange(MONTHS), people), person, groups, outcomes, previous,
        tuple(f"kpi{k}" for k in range(OUTCOMES)), ("index",) * OUTCOMES, tuple(f"C{k}" for k in range(courses)),
        enrolled, nobody, nobody, threads,
    )  # fmt: skip
