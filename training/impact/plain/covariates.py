"""Columns of a plain table as covariates: numbers as they are, dates as days, text as one indicator per value."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.errors import BadInputError, RefusedError
from training.impact.plain.dates import days, is_dates
from training.impact.plain.values import is_numeric, numbers
from training.impact.table import Bools, Floats, Ints

NAMED = (
    "treatment", "outcome", "negative_control", "cluster", "offer", "unit", "outcome_unit",
    "trained_at", "measured_at", "known_at",
)  # fmt: skip
MOST_LEVELS = 30
SAME = 1 - 1e-9  # squared correlation with the outcome: the same number in another unit


def covariate_names(
    frame: pd.DataFrame, request: argparse.Namespace, trained: Bools, left_out: dict[str, str]
) -> list[str]:
    """Return the covariates: those named, or (observational) every other column that can be one."""
    special = {getattr(request, name) for name in NAMED}
    if request.covariates is not None:
        never = (request.treatment, request.outcome, request.negative_control, request.offer)
        wrong = [name for name in request.covariates if name in never]
        if wrong:
            raise BadInputError(
                "The treatment, the offer and outcomes are no covariates.", found=", ".join(wrong)
            )
        return list(request.covariates)
    if request.design != "observational":
        return []
    names = []
    for name in frame.columns:
        if name in special:
            continue
        why = why_not(frame[name], trained)
        if why:
            left_out[str(name)] = why
        else:
            names.append(str(name))
    return names


def why_not(column: pd.Series, trained: Bools) -> str:
    """Return why a column is no covariate; empty where it is one."""
    seen = column.dropna()
    if seen.nunique() <= 1:
        return "has one value only"
    if is_numeric(column) or is_dates(column):
        return ""
    if seen.nunique() > MOST_LEVELS:
        return f"has more than {MOST_LEVELS} values"
    if set(column[trained].dropna().astype(str)).isdisjoint(column[~trained].dropna().astype(str)):
        return "tells the trained from the compared by name alone"
    return ""


def coded(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Return covariates as numbers; text becomes one indicator per value, the most common left out."""
    columns: list[Floats] = []
    labels: list[str] = []
    for name in names:
        column = frame[name]
        if is_numeric(column) or is_dates(column):
            columns.append(numbers(frame, name) if is_numeric(column) else days(frame, name))
            labels.append(name)
            continue
        text = column.astype(str).where(column.notna(), "unknown")
        for value in text.value_counts().index[1:MOST_LEVELS]:
            columns.append((text == value).to_numpy(dtype=np.float64))
            labels.append(f"{name} = {value}")
    matrix = np.column_stack(columns) if columns else np.zeros((len(frame), 0))
    return matrix, tuple(labels)


def refuse_telling(columns: Floats, names: Sequence[str], trained: Bools, outcome: Floats) -> None:
    """Raise RefusedError for a covariate that is the outcome in another unit, or that alone says who was trained.

    Notes
    -----
    The first came after the training; the second leaves nobody to compare with: every value of the trained lies beyond every
    value of the compared.
    """
    for place, name in enumerate(names):
        values = columns[:, place]
        known = np.isfinite(values)
        if is_same(values, outcome):
            raise RefusedError(
                f"Column {name} is the outcome itself, or the same in another unit: it came after the training.",
                hint="Leave it out of --covariates.",
            )
        low, high = (values[known & side] for side in (trained, ~trained))
        if min(low.size, high.size) and (low.min() > high.max() or low.max() < high.min()):
            raise RefusedError(
                f"There is no overlap: {name} alone tells the trained from the compared.",
                found=f"{low.min():g} to {low.max():g} of the trained, {high.min():g} to {high.max():g} of the compared",
                allowed="some people on either side with the same values",
                hint="Leave it out if it says nothing but who was trained; otherwise nobody is comparable.",
            )


def is_same(values: Floats, outcome: Floats) -> bool:
    """Say whether a column is a straight line of the outcome."""
    known = np.isfinite(values) & np.isfinite(outcome)
    mine, theirs = values[known], outcome[known]
    if known.sum() < 3 or min(np.ptp(mine), np.ptp(theirs)) == 0:
        return False
    within = [one / np.abs(one).max() for one in (mine, theirs)]  # whose squares neither overflow nor vanish
    scaled = [(one - one.mean()) / max(float(one.std()), 1e-300) for one in within]
    return bool(np.mean(scaled[0] * scaled[1]) ** 2 > SAME)


def cluster_codes(frame: pd.DataFrame, name: str | None, left_out: dict[str, str]) -> Ints | None:
    """Return clusters as numbers; None where none are named. A row that names none is one of its own."""
    if not name:
        return None
    is_empty = frame[name].isna().to_numpy()
    codes = np.asarray(pd.factorize(frame[name].astype(str))[0], dtype=np.int64)
    if is_empty.any():
        left_out[name] = f"{int(is_empty.sum())} rows name none; each counts by itself"
        codes[is_empty] = codes.max() + 1 + np.arange(int(is_empty.sum()))
    return codes
