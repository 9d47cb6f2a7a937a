"""The dataset of attrition: person-periods to learn from, and people at a moment to be judged by, split by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.attrition.population import FEATURE_SCHEMA, NAMES, TABLES, features
from features.errors import RefusedError
from features.records.store import data_digest
from features.timelines import MOMENT
from training.attrition.fitting.origins import origins_of
from training.attrition.guards import check_panel, check_records
from training.attrition.scorer import Floats
from training.context import TrainingContext

CAUSES = ("voluntary", "involuntary", "retirement", "other")
HORIZONS_DAYS = (90, 180, 365)
NEW_HIRE_DAYS = 90
FEWEST_MONTHS = 18
HALF_YEAR, YEAR = 6, 12  # months of the last block
LONG_MONTHS = 48  # from so many months on, the last block is a year

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """Person-periods: who was here at the start of a period, and what came of it within the period.

    Parameters
    ----------
    features : (n, n_features) float
        As known at the start of the period.
    cause : (n,) int
        0 stayed; i left for ``causes[i - 1]`` within the period.
    person, period : (n,) int
        Numbers of the person and of the period.
    """

    features: Floats
    cause: Ints
    person: Ints
    period: Ints

    def take(self, rows: NDArray[np.bool_] | Ints) -> Panel:
        """Return some of the rows; the panel itself, and no copy, where they are all of them in order."""
        if is_everything(rows, len(self)):
            return self
        return Panel(self.features[rows], self.cause[rows], self.person[rows], self.period[rows])

    def before(self, period: int) -> Panel:
        """Return the rows of earlier periods; no copy where the rows stand in order of time."""
        is_before = self.period < period
        end = int(is_before.sum())
        if not is_before[:end].all():
            return self.take(is_before)
        return Panel(self.features[:end], self.cause[:end], self.person[:end], self.period[:end])

    def __len__(self) -> int:
        return len(self.cause)


@dataclass(frozen=True)
class Landmark:
    """People at a moment, and how long they stayed after it.

    Parameters
    ----------
    features : (n, n_features) float
        As known at the moment.
    duration : (n,) float
        Until they left, or until they were last seen; in the unit of the horizons.
    cause : (n,) int
        0 still here at `duration`; i left for ``causes[i - 1]``.
    person : (n,) int
        Number of the person.
    names : sequence of str
        Identifiers of the rows' people, for the fairness report.
    rows : (n,) int, optional
        Rows of the plain table they came from.
    followed : (n,) float, optional
        How long each could be followed at most, whatever came; without end by default.
    """

    features: Floats
    duration: Floats
    cause: Ints
    person: Ints
    names: Sequence[str] = ()
    rows: Ints | None = None
    followed: Floats | None = None


@dataclass(frozen=True)
class Dataset:
    """Everything that fit and evaluate need.

    Parameters
    ----------
    panel : Panel
        Person-periods before the last block.
    folds : sequence of (rows to fit, rows to check) pairs
        Of the panel: rolling origins, the latest one last; or, where there is no time, folds by person.
    is_by_time : bool
        True for rolling origins: the level is then moved to what came in the latest block.
    final_rows : (n,) int
        Rows of the panel that the final fit uses.
    test : Landmark
        The last block, looked at once.
    past : Landmark
        People at earlier moments, their follow-up ended before the last block: what the peers learn from.
    schema : mapping of str to str
        Feature name to kind and unit.
    categorical : sequence of int
        Features that are codes.
    causes, horizons, units : sequence, sequence, str
        Causes of exit; horizons in `units`.
    period : float
        Length of a period, in `units`.
    season : sequence of int
        Features sine and cosine of the season; they enter the logistic part alone.
    clock : sequence of (int, float)
        Features that move on by a step per period while periods compound.
    tenure : int, optional
        The feature by which new hires are told; None where there is no such rule.
    protected : polars.DataFrame
        For the fairness report alone.
    protocol : str
        How it was split, in words.
    digest : str
        Of the data.
    period_names : sequence of str
        Of the panel's periods, by number; numbers where empty.
    dated : pair of Landmark, optional
        People to judge survival curves by, and those to learn the references' from, where `test` and `past` are
        rows of periods.
    longer : Dataset, optional
        The same records with a last block of a year, where they are long enough and `test` is followed for less.
    """

    panel: Panel
    folds: Sequence[tuple[Ints, Ints]]
    final_rows: Ints
    test: Landmark
    past: Landmark
    schema: Mapping[str, str]
    categorical: Sequence[int] = ()
    causes: Sequence[str] = CAUSES
    horizons: Sequence[float] = HORIZONS_DAYS
    units: str = "days"
    period: float = 365.25 / 12
    season: Sequence[int] = ()
    clock: Sequence[tuple[int, float]] = ()
    tenure: int | None = None
    protected: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"employee_id": pl.String}))
    protocol: str = ""
    digest: str = ""
    threads: int = 2
    is_by_time: bool = False
    dated: tuple[Landmark, Landmark] | None = None
    period_names: Sequence[str] = ()
    longer: Dataset | None = None

    @property
    def final_features(self) -> Floats:
        """Features of the rows that the final fit uses."""
        every = self.panel.features
        return every if is_everything(self.final_rows, len(every)) else every[self.final_rows]


def is_everything(rows: NDArray[np.bool_] | Ints, count: int) -> bool:
    """Say whether some rows are all of them, in their order."""
    return bool(rows.all()) if rows.dtype == bool else np.array_equal(rows, np.arange(count))


def build(context: TrainingContext) -> Dataset:
    """Return the dataset of the records.

    Parameters
    ----------
    context : TrainingContext
        Records and the moment that ends them.

    Raises
    ------
    RefusedError
        If the records cannot teach attrition: too short, nobody left, nobody stayed, too few exits.
    """
    starts = month_starts(first_moment(context), context.as_of)
    block = YEAR if len(starts) - 1 >= LONG_MONTHS else HALF_YEAR
    if len(starts) - 1 < FEWEST_MONTHS:
        raise RefusedError(
            "The records are too short to learn attrition from and to be tested on a later block.",
            found=f"{max(len(starts) - 1, 0)} whole months before {context.as_of:%Y-%m-%d}",
            allowed=f"at least {FEWEST_MONTHS}",
        )
    check_records(context)
    rows = features(context.records, starts)
    people = {name: number for number, name in enumerate(rows["employee_id"].unique().sort())}
    rows = with_outcome(rows, context.records, context.as_of)
    taught = rows.filter(pl.col("as_of").is_in(starts[: -block - 1]))
    panel = panel_of(taught, starts, people)
    check_panel(replace(panel, person=spell_numbers(taught)), NAMES, CAUSES)
    digest = data_digest({name: context.records[name] for name in TABLES if name in context.records})
    further: dict[str, Any] = {"protected": context.protected, "digest": digest, "threads": context.threads}
    dataset = replace(cut(rows, starts, people, panel, block), **further)
    if block == YEAR or len(starts) - 1 < FEWEST_MONTHS + YEAR - HALF_YEAR:
        return dataset
    return replace(dataset, longer=replace(cut(rows, starts, people, panel, YEAR), **further))


def cut(
    rows: pl.DataFrame, starts: Sequence[datetime], people: Mapping[str, int], panel: Panel, block: int
) -> Dataset:
    """Return the dataset whose last block is so many months long; `panel` has every month before it, at least."""
    train_starts, test_at = starts[: -block - 1], starts[-block - 1]
    past = [at for at in train_starts[::-3] if at <= test_at - timedelta(days=HORIZONS_DAYS[0])]
    panel = panel.before(len(train_starts))
    return Dataset(
        panel=panel,
        folds=origins_of(panel, block),
        is_by_time=True,
        period_names=[f"{start:%Y-%m-%d}" for start in starts[:-1]],
        final_rows=np.arange(len(panel)),
        test=landmark_of(rows.filter(pl.col("as_of") == test_at), people, starts[-1]),
        past=landmark_of(rows.filter(pl.col("as_of").is_in(past)), people, test_at),
        schema=FEATURE_SCHEMA,
        season=[NAMES.index("season_sine"), NAMES.index("season_cosine")],
        tenure=NAMES.index("tenure_days"),
        protocol=in_words(starts, test_at, block),
    )


def in_words(starts: Sequence[datetime], test_at: datetime, block: int) -> str:
    """Return how the records were split, in words."""
    return (
        f"Split by time: person-months from {starts[0]:%Y-%m-%d}, rolling origins of {block} months with a month between "
        f"for choosing, the last of them before {test_at:%Y-%m-%d} for recalibrating; everybody employed on {test_at:%Y-%m-%d}, scored with what was known before, against "
        f"who had left by {starts[-1]:%Y-%m-%d}. The outcome of every month learnt from ends before the last block begins."
    )


def first_moment(context: TrainingContext) -> datetime:
    """Return the first moment at which exits can have been seen: before the first one nobody says who had left.

    Notes
    -----
    Exits are assumed to be recorded from the first one on; earlier months would hold survivors alone.
    """
    exits = context.records.get("exits", pl.DataFrame(schema={"happened_at": MOMENT}))
    first = exits.filter(pl.col("happened_at") < context.as_of)["happened_at"].min()
    if not isinstance(first, datetime):
        raise RefusedError("Nobody has left in these records: there is nothing to learn an exit from.",
                           hint="Import the exits of the same period as the job history.")  # fmt: skip
    return first


def month_starts(first: datetime, end: datetime) -> list[datetime]:
    """Return the first of each month in ``[first, end]``, at 00:00 UTC, and shifted so that the last one is `end`.

    Notes
    -----
    Months are counted back from `end`, so that none of them is cut; days beyond the 28th count as the 28th.
    """
    found, year, month, day = [], end.year, end.month, min(end.day, 28)
    at = datetime(year, month, day, tzinfo=end.tzinfo)
    while at >= first:
        found.append(at)
        month -= 1
        if month == 0:
            year, month = year - 1, 12
        at = datetime(year, month, day, tzinfo=end.tzinfo)
    return found[::-1]


def with_outcome(rows: pl.DataFrame, records: Mapping[str, pl.DataFrame], as_of: datetime) -> pl.DataFrame:
    """Add when and why each spell ended, as known at the end of the data; people already gone are left out."""
    exits = records["exits"].filter((pl.col("happened_at") < as_of) & (pl.col("known_at") < as_of))
    last = exits.sort("known_at", maintain_order=True).unique(
        ["employee_id", "spell"], keep="last", maintain_order=True
    )
    code = pl.col("reason_class").replace_strict(
        {name: place + 1 for place, name in enumerate(CAUSES)}, default=len(CAUSES)
    )
    ended = last.select("employee_id", "spell", exit_at="happened_at", exit_cause=code.cast(pl.Int64))
    found = rows.join(ended, ["employee_id", "spell"], "left")
    return found.filter(pl.col("exit_at").is_null() | (pl.col("exit_at") >= pl.col("as_of")))


def panel_of(rows: pl.DataFrame, starts: Sequence[datetime], people: Mapping[str, int]) -> Panel:
    """Return person-months of rows with their outcome."""
    ends = pl.DataFrame({"as_of": starts[:-1], "until": starts[1:], "period": range(len(starts) - 1)},
                        schema={"as_of": MOMENT, "until": MOMENT, "period": pl.Int64})  # fmt: skip
    rows = rows.join(ends, "as_of", maintain_order="left")
    has_left = (pl.col("exit_at") < pl.col("until")).fill_null(False)
    cause = rows.select(pl.when(has_left).then("exit_cause").otherwise(0))
    return Panel(
        rows.select(NAMES).to_numpy().astype(np.float64),
        cause.to_series().to_numpy().astype(np.int64),
        numbers(rows, people),
        rows["period"].to_numpy(),
    )


def spell_numbers(rows: pl.DataFrame) -> Ints:
    """Return the number of each row's spell: who comes back after an exit is the same person in another one."""
    return (
        rows.select(pl.struct("employee_id", "spell").rank("dense")).to_series().to_numpy().astype(np.int64)
    )


def landmark_of(rows: pl.DataFrame, people: Mapping[str, int], end: datetime) -> Landmark:
    """Return people at their moment, followed until they left or until `end`."""
    until = pl.min_horizontal("exit_at", pl.lit(end, dtype=MOMENT))
    days = rows.select((until - pl.col("as_of")).dt.total_seconds() / 86_400).to_series()
    has_left = (pl.col("exit_at") < end).fill_null(False)
    cause = rows.select(pl.when(has_left).then("exit_cause").otherwise(0)).to_series()
    return Landmark(
        rows.select(NAMES).to_numpy().astype(np.float64),
        np.maximum(days.to_numpy().astype(np.float64), 0.5),
        cause.to_numpy().astype(np.int64),
        numbers(rows, people),
        rows["employee_id"].to_list(),
        followed=rows.select((end - pl.col("as_of")).dt.total_days())
        .to_series()
        .to_numpy()
        .astype(np.float64),
    )


def numbers(rows: pl.DataFrame, people: Mapping[str, int]) -> Ints:
    """Return the number of each row's person."""
    return rows["employee_id"].replace_strict(dict(people), return_dtype=pl.Int64).to_numpy()
