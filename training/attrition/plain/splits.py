"""A plain table as datasets: folds for a cross-section or a survival table, periods for a panel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from features.errors import BadInputError, RefusedError
from training.attrition.dataset import Dataset, Landmark, Panel
from training.attrition.fitting.origins import rolling_origins
from training.attrition.guards import check_folds
from training.attrition.plain.reading import Encoded, Request
from training.attrition.scorer import Floats

Ints = NDArray[np.int64]
INNER_FOLDS = 3
PERIODS = 36  # a survival table is cut into so many periods
FEWEST_EXITS = 5  # for a survival curve to be judged
LAST_SHARE = 0.2  # of the periods of a panel, if nothing else is said


def datasets(table: Encoded, request: Request, rng: np.random.Generator) -> Iterator[Dataset]:
    """Yield one dataset per fold and repeat, or the one of a temporal split."""
    split = request["split"] or ("temporal" if request.shape == "panel" else "cv")
    if request.shape == "panel" and split == "temporal":
        yield panel_dataset(table, request, rng)
        return
    if split == "temporal":
        train_until, test_from = bounds(table, request, 1)
        yield rows_dataset(table, request, np.flatnonzero(table.period <= train_until),
                           np.flatnonzero(table.period >= test_from), rng)  # fmt: skip
        return
    groups = fold_groups(table, request, split)
    for _ in range(request["repeats"]):
        fold = folds_of(groups, table.left, request["folds"], rng)
        for number in range(request["folds"]):
            fit_rows, check_rows = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            check_folds(groups, fit_rows, check_rows)
            yield rows_dataset(table, request, fit_rows, check_rows, rng)


def fold_groups(table: Encoded, request: Request, split: str) -> Ints:
    """Return which rows stay together: a named group if the split is by groups, else people, else equal rows."""
    if split == "grouped" and request["group"]:
        return table.group
    return table.person if request["id"] else table.profile


def folds_of(groups: Ints, left: NDArray[np.bool_], count: int, rng: np.random.Generator) -> Ints:
    """Return the fold of each row: groups stay whole, and each fold gets its share of those who left."""
    names, place = np.unique(groups, return_inverse=True)
    exits, stayers = (np.bincount(place, side) > 0 for side in (left, ~left))
    if min(exits.sum(), stayers.sum()) < count:
        raise RefusedError("There are too few groups with exits, or with people who stayed, for so many folds.",
                           found=f"{len(names)} groups, {int(exits.sum())} with exits, {int(stayers.sum())} with people who stayed",
                           allowed=f"at least {count} of each", hint="Ask for fewer: --folds N.")  # fmt: skip
    fold = np.empty(len(names), dtype=np.int64)
    for side in (exits, ~exits):
        members = rng.permutation(np.flatnonzero(side))
        fold[members] = (np.arange(len(members)) + rng.integers(count)) % count
    return fold[place]


def rows_dataset(
    table: Encoded, request: Request, fit: Ints, check: Ints, rng: np.random.Generator
) -> Dataset:
    """Return the dataset of rows that are people, each seen once."""
    if request.shape == "survival":
        return survival_dataset(table, request, fit, check, rng)
    codes = table.left.astype(np.int64)
    panel = Panel(table.features[fit], codes[fit], table.profile[fit], np.zeros(len(fit), dtype=np.int64))
    return Dataset(
        panel=panel,
        folds=inner_folds(panel, rng),
        final_rows=np.arange(len(fit)),
        test=Landmark(table.features[check], np.ones(len(check)), codes[check], check, rows=check),
        past=Landmark(table.features[fit], np.ones(len(fit)), codes[fit], fit),
        schema=dict.fromkeys(table.names, "column"),
        categorical=table.categorical,
        causes=("exit",),
        horizons=(1.0,),
        units="period",
        period=1.0,
        digest=table.digest,
        threads=request["threads"],
    )


def survival_dataset(
    table: Encoded, request: Request, fit: Ints, check: Ints, rng: np.random.Generator
) -> Dataset:
    """Return the dataset of a survival table: each person cut into periods, time on the clock a feature."""
    end = float(request["horizon"] or table.duration[fit].max())
    width = end / PERIODS
    panel = person_periods(table, fit, width)
    names = {**dict.fromkeys(table.names, "column"), "time_on_the_clock": "unit of the duration"}
    codes = table.left.astype(np.int64)

    def with_clock(rows: Ints) -> Floats:
        return np.column_stack([table.features[rows], np.zeros(len(rows))])

    return Dataset(
        panel=panel,
        folds=inner_folds(panel, rng),
        final_rows=np.arange(len(panel)),
        test=Landmark(with_clock(check), table.duration[check], codes[check], check, rows=check),
        past=Landmark(with_clock(fit), table.duration[fit], codes[fit], fit),
        schema=names,
        categorical=table.categorical,
        causes=("exit",),
        horizons=tuple(width * (number + 1) for number in range(PERIODS)),
        units="time",
        period=width,
        clock=[(len(table.names), width)],
        digest=table.digest,
        threads=request["threads"],
    )


def person_periods(table: Encoded, rows: Ints, width: float) -> Panel:
    """Return the periods each person was at risk; of a censored one's last period only a half or more counts."""
    duration, left = table.duration[rows], table.left[rows]
    count = np.where(left, np.ceil(duration / width), np.round(duration / width)).astype(np.int64)
    count = np.where(left, np.maximum(count, 1), count)
    index = np.repeat(np.arange(len(rows)), count)
    ends = np.cumsum(count)
    number = np.arange(len(index)) - np.repeat(ends - count, count)
    cause = np.zeros(len(index), dtype=np.int64)
    cause[ends[left] - 1] = 1
    features = np.column_stack([table.features[rows][index], number * width])
    return Panel(features, cause, table.profile[rows][index], number)


def inner_folds(panel: Panel, rng: np.random.Generator) -> list[tuple[Ints, Ints]]:
    """Return folds inside the rows learnt from, people (or equal rows) whole."""
    fold = folds_of(panel.person, panel.cause > 0, INNER_FOLDS, rng)
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(INNER_FOLDS)]


def bounds(table: Encoded, request: Request, horizon: int) -> tuple[int, int]:
    """Return the last period to learn from and the first to be judged by, as numbers; a gap of the horizon between.

    Raises
    ------
    BadInputError
        If a named period is not there, or the outcome of the last period learnt from is seen only in the block judged.
    """
    last = int(table.period.max())
    test_from = named_period(table, request, "test_from")
    train_until = named_period(table, request, "train_until")
    if test_from is None and train_until is None:
        test_from = max(last + 1 - max(round((last + 1) * LAST_SHARE), horizon), 1)
    if test_from is None and train_until is not None:
        test_from = train_until + horizon
    assert test_from is not None
    if train_until is None:
        train_until = test_from - horizon
    if train_until + horizon > test_from or test_from > last or train_until < 0:
        raise BadInputError("The periods leave no gap, or nothing to learn from or to be judged by.",
                            found=f"learning until period {train_until}, judged from {test_from} of {last}",
                            allowed=f"a gap of {horizon} between them")  # fmt: skip
    return train_until, test_from


def named_period(table: Encoded, request: Request, option: str) -> int | None:
    """Return the number of a named period, or None where none was named."""
    value = request[option]
    if value is None:
        return None
    names = table.frame[request["period"]].astype("string").to_numpy()
    found = table.period[names == str(value)]
    if not len(found):
        raise BadInputError(
            f"There is no period {value}.", allowed=", ".join(sorted(map(str, np.unique(names)))[:12])
        )
    return int(found[0])


def panel_dataset(table: Encoded, request: Request, rng: np.random.Generator) -> Dataset:
    """Return the dataset of a panel split by time.

    Notes
    -----
    Each row judged is a person in a period of the last block with at least the horizon left to be followed. Survival
    curves are judged of the people at the beginning of the block.
    """
    horizon = max(int(request["horizon"] or 1), 1)
    train_until, test_from = bounds(table, request, horizon)
    # the gap: hazards learn from one period each, so rows up to the horizon before the block may teach
    fit = np.flatnonzero(table.period <= train_until)
    codes = table.left.astype(np.int64)
    panel = Panel(table.features[fit], codes[fit], table.person[fit], table.period[fit])
    judged = judged_rows(table, test_from, horizon)
    longest = max(int(table.period.max()) + 1 - test_from, horizon)
    first_exit = followed(table, judged, horizon)
    origins = rolling_origins(panel, horizon)
    return Dataset(
        panel=panel,
        folds=origins or inner_folds(panel, rng),
        is_by_time=bool(origins),
        final_rows=np.arange(len(panel)),
        test=Landmark(table.features[judged], np.where(first_exit > 0, first_exit, horizon).astype(np.float64),
                      (first_exit > 0).astype(np.int64), table.person[judged], rows=judged),
        past=Landmark(table.features[fit], np.ones(len(fit)), codes[fit], table.person[fit]),
        schema=dict.fromkeys(table.names, "column"),
        categorical=table.categorical,
        causes=("exit",),
        horizons=tuple(float(number + 1) for number in range(longest)),
        units="periods",
        period=1.0,
        digest=table.digest,
        threads=request["threads"],
        dated=followed_from(table, test_from, longest),
    )  # fmt: skip


def followed_from(table: Encoded, test_from: int, longest: int) -> tuple[Landmark, Landmark] | None:
    """Return people at the beginning of the block, and as long before it, followed period by period.

    Returns
    -------
    pair of Landmark, optional
        None where fewer than two periods can be followed, or nobody leaves in one of them.
    """
    before = max(test_from - longest, 0)
    if longest < 2 or test_from - before < 2:
        return None
    parts = (landmark_at(table, test_from, longest), landmark_at(table, before, test_from - before))
    return parts if all((part.cause > 0).sum() >= FEWEST_EXITS for part in parts) else None


def landmark_at(table: Encoded, period: int, longest: int) -> Landmark:
    """Return the people of a period, followed until they left, were lost, or the time was over."""
    rows = np.flatnonzero(table.period == period)
    exits = followed(table, rows, longest)
    inside = (table.period >= period) & (table.period < period + longest)
    seen = np.zeros(int(table.person.max()) + 1, dtype=np.int64)
    np.maximum.at(seen, table.person[inside], table.period[inside] - period + 1)
    duration = np.where(exits > 0, exits, seen[table.person[rows]]).astype(np.float64)
    return Landmark(
        table.features[rows], duration, (exits > 0).astype(np.int64), table.person[rows], rows=rows
    )


def judged_rows(table: Encoded, test_from: int, horizon: int) -> Ints:
    """Return the rows of the last block that can be followed for the whole horizon."""
    last = int(table.period.max())
    return np.flatnonzero((table.period >= test_from) & (table.period <= last - horizon + 1))


def followed(table: Encoded, rows: Ints, horizon: int) -> Ints:
    """Return after how many periods each row's person left, within the horizon; 0 where they did not."""
    exits = np.full(int(table.person.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(exits, table.person[table.left], table.period[table.left])
    after = exits[table.person[rows]] - table.period[rows] + 1
    return np.where((after >= 1) & (after <= horizon), after, 0)
