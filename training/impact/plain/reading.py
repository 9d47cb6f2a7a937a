"""A plain table as the impact question reads it: who was trained, numbers for everything else, and what was left out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.errors import BadInputError
from training.impact.plain.checks import (
    identifier,
    refuse_copies,
    refuse_mixed_units,
    refuse_twice,
    refuse_wrong_order,
)
from training.impact.table import Bools, ComparisonTable, Floats, Ints
from training.tables import data_digest_of_table, read_table

NAMED = (
    "treatment", "outcome", "placebo_outcome", "negative_control", "cluster", "offer", "unit", "outcome_unit",
    "trained_at", "measured_at", "known_at",
)  # fmt: skip
YES = {"1", "1.0", "yes", "y", "true", "t", "treated", "treat", "trained", "treatment"}
NO = {"0", "0.0", "no", "n", "false", "f", "control", "untreated", "comparison", "none"}
MOST_LEVELS = 30


@dataclass
class Read:
    """A table that was read.

    Parameters
    ----------
    table : ComparisonTable
        As the estimators take it.
    offered : (n,) bool, optional
        Where an offer was drawn by lot.
    digest : str
        Of the rows used.
    left_out : dict of str to str
        Columns (or rows) that were not used, and why.
    """

    table: ComparisonTable
    digest: str
    offered: Bools | None = None
    left_out: dict[str, str] = field(default_factory=dict)


def read(request: argparse.Namespace) -> Read:
    """Return the comparison table that the arguments name.

    Raises
    ------
    BadInputError
        If a file or a column cannot be used.
    RefusedError
        If a person stands in the table twice, units are mixed, or times run the wrong way.
    """
    left_out: dict[str, str] = {}
    frame, trained, offered = said_rows(joined(request, left_out), request, left_out)
    refuse_mixed_units(frame, request)
    outcome = numbers(frame, request.outcome)
    request.unit = identifier(frame, request)
    refuse_twice(frame, request.unit)
    refuse_copies(frame, request.outcome)
    refuse_wrong_order(frame, request, trained)
    columns, labels = coded(frame, covariate_names(frame, request, trained, left_out))
    table = ComparisonTable(
        columns,
        labels,
        trained,
        outcome,
        numbers(frame, request.placebo_outcome) if request.placebo_outcome else None,
        (request.placebo_outcome,) if request.placebo_outcome else (),
        cluster_codes(frame, request.cluster),
        negative_control=numbers(frame, request.negative_control) if request.negative_control else None,
    )
    return Read(table, data_digest_of_table(frame), offered, left_out)


def said_rows(
    frame: pd.DataFrame, request: argparse.Namespace, left_out: dict[str, str]
) -> tuple[pd.DataFrame, Bools, Bools | None]:
    """Return the rows that say who was trained (and offered it, where an offer was drawn), with both."""
    frame = of_two_arms(frame, request, left_out)
    trained, known = flags(frame, request.treatment, request.treated_value)
    offered: Bools | None = None
    if request.offer:
        offered, is_said = flags(frame, request.offer, request.offered_value)
        known = known & is_said
    if known.all():
        return frame, trained, offered
    left_out["rows"] = f"{int((~known).sum())} rows do not say who was trained"
    return frame[known], trained[known], None if offered is None else offered[known]


def of_two_arms(frame: pd.DataFrame, request: argparse.Namespace, left_out: dict[str, str]) -> pd.DataFrame:
    """Return the rows of the trained and of those they are compared with, where the table has further arms."""
    if not request.compared_value:
        return frame
    if not request.treated_value:
        raise BadInputError("--compared-value goes with --treated-value.", hint="Name both.")
    text = frame[request.treatment].astype(str).str.strip().str.lower()
    kept = text.isin([request.treated_value.strip().lower(), request.compared_value.strip().lower()])
    if not kept.all():
        left_out["arms"] = f"{int((~kept).sum())} rows belong to other arms"
    return pd.DataFrame(frame[kept.to_numpy()])


def joined(request: argparse.Namespace, left_out: dict[str, str]) -> pd.DataFrame:
    """Return the table; with a control table, its compared rows below the trained of the first."""
    frame = read_table(request.table, request.encoding)
    named = [getattr(request, name) for name in NAMED]
    if not request.control_table:
        check_columns(frame, [*named, *(request.covariates or [])])
        return frame.reset_index(drop=True)
    other = read_table(request.control_table, request.encoding)
    check_columns(frame, [*named, *(request.covariates or [])])
    check_columns(other, [*named[1:], *(request.covariates or [])])
    own, known = flags(frame, request.treatment, request.treated_value)
    kept = frame[own & known]
    if request.treatment in other.columns:
        theirs, sure = flags(other, request.treatment, request.treated_value)
        other = other[~theirs & sure]
    shared = [name for name in frame.columns if name in other.columns or name == request.treatment]
    for name in frame.columns.symmetric_difference(other.columns.union([request.treatment])):
        left_out[str(name)] = "stands in one of the two tables only"
    top = kept[shared].assign(**{request.treatment: 1})
    bottom = other[[name for name in shared if name in other.columns]].assign(**{request.treatment: 0})
    request.treated_value = None
    return pd.concat([top, bottom], ignore_index=True)


def check_columns(frame: pd.DataFrame, names: Sequence[str | None]) -> None:
    """Raise BadInputError for a column that is not there."""
    for name in names:
        if name and name not in frame.columns:
            listed = ", ".join(map(str, frame.columns[:40]))
            raise BadInputError("There is no such column.", found=name, allowed=listed)


def flags(frame: pd.DataFrame, name: str, positive: str | None) -> tuple[Bools, Bools]:
    """Return where a column says yes, and where it says anything.

    Raises
    ------
    BadInputError
        If it is not 0/1 or yes/no and no value was named that means yes.
    """
    column = frame[name]
    known = column.notna().to_numpy()
    text = column.astype(str).str.strip().str.lower()
    if positive is not None:
        return (text == positive.strip().lower()).to_numpy() & known, known
    strange = sorted(set(text[known]) - YES - NO)
    if strange:
        raise BadInputError(
            f"Column {name} does not say yes or no.",
            found=", ".join(strange[:5]),
            allowed="0/1, yes/no, true/false, treated/control",
            hint="Name the value that means trained by --treated-value.",
        )
    return text.isin(YES).to_numpy() & known, known


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as numbers, ``nan`` where empty or infinite; raise BadInputError for text."""
    column = frame[name]
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    lost = column.notna().to_numpy() & np.isnan(found)
    if lost.any():
        example = str(column[lost].iloc[0])
        raise BadInputError(
            f"Column {name} holds something that is no number.",
            found=example[:80],
            allowed="numbers of one unit",
        )
    return np.where(np.isfinite(found), found, np.nan)


def covariate_names(
    frame: pd.DataFrame, request: argparse.Namespace, trained: Bools, left_out: dict[str, str]
) -> list[str]:
    """Return the covariates: those named, or (observational) every other column that can be one."""
    special = {getattr(request, name) for name in NAMED if name != "placebo_outcome"}
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
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return ""
    if set(column[trained].dropna().astype(str)).isdisjoint(column[~trained].dropna().astype(str)):
        return "tells the trained from the compared by name alone"
    return f"has more than {MOST_LEVELS} values" if seen.nunique() > MOST_LEVELS else ""


def coded(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Return covariates as numbers; text becomes one indicator per value, the most common left out."""
    columns: list[Floats] = []
    labels: list[str] = []
    for name in names:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            columns.append(numbers(frame, name))
            labels.append(name)
            continue
        text = column.astype(str).where(column.notna(), "unknown")
        for value in text.value_counts().index[1:MOST_LEVELS]:
            columns.append((text == value).to_numpy(dtype=np.float64))
            labels.append(f"{name} = {value}")
    matrix = np.column_stack(columns) if columns else np.zeros((len(frame), 0))
    return matrix, tuple(labels)


def cluster_codes(frame: pd.DataFrame, name: str | None) -> Ints | None:
    """Return clusters as numbers; None where none are named."""
    if not name:
        return None
    return np.asarray(pd.factorize(frame[name].astype(str))[0], dtype=np.int64)
