"""Speed and memory: the screening of a large organisation, and one course in full."""

from __future__ import annotations

import argparse
import resource
import time
from datetime import UTC, datetime

import numpy as np

from training.impact.dataset import MICROS_PER_DAY, Dataset
from training.impact.estimate import observational_estimate
from training.impact.estimators.bins import is_large
from training.impact.estimators.crossfit import full_pipeline, screening_pipeline
from training.impact.estimators.linear import expit
from training.impact.screening import records, screen
from training.impact.table import ComparisonTable, Floats

MONTHS, COVARIATES, OUTCOMES = 12, 55, 3
DAYS = 30
FULL_ROWS = 20_000
NARROW = 10


def speed(request: argparse.Namespace) -> None:
    """Print seconds and peak memory of both pipelines."""
    if request.courses:
        screened(request)
    whole(request)


def screened(request: argparse.Namespace) -> None:
    """Print the seconds and the memory of screening all courses of a large organisation."""
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


def whole(request: argparse.Namespace) -> None:
    """Print the seconds of the full pipeline on one course, every report beside it: a wide table, and narrow ones near the limit."""
    for title, width, digits in (
        ("wide", COVARIATES, None),
        ("amounts", NARROW, None),
        ("ratings", NARROW, 0),
    ):
        rng = np.random.default_rng(request.seed)
        columns = rng.normal(size=(FULL_ROWS, width))
        if digits is not None:
            columns = np.round(columns, digits)
        one_course(f"{title}, {FULL_ROWS:,} people × {width} covariates", columns, rng, request)


def one_course(title: str, columns: Floats, rng: np.random.Generator, request: argparse.Namespace) -> None:
    """Print what one course takes in a world that no line describes, in which two columns confound together."""
    bent = np.sin(2 * columns[:, 1]) + columns[:, 2] * columns[:, 3] + np.abs(columns[:, 4])
    trained = rng.random(FULL_ROWS) < expit(columns[:, 0] + 0.5 * columns[:, 2] * columns[:, 3] - 3)
    outcome, before = (columns[:, 0] + bent + rng.normal(size=FULL_ROWS) for _ in range(2))
    names = tuple(f"x{n}" for n in range(columns.shape[1]))
    table = ComparisonTable(columns, names, trained, outcome + trained, before, is_filled=True)
    pipeline = full_pipeline(request.threads, request.trees, tuple(range(request.seeds)))
    started, spent = time.perf_counter(), time.process_time()
    found = observational_estimate(table, pipeline)
    learners = "grown trees" if is_large(columns) else "forests"
    print(f"full: {title}, {learners}, {request.seeds} seeds × 5 folds, {request.threads} threads: {time.perf_counter() - started:.0f} s, "
          f"{time.process_time() - spent:.0f} s of processor time; {found.effect.value:.2f} ({found.effect.low:.2f} to "
          f"{found.effect.high:.2f}) of 1.00, {found.verdict.code}; wanted 300 s")  # fmt: skip


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
