"""As-of joins for many moments at once: what `features.history` says of one moment, said of every row's own.

A fact *enters* at the later of `happened_at` and `known_at`; it counts for a moment when it entered strictly before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.numbering import Groups, Ints, groups

Floats = NDArray[np.float64]
MOMENT = pl.Datetime("us", "UTC")
ENTERED = pl.max_horizontal("happened_at", "known_at")
NEVER = np.iinfo(np.int64).max  # a fact without times enters after every moment
NOT_YET = np.iinfo(np.int64).min


def timeline(facts: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return the facts that ever were the latest known one of their key, with the moment they entered.

    Parameters
    ----------
    facts : polars.DataFrame
        With `key`, ``happened_at`` and ``known_at``.
    key : list of str
        Columns that name what the fact is about.

    Returns
    -------
    polars.DataFrame
        Sorted by key and ``entered_at``; a fact that became known after a later one had happened is left out,
        for it never was the latest; a correction follows what it corrects.
    """
    ordered = facts.with_columns(entered_at=ENTERED).sort(*key, "entered_at", "happened_at", "known_at")
    latest = (
        pl.col("happened_at").to_physical().cum_max().over(pl.struct(key).rle_id())
    )  # sorted: a run is a key
    return ordered.filter(pl.col("happened_at").to_physical() >= latest)


def state_at(
    rows: pl.DataFrame,
    line: pl.DataFrame,
    by: list[str],
    *,
    moment: str = "as_of",
    lag: timedelta = timedelta(0),
) -> pl.DataFrame:
    """Return the rows with the columns of what held at their moment, or some time before it.

    Parameters
    ----------
    rows : polars.DataFrame
        With `by` and a column of moments.
    line : polars.DataFrame
        As `timeline` returns it; its columns beside `by` and ``entered_at`` are added, null where nothing held. Of
        facts that entered at the same moment the last row counts.
    by : list of str
        Columns on which both agree.
    moment : str
        Name of the column of moments.
    lag : timedelta
        How long before the moment to look, with what was known then.
    """
    place = last_entered(rows.select(*by, _at=pl.col(moment) - lag), line.select(*by, "entered_at"), by)
    added = line.drop(*by, "entered_at", "happened_at", "known_at", strict=False)
    return rows.with_columns(added.select(pl.all().gather(place)).get_columns())


def last_entered(rows: pl.DataFrame, line: pl.DataFrame, by: list[str]) -> pl.Series:
    """Return the place of the last row of `line` of each row's group that entered before ``_at``, null where none did.

    Notes
    -----
    A group and the rank of a moment make one number; the last such number below a row's own is found by bisection.
    """
    alike = groups(rows, line, by)
    at, entered = micros(rows["_at"]), micros(line["entered_at"])
    times = np.unique(entered)
    span = times.size + 1
    keys = alike.right * span + np.searchsorted(times, entered)
    order = np.argsort(keys, kind="stable")
    asked = alike.left * span + np.searchsorted(times, at)
    last = np.searchsorted(keys[order], asked) - 1
    place = np.append(order, -1)[last]  # before the first there is none
    is_own = (place >= 0) & (np.append(alike.right, -1)[place] == alike.left)
    return pl.Series(np.where(is_own, place, 0)).set(pl.Series(~is_own), None)


def totals_within(
    rows: pl.DataFrame,
    facts: pl.DataFrame,
    by: list[str],
    values: Sequence[str],
    window: timedelta,
    version_key: list[str],
) -> list[pl.Series]:
    """Return, for each row, the totals of values over what happened in a window before its moment.

    Parameters
    ----------
    rows : polars.DataFrame
        With `by` and ``as_of``.
    facts : polars.DataFrame
        With `by`, `values`, ``happened_at``, ``known_at`` and `version_key`.
    by : list of str
        Columns on which both agree.
    values : sequence of str
        Columns to add up.
    window : timedelta
        Facts count that happened in ``[as_of - window, as_of)`` and were known before ``as_of``.
    version_key : list of str
        Columns that, with ``happened_at``, name a fact: later known versions replace earlier ones.

    Returns
    -------
    list of polars.Series
        Of each value one total per row, 0 where nothing counts.

    Notes
    -----
    A fact is inside the window from ``max(happened, known)`` on and outside from ``max(happened + window, known)``
    on, so the total is the difference of two running totals.
    """
    changes = [pl.col(value) for value in values]
    if facts.select(version_key).is_duplicated().any():  # else no fact has an earlier version to take away
        fact = [*version_key, "happened_at"]
        changes = [change - change.shift(1, fill_value=0).over(fact) for change in changes]
    ordered = facts.sort("known_at", maintain_order=True)
    amounts = ordered.select(changes).cast(pl.Float64).fill_null(0.0)
    alike, at = groups(rows, ordered, by), micros(rows["as_of"])
    inside, outside = (
        running_totals(alike, at, micros(ordered.select(entered).to_series()), amounts)
        for entered in (ENTERED, pl.max_horizontal(pl.col("happened_at") + window, "known_at"))
    )
    return [pl.Series(new - old) for new, old in zip(inside, outside, strict=True)]


def running_totals(alike: Groups, at: Ints, entered: Ints, amounts: pl.DataFrame) -> list[Floats]:
    """Return, of each column of amounts, what a row's group had in all before the row's moment, in order of entry."""
    held = [np.zeros(alike.count) for _ in amounts.columns]
    found = [np.zeros(len(at)) for _ in amounts.columns]
    each = [column.to_numpy() for column in amounts]
    for new, asked in by_moment(at, entered):
        for total, answer, amount in zip(held, found, each, strict=True):
            np.add.at(total, alike.right[new], amount[new])
            answer[asked] = total[alike.left[asked]]
    return found


def latest_happened(rows: pl.DataFrame, facts: pl.DataFrame, by: list[str]) -> pl.Series:
    """Return when the latest fact known at each row's moment had happened; null where there is none.

    Parameters
    ----------
    rows, facts : polars.DataFrame
        With `by`; ``as_of`` of the rows, ``happened_at`` and ``known_at`` of the facts.
    by : list of str
        Columns on which both agree.
    """
    facts = facts.drop_nulls("happened_at")
    alike, at = groups(rows, facts, by), micros(rows["as_of"])
    happened, entered = micros(facts["happened_at"]), micros(facts.select(ENTERED).to_series())
    latest, found = np.full(alike.count, NOT_YET), np.empty(len(at), np.int64)
    for new, asked in by_moment(at, entered):
        np.maximum.at(latest, alike.right[new], happened[new])
        found[asked] = latest[alike.left[asked]]
    return pl.Series(found).set(pl.Series(found == NOT_YET), None).cast(MOMENT)


def by_moment(at: Ints, entered: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield, moment by moment, the facts that entered since the moment before, in order of entry, and the rows that ask then."""
    rows, order = np.argsort(at, kind="stable"), np.argsort(entered, kind="stable")
    moments, counts = np.unique(at, return_counts=True)
    known, asked = np.searchsorted(entered[order], moments), np.cumsum(counts)
    yield from zip(np.split(order, known)[: len(moments)], np.split(rows, asked)[: len(moments)], strict=True)


def micros(moments: pl.Series) -> Ints:
    """Return moments as microseconds since 1970; those that are none come after all others."""
    return moments.to_physical().fill_null(NEVER).to_numpy()
