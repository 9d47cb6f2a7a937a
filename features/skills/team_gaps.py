"""Gaps of groups of people: how many are short of a skill, whether it is a matter of one group or of everybody.

A share among few people says something about each of them: groups below a least size are left out, and with them as much
again as keeps them from being worked out from the rest.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import BadInputError

LEAST_PEOPLE = 10  # who share a figure
WIDESPREAD_SHARE = 0.25  # of those who need a skill: from here on a shortage is one of everybody
FALSE_DISCOVERIES = 0.05  # share of the groups called isolated that may be so by chance
Z_95 = 1.96
PATTERNS = ("isolated", "widespread", "scattered", "none", "suppressed")


def group_counts(compared: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Return how many people of each group need a skill, and how many are short of it.

    Parameters
    ----------
    compared : polars.DataFrame
        As `features.skills.levels.gaps` returns it.
    groups : polars.DataFrame
        ``employee_id, group``; one row per person. People without a row or group are left out.

    Returns
    -------
    polars.DataFrame
        ``skill_id, skill_name, group, n_required, n_short, mean_gap, p_value``; sorted. `mean_gap` (levels) is over those
        who are short. `p_value`: so many short people or more in the group, were they spread over all who need the
        skill by chance (hypergeometric).
    """
    joined = compared.join(groups.drop_nulls(), "employee_id")
    short = pl.col("gap") > 0
    cells = joined.group_by("skill_id", "skill_name", "group").agg(
        n_required=pl.len(), n_short=short.sum(), mean_gap=pl.col("gap").filter(short).mean().fill_null(0.0)
    )
    totals = cells.group_by("skill_id").agg(all_required=pl.sum("n_required"), all_short=pl.sum("n_short"))
    cells = cells.join(totals, "skill_id").sort("skill_id", "group")
    return cells.with_columns(p_value=pl.Series(chance_of(cells), dtype=pl.Float64)).drop(
        "all_required", "all_short"
    )


def chance_of(cells: pl.DataFrame) -> NDArray[np.float64]:
    """Return the hypergeometric probability of at least as many short people in each group."""
    from scipy.stats import hypergeom

    named = {
        name: cells[name].cast(pl.Int64).to_numpy()
        for name in ("n_short", "all_required", "all_short", "n_required")
    }
    return np.asarray(
        hypergeom.sf(named["n_short"] - 1, named["all_required"], named["all_short"], named["n_required"])
    )


def rolled_up(cells: pl.DataFrame, least_people: int = LEAST_PEOPLE) -> pl.DataFrame:
    """Return each skill over all groups: how short it is, and whether that is isolated or widespread.

    Parameters
    ----------
    cells : polars.DataFrame
        As `group_counts` returns it.
    least_people : int
        Skills that fewer people need are ``suppressed``, their figures null.

    Returns
    -------
    polars.DataFrame
        ``skill_id, skill_name, n_required, n_short, short_share, low, high, mean_gap, pattern, isolated_in``; most short
        people first. `low` and `high` are Wilson's 95 % interval of the share. `pattern`: ``isolated`` where a group of the
        least size is shorter than chance explains (Benjamini–Hochberg over all groups and skills; `isolated_in` names
        them), ``widespread`` where a quarter of all are short at the least (`low`), ``scattered`` else, ``none`` where nobody is.
    """
    if least_people < 1:
        raise BadInputError("The least group size must be 1 or more.", found=str(least_people))
    shown = cells.filter(pl.col("n_required") >= least_people)
    isolated = shown.filter(pl.Series(not_by_chance(shown["p_value"].to_numpy()), dtype=pl.Boolean))
    places = isolated.group_by("skill_id").agg(isolated_in=pl.col("group").sort())
    short = pl.col("n_short")
    total = cells.group_by("skill_id", "skill_name").agg(
        n_required=pl.sum("n_required"),
        mean_gap=(pl.col("mean_gap") * short).sum() / short.sum(),
        n_short=short.sum(),
    )
    total = with_interval(total).join(places, "skill_id", "left")
    pattern = (
        pl.when(pl.col("n_required") < least_people).then(pl.lit("suppressed"))
        .when(pl.col("n_short") == 0).then(pl.lit("none"))
        .when(pl.col("isolated_in").is_not_null()).then(pl.lit("isolated"))
        .when(pl.col("low") >= WIDESPREAD_SHARE).then(pl.lit("widespread"))
        .otherwise(pl.lit("scattered"))
    )  # fmt: skip
    total = total.with_columns(pattern=pattern, isolated_in=pl.col("isolated_in").fill_null([]))
    names = [
        "skill_id",
        "skill_name",
        "n_required",
        "n_short",
        "short_share",
        "low",
        "high",
        "mean_gap",
        "pattern",
        "isolated_in",
    ]
    return hidden(total, pl.col("pattern") == "suppressed").sort(
        pl.col("n_short").fill_null(-1), "skill_id", descending=[True, False]
    ).select(names)  # fmt: skip


def with_interval(frame: pl.DataFrame) -> pl.DataFrame:
    """Return counts with the share of short people and Wilson's 95 % interval of it."""
    n, share, square = pl.col("n_required"), pl.col("n_short") / pl.col("n_required"), Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 * (share * (1 - share) / n + square / (4 * n**2)).sqrt() / (1 + square / n)
    return frame.with_columns(
        short_share=share,
        low=(middle - half).clip(lower_bound=0.0),
        high=(middle + half).clip(upper_bound=1.0),
        mean_gap=pl.col("mean_gap").fill_nan(0.0).fill_null(0.0),
    )


def not_by_chance(p_values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which groups are shorter than chance explains, at the false discovery rate (Benjamini–Hochberg)."""
    from scipy.stats import false_discovery_control

    if not len(p_values):
        return np.zeros(0, dtype=bool)
    return np.asarray(false_discovery_control(p_values) <= FALSE_DISCOVERIES)


def suppressed(cells: pl.DataFrame, least_people: int = LEAST_PEOPLE) -> pl.DataFrame:
    """Return the cells that may be shown: none of too few people, and none that gives such a one away.

    Where the cells left out of a skill hold fewer than `least_people` in all, total minus the rest would tell of them: the
    next smallest goes too, until what is left out is many again.

    Returns
    -------
    polars.DataFrame
        Every cell of the input; ``is_suppressed`` marks those whose figures are null.
    """
    ordered = cells.sort("skill_id", "n_required", "group")
    before = pl.col("n_required").cum_sum().over("skill_id") - pl.col("n_required")
    smallest = pl.col("n_required").first().over("skill_id")
    is_small = pl.col("n_required") < least_people
    # Smallest first: a cell goes while those before it, all of which went, are too few together.
    goes = is_small | ((smallest < least_people) & (before < least_people) & (before > 0))
    marked = ordered.with_columns(is_suppressed=goes)
    return hidden(marked, pl.col("is_suppressed")).sort("skill_id", "group")


def hidden(frame: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Return a frame whose figures are null where a condition holds."""
    names = [
        name
        for name in ("n_required", "n_short", "short_share", "low", "high", "mean_gap", "p_value")
        if name in frame.columns
    ]
    return frame.with_columns(pl.when(~condition).then(pl.col(name)).alias(name) for name in names)
