"""A plain table as the impact question reads it: who was trained, numbers for everything else, and what was left out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.errors import BadInputError, RefusedError
from training.impact.plain.checks import (
    identifier,
    refuse_codes,
    refuse_copies,
    refuse_mixed_units,
    refuse_twice,
    refuse_wrong_order,
)
from training.impact.plain.covariates import NAMED, cluster_codes, coded, covariate_names, refuse_telling
from training.impact.plain.dates import is_dates
from training.impact.plain.values import flags, numbers, said, written
from training.impact.table import Bools, ComparisonTable, Floats
from training.tables import data_digest_of_table, read_table


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
    for name in (request.outcome, *request.placebo_outcome):
        refuse_codes(numbers(frame, name), f"The outcome {name}")
    request.unit = identifier(frame, request)
    refuse_twice(frame, request.unit)
    refuse_copies(frame, request.outcome)
    refuse_wrong_order(frame, request, trained)
    columns, labels = coded(frame, covariate_names(frame, request, trained, left_out))
    if request.design == "observational":
        refuse_telling(columns, labels, trained, outcome)
    table = ComparisonTable(
        columns,
        labels,
        trained,
        outcome,
        placebo_of(frame, request.placebo_outcome),
        tuple(request.placebo_outcome),
        cluster_codes(frame, request.cluster, left_out),
        negative_control=numbers(frame, request.negative_control) if request.negative_control else None,
    )
    return Read(table, data_digest_of_table(frame), offered, left_out)


def placebo_of(frame: pd.DataFrame, names: Sequence[str]) -> Floats | None:
    """Return the placebos side by side, one alone as (n,) float; None without any."""
    columns = [numbers(frame, name) for name in names]
    if len(columns) < 2:
        return columns[0] if columns else None
    return np.column_stack(columns)


def said_rows(
    frame: pd.DataFrame, request: argparse.Namespace, left_out: dict[str, str]
) -> tuple[pd.DataFrame, Bools, Bools | None]:
    """Return the rows that say who was trained (and offered it, where an offer was drawn), with both."""
    frame = of_two_arms(frame, request, left_out)
    trained, known = flags(frame, request.treatment, request.treated_value)
    if not request.treated_value and is_dates(frame[request.treatment]):
        left_out[request.treatment] = "dates: who has one counts as trained, who has none as compared"
    offered: Bools | None = None
    if request.offer:
        offered, is_said = flags(frame, request.offer, request.offered_value)
        refuse_unknown_uptake(offered, is_said, known)
        known = known & is_said
    if known.all():
        return frame, trained, offered
    left_out["rows"] = f"{int((~known).sum())} rows do not say who was trained"
    return frame[known], trained[known], None if offered is None else offered[known]


def refuse_unknown_uptake(offered: Bools, is_said: Bools, known: Bools) -> None:
    """Raise RefusedError where of all with the offer, or of all without it, nobody's taking part is known."""
    for side, words in ((offered & is_said, "with"), (~offered & is_said, "without")):
        if side.any() and not (side & known).any():
            raise RefusedError(
                f"Of nobody {words} the offer is it known whether they took part.",
                found=f"{int(side.sum())} people {words} the offer, taking part empty",
                hint="Write 0 where the training was closed to them.",
            )


def of_two_arms(frame: pd.DataFrame, request: argparse.Namespace, left_out: dict[str, str]) -> pd.DataFrame:
    """Return the rows of the trained and of those they are compared with, where the table has further arms."""
    if not request.compared_value:
        return frame
    if not request.treated_value:
        raise BadInputError("--compared-value goes with --treated-value.", hint="Name both.")
    arms = [request.treated_value, request.compared_value]
    kept = said(frame[request.treatment]).isin(
        [one.strip().lower() for one in arms] + [written(one) for one in arms]
    )
    if not kept.all():
        left_out["arms"] = f"{int((~kept).sum())} rows belong to other arms"
    return pd.DataFrame(frame[kept.to_numpy()])


def joined(request: argparse.Namespace, left_out: dict[str, str]) -> pd.DataFrame:
    """Return the table; with a control table, its compared rows below the trained of the first."""
    frame = read_table(request.table, request.encoding)
    named = [*(getattr(request, name) for name in NAMED), *request.placebo_outcome]
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
