"""What makes a plain table unusable before anything is estimated: people twice, units mixed, times the wrong way round."""

from __future__ import annotations

import argparse
import re

import numpy as np
import pandas as pd

from features.errors import RefusedError
from training.impact.plain.dates import times
from training.impact.table import Bools, Floats

NAMES_A_PERSON = {
    "id", "pid", "uid", "person", "person_id", "employee", "employee_id", "subject", "subject_id", "participant_id",
    "user_id", "worker_id", "unit_id",
}  # fmt: skip
WITH_UNIT = re.compile(r"^\s*[-+]?[\d.,]+\s*([^\d\s.,+-].*?)\s*$")
MOST_COPIES = 0.02
CODES = tuple(
    sign * digit * place
    for place in (1, 11, 111, 1111, 11111, 111111)
    for digit in (7, 8, 9)
    for sign in (1, -1)
)
FAR = 3.0  # times the span of nine in ten of the other values


def refuse_twice(frame: pd.DataFrame, unit: str | None) -> None:
    """Raise RefusedError where a person stands in a cross-section more than once."""
    if not unit or unit not in frame.columns:
        return
    twice = frame[unit][frame[unit].duplicated() & frame[unit].notna()]
    if len(twice):
        raise RefusedError(
            "Some people stand in the table more than once, so their rows are not independent.",
            found=f"{twice.nunique()} people, for example {twice.iloc[0]}",
            allowed="one row per person",
            hint="Keep one row each, or give --cluster instead of --unit.",
        )


def identifier(frame: pd.DataFrame, request: argparse.Namespace) -> str | None:
    """Return the column that names a person: the one given, or one whose name says so; None where there is none.

    Notes
    -----
    A column that is used otherwise (as cluster, covariate …) is not taken for a name.
    """
    if request.unit:
        return str(request.unit)
    used = {request.cluster, request.treatment, request.outcome, request.offer, *(request.covariates or [])}
    named = [name for name in frame.columns if name.lower() in NAMES_A_PERSON and name not in used]
    return str(named[0]) if named else None


def refuse_copies(frame: pd.DataFrame, outcome: str) -> None:
    """Raise RefusedError where whole rows are copies of others.

    Notes
    -----
    Two people may be alike in every rounded number. Copies count only where nobody but the copy shares the outcome, digit
    for digit: that does not happen to different people by chance.
    """
    is_copy = frame.duplicated(keep=False)
    if not is_copy.any():
        return
    rows_with_value = frame[outcome].map(frame[outcome].value_counts())
    alike = frame.groupby(list(frame.columns), dropna=False, sort=False)[outcome].transform("size")
    copies = int((is_copy & frame.duplicated() & (rows_with_value == alike)).sum())
    if copies > MOST_COPIES * len(frame):
        raise RefusedError(
            "Many rows are copies of others, digit for digit: the same people stand in the table more than once.",
            found=f"{copies} copies among {len(frame)} rows",
            allowed="one row per person",
            hint="Keep one row each.",
        )


def refuse_mixed_units(frame: pd.DataFrame, request: argparse.Namespace) -> None:
    """Raise RefusedError where the outcome is measured in more than one unit.

    Notes
    -----
    Looked for in the column that `--outcome-unit` names, in one called ``<outcome>_unit`` or ``<outcome>_currency``, and in
    the values themselves (``3 h``, ``2 days``).
    """
    named = request.outcome_unit
    usual = (f"{request.outcome}_unit", f"{request.outcome}_currency")
    column = named or next((name for name in usual if name in frame.columns), None)
    units = set(frame[column].dropna().astype(str).str.strip()) if column else set()
    if not column and not pd.api.types.is_numeric_dtype(frame[request.outcome]):
        units = set(frame[request.outcome].dropna().astype(str).str.extract(WITH_UNIT)[0].dropna())
    if len(units) > 1:
        raise RefusedError(
            f"The outcome {request.outcome} is measured in more than one unit.",
            found=", ".join(sorted(units)[:5]),
            allowed="one unit",
            hint="Convert the values first.",
        )


def refuse_codes(values: Floats, name: str) -> None:
    """Raise RefusedError for an outcome in which a number that is written for “unknown” stands far from all others, twice or more."""
    seen = values[np.isfinite(values)]
    for code in CODES:
        is_code = seen == code
        others = seen[~is_code]
        if is_code.sum() < 2 or others.size < 20:
            continue
        low, middle, high = np.percentile(others, [5, 50, 95])
        if high > low and abs(code - middle) > FAR * (high - low):
            raise RefusedError(
                f"{name} holds {code:g}, far from everything else: it looks like a code for unknown.",
                found=f"{int(is_code.sum())} times; nine in ten of the others lie within {low:g} to {high:g}",
                hint="Leave those cells empty, or the rows out.",
            )


def refuse_wrong_order(frame: pd.DataFrame, request: argparse.Namespace, trained: Bools) -> None:
    """Raise RefusedError where an outcome was measured before the training, or a covariate after it."""
    if not request.trained_at:
        return
    start = times(frame, request.trained_at)
    known = trained & np.isfinite(start)
    for name, is_early, what in (
        (request.measured_at, True, "The outcome of some of the trained was measured before their training."),
        (
            request.known_at,
            False,
            "Covariates of some of the trained were known only after their training began.",
        ),
    ):
        if not name:
            continue
        when = times(frame, name)
        wrong = known & (when <= start if is_early else when > start)
        if wrong.any():
            raise RefusedError(
                what,
                found=f"{int(wrong.sum())} of {int(known.sum())} trained, by {name} and {request.trained_at}",
                allowed="covariates from before, outcomes from after",
                hint="Leave those rows or columns out.",
            )
