"""How sure a held level is: an interval that widens with age, staleness, and evidence that contradicts it.

Notes
-----
The spreads are declared, not fitted: they say how far ratings of a source usually lie from a test of the same skill.
Self-ratings correlate .29 with measured performance on average (Zell & Krizan 2014, doi:10.1177/1745691613518075), ratings of
supervisors agree better with tests than those of peers (Conway & Huffcutt 1997, doi:10.1207/s15327043hup1004_2).
"""

from __future__ import annotations

import polars as pl

from features.history import History
from features.skills.levels import HALF_LIFE_DAYS, MOMENT, NUMBER, of_people, rows

# Standard deviation in levels, on the day.
SPREAD = {"assessed": 0.4, "manager": 0.7, "peer": 0.8, "inferred": 1.0, "self": 1.2, "completed": 0.8}
DRIFT_LEVELS = 0.5  # by which it grows with each half-life of the source
CONTRADICTION_LEVELS = 2.0  # two fresh pieces of evidence so far apart cannot both be right
Z_80 = 1.2816  # of the normal distribution: four in five lie within
KEY = ["employee_id", "skill_id"]


def with_uncertainty(history: History, held: pl.DataFrame) -> pl.DataFrame:
    """Return held levels with their 80 % interval, whether they are stale, and what contradicts them.

    Parameters
    ----------
    history : History
        Reads `held_skills`.
    held : polars.DataFrame
        As `features.skills.levels.held_levels` returns it; any frame with its columns.

    Returns
    -------
    polars.DataFrame
        The same rows and columns, with ``spread`` (standard deviation in levels), ``low``, ``high`` (0–5), ``is_stale``
        (older than the half-life of its source) and ``contradicted_by`` (``source level``, null where nothing does).

    Notes
    -----
    Assumes that errors are symmetric; at the ends of the scale they are not, and the interval is cut there.
    """
    age = age_in_half_lives(history, "evidenced_at")
    spread = pl.col("source").replace_strict(SPREAD, default=1.0, return_dtype=NUMBER) + DRIFT_LEVELS * age
    judged = held.with_columns(spread=spread, is_stale=age > 1.0).join(
        contradictions(history, held), KEY, "left"
    )
    distance = (pl.col("level") - pl.col("other_level")).abs() / 2
    judged = judged.with_columns(spread=pl.max_horizontal("spread", distance))
    return judged.with_columns(
        low=(pl.col("level") - Z_80 * pl.col("spread")).clip(0.0, 5.0),
        high=(pl.col("level") + Z_80 * pl.col("spread")).clip(0.0, 5.0),
        contradicted_by=pl.when(pl.col("other_level").is_not_null()).then(
            pl.format("{} {}", "other_source", pl.col("other_level").round(1))
        ),
    ).drop("other_level", "other_source")


def contradictions(history: History, held: pl.DataFrame) -> pl.DataFrame:
    """Return ``employee_id, skill_id, other_level, other_source``: the fresh evidence farthest from what is believed."""
    people = held["employee_id"].unique().to_list()
    evidence = of_people(rows(history, "held_skills"), people).filter(
        age_in_half_lives(history, "happened_at") <= 1.0
    )
    other = evidence.select(*KEY, other_level="level", other_source="source")
    apart = other.join(held.select(*KEY, "level", "source"), KEY).filter(
        ((pl.col("other_level") - pl.col("level")).abs() >= CONTRADICTION_LEVELS)
        & (pl.col("other_source") != pl.col("source"))
    )
    farthest = apart.sort(
        (pl.col("other_level") - pl.col("level")).abs(), descending=True, maintain_order=True
    )
    return farthest.unique(KEY, keep="first", maintain_order=True).select(*KEY, "other_level", "other_source")


def age_in_half_lives(history: History, moment: str) -> pl.Expr:
    """Return the age of evidence, in half-lives of its source."""
    half_life = pl.col("source").replace_strict(HALF_LIFE_DAYS, default=365, return_dtype=NUMBER)
    age = (pl.lit(history.as_of, dtype=MOMENT) - pl.col(moment)).dt.total_seconds().cast(NUMBER) / 86_400
    return (age / half_life).clip(lower_bound=0.0)
