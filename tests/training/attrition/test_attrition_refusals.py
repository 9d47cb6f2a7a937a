"""What must stop the training, before anything is learnt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from features.errors import BadInputError, RefusedError
from training.attrition.dataset import Dataset, Panel, build
from training.attrition.evaluate_table import run
from training.attrition.guards import check_columns, check_folds, check_panel
from training.context import TrainingContext

NAMES = ["pay", "rating", "site"]


def panel(cause: np.ndarray, features: np.ndarray | None = None) -> Panel:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(len(cause), 3)) if features is None else features
    return Panel(rows, cause, np.arange(len(cause)), np.zeros(len(cause), dtype=np.int64))


def test_stayers_only_stop_the_training() -> None:
    with pytest.raises(RefusedError, match="stayers only"):
        check_panel(panel(np.zeros(500, dtype=np.int64)), NAMES, ("voluntary",))


def test_leavers_only_stop_the_training() -> None:
    with pytest.raises(RefusedError, match="leavers only"):
        check_panel(panel(np.ones(500, dtype=np.int64)), NAMES, ("voluntary",))


def test_too_few_exits_stop_the_training() -> None:
    cause = np.zeros(500, dtype=np.int64)
    cause[:29] = 1
    with pytest.raises(RefusedError, match="too few") as caught:
        check_panel(panel(cause), NAMES, ("voluntary",))
    assert caught.value.found == "29"
    assert caught.value.allowed == "at least 30"


def some_left(n: int = 1000) -> np.ndarray:
    return np.arange(n) % 8 == 0


def test_a_column_made_of_the_outcome_stops_the_training() -> None:
    left = some_left()
    rows = np.random.default_rng(1).normal(size=(len(left), 3))
    rows[:, 1] = -1.0 * left + np.random.default_rng(2).normal(0, 0.1, len(left))
    with pytest.raises(RefusedError, match="rating is derived from the outcome"):
        check_columns(rows, left, NAMES)


def test_a_column_that_is_filled_for_leavers_only_stops_the_training() -> None:
    left = some_left()
    rows = np.random.default_rng(1).normal(size=(len(left), 3))
    rows[~left, 0] = np.nan
    with pytest.raises(RefusedError, match="pay is empty for stayers only"):
        check_columns(rows, left, NAMES)


def test_a_code_that_names_the_outcome_stops_the_training() -> None:
    left = some_left()
    rows = np.random.default_rng(1).normal(size=(len(left), 3))
    rows[:, 2] = np.where(left, 3.0, np.arange(len(left)) % 3)
    with pytest.raises(RefusedError, match="site is derived"):
        check_columns(rows, left, NAMES, categorical=[2])


def test_a_code_that_says_nothing_passes() -> None:
    rows = np.random.default_rng(1).normal(size=(1000, 3))
    rows[:, 2] = np.random.default_rng(2).integers(0, 2, 1000)
    check_columns(rows, np.random.default_rng(3).random(1000) < 0.3, NAMES, categorical=[2])


def test_columns_that_never_vary_stop_the_training() -> None:
    with pytest.raises(RefusedError, match="No column varies"):
        check_columns(np.ones((1000, 3)), some_left(), NAMES)


def test_the_same_person_on_both_sides_stops_the_training() -> None:
    with pytest.raises(RefusedError, match="both sides"):
        check_folds(np.array([1, 2, 2, 3]), np.array([0, 1]), np.array([2, 3]))


def test_records_without_an_exit_are_refused_with_a_hint() -> None:
    context = TrainingContext(records={}, as_of=datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(RefusedError, match="Nobody has left"):
        build(context)


def test_records_that_are_too_short_are_refused() -> None:
    end = datetime(2025, 1, 1, tzinfo=UTC)
    left = end - timedelta(days=200)
    exits = pl.DataFrame({"employee_id": ["e"], "spell": [1], "happened_at": [left], "known_at": [left],
                          "reason_class": ["voluntary"]}).with_columns(pl.col("happened_at", "known_at").cast(pl.Datetime("us", "UTC")))  # fmt: skip
    with pytest.raises(RefusedError, match="too short"):
        build(TrainingContext(records={"exits": exits}, as_of=end))


def written(tmp_path: Path, frame: pd.DataFrame) -> str:
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return str(path)


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "pay": rng.normal(size=n),
            "site": rng.choice(["a", "b"], n),
            "left": np.where(some_left(n), "Yes", "No"),
        }
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "what kind of table"),
        (["--label", "left", "--duration", "pay", "--event", "left"], "what kind of table"),
        (["--label", "gone"], "lacks a column"),
        (["--label", "left", "--positive", "Maybe"], "says Maybe"),
        (["--label", "site"], "does not say which"),
        (["--label", "left", "--split", "temporal"], "needs the column of the period"),
        (["--label", "left", "--folds", "1"], "two folds"),
        (["--duration", "site", "--event", "left"], "impossible time"),
        (["--label", "left", "--columns", "nowhere.toml"], "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_reason(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    with pytest.raises((BadInputError, RefusedError), match=words):
        run(["--table", written(tmp_path, people()), *arguments])


def test_a_column_from_the_future_is_found_in_a_panel(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    rows = []
    for person in range(300):
        exit_at = int(rng.integers(1, 24))
        for period in range(1, min(exit_at, 12) + 1):
            event = int(period == exit_at)
            noise = rng.normal()
            rows.append((person, period, event, rng.normal(), noise + 2.5 * event))
    frame = pd.DataFrame(rows, columns=["id", "month", "event", "pay", "handover_notes"])
    with pytest.raises(RefusedError, match="handover_notes knows the future"):
        run(["--table", written(tmp_path, frame), "--id", "id", "--period", "month", "--event", "event"])


def test_a_panel_is_not_judged_without_a_gap_of_the_horizon(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": np.repeat(np.arange(100), 10), "month": np.tile(np.arange(10), 100),
                          "event": (np.arange(1000) % 20 == 19).astype(int), "pay": np.random.default_rng(1).normal(size=1000)})  # fmt: skip
    arguments = ["--id", "id", "--period", "month", "--event", "event", "--horizon", "3"]
    with pytest.raises(BadInputError, match="leave no gap"):
        run(["--table", written(tmp_path, frame), *arguments, "--train-until", "6", "--test-from", "7"])


def test_the_planted_dataset_itself_passes_the_guards(planted: Dataset) -> None:
    check_panel(planted.panel, list(planted.schema), planted.causes)
    with pytest.raises(RefusedError):
        check_panel(
            replace(planted.panel, cause=np.zeros_like(planted.panel.cause)),
            list(planted.schema),
            planted.causes,
        )
