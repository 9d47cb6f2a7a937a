"""What is true of the people of a sample organisation, and how much of it their features tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from training.attrition.dataset import Dataset
from training.attrition.scorer import Floats

END = datetime(2026, 1, 1, tzinfo=UTC)


def most_told(features: Floats, true: Floats, folds: int = 5) -> Floats:
    """Return the true log-hazard as the features tell it out of fold: what a model of them could say that knew every chance.

    Notes
    -----
    Exits are draws, and few; the chances themselves are not noisy. Between this and the model lies what too few exits leave
    unlearnt; between this and the truth, what nobody could know on that day: surveys answer with noise and age, changes
    of the day itself are not known yet, and the multiplier shows in no record but a little in the intent to stay.
    """
    found, fold = np.empty(len(true)), np.random.default_rng(1).permutation(len(true)) % folds
    settings = {"objective": "regression", "num_leaves": 15, "learning_rate": 0.05, "num_iterations": 200, "lambda_l2": 5.0,
                "min_data_in_leaf": 50, "feature_fraction": 0.5, "seed": 1, "verbosity": -1, "deterministic": True}  # fmt: skip
    for each in range(folds):
        learnt = fold != each
        trees = lgb.train(settings, lgb.Dataset(features[learnt], true[learnt]))
        found[~learnt] = np.asarray(trees.predict(features[~learnt]))
    return found


def true_hazards(folder: Path, dataset: Dataset, months_before: int = 0) -> tuple[Floats, Floats]:
    """Return the log of each test person's true hazard in the month that begins the last block, and without the multiplier.

    Parameters
    ----------
    folder : Path
        Of the organisation.
    dataset : Dataset
        Whose test people are asked about.
    months_before : int
        How many months earlier: what changes on the first day of the block is in its own month, and unknown before it.

    Returns
    -------
    (n,), (n,) float
        Not a number for whoever was not at work on that day.
    """
    block = timedelta(days=float(dataset.test.duration.max()))
    first = (END - block).date().replace(day=1)
    for _ in range(months_before):
        first = (first - timedelta(days=1)).replace(day=1)
    months = pl.read_parquet(folder / "truth" / "person_months.parquet").filter(pl.col("month") == first)
    people = pl.read_parquet(folder / "truth" / "people.parquet")
    known = months.join(people, ["employee_id", "spell"]).sort("spell").unique("employee_id", keep="last")
    asked = pl.DataFrame({"employee_id": list(dataset.test.names)})
    rows = asked.join(known, "employee_id", "left", maintain_order="left")
    true = np.log(-np.log1p(-rows["voluntary"].cast(pl.Float64).to_numpy()))
    return true, true - rows["log_frailty"].to_numpy()
