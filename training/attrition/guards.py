"""Guards that stop training with a reason, before anything is learnt."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import RefusedError
from training.attrition.judging.metrics import auc
from training.attrition.scorer import Floats

if TYPE_CHECKING:
    from training.attrition.dataset import Panel
    from training.context import TrainingContext

FEWEST_EXITS = 30
TOO_GOOD = 0.98  # no honest single column tells leavers from stayers like that
FALL = 0.05  # by so much may a column's AUC fall when it is taken from one period earlier
STANDARD_ERRORS = 3.0
EXPECTED = 30  # the chance that none of so many expected comes is e⁻³⁰
MOST_CODES = 100
MOST_STAYERS = 200_000
AFTER_EXIT_SHARE = 0.02  # some come back under the same number
LONGEST_DAYS = 25_000  # 68 years


def check_panel(panel: Panel, names: Sequence[str], causes: Sequence[str]) -> None:
    """Raise RefusedError where a panel of person-periods cannot teach a hazard honestly."""
    check_classes(panel.cause > 0, panel.person, f"exits for {causes[0]}", panel.cause == 1)
    check_periods(panel.person, panel.period, panel.cause > 0)
    wanted = panel.cause == 1
    rows = exits_and_some(wanted)
    check_columns(panel.features[rows], wanted[rows], names)
    now, before = pairs_of_periods(panel.person, panel.period, wanted)
    if len(now):
        check_lag(panel.features[now], panel.features[before], wanted[now], names)


def exits_and_some(left: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rows of all exits and of at most `MOST_STAYERS` others: enough to measure a column by."""
    stayers = np.flatnonzero(~left)
    return np.sort(np.concatenate([np.flatnonzero(left), stayers[:: len(stayers) // MOST_STAYERS + 1]]))


def pairs_of_periods(
    person: NDArray[np.int64], period: NDArray[np.int64], left: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows, and for each the row of the same person one period before; all exits, and some of the others."""
    order = np.lexsort([period, person])
    same = (np.diff(person[order]) == 0) & (np.diff(period[order]) == 1)
    now, before = order[1:][same], order[:-1][same]
    kept = exits_and_some(left[now])
    return now[kept], before[kept]


def check_periods(person: NDArray[np.int64], period: NDArray[np.int64], left: NDArray[np.bool_]) -> None:
    """Raise RefusedError where somebody stands twice in a period, or is still there after they left."""
    order = np.lexsort([period, person])
    same = np.diff(person[order]) == 0
    twice = int((same & (np.diff(period[order]) == 0)).sum())
    if twice:
        raise RefusedError("Somebody stands twice in the same period: the rows would be on both sides of a split.",
                           found=f"{twice:,} rows", allowed="one row per person and period",
                           hint="Drop duplicates, or name the right columns of person and period.")  # fmt: skip
    after = int((same & left[order][:-1]).sum())
    if after > AFTER_EXIT_SHARE * max(int(left.sum()), 1):
        raise RefusedError("People are still there in periods after the one in which they left: these dates are impossible.",
                           found=f"{after:,} exits are followed by another period of the same person",
                           allowed="an exit in a person's last period; who comes back is another spell",
                           hint="Mark the exit in the period it came in, not in all periods of a leaver.")  # fmt: skip


def check_dates(hired: Floats, left_at: Floats, names: Sequence[str]) -> None:
    """Raise RefusedError where somebody left before they came, or worked for longer than anybody lives.

    Parameters
    ----------
    hired, left_at : (n,) float
        In days since any one moment; NaN where somebody has not left.
    names : (n,) sequence of str
        Who it is, to name the first one.
    """
    days = left_at - hired
    impossible = (days < 0) | (days > LONGEST_DAYS)
    if impossible.any():
        first = int(np.flatnonzero(impossible)[0])
        raise RefusedError("There are impossible dates: people who left before they were hired, or after a working life.",
                           found=f"{int(impossible.sum())} spells, the first of {names[first]}: {days[first]:,.0f} days",
                           allowed=f"0 to {LONGEST_DAYS:,} days between hire and exit",
                           hint="Correct the dates and import them again; the correction replaces them.")  # fmt: skip


def check_records(context: TrainingContext) -> None:
    """Raise RefusedError where somebody's exit, as last known, cannot have happened when it says."""
    exits = context.records["exits"].filter(pl.col("known_at") < context.as_of)
    key = ["employee_id", "spell"]
    last = (
        exits.sort("known_at")
        .unique(key, keep="last")
        .join(context.records["employees"].select(*key, "hired_at"), key)
    )
    days = last.select(
        pl.col("hired_at", "happened_at").dt.timestamp("us").cast(pl.Float64) / 86_400e6
    ).to_numpy()
    if len(last):
        check_dates(days[:, 0], days[:, 1], last["employee_id"].to_list())


def check_classes(
    left: NDArray[np.bool_], person: NDArray[np.int64], what: str, wanted: NDArray[np.bool_]
) -> None:
    """Raise RefusedError where nobody left, nobody stayed, or too few left to learn from.

    Parameters
    ----------
    left : (n,) bool
        Per row; a person may have several.
    person : (n,) int
        Whose row it is.
    what : str
        What the wanted exits are called.
    wanted : (n,) bool
        The exits the model is about.
    """
    people, leavers = np.unique(person).size, np.unique(person[left]).size
    if leavers == 0:
        raise RefusedError("These are stayers only: nobody leaves, so nothing tells who might.",
                           found=f"{people:,} people, no exit", allowed="people who left and people who stayed")  # fmt: skip
    if leavers == people:
        raise RefusedError("These are leavers only: with nobody who stayed, every pattern predicts leaving.",
                           found=f"{people:,} people, all left", allowed="people who left and people who stayed",
                           hint="Export everybody employed in the period, not the list of exits.")  # fmt: skip
    found = int(wanted.sum())
    if min(found, len(wanted) - found) < FEWEST_EXITS:
        raise RefusedError(f"There are too few {what} to learn from.", found=str(found), allowed=f"at least {FEWEST_EXITS}",
                           hint="Take a longer period, or more people.")  # fmt: skip


def check_columns(
    features: Floats, left: NDArray[np.bool_], names: Sequence[str], categorical: Collection[int] = ()
) -> None:
    """Raise RefusedError where a column is all but the outcome itself, or nothing varies at all."""
    varying = [index for index in range(len(names)) if np.unique(known(features[:, index])).size > 1]
    if not varying:
        raise RefusedError("No column varies: there is nothing to tell people apart by.",
                           found=f"{len(names)} constant columns", allowed="at least one that differs between people")  # fmt: skip
    for index, name in enumerate(names):
        column = features[:, index]
        missing = np.isnan(column)
        check_exclusive(name, column, left, index in categorical)
        if missing.any() and not missing.all() and strength(missing.astype(float), left) > TOO_GOOD:
            raise RefusedError(f"The column {name} is empty for stayers only, or for leavers only: it was filled in afterwards.",
                               found=f"AUC {strength(missing.astype(float), left):.3f} from its being empty",
                               hint=f"Leave it out: --drop {name}.")  # fmt: skip
        scored = rates(column, left) if index in categorical else column
        if index in varying and strength(scored, left) > TOO_GOOD:
            raise RefusedError(f"The column {name} is derived from the outcome.",
                               found=f"AUC {strength(scored, left):.3f} by itself", allowed=f"at most {TOO_GOOD}",
                               hint=f"Leave it out: --drop {name}.")  # fmt: skip


def check_exclusive(name: str, column: Floats, left: NDArray[np.bool_], is_codes: bool) -> None:
    """Raise RefusedError where being recorded at all, or a value, is only leavers' or only stayers' far beyond chance."""
    missing = np.isnan(column)
    parts = {"empty": missing, "filled in": ~missing}
    for words, rows in parts.items():
        if missing.any() and not missing.all() and (is_only(rows, left) or is_only(rows, ~left)):
            who = "leavers" if is_only(rows, left) else "stayers"
            raise RefusedError(f"The column {name} is {words} for {who} only: it was written afterwards.",
                               found=f"{int(rows.sum()):,} rows", hint=f"Leave it out: --drop {name}.")  # fmt: skip
    for value, rows in telling_values(column, is_codes):
        if is_only(rows, left):
            raise RefusedError(f"The column {name} is derived from the outcome: a value stands for leavers only.",
                               found=f"{int(rows.sum()):,} rows with {value}", hint=f"Leave it out: --drop {name}.")  # fmt: skip


def telling_values(column: Floats, is_codes: bool) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield what may be written for leavers alone: each frequent code; of a number, all but what most people have."""
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    if is_codes:
        for value in values[counts >= EXPECTED][:MOST_CODES]:
            yield f"code {value:g}", column == value
    elif len(counts) and counts.max() > len(column) / 2:
        usual = values[np.argmax(counts)]
        yield f"anything but {usual:g}", (column != usual) & ~np.isnan(column)


def is_only(rows: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> bool:
    """Say whether all rows are of one kind where at least `EXPECTED` of the other kind were to be expected."""
    expected = rows.sum() * (1.0 - wanted.mean())
    return bool(expected >= EXPECTED and wanted[rows].all())


def check_lag(
    features: Floats,
    earlier: Floats,
    left: NDArray[np.bool_],
    names: Sequence[str],
    categorical: Collection[int] = (),
) -> None:
    """Raise RefusedError where a column tells of the exit only in the very period: it came from the future.

    Parameters
    ----------
    features, earlier : (n, n_features) float
        Of the same rows, in their period and one period before.
    left : (n,) bool
        True where the exit came in the period.
    names : sequence of str
        Of the columns.
    categorical : collection of int
        Columns that are codes.
    """
    error = STANDARD_ERRORS * 0.5 / np.sqrt(max(int(left.sum()), 1))
    for index, name in enumerate(names):
        now, before = features[:, index], earlier[:, index]
        if index in categorical:
            now, before = rates(now, left), rates(before, left)
        fall = strength(now, left) - strength(before, left)
        if fall > max(FALL, error):
            raise RefusedError(f"The column {name} knows the future: one period earlier it tells much less.",
                               found=f"AUC falls by {fall:.3f}", allowed=f"at most {max(FALL, error):.3f}",
                               hint=f"Take it as it was known at the start of the period, or leave it out: --drop {name}.")  # fmt: skip


def check_folds(
    groups: NDArray[np.int64], fit_rows: NDArray[np.int64], check_rows: NDArray[np.int64]
) -> None:
    """Raise RefusedError where the same row, or the same person, is learnt from and judged by."""
    shared = np.intersect1d(groups[fit_rows], groups[check_rows]).size
    if shared:
        raise RefusedError("The same people or identical rows are on both sides of the split.", found=f"{shared} shared",
                           allowed="none", hint="Drop duplicates (--drop-duplicates) or split by group.")  # fmt: skip


def strength(column: Floats, left: NDArray[np.bool_]) -> float:
    """Return how well a column alone tells leavers from stayers, 0.5 to 1, whatever its direction; 0.5 if unknown."""
    there = ~np.isnan(column)
    if left[there].sum() == 0 or (~left[there]).sum() == 0:
        return 0.5
    found = auc(left[there], column[there])
    return max(found, 1.0 - found)


def rates(codes: Floats, left: NDArray[np.bool_]) -> Floats:
    """Return each code's rate of leaving among the other half of the rows, shrunk to everybody's.

    Notes
    -----
    Leaving out only the row itself would give leavers of a code a lower rate than its stayers: the outcome, reversed.
    """
    _, place = np.unique(np.nan_to_num(codes, nan=-1.0), return_inverse=True)
    half = np.random.default_rng(0).permutation(len(codes)) % 2
    found = np.empty(len(codes))
    for side in (0, 1):
        others = half != side
        counts = np.bincount(place[others], minlength=place.max() + 1)
        exits = np.bincount(place[others], left[others], minlength=place.max() + 1)
        found[half == side] = ((exits + 5 * left.mean()) / (counts + 5))[place[half == side]]
    return found


def known(column: Floats) -> Floats:
    """Return the values that are not missing."""
    found: Floats = column[~np.isnan(column)]
    return found
