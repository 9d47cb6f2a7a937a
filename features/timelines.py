"""As-of joins for many moments at once: what `features.history` says of one moment, said of every row's own.

A fact *enters* at the later of `happened_at` and `known_at`; it counts for a moment when it entered strictly before.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

MOMENT = pl.Datetime("us", "UTC")
ENTERED = pl.max_horizontal("happened_at", "known_at")


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
        As `timeline` returns it; its columns beside `by` and ``entered_at`` are added, null where nothing held.
    by : list of str
        Columns on which both agree.
    moment : str
        Name of the column of moments.
    lag : timedelta
        How long before the moment to look, with what was known then.
    """
    looked = rows.with_row_index("_row").with_columns(_at=pl.col(moment) - lag).sort("_at")
    found = looked.join_asof(
        line.drop("happened_at", "known_at", strict=False).sort("entered_at"),
        left_on="_at",
        right_on="entered_at",
        by=by,
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return found.sort("_row").drop("_row", "_at", "entered_at", strict=False)


def total_within(
    rows: pl.DataFrame,
    facts: pl.DataFrame,
    by: list[str],
    value: str,
    window: timedelta,
    version_key: list[str],
) -> pl.Series:
    """Return, for each row, the total of a value over what happened in a window before its moment.

    Parameters
    ----------
    rows : polars.DataFrame
        With `by` and ``as_of``.
    facts : polars.DataFrame
        With `by`, `value`, ``happened_at``, ``known_at`` and `version_key`.
    by : list of str
        Columns on which both agree.
    value : str
        Column to add up.
    window : timedelta
        Facts count that happened in ``[as_of - window, as_of)`` and were known before ``as_of``.
    version_key : list of str
        Columns that, with ``happened_at``, name a fact: later known versions replace earlier ones.

    Returns
    -------
    polars.Series
        One total per row, 0 where nothing counts.

    Notes
    -----
    A fact is inside the window from ``max(happened, known)`` on and outside from ``max(happened + window, known)``
    on, so the total is the difference of two running totals: two as-of joins for any number of moments.
    """
    change = pl.col(value)
    if facts.select(version_key).is_duplicated().any():  # else no fact has an earlier version to take away
        change = change - change.shift(1, fill_value=0).over([*version_key, "happened_at"])
    changes = facts.sort("known_at", maintain_order=True).with_columns(_change=change)
    inside = running_total(changes, by, ENTERED)
    outside = running_total(changes, by, pl.max_horizontal(pl.col("happened_at") + window, "known_at"))
    asked = rows.select(*by, "as_of")
    return (
        state_at(asked, inside, by)["total"].fill_null(0)
        - state_at(asked, outside, by)["total"].fill_null(0)
    )  # fmt: skip


def running_total(changes: pl.DataFrame, by: list[str], entered: pl.Expr) -> pl.DataFrame:
    """Return the running total of ``_change`` per group, in the order of entry."""
    ordered = changes.select(*by, "_change", entered_at=entered).sort("entered_at", maintain_order=True)
    return ordered.select(*by, "entered_at", total=pl.col("_change").cum_sum().over(by))
