"""Attrition on an organisation whose true hazard is known: ranking, level and drivers beside the planted ones.

Run: python -m benchmarks.attrition_planted [--employees 20000] [--years 3] [--organisation FOLDER]

The true hazard holds what no record shows (a multiplier per person). Its own ranking is therefore printed twice: as it
is, and without that multiplier, which is the most that records can tell.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.attrition_truth import END, most_told, true_hazards
from features.attrition.population import NAMES, TABLES, features
from features.history import history
from training.attrition.dataset import Dataset, build
from training.attrition.fit import Parameters, fit
from training.attrition.judging.drivers import ranked_alike
from training.attrition.judging.metrics import (
    auc,
    calibration_slope,
    interval_of,
    observed_to_expected,
    redrawn,
)
from training.attrition.judging.survival import censoring_curve, concordance
from training.attrition.longer import judge_longer
from training.attrition.scorer import Floats
from training.context import TrainingContext
from training.evaluation import versions
from training.fairness.report import banded, of_people
from training.loading import load_scorer
from training.payload import write_payload

ENOUGH = 400  # exits expected, from which the level and the slope must lie within .9 to 1.1
DRAWS = 300
FLIPPED = 10_000
MONTH_BEFORE = ("true hazard of the month before", "true hazard of the month before, of what is recorded")
Bools = NDArray[np.bool_]

COLUMNS_OF: Mapping[str, Sequence[str]] = {
    "pay_against_median": ("pay_to_job_median",),
    "promotion_wait": ("days_since_promotion", "days_in_job", "days_since_move"),  # one event, most of the time
    "manager_change": ("days_since_manager_change", "manager_changes_365_days"),
    "team_exits": ("team_exit_share_90_days", "team_exit_share_180_days"),
    "engagement": tuple(f"{item}_{part}" for item in ("engagement", "satisfaction", "intent_to_stay")
                        for part in ("share", "mean_share", "change")),
    "overtime": ("overtime_hours",),
    "commute": ("commute_minutes",),
    "learning": ("learning_hours_365_days", "completions_365_days"),
    "tenure": ("tenure_days",),
    "season": ("season_sine", "season_cosine"),
    "on_leave": ("is_on_leave",),
    "contract": ("is_temporary",),
}  # fmt: skip


def main() -> None:
    """Print each figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=20_000)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--organisation", type=Path, help="where it is kept, and found again; by default nowhere"
    )
    options = parser.parse_args()
    print("versions", dict(versions()))
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.organisation or Path(scratch) / "organisation"
        planted(folder, options.employees, options.years, options.seed)


def planted(folder: Path, employees: int, years: int, seed: int) -> None:
    """Print what a model of a sample organisation is worth, the truth beside it."""
    context = organisation(folder, employees, years, seed)
    marks = [time.perf_counter()]
    dataset = build(context)
    marks.append(time.perf_counter())
    payload = fit(dataset, Parameters(), np.random.default_rng(seed))
    marks.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as scratch:
        write_payload(payload, Path(scratch) / "payload")
        scorer = load_scorer(Path(scratch) / "payload")
        print(f"features {marks[1] - marks[0]:.0f} s, fit {marks[2] - marks[1]:.0f} s; chosen "
              f"{scorer.model['choice']['shape']} × {scorer.model['choice']['weight']}")  # fmt: skip
        for line in (
            *ranking(folder, dataset, scorer),
            *levels(context, dataset, scorer),
            *told(folder, dataset, scorer),
        ):
            print(line, flush=True)
        print(flipped(folder, scorer), flush=True)


def organisation(folder: Path, employees: int, years: int, seed: int) -> TrainingContext:
    """Return the records of a sample organisation, written and imported unless the folder has them already."""
    from features.records.protected import protected_attributes
    from features.records.reading import import_organisation
    from features.records.sample import write_sample
    from features.records.store import open_store

    address = f"sqlite:///{folder / 'records.db'}"
    if not (folder / "records.db").exists():
        write_sample(folder, employees=employees, years=years, seed=seed)
        import_organisation(open_store(address), folder)
    store = open_store(address)
    try:
        return TrainingContext(store.frames(TABLES), END, protected_attributes(store))
    finally:
        store.close()


@dataclass(frozen=True)
class Told:
    """What was said of the people of the last block, and what came.

    Parameters
    ----------
    days : float
        Within which.
    said : (n,) float
        Probability of leaving voluntarily.
    left : (n,) bool
        Who did.
    """

    days: float
    said: Floats
    left: Bools


def judged(dataset: Dataset, scorer: Any) -> Iterator[Told]:
    """Yield each horizon that the last block was followed for."""
    test = dataset.test
    scores = scorer.scores(test.features).reshape(len(test.features), len(dataset.horizons), -1)
    for place, days in enumerate(dataset.horizons):
        if days <= test.duration.max() + 0.5:
            yield Told(days, scores[:, place, 0], (test.cause == 1) & (test.duration <= days))


def ranking(folder: Path, dataset: Dataset, scorer: Any) -> Iterator[str]:
    """Yield how the model orders and spreads exits, and how the true hazard of the first month does, which fades too."""
    true, recorded = true_hazards(folder, dataset)
    *_, last = judged(dataset, scorer)
    there = ~np.isnan(true)
    people = np.flatnonzero(there)
    duration, left = dataset.test.duration[there], dataset.test.cause[there] == 1
    censoring = censoring_curve(duration, left)
    until = min(last.days, float(duration.max()) * (1 - 1e-9))
    _, weights = redrawn(people, np.random.default_rng(1), DRAWS)
    risks = {"model": last.said, "true hazard": true, "true hazard of what is recorded": recorded,
             **dict(zip(MONTH_BEFORE, true_hazards(folder, dataset, months_before=1), strict=True))}  # fmt: skip
    risks = {name: np.where(np.isnan(risk), np.nanmedian(risk), risk)[there] for name, risk in risks.items()}
    risks["true hazard as the features tell it"] = most_told(dataset.test.features[there], true[there])
    for name, risk in risks.items():
        pairs = concordance(duration, left, risk, censoring, until)
        order = interval_of(pairs.value, weights)
        area = interval_of(lambda counts, risk=risk: auc(last.left[there], risk, counts), weights)  # type: ignore[misc]
        odds = np.clip(1 - np.exp(-np.exp(risk)) if name != "model" else risk, 0, 1)
        slope = calibration_slope(last.left[there], odds, np.ones(len(people)))
        yield (f"ranking within {last.days:g} days, {name}: slope {slope:.2f}, Uno's C {order.value:.3f} ({order.low:.3f} to {order.high:.3f}), "
               f"AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f})")  # fmt: skip


def levels(context: TrainingContext, dataset: Dataset, scorer: Any) -> Iterator[str]:
    """Yield observed per expected exits and calibration slope, of everybody and of each group with exits enough."""
    groups = groups_of(context, dataset)
    for each in judged(dataset, scorer):
        outside, refused = [], []
        for attribute, values in groups.items():
            for group in sorted(set(values.tolist())):
                rows = values == group
                if each.said[rows].sum() < ENOUGH:
                    continue
                line, is_within, could_be = level_line(each, rows)
                outside += [] if is_within else [f"{attribute} {group}".strip()]
                refused += [] if could_be else [f"{attribute} {group}".strip()]
                yield f"level within {each.days:g} days, {attribute} {group}: {line}"
        yield (f"level within {each.days:g} days: outside .9 to 1.1: {', '.join(outside) or 'none'}; with the whole "
               f"interval, which is what a gate refuses: {', '.join(refused) or 'none'}")  # fmt: skip
    for name, year in judge_longer(
        dataset, scorer.model["choice"], float(dataset.test.duration.max())
    ).items():
        cells = ", ".join(f"{metric} {one['value']:.3f} ({one['low']:.2f} to {one['high']:.2f})"
                          for metric, one in year["metrics"].items() if metric in ("auc", "o_e", "calibration_slope"))  # fmt: skip
        yield f"from a year before the end, within {name}: {year['n']['exits']} exits, {cells}"
    for row in scorer.model["back_test"]:
        yield f"back-test {row['period']}: expected {row['predicted']:.1f}, came {row['actual']}, o/e {row['o_e']:.2f}"


def level_line(each: Told, rows: Bools) -> tuple[str, bool, bool]:
    """Return the level and the slope of some people with their intervals, whether both values lie within .9 to 1.1, and whether they could."""
    said, left = each.said[rows], each.left[rows]
    _, weights = redrawn(np.arange(len(said)), np.random.default_rng(1), DRAWS)
    level = interval_of(lambda counts: observed_to_expected(left, said, counts), weights)
    slope = interval_of(lambda counts: calibration_slope(left, said, counts), weights)
    words = (f"expected {said.sum():.0f}, came {int(left.sum())}, o/e {level.value:.3f} ({level.low:.2f} to {level.high:.2f}), "
             f"slope {slope.value:.3f} ({slope.low:.2f} to {slope.high:.2f})")  # fmt: skip
    both = (level, slope)
    return (
        words,
        all(0.9 <= one.value <= 1.1 for one in both),
        all(one.low <= 1.1 and one.high >= 0.9 for one in both),
    )


def groups_of(context: TrainingContext, dataset: Dataset) -> dict[str, NDArray[Any]]:
    """Return everybody, and what the records and the protected attributes divide the test people into."""
    at = END - timedelta(days=float(dataset.test.duration.max()))
    held = history(
        {"job_history": context.records["job_history"]}, at, {"job_history": ["employee_id", "spell"]}
    )
    jobs = held["job_history"].sort("happened_at").unique("employee_id", keep="last")
    asked = pl.DataFrame({"employee_id": list(dataset.test.names)})
    rows = asked.join(jobs, "employee_id", "left", maintain_order="left")
    found = {"everybody": np.full(len(rows), "")}
    for name in ("department", "location", "employment_type"):
        found[name] = rows[name].fill_null("unknown").to_numpy().astype(str)
    protected = of_people(dataset.protected, dataset.test.names)
    for name, values in protected.items():
        found[name] = np.array([str(value or "unknown") for value in banded(values)])
    return found


def flipped(folder: Path, scorer: Any) -> str:
    """Return for how many people another sex, age or origin changes anything in their score."""
    from features.records.store import open_store

    scores = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "records.db"
        shutil.copy(folder / "records.db", copy)
        for turn in (flip_nobody, flip_everybody):
            changed = turn(copy)
            store = open_store(f"sqlite:///{copy}")
            rows = (
                features(store.frames(TABLES), [END])
                .head(FLIPPED)
                .select(NAMES)
                .to_numpy()
                .astype(np.float64)
            )
            store.close()
            scores.append(np.hstack([scorer.scores(rows), scorer.interval(rows), scorer.contributions(rows)]))
    differ = int((scores[0] != scores[1]).any(axis=1).sum())
    return f"flipped: {changed:,} protected attributes changed, {differ} of {len(scores[0]):,} people scored otherwise (0)"


def flip_nobody(_: Path) -> int:
    """Leave the attributes as they are."""
    return 0


def flip_everybody(database: Path) -> int:
    """Give everybody another value of each protected attribute; return how many values changed."""
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute("SELECT DISTINCT attribute, value FROM protected_attributes").fetchall()
        values: dict[str, list[str]] = {}
        for attribute, value in sorted(rows):
            values.setdefault(attribute, []).append(value)
        turns = [(attribute, value, some[(place + 1) % len(some)])
                 for attribute, some in values.items() for place, value in enumerate(some)]  # fmt: skip
        connection.execute("CREATE TEMP TABLE turns (attribute TEXT, before TEXT, after TEXT)")
        connection.executemany("INSERT INTO turns VALUES (?, ?, ?)", turns)
        changed = connection.execute(
            "UPDATE protected_attributes SET value = turns.after FROM turns WHERE turns.attribute = "
            "protected_attributes.attribute AND turns.before = protected_attributes.value AND turns.before <> turns.after"
        )
        return int(changed.rowcount)


def told(folder: Path, dataset: Dataset, scorer: Any) -> Iterator[str]:
    """Yield the planted and the found size of each driver, the spread of its term, and how alike they are ranked."""
    drivers = json.loads((folder / "truth.json").read_text("utf-8"))["hazard_drivers"]["voluntary"]
    true = {row["driver"]: float(row["importance"]) for row in drivers}
    both = true.get("overtime_times_commute", 0.0)
    sizes = {name: true[name] + (both / 2 if name in ("overtime", "commute") else 0.0) for name in COLUMNS_OF}
    rows = dataset.panel.features[:: len(dataset.panel) // 20_000 + 1]
    parts = scorer.contributions(rows)
    found = {name: float(parts[:, [NAMES.index(column) for column in columns]].sum(axis=1).std())
             for name, columns in COLUMNS_OF.items()}  # fmt: skip
    yield "drivers, planted/found: " + ", ".join(
        f"{name} {sizes[name]:.2f}/{found[name]:.2f}" for name in COLUMNS_OF
    )
    yield f"drivers: Spearman {ranked_alike(sizes, found):.2f} (≥ .8)"


if __name__ == "__main__":
    main()
