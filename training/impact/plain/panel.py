"""A long table of units and periods as a balanced panel."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.errors import BadInputError, RefusedError
from training.impact.estimators.staggered import NEVER, Panel
from training.impact.plain.checks import refuse_codes, refuse_mixed_units
from training.impact.plain.dates import days, is_dates
from training.impact.plain.reading import check_columns
from training.impact.plain.values import flags, is_numeric, numbers
from training.impact.table import Floats, Ints
from training.tables import data_digest_of_table, read_table

NEVER_WORDS = ("never", "never treated", "never trained", "none", "not yet", "inf")


@dataclass(frozen=True)
class ReadPanel:
    """A panel that was read.

    Parameters
    ----------
    panel : Panel
        Units seen in every period.
    digest : str
        Of the rows.
    n_left_out : int
        Units that are not seen in every period (leavers among them).
    left_out : dict of str to str
        The same in words.
    """

    panel: Panel
    digest: str
    n_left_out: int = 0
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def missing_share(self) -> float:
        """Share 0–1 of all units that are left out."""
        return self.n_left_out / max(self.n_left_out + self.panel.first.size, 1)


def read_panel(request: argparse.Namespace) -> ReadPanel:
    """Return the panel, its digest, and what was left out.

    Raises
    ------
    BadInputError
        If a column cannot be used, or a unit's first training changes between rows.
    RefusedError
        If a unit stands twice in a period, or no unit is seen in every period.
    """
    frame = read_table(request.table, request.encoding)
    named = [
        request.unit,
        request.period,
        request.outcome,
        request.first_treated,
        request.treatment,
        request.cluster,
    ]
    check_columns(frame, [*named, *request.placebo_outcome, request.negative_control, request.outcome_unit])
    refuse_mixed_units(frame, request)
    frame, names = numbered(never_empty(frame, request), request)
    refuse_codes(numbers(frame, request.outcome), f"The outcome {request.outcome}")
    frame = frame.assign(_outcome=numbers(frame, request.outcome), _period=numbers(frame, request.period))
    if frame.duplicated([request.unit, request.period]).any():
        raise RefusedError("A unit stands in a period more than once.", allowed="one row per unit and period")
    wide = frame.pivot(index=request.unit, columns="_period", values="_outcome")
    whole = wide.dropna()
    left_out = (
        {"units": f"{len(wide) - len(whole)} units are not seen in every period"}
        if len(whole) < len(wide)
        else {}
    )
    if not request.first_treated:
        left_out |= told_returns(frame, request)
    if names:
        left_out["periods"] = f"dates, counted from 1 ({names[0]}) to {len(names)} ({names[-1]})"
    if whole.empty or whole.shape[1] < 2:
        raise RefusedError(
            "No unit is seen in every period.", found=f"{len(wide)} units, {wide.shape[1]} periods"
        )
    periods = whole.columns.to_numpy(dtype=np.float64)
    first = first_periods(frame, request, whole.index, periods)
    cluster = None
    if request.cluster:
        by_unit = frame.drop_duplicates(request.unit).set_index(request.unit)[request.cluster]
        cluster = np.asarray(pd.factorize(by_unit.loc[whole.index].astype(str))[0], dtype=np.int64)
    panel = Panel(whole.to_numpy(dtype=np.float64), periods, first, cluster)
    return ReadPanel(panel, data_digest_of_table(frame), len(wide) - len(whole), left_out)


def never_empty(frame: pd.DataFrame, request: argparse.Namespace) -> pd.DataFrame:
    """Return the table with words for never, as a first period, left empty.

    Raises
    ------
    BadInputError
        If ``--treatment`` holds first periods instead of yes and no.
    """
    name = request.first_treated
    if name:
        words = frame[name].astype(str).str.strip().str.lower()
        return frame.assign(**{name: frame[name].mask(words.isin(NEVER_WORDS)).infer_objects()})
    column = frame[request.treatment]
    if not request.treated_value and (is_dates(column) or (is_numeric(column) and column.nunique() > 2)):
        raise BadInputError(
            f"Column {request.treatment} holds first periods.",
            found=str(column.dropna().iloc[0]),
            allowed="yes or no in each period",
            hint="Name it by --first-treated.",
        )
    return frame


def numbered(frame: pd.DataFrame, request: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with periods that are dates counted from 1, and the dates; none where periods are numbers.

    Notes
    -----
    A first training between two of the dates counts from the later one.
    """
    if is_numeric(frame[request.period]) or not is_dates(frame[request.period]):
        return frame, []
    when = days(frame, request.period)
    dates = np.unique(when[np.isfinite(when)])
    columns = {request.period: np.where(np.isfinite(when), np.searchsorted(dates, when) + 1.0, np.nan)}
    if request.first_treated and not frame[request.first_treated].isna().all():
        if not is_dates(frame[request.first_treated]):
            raise BadInputError(
                f"Column {request.period} holds dates, {request.first_treated} does not.",
                found=str(frame[request.first_treated].dropna().iloc[0]),
                allowed="dates (year-month-day) in both, empty where never trained",
            )
        start = days(frame, request.first_treated)
        columns[request.first_treated] = np.where(
            np.isfinite(start), np.searchsorted(dates, start) + 1.0, np.nan
        )
    names = [f"{pd.Timestamp(0) + pd.Timedelta(days=float(one)):%Y-%m-%d}" for one in dates]
    return frame.assign(**columns), names


def told_returns(frame: pd.DataFrame, request: argparse.Namespace) -> dict[str, str]:
    """Return in words how many units stop being treated; nothing where none does."""
    trained, _ = flags(frame, request.treatment, request.treated_value)
    ordered = frame.assign(_trained=trained).sort_values("_period")
    stops = ordered.groupby(request.unit)["_trained"].agg(lambda seen: bool((seen.cummax() & ~seen).any()))
    if not stops.any():
        return {}
    return {
        request.treatment: f"{int(stops.sum())} units stop being treated; they count as trained from their first period on"
    }


def first_periods(frame: pd.DataFrame, request: argparse.Namespace, units: pd.Index, periods: Floats) -> Ints:
    """Return the index of the first period in which each unit is trained; `NEVER` for never."""
    if request.first_treated:
        given = pd.Series(numbers(frame, request.first_treated), index=frame[request.unit].to_numpy())
        by_unit = given.fillna(0.0).groupby(level=0)
        if (by_unit.nunique() > 1).any():
            raise BadInputError(
                f"Column {request.first_treated} changes within a unit.", allowed="one value per unit"
            )
        starts = by_unit.first().loc[units].to_numpy(dtype=np.float64)
    else:
        trained, _ = flags(frame, request.treatment, request.treated_value)
        seen = pd.Series(np.where(trained, frame["_period"], np.inf), index=frame[request.unit].to_numpy())
        starts = seen.groupby(level=0).min().loc[units].to_numpy(dtype=np.float64)
    never = ~np.isfinite(starts) | (starts <= 0) | (starts > periods[-1])
    return np.where(never, NEVER, np.searchsorted(periods, np.where(never, periods[0], starts))).astype(
        np.int64
    )
