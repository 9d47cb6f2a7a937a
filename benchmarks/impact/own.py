"""People's own effects on an organisation: one course helps newcomers alone, one helps all alike; what reaches a ranking of each."""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import mannwhitneyu

from features.history import history
from features.impact.months import employed
from features.records.facts import FACT_KEYS
from features.records.reading import import_organisation
from features.records.sample import write_sample
from features.records.store import Store, open_store
from serving.house import House
from serving.impact.personal import NEEDED
from serving.models.answering import LoadedModel
from serving.opening import build_house
from serving.recommendation.expected_impact import impact_for
from serving.scores.recompute import keep_scores
from serving.settings import ServingSettings
from training.context import TrainingContext
from training.impact.dataset import build
from training.impact.fit import Parameters, fit
from training.loading import load_scorer
from training.payload import write_payload

KPI = "productivity"
GAIN = 12.0  # of newcomers, in the KPI's unit; nobody else gains
ALIKE = 6.0  # of everybody, of the other course
NEWCOMER_DAYS = 3 * 365
FINISHED = ("completed", "passed")


def own(request: argparse.Namespace) -> None:
    """Print which gates open, and what reaches the ranking of newcomers and of others, beside what is planted."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_sample(folder / "files", employees=request.employees or 4_000, years=3, seed=request.seed)
        truth = json.loads((folder / "files" / "truth.json").read_text())
        uneven, alike = two_courses(folder / "files", truth)
        plant(folder / "files", uneven, alike)
        store = open_store(f"sqlite:///{folder / 'records.db'}")
        import_organisation(store, folder / "files")
        as_of = datetime.fromisoformat(truth["as_of"]).astimezone(UTC)
        started = time.perf_counter()
        train(store, folder / "payload", as_of, (uneven, alike), request)
        print(f"trained in {time.perf_counter() - started:.0f} s: {uneven} helps who is there for less than three years by {GAIN:g}, "
              f"{alike} everybody by {ALIKE:g}")  # fmt: skip
        served(store, folder, (uneven, alike), as_of)
        store.close()


def two_courses(files: Path, truth: dict[str, Any]) -> tuple[str, str]:
    """Return the two most taken courses in which nothing is planted and that nobody has to take."""
    events, bound = (
        pl.read_csv(files / "learning_events.csv", infer_schema=False),
        pl.read_csv(files / "assignments.csv", infer_schema=False),
    )
    mandatory = set(bound.filter(pl.col("is_mandatory").str.to_lowercase() == "true")["course_id"])
    empty = [course for course in truth["zero_effects"][KPI] if course not in mandatory]
    taken = events.filter((pl.col("kind") == "enrolled") & pl.col("course_id").is_in(empty))
    first, second = taken["course_id"].value_counts(sort=True)["course_id"][:2]
    return str(first), str(second)


def plant(files: Path, uneven: str, alike: str) -> None:
    """Add both gains to every measurement on or after the day of completion."""
    hired = first_hired(pl.read_csv(files / "employees.csv", infer_schema=False))
    events = pl.read_csv(files / "learning_events.csv", infer_schema=False).filter(
        pl.col("kind").is_in(FINISHED)
    )
    outcomes = pl.read_csv(files / "outcomes.csv", infer_schema=False).with_row_index()
    added = pl.lit(0.0)
    for course in (uneven, alike):
        done = events.filter(pl.col("course_id") == course).group_by("employee_id").agg(
            pl.col("happened_at").str.head(10).min().alias(course)
        )  # fmt: skip
        outcomes = outcomes.join(done, on="employee_id", how="left")
        gain = pl.lit(ALIKE)
        if course == uneven:
            outcomes = outcomes.join(hired, on="employee_id", how="left")
            served_days = (day(course) - day("hired_at")).dt.total_days()
            gain = pl.when(served_days < NEWCOMER_DAYS).then(GAIN).otherwise(0.0)
        counts = (pl.col("kpi") == KPI) & (pl.col("happened_at").str.head(10) >= pl.col(course))
        added = added + pl.when(counts.fill_null(value=False)).then(gain).otherwise(0.0)
    value = (pl.col("value").cast(pl.Float64) + added).round(2).cast(pl.String)
    kept = outcomes.sort("index").with_columns(value=value).drop("index", uneven, alike, "hired_at")
    kept.write_csv(files / "outcomes.csv")


def first_hired(employees: pl.DataFrame) -> pl.DataFrame:
    """Return when each person was hired last: ``employee_id, hired_at``."""
    return employees.group_by("employee_id").agg(pl.col("hired_at").max())


def day(name: str) -> pl.Expr:
    """Return a column of text as days."""
    return pl.col(name).str.head(10).str.to_date()


def train(
    store: Store, payload: Path, as_of: datetime, courses: tuple[str, str], request: argparse.Namespace
) -> None:
    """Write the payload of an impact model that examines both courses in full."""
    dataset = build(TrainingContext(store.frames(), as_of, threads=request.threads))
    chosen = Parameters(full_courses=courses, trees=request.trees, seeds=min(request.seeds, 2))
    write_payload(fit(dataset, chosen, np.random.default_rng(request.seed)), payload)


def served(store: Store, folder: Path, courses: tuple[str, str], as_of: datetime) -> None:
    """Print each course's gate, and what the rankings of newcomers and of others are told to expect."""
    built = build_house(ServingSettings(var=folder / "var", progress=False), store)
    house = replace(built, clock=lambda: as_of)
    scorer = load_scorer(folder / "payload")
    digest = hashlib.sha256((folder / "payload" / "estimates.json").read_bytes()).hexdigest()
    house.models.hold(LoadedModel("impact", "1", digest, scorer, folder / "payload", {}))
    people = employed(history(store.frames(NEEDED), house.clock(), FACT_KEYS))
    kept = keep_scores(house, "impact", people["employee_id"].to_list())
    print(f"own effects kept for {kept} of {people.height} people")
    is_new = (people["tenure_days"] < NEWCOMER_DAYS).to_numpy()
    for course in courses:
        found = next(one for one in scorer.estimates() if (one["course_id"], one["outcome"]) == (course, KPI))
        gate = found["individual"] or {}
        print(f"{course}: on average {spanned(found['effect'])}, {found['verdict']['code']}; gate {gate.get('gate')} "
              f"({gate.get('verdict')}), own line {'kept' if gate.get('line') else 'none'}")  # fmt: skip
        values = expected(house, people["employee_id"].to_list(), course)
        if np.isfinite(values).all() and np.ptp(values) > 0:
            apart = (
                float(mannwhitneyu(values[is_new], values[~is_new]).statistic)
                / is_new.sum()
                / (~is_new).sum()
            )
            print(f"  a newcomer is told more than somebody else in {apart:.0%} of all pairs")
        for name, who in (("newcomers", is_new), ("others", ~is_new)):
            told = values[who & np.isfinite(values)]
            if told.size:
                print(
                    f"  {name}: {who.sum()} people, told {told.mean():.2f} on average ({np.ptp(told):.2f} between the furthest)"
                )


def expected(house: House, people: list[str], course: str) -> np.ndarray[Any, Any]:
    """Return what a ranking of each person is told that a course adds to the KPI; ``nan`` where nothing."""
    found = np.full(len(people), np.nan)
    for place, person in enumerate(people):
        for one in impact_for(house, person).get(course, []):
            if one["outcome"] == KPI:
                found[place] = one["value"]
    return found


def spanned(effect: dict[str, float] | None) -> str:
    """Return an effect with its interval."""
    return (
        "refused"
        if effect is None
        else f"{effect['value']:.2f} ({effect['low']:.2f} to {effect['high']:.2f})"
    )
