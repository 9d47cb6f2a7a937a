"""Planted leaks stop the training, and what only looks like one does not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import RefusedError
from training.attrition.evaluate_table import guard
from training.attrition.guards import check_dates, check_periods
from training.attrition.plain.reading import read_encoded, read_request

PLANTED = Path(__file__).resolve().parents[3] / "benchmarks" / "attrition_leaks.py"
spec = importlib.util.spec_from_file_location("attrition_leaks", PLANTED)
assert spec is not None
assert spec.loader is not None
planted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(planted)


def guarded(tmp_path: Path, frame: pd.DataFrame, arguments: list[str]) -> None:
    path = tmp_path / "table.parquet"
    frame.to_parquet(path)
    request = read_request(["--table", str(path), *arguments])
    guard(read_encoded(request), request)


@pytest.mark.parametrize("name", list(planted.LEAKS))
def test_every_planted_leak_stops_the_training(tmp_path: Path, name: str) -> None:
    frame, arguments = planted.LEAKS[name](np.random.default_rng(5))
    with pytest.raises(RefusedError):
        guarded(tmp_path, frame, arguments)


@pytest.mark.parametrize("seed", range(5))
def test_honest_tables_with_strong_columns_and_gaps_are_let_through(tmp_path: Path, seed: int) -> None:
    guarded(tmp_path, *planted.honest_table(np.random.default_rng(seed)))
    guarded(tmp_path, *planted.honest_panel(np.random.default_rng(seed)))


def test_who_left_before_they_came_is_named() -> None:
    hired, left = np.array([0.0, 10.0, 5.0]), np.array([np.nan, 9.0, 40_000.0])
    with pytest.raises(RefusedError, match="2 spells, the first of b"):
        check_dates(hired, left, ["a", "b", "c"])
    check_dates(hired[:1], left[:1], ["a"])


def test_a_person_twice_in_a_period_is_refused_and_a_few_who_come_back_are_not() -> None:
    person, period = np.repeat(np.arange(200), 2), np.tile([0, 1], 200)
    left = np.zeros(400, dtype=bool)
    left[1::2] = True
    left[0] = True  # one of 200 left and came back
    check_periods(person, period, left)
    with pytest.raises(RefusedError, match="twice in the same period"):
        check_periods(np.append(person, 0), np.append(period, 1), np.append(left, False))
    with pytest.raises(RefusedError, match="impossible"):
        check_periods(person, period, np.ones(400, dtype=bool))
