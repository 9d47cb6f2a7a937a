"""What people answered in surveys: the latest answer to each item, its change, and the mean of all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from features.numbering import Ints
from features.survey_scale import share_of_scale
from features.timelines import latest_happened, micros, state_at, timeline

ITEMS = ("engagement", "satisfaction", "intent_to_stay")
WHOLE = (
    2.0**40
)  # shares are added up as whole numbers of so many parts: whoever stands before somebody changes no digit


def with_surveys(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Add the latest answer to each survey item, as a share of its scale, its change, and the mean of all answers."""
    share = share_of_scale().fill_nan(None)
    answers = tables["surveys"].select("employee_id", "item", "happened_at", "known_at", share=share)
    is_same = pl.col("employee_id") == pl.col("employee_id").shift(1)
    for item in ITEMS:
        line = timeline(answers.filter(pl.col("item") == item), ["employee_id"])
        change = pl.when(is_same).then(pl.col("share") - pl.col("share").shift(1))
        columns: dict[str, pl.Expr | pl.Series] = {
            f"{item}_share": pl.col("share"),
            f"{item}_change": change,
            f"{item}_mean_share": mean_so_far(line),
        }
        rows = state_at(rows, line.select("employee_id", "entered_at", **columns), ["employee_id"])
    return rows.with_columns(latest_happened(rows, answers, ["employee_id"]).alias("answered_at"))


def mean_so_far(line: pl.DataFrame) -> pl.Series:
    """Return the mean of a person's shares up to each row of a timeline; a correction replaces what it corrects."""
    person = line["employee_id"].rle_id().to_numpy()  # sorted: a run is a person
    at = micros(line["happened_at"])
    known = line["share"].is_not_null().to_numpy()
    share = np.round(line["share"].fill_null(0.0).to_numpy() * WHOLE).astype(np.int64)
    corrects = np.zeros(len(line), dtype=bool)
    corrects[1:] = (person[1:] == person[:-1]) & (at[1:] == at[:-1]) & known[:-1]
    more = np.where(corrects, share - np.roll(share, 1), share)
    total, count = (
        run - np.concatenate([[0], run])[first_of(person)]
        for run in (more.cumsum(), (known.astype(np.int64) - corrects).cumsum())
    )
    return pl.Series(total / (np.maximum(count, 1) * WHOLE)).set(pl.Series(count < 1), None)


def first_of(runs: Ints) -> Ints:
    """Return where the run of each row begins."""
    return np.searchsorted(runs, runs)
