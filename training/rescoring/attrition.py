"""The last block of attrition alone, and what a saved model says of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.attrition.population import FEATURE_SCHEMA, NAMES, TABLES, employed, features
from features.errors import RefusedError
from features.skills.levels import COMPLETION_KINDS
from training.attrition import dataset as building
from training.attrition.dataset import Dataset, Landmark, Panel
from training.attrition.judging import horizons as judging
from training.context import TrainingContext
from training.fairness import report as fairness
from training.loading import load_scorer
from training.rescoring.rescored import Bools, Floats, Rescored, Said
from training.stored import Ever, side_by_side, some

NEW_DAYS = 365.25
NO_HISTORY = pl.DataFrame()
ABOUT_ONESELF = (
    "surveys",
    "learning_events",
    "held_skills",
)  # what is told of others changes nobody's features


@dataclass(frozen=True)
class LastBlock(Dataset):
    """The test people alone.

    Parameters
    ----------
    departments : sequence of str or None
        Where each row's person worked at the moment, as `Dataset.test` has them.
    """

    departments: Sequence[str | None] = ()


def last_block(context: TrainingContext) -> LastBlock:
    """Return the test people of the records, without anything to learn from: a moment instead of every month.

    Raises
    ------
    RefusedError
        If the records are too short for a last block.
    """
    starts, block = moments_of(context)
    test_at = starts[-block - 1]
    tables = told_at(context.records, test_at)
    rows = building.with_outcome(features(tables, [test_at]), context.records, context.as_of)
    people = {name: number for number, name in enumerate(rows["employee_id"].unique().sort())}
    nobody = np.empty((0, len(NAMES)))
    none = np.empty(0, dtype=np.int64)
    test = building.landmark_of(rows, people, starts[-1])
    return LastBlock(
        panel=Panel(nobody, none, none, none),
        folds=(),
        final_rows=none,
        test=test,
        past=Landmark(nobody, np.empty(0), none, none),
        schema=FEATURE_SCHEMA,
        tenure=NAMES.index("tenure_days"),
        protected=context.protected,
        protocol=building.in_words(starts, test_at, block),
        threads=context.threads,
        departments=departments(tables.get("job_history", NO_HISTORY), test.names),
    )


def moments_of(context: TrainingContext) -> tuple[list[datetime], int]:
    """Return the moments of the records, and how many months the last block has.

    Raises
    ------
    RefusedError
        If the records are too short for a last block.
    """
    starts = building.month_starts(building.first_moment(context), context.as_of)
    if len(starts) - 1 < building.FEWEST_MONTHS:
        raise RefusedError(
            "The records are too short to hold a last block of attrition.",
            found=f"{max(len(starts) - 1, 0)} whole months before {context.as_of:%Y-%m-%d}",
            allowed=f"at least {building.FEWEST_MONTHS}",
        )
    return starts, building.YEAR if len(starts) - 1 >= building.LONG_MONTHS else building.HALF_YEAR


def block_start(context: TrainingContext) -> datetime:
    """Return when the last block begins."""
    starts, block = moments_of(context)
    return starts[-block - 1]


def told_at(records: Mapping[str, pl.DataFrame], moment: datetime) -> dict[str, pl.DataFrame]:
    """Return what features at one moment are made of, and no more: what was known then, of those who were here."""
    learnt = Ever("event_id", "kind", COMPLETION_KINDS)  # nothing else that was learnt moves a feature
    tables = side_by_side(records, {
        name: partial(some, records, name, list(shape), moment, learnt if name == "learning_events" else None)
        for name, shape in TABLES.items()
        if name in records
    })  # fmt: skip
    empty = {name: pl.DataFrame(schema=dict(TABLES[name])) for name in ("employees", "exits")}
    here = employed({**empty, **tables}, [moment]).select("employee_id").unique()
    own = {name: tables[name].join(here, "employee_id", "semi", maintain_order="left") for name in ABOUT_ONESELF
           if name in tables}  # fmt: skip
    return tables | own


def rescore(folder: Path, dataset: Dataset) -> Rescored:
    """Return what a payload says of the test people, for the horizon that its evaluation compares."""
    scorer = load_scorer(folder)
    horizon = main_horizon(dataset)
    started = time.perf_counter()
    labelled = judging.judge_labels(dataset, scorer, horizon, with_peers=False)
    seconds = time.perf_counter() - started
    said, left = np.asarray(labelled.said[judging.OURS], dtype=np.float64), labelled.left
    order = by_person(dataset.test)
    return Rescored(
        primary="log_score",
        units=np.asarray(judging.label_units([labelled])[judging.OURS], dtype=np.float64),
        further={"brier": -((said - left) ** 2)[order], "auc": placements(said, left)[order]},
        rows_per_second=len(said) / max(seconds, 1e-9),
        said=Said(said, left, f"{dataset.horizons[horizon]:g} {dataset.units}"),
    )


def main_horizon(dataset: Dataset) -> int:
    """Return the place of the horizon that is compared: the second, or the only one that the last block holds."""
    seen = float(dataset.test.duration.max())
    judged = [place for place, horizon in enumerate(dataset.horizons) if horizon <= seen + 0.5]
    if not judged:
        raise RefusedError("The last block is shorter than every horizon.", found=f"{seen:.0f} days")
    return judged[min(1, len(judged) - 1)]


def by_person(test: Landmark) -> NDArray[np.intp]:
    """Return the order of rows in which units stand: people ascending, one row each."""
    people, first = np.unique(test.person, return_index=True)
    if people.size != test.person.size:
        raise RefusedError("A person stands more than once in the last block.", found=str(test.person.size))
    return np.asarray(first, dtype=np.intp)


def placements(said: Floats, left: Bools) -> Floats:
    """Return units whose mean is the AUC, and whose spread is that of its jackknife.

    Notes
    -----
    A leaver's placement is the share of stayers scored below, a stayer's the share of leavers scored above; centred
    and weighted by how many there are of either kind, their mean is the AUC.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson: Comparing the areas under two or more correlated ROC curves, Biometrics 1988.
    doi:10.2307/2531595
    """
    n, leavers = len(left), int(left.sum())
    if leavers in (0, n):
        return np.full(n, np.nan)
    stayers = n - leavers
    low, high = np.sort(said[~left]), np.sort(said[left])
    below = (np.searchsorted(low, said, "left") + np.searchsorted(low, said, "right")) / 2 / stayers
    above = 1 - (np.searchsorted(high, said, "left") + np.searchsorted(high, said, "right")) / 2 / leavers
    auc = float(below[left].mean())
    share = np.where(left, leavers / n, stayers / n)
    return np.asarray(auc + (np.where(left, below, above) - auc) / share, dtype=np.float64)


def slices(context: TrainingContext, dataset: Dataset) -> dict[str, Bools]:
    """Return slices of the test people: new people, departments, groups of each protected attribute."""
    order, names = by_person(dataset.test), dataset.test.names
    tenure = dataset.test.features[order, NAMES.index("tenure_days")]
    found: dict[str, Bools] = {
        "new people (under a year)": tenure < NEW_DAYS,
        "a year and more": ~(tenure < NEW_DAYS),
    }
    worked_in = dataset.departments if isinstance(dataset, LastBlock) else departments_then(context, names)
    attributes = {"department": worked_in, **fairness.of_people(dataset.protected, names)}
    return found | {name: rows[order] for name, rows in groups_of(attributes).items()}


def departments_then(context: TrainingContext, names: Sequence[str]) -> list[str | None]:
    """Return where people worked when the last block began."""
    columns = ("employee_id", "happened_at", "known_at", "department")
    there = "job_history" in context.records
    history = some(context.records, "job_history", columns, block_start(context)) if there else NO_HISTORY
    return departments(history, names)


def departments(job_history: pl.DataFrame, names: Sequence[str]) -> list[str | None]:
    """Return the department last known of each person; None where unknown."""
    if "department" not in job_history.columns:
        return [None] * len(names)
    stated = job_history.select("employee_id", "happened_at", "known_at", "department")
    last = stated.sort("happened_at", "known_at").unique("employee_id", keep="last")
    asked = pl.DataFrame({"employee_id": list(names)}, schema={"employee_id": pl.String})
    return asked.join(last, "employee_id", "left", maintain_order="left")["department"].to_list()


def groups_of(attributes: Mapping[str, Sequence[str | None]]) -> dict[str, Bools]:
    """Return one slice per value of each attribute."""
    found: dict[str, Bools] = {}
    for name, values in attributes.items():
        words = [None if value is None else str(value) for value in fairness.banded(values)]
        banded = pl.Series(words, dtype=pl.String)
        found |= {
            f"{name} = {value}": (banded == value).fill_null(False).to_numpy()
            for value in banded.drop_nulls().unique().sort()
        }
    return found
