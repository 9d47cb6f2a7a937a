"""The comparison table: who was trained, what was known before, what came after; and when it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.errors import RefusedError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

LEAST_TRAINED = 20
LEAST_COMPARED = 20
SPIKE_SHARE = 0.10  # a number that is exactly 0 this often and takes many other values gets an indicator
MANY_VALUES = 10
LEAST_SIZE, MOST_SIZE = 1e-100, 1e100  # squares of outcomes, and sums of them, must remain numbers


@dataclass(frozen=True)
class ComparisonTable:
    """One row per employee (or unit) at the moment from which they are followed.

    Parameters
    ----------
    covariates : (n, p) float
        Known strictly before the training could begin; ``nan`` where unknown.
    names : tuple of str
        Of the covariates.
    trained : (n,) bool
        True for who enrolled, whatever came of it.
    outcome : (n,) float
        After the horizon, in `unit`; ``nan`` where it could not be measured (leavers).
    placebo : (n,) or (n, k) float, optional
        An outcome from before the training, or several of them; a true effect on it is impossible.
    placebo_hides : tuple of str
        Covariates left out when the placebo is estimated: the placebo itself, and what is computed from it.
    cluster : (n,) or (n, 2) int, optional
        Rows of one number are not independent of each other; the first column's stay together in cross-fitting.
    is_filled : bool
        True where the covariates have no gaps and their indicators stand beside them already.
    negative_control : (n,) float, optional
        An outcome from after the training that it cannot move (declared as such).
    """

    covariates: Floats
    names: tuple[str, ...]
    trained: Bools
    outcome: Floats
    placebo: Floats | None = None
    placebo_hides: tuple[str, ...] = ()
    cluster: Ints | None = None
    is_filled: bool = False
    negative_control: Floats | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.trained.size)

    @property
    def is_binary(self) -> bool:
        """Say whether the outcome is 0 or 1."""
        seen = self.outcome[np.isfinite(self.outcome)]
        return bool(np.isin(seen, (0.0, 1.0)).all())

    @property
    def pooled_placebo(self) -> Floats | None:
        """The placebo; of several the mean, each on the scale of the first."""
        if self.placebo is None or self.placebo.ndim == 1:
            return self.placebo
        return pooled(self.placebo)

    def rows(self, keep: Bools) -> ComparisonTable:
        """Return some of the rows."""
        return replace(
            self,
            covariates=self.covariates[keep],
            trained=self.trained[keep],
            outcome=self.outcome[keep],
            placebo=None if self.placebo is None else self.placebo[keep],
            negative_control=None if self.negative_control is None else self.negative_control[keep],
            cluster=None if self.cluster is None else self.cluster[keep],
        )

    def measured(self) -> ComparisonTable:
        """Return the rows whose outcome was measured."""
        known = np.isfinite(self.outcome)
        return self if known.all() else self.rows(known)

    def as_placebo(self) -> ComparisonTable | None:
        """Return the table with the placebo as its outcome and what would give it away left out."""
        earlier = self.pooled_placebo
        if earlier is None:
            return None
        kept = [place for place, name in enumerate(self.names) if name not in self.placebo_hides]
        return replace(
            self,
            covariates=self.covariates[:, kept],
            names=tuple(self.names[place] for place in kept),
            outcome=earlier,
            placebo=None,
            placebo_hides=(),
            negative_control=None,
        ).measured()

    def as_single_placebos(self) -> list[ComparisonTable]:
        """Return the table with each of several placebos as its outcome; none where there is one alone."""
        if self.placebo is None or self.placebo.ndim == 1 or self.placebo.shape[1] < 2:
            return []
        singles = (replace(self, placebo=column).as_placebo() for column in self.placebo.T)
        return [one for one in singles if one is not None]

    def as_negative_control(self) -> ComparisonTable | None:
        """Return the table with the negative control as its outcome."""
        if self.negative_control is None:
            return None
        return replace(
            self, outcome=self.negative_control, placebo=None, placebo_hides=(), negative_control=None
        ).measured()


def columns_of(table: ComparisonTable) -> tuple[Floats, list[str]]:
    """Return a table's covariates without gaps."""
    if table.is_filled:
        return table.covariates, list(table.names)
    return filled(table.covariates, table.names)


def refuse_unusable(table: ComparisonTable) -> None:
    """Raise RefusedError where no honest comparison can be made of the rows with a measured outcome."""
    measured = table.measured()
    if measured.n == 0:
        raise RefusedError("No outcome was measured after the training.")
    trained = int(measured.trained.sum())
    compared = measured.n - trained
    refuse_one_side(table, trained, compared)
    if trained < LEAST_TRAINED or compared < LEAST_COMPARED:
        raise RefusedError(
            "Too few people for an estimate.",
            found=f"{trained} trained, {compared} to compare with",
            allowed=f"at least {LEAST_TRAINED} trained and {LEAST_COMPARED} to compare with",
        )
    refuse_uncountable(measured.outcome)
    refuse_one_cluster(measured)


def refuse_one_side(table: ComparisonTable, trained: int, compared: int) -> None:
    """Raise RefusedError where nobody, or everybody, of those whose outcome is known was trained."""
    if min(trained, compared) > 0:
        return
    if table.trained.any() and not table.trained.all():
        side, count = (
            ("trained", table.trained.sum()) if trained == 0 else ("compared", (~table.trained).sum())
        )
        raise RefusedError(
            f"No outcome is known of anybody who was {side}.", found=f"{count} {side}, 0 of them measured"
        )
    if compared == 0:
        raise RefusedError(
            "Everybody was trained: there is no comparison group.",
            found=f"{trained} trained, 0 to compare with",
            hint="Give people who were not trained, for example by --control-table.",
        )
    raise RefusedError("Nobody was trained.", found=f"0 trained, {compared} to compare with")


def refuse_uncountable(outcome: Floats) -> None:
    """Raise RefusedError for an outcome that is the same for everybody, or whose squares are no numbers any more."""
    if np.ptp(outcome) == 0:
        raise RefusedError("The outcome is the same for everybody.", found=f"{outcome[0]:g}")
    largest = float(np.abs(outcome).max())
    if not LEAST_SIZE < largest < MOST_SIZE:
        raise RefusedError(
            "The outcome's numbers are too large, or too small, to be counted with.",
            found=f"up to {largest:.0e}",
            allowed=f"the largest between {LEAST_SIZE:.0e} and {MOST_SIZE:.0e}",
            hint="Choose another unit.",
        )


def refuse_one_cluster(measured: ComparisonTable) -> None:
    """Raise RefusedError where all of the trained, or all of the compared, stand in one cluster that the others have no part in."""
    if measured.cluster is None:
        return
    first = measured.cluster.reshape(measured.n, -1)[:, 0]
    sides = [set(first[side].tolist()) for side in (measured.trained, ~measured.trained)]
    if len(sides[0] | sides[1]) < 2:
        raise RefusedError("There is one cluster only: its members cannot be told apart from chance.")
    if not sides[0] & sides[1] and min(len(side) for side in sides) < 2:
        raise RefusedError(
            "All of one side stand in one cluster: what the training did cannot be told from what that cluster is.",
            found=f"{len(sides[0])} clusters trained, {len(sides[1])} compared",
            allowed="at least 2 on each side",
        )


def filled(covariates: Floats, names: Sequence[str]) -> tuple[Floats, list[str]]:
    """Return covariates without gaps, with indicators of what was missing and of numbers that are often 0.

    Parameters
    ----------
    covariates : (n, p) float
        ``nan`` where unknown.
    names : sequence of str
        Of the columns.

    Returns
    -------
    (n, q) float, list of str
        Missing values replaced by the median of their column; constant columns and copies left out.

    Notes
    -----
    Earnings of 0 and unknown ratings are states of their own, not points on a line: a line alone would read them wrong.
    """
    columns: list[Floats] = []
    found: list[str] = []
    for place, name in enumerate(names):
        values = covariates[:, place]
        known = np.isfinite(values)
        if not known.any():
            continue
        plain = np.where(known, values, np.median(values[known]))
        parts = [(name, plain)]
        if not known.all():
            parts.append((f"{name} unknown", (~known).astype(float)))
        if is_spiked(values[known]):
            parts.append((f"{name} is 0", (values == 0).astype(float)))
        for label, column in parts:
            if np.ptp(column) > 0:
                columns.append(column)
                found.append(label)
    if not columns:
        return np.zeros((len(covariates), 0)), []
    return without_copies(np.column_stack(columns), found)


def pooled(earlier: Floats) -> Floats:
    """Return the mean of earlier outcomes, each on the scale of the first, (n,) float; ``nan`` where none was measured.

    Parameters
    ----------
    earlier : (n, k) float
        ``nan`` where unknown; a column that does not vary says nothing and is left out.
    """
    known = np.isfinite(earlier)
    counts = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, earlier, 0.0).sum(axis=0) / counts
    apart = np.where(known, earlier - centre, 0.0)
    spread = np.sqrt((apart**2).sum(axis=0) / counts)
    varies = spread > 0
    if not varies.any():
        return np.where(known.any(axis=1), centre[0], np.nan)
    first = int(np.argmax(varies))
    scaled = apart[:, varies] / spread[varies]
    measured = known[:, varies].sum(axis=1)
    mean = scaled.sum(axis=1) / np.maximum(measured, 1)
    return np.where(measured > 0, centre[first] + spread[first] * mean, np.nan)


def is_spiked(values: Floats) -> bool:
    """Say whether a number is exactly 0 often, and otherwise takes many values."""
    zero = float(np.mean(values == 0))
    return SPIKE_SHARE <= zero <= 1 - SPIKE_SHARE and np.unique(values[:5000]).size > MANY_VALUES


def without_copies(matrix: Floats, names: list[str]) -> tuple[Floats, list[str]]:
    """Return the columns that are no copy of an earlier one."""
    seen: dict[bytes, int] = {}
    for place in range(matrix.shape[1]):
        seen.setdefault(np.ascontiguousarray(matrix[:, place]).tobytes(), place)
    kept = sorted(seen.values())
    return matrix[:, kept], [names[place] for place in kept]
