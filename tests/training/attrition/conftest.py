"""A planted hazard: everything that moves it is known, so that what was learnt can be compared with the truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.attrition.population import FEATURE_SCHEMA, NAMES
from training.attrition.dataset import Dataset, Landmark, Panel
from training.attrition.fit import Parameters, fit
from training.loading import load_scorer
from training.payload import Payload, write_payload

FAST = Parameters(shapes=("stumps",), penalties=(10.0,), bags=2)
MONTHS, CHECKED = 12, 3
OVERTIME, PAY, TENURE = (NAMES.index(name) for name in ("overtime_hours", "pay_to_job_median", "tenure_days"))


def true_log_odds(features: np.ndarray) -> np.ndarray:
    """Return the planted log-odds of leaving voluntarily within a month."""
    pay = np.nan_to_num(features[:, PAY], nan=1.0)
    return -4.0 + 0.12 * features[:, OVERTIME] - 2.5 * (pay - 1.0) - 0.0004 * features[:, TENURE]


def sample(people: int, seed: int, is_null: bool = False) -> Dataset:
    """Return a dataset in which overtime raises, pay and tenure lower, and nothing else matters."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(people, len(NAMES)))
    rows[:, OVERTIME], rows[:, PAY] = rng.uniform(0, 15, people), rng.normal(1.0, 0.2, people)
    rows[:, TENURE] = rng.uniform(0, 3000, people)
    rows[rng.random(people) < 0.1, PAY] = np.nan
    hazard = 1 / (1 + np.exp(-true_log_odds(rows)))
    hazard = np.full(people, hazard.mean()) if is_null else hazard
    other = np.array([0.004, 0.001, 0.0005])
    parts, here = [], np.ones(people, dtype=bool)
    test_cause, duration = np.zeros(people, dtype=np.int64), np.full(people, 184.0)
    for month in range(MONTHS + 6):
        draw = rng.random(people)
        edges = np.cumsum(np.column_stack([hazard, np.tile(other, (people, 1))]), axis=1)
        cause = np.where(draw < edges[:, -1], 1 + (draw[:, None] >= edges).sum(axis=1), 0)
        now = rows + np.where(np.arange(len(NAMES)) == TENURE, 30.4 * month, 0)
        if month < MONTHS:
            chosen = np.flatnonzero(here)
            parts.append((now[chosen], cause[chosen], chosen, np.full(len(chosen), month)))
        elif month == MONTHS:
            start, at_start = now, here.copy()
        if month >= MONTHS:
            leaves = here & (cause > 0)
            test_cause[leaves], duration[leaves] = cause[leaves], (month - MONTHS + 0.5) * 30.4
        here &= cause == 0
    panel = Panel(*(np.concatenate([part[place] for part in parts]) for place in range(4)))
    fit_rows = np.flatnonzero(panel.period < MONTHS - CHECKED)
    early = panel.period == 3
    last = {
        person: month
        for person, month, cause in zip(panel.person, panel.period, panel.cause, strict=True)
        if cause
    }
    causes = {person: cause for person, cause in zip(panel.person, panel.cause, strict=True) if cause}
    past_people = panel.person[early]
    past = Landmark(
        panel.features[early],
        np.array([(last.get(p, MONTHS + 3) - 3 + 0.5) * 30.4 for p in past_people]),
        np.array([causes.get(p, 0) for p in past_people]),
        past_people,
    )
    kept = np.flatnonzero(at_start)
    test = Landmark(start[kept], duration[kept], test_cause[kept], kept, [f"p{number}" for number in kept])
    return Dataset(
        panel=panel, folds=[(fit_rows, np.flatnonzero(panel.period >= MONTHS - CHECKED))], final_rows=np.arange(len(panel)), is_by_time=True,
        test=test, past=past, schema=FEATURE_SCHEMA, tenure=TENURE, digest="planted",
        season=[NAMES.index("season_sine"), NAMES.index("season_cosine")], protocol="planted", threads=1,
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_planted() -> Callable[..., Dataset]:
    """Return the function that draws a planted dataset."""
    return sample


@pytest.fixture(scope="session")
def planted() -> Dataset:
    """Return a planted dataset of 1,500 people."""
    return sample(1_500, seed=3)


@pytest.fixture(scope="session")
def truth() -> Callable[[np.ndarray], np.ndarray]:
    """Return the planted log-odds as a function of features."""
    return true_log_odds


@pytest.fixture(scope="session")
def fitted(planted: Dataset) -> Payload:
    """Return the payload fitted to the planted dataset."""
    return fit(planted, FAST, np.random.default_rng(7))


@pytest.fixture(scope="session")
def folder(fitted: Payload, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the written payload."""
    place = tmp_path_factory.mktemp("attrition") / "payload"
    write_payload(fitted, place)
    return place


@pytest.fixture(scope="session")
def scorer(folder: Path) -> Any:
    """Return the scorer of the written payload."""
    return load_scorer(folder)
