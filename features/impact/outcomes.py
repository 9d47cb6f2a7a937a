"""What a training may be meant to move beside KPIs: ratings, survey answers, assessed skills, promotion, leaving.

Ratings, answers and assessments are measurements like any other: where a programme names one (``rating``, ``survey engagement``,
``skill S1``), its rows join the KPIs'. Promotion and leaving happen once: they are asked of everybody employed at the landmark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from features.history import History, latest
from features.impact.months import EXIT, EXIT_UNIT, HORIZON_DAYS, exits_after, kpis, outcomes_after
from features.survey_scale import share_of_scale

PROMOTION = "promotion"
EVENT_UNIT = EXIT_UNIT
RATING, SURVEY, SKILL = "rating", "survey ", "skill "
SOURCES = {RATING: "job_history", SURVEY: "surveys", SKILL: "held_skills"}
ALSO = "rating, survey ITEM, skill ID, promotion, voluntary_exit"


def source_of(name: str) -> str | None:
    """Return the table in which such an outcome is recorded; None for a KPI or an event.

    Examples
    --------
    >>> source_of("survey engagement"), source_of("productivity")
    ('surveys', None)
    """
    if name == RATING:
        return SOURCES[RATING]
    return next((SOURCES[kind] for kind in (SURVEY, SKILL) if name.startswith(kind)), None)


def measurements_of(records: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    """Return what was recorded of a rating, a survey item or a skill, as rows of ``outcomes``; none for anything else."""
    source = source_of(name)
    if source is None:
        return records["outcomes"].clear()
    rows = records[source]
    if name == RATING:
        rows = rows.drop_nulls("rating").with_columns(value=pl.col("rating"), unit=pl.lit("1-5"))
    elif source == "surveys":
        rows = rows.filter(pl.col("item") == name.removeprefix(SURVEY))
        rows = rows.with_columns(value=share_of_scale(), unit=pl.lit("share 0-1")).drop_nulls("value")
    else:
        is_tested = (pl.col("skill_id") == name.removeprefix(SKILL)) & (pl.col("source") == "assessed")
        rows = rows.filter(is_tested).with_columns(value=pl.col("level"), unit=pl.lit("level 0-5"))
    wanted = records["outcomes"].schema
    return rows.with_columns(kpi=pl.lit(name)).select(
        pl.col(column).cast(kind) for column, kind in wanted.items()
    )


def with_measurements(records: Mapping[str, pl.DataFrame], names: Iterable[str]) -> dict[str, pl.DataFrame]:
    """Return the records with the named ratings, answers and assessments among the outcomes; a KPI of that name comes first."""
    measured = set(records["outcomes"]["kpi"].unique())
    added = [measurements_of(records, name) for name in sorted(set(names) - measured)]
    return {**records, "outcomes": pl.concat([records["outcomes"], *added])}


def declared(programmes: pl.DataFrame) -> list[str]:
    """Return the outcomes that programmes name."""
    return sorted(programmes["kpi"].drop_nulls().unique())


def chosen(history: History, most: int) -> dict[str, str]:
    """Return the outcomes to estimate, with their units: what programmes name first, then the KPIs measured most often.

    Parameters
    ----------
    history : History
        As of the end, with what programmes name among the outcomes.
    most : int
        So many KPIs where programmes name no more; leaving comes on top, promotion where it is named.
    """
    every = kpis(history, history["outcomes"]["kpi"].n_unique())
    frequent = kpis(history, most)
    named = declared(history["programmes"])
    first = [name for name in named if name in every]
    rest = [name for name in frequent if name not in first][: max(most - len(first), 0)]
    found = {name: every[name] for name in sorted([*first, *rest])}
    return {**found, **{name: EVENT_UNIT for name in (PROMOTION,) if name in named}, EXIT: EXIT_UNIT}


def promotions_after(history: History, landmark: datetime) -> pl.DataFrame:
    """Return who was employed at a landmark, and 1 where their job's grade rose within the horizon; leavers count as 0."""
    end = landmark + timedelta(days=HORIZON_DAYS)
    grades = history["jobs"].select("job_id", "grade")
    rows = history["job_history"].join(grades, on="job_id", how="left")
    then = latest(rows.filter(pl.col("happened_at") <= landmark), ["employee_id"])
    later = rows.filter((pl.col("happened_at") > landmark) & (pl.col("happened_at") <= end))
    highest = later.group_by("employee_id").agg(highest=pl.col("grade").max())
    rose = (pl.col("highest") > pl.col("grade")).fill_null(value=False).cast(pl.Float64)
    return (
        exits_after(history, landmark)
        .select("employee_id")
        .join(then.select("employee_id", "grade"), on="employee_id", how="left")
        .join(highest, on="employee_id", how="left")
        .select("employee_id", rose.alias(PROMOTION))
    )


EVENTS: dict[str, Callable[[History, datetime], pl.DataFrame]] = {
    PROMOTION: promotions_after,
    EXIT: exits_after,
}


def after(history: History, landmark: datetime, names: Sequence[str]) -> pl.DataFrame:
    """Return what came at the horizon after a landmark, one column per name: measurements, and events as 0 or 1."""
    found = outcomes_after(history, landmark, [name for name in names if name not in EVENTS])
    for name in names:
        if name in EVENTS:
            found = found.join(EVENTS[name](history, landmark), on="employee_id", how="full", coalesce=True)
    return found
