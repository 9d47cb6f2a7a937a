"""Row 23: groups too small to be told, and whoever subtracts what is shown from the total."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from benchmarks.trust.scorecard import Effort, Fact
from features.skills.team_gaps import LEAST_PEOPLE, rolled_up, suppressed

MOST_GROUPS, MOST_PEOPLE = 12, 45


def groups(effort: Effort) -> Iterator[Fact]:
    """Subtract the shown groups of random skills from the skill's total, and look whether few people are left."""
    pairs, rng = effort.of(10_000), np.random.default_rng(7)
    cells = pl.concat([random_skill(number, rng) for number in range(pairs)])
    shown = suppressed(cells)
    totals = rolled_up(cells).select("skill_id", all_required="n_required", all_short="n_short")
    small = shown.filter(pl.col("n_required") < LEAST_PEOPLE).height
    left = (
        shown.group_by("skill_id")
        .agg(shown=pl.sum("n_required"), hidden=pl.col("is_suppressed").sum())
        .join(totals, "skill_id")
        .with_columns(rest=pl.col("all_required") - pl.col("shown"))
    )
    told = left.filter((pl.col("hidden") > 0) & (pl.col("rest") > 0) & (pl.col("rest") < LEAST_PEOPLE)).height
    tried = left.filter(pl.col("hidden") > 0).height
    yield Fact(
        f"{pairs:,} skills over groups of 1 to {MOST_PEOPLE} people, {tried:,} with something left out",
        f"{small} small groups shown, {told} worked out",
        "0 and 0",
        not small and not told and tried > 0,
    )


def random_skill(number: int, rng: np.random.Generator) -> pl.DataFrame:
    """Return one skill's cells as `features.skills.team_gaps.group_counts` does."""
    size = int(rng.integers(1, MOST_GROUPS + 1))
    required = rng.integers(1, MOST_PEOPLE + 1, size)
    return pl.DataFrame(
        {
            "skill_id": [f"s{number}"] * size,
            "skill_name": [f"skill {number}"] * size,
            "group": [f"g{place}" for place in range(size)],
            "n_required": required,
            "n_short": rng.binomial(required, 0.3),
            "mean_gap": rng.uniform(0.5, 3.0, size),
            "p_value": rng.uniform(0.0, 1.0, size),
        }
    )
