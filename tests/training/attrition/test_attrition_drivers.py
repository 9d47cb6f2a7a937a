"""Columns that tell something are significant, noise is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.attrition.evaluate_table import run
from training.attrition.judging.drivers import judged_gain, ranked_alike


def table(tmp_path: Path, strength: float, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    load = rng.normal(size=600)
    left = rng.random(600) < 1 / (1 + np.exp(-(-1.2 + strength * load)))
    noise = {f"noise_{number}": rng.normal(size=600) for number in range(6)}
    path = tmp_path / "table.csv"
    pd.DataFrame({"load": load, **noise, "left": left.astype(int)}).to_csv(path, index=False)
    return ["--table", str(path), "--label", "left", "--repeats", "1", "--folds", "3", "--peers", "none"]


def test_of_noise_alone_no_column_is_significant_and_of_a_planted_one_it_is(tmp_path: Path) -> None:
    assert run(table(tmp_path, 0.0, 1)).diagnostics["drivers_significant"] == []
    found = run(table(tmp_path, 1.5, 2)).diagnostics
    assert found["drivers_significant"] == ["load"]
    assert found["drivers"][0]["column"] == "load"


def test_the_gain_is_the_mean_and_its_test_is_one_sided() -> None:
    gain, p = judged_gain([np.array([0.1, 0.3]), np.array([0.2])])
    assert gain == pytest.approx(0.2)
    assert p < 0.01
    assert judged_gain([np.array([-0.1, -0.3, -0.2])])[1] > 0.99
    assert judged_gain([np.zeros(5)]) == (0.0, 1.0)


def test_drivers_in_the_same_order_correlate_fully() -> None:
    assert ranked_alike({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 0.1, "b": 0.5, "c": 0.6}) == pytest.approx(1.0)
