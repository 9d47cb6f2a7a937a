"""Guards that stop training with a reason, before anything is learnt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.errors import RefusedError
from training.attrition.metrics import auc
from training.attrition.scorer import Floats

if TYPE_CHECKING:
    from training.attrition.dataset import Panel

FEWEST_EXITS = 30
TOO_GOOD = 0.98  # no honest single column tells leavers from stayers like that
FALL = 0.05  # by so much may a column's AUC fall when it is taken from one period earlier
STANDARD_ERRORS = 3.0


def check_panel(panel: Panel, names: Sequence[str], causes: Sequence[str]) -> None:
    """Raise RefusedError where a panel of person-periods cannot teach a hazard honestly."""
    left = panel.cause > 0
    check_classes(left, panel.person, f"exits for {causes[0]}", panel.cause == 1)
    check_columns(panel.features, panel.cause == 1, names)


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
        if missing.any() and not missing.all() and strength(missing.astype(float), left) > TOO_GOOD:
            raise RefusedError(f"The column {name} is empty for stayers only, or for leavers only: it was filled in afterwards.",
                               found=f"AUC {strength(missing.astype(float), left):.3f} from its being empty",
                               hint=f"Leave it out: --drop {name}.")  # fmt: skip
        scored = rates(column, left) if index in categorical else column
        if index in varying and strength(scored, left) > TOO_GOOD:
            raise RefusedError(f"The column {name} is derived from the outcome.",
                               found=f"AUC {strength(scored, left):.3f} by itself", allowed=f"at most {TOO_GOOD}",
                               hint=f"Leave it out: --drop {name}.")  # fmt: skip


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
