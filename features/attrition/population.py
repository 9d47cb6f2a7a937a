"""Who is employed at a moment, and what was known of them then that may move the chance of leaving.

One function serves the training panel (many moments) and an answer (one moment); nothing in a row was unknown, or
had not happened, at the moment of that row. Amounts are relative to their own period. Protected attributes are
not among the records it takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from features.attrition.gap import with_gaps
from features.attrition.meanings import FEATURE_SCHEMA, NAMES
from features.attrition.surveys import with_surveys
from features.timelines import ENTERED, MOMENT, state_at, timeline, totals_within

__all__ = ["FEATURE_SCHEMA", "KEY", "NAMES", "TABLES", "employed", "features"]

SPELL = ["employee_id", "spell"]
NUMBERED = "_spell"
KEY = [*SPELL, "as_of"]
YEAR = timedelta(days=365)
HALF_YEAR = timedelta(days=180)
QUARTER = timedelta(days=90)
FEWEST_IN_JOB = 5  # a median of fewer people says little, and shows somebody's pay
IDENTIFIERS = (
    (("employee_id", "manager_id"), ("employees", "job_history", "exits")),
    (("skill_id",), ("job_skills",)),
)  # what is told of anybody else, or of a skill that no job asks for, moves no feature
CARRIED = ("pay_amount", "hours_per_week", "fte_share", "rating", "commute_minutes", "overtime_hours")

TEXT, NUMBER, FLAG = pl.String, pl.Float64, pl.Boolean
TABLES: Mapping[str, Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "employees": {"employee_id": TEXT, "spell": pl.Int64, "hired_at": MOMENT, "employment_type": TEXT, "known_at": MOMENT},
    "job_history": {"employee_id": TEXT, "spell": pl.Int64, "happened_at": MOMENT, "known_at": MOMENT, "job_id": TEXT,
                    "department": TEXT, "manager_id": TEXT, "location": TEXT, "pay_amount": NUMBER, "pay_currency": TEXT,
                    "hours_per_week": NUMBER, "fte_share": NUMBER, "rating": NUMBER, "is_on_leave": FLAG,
                    "employment_type": TEXT, "commute_minutes": NUMBER, "overtime_hours": NUMBER},
    "exits": {"employee_id": TEXT, "spell": pl.Int64, "happened_at": MOMENT, "known_at": MOMENT, "reason_class": TEXT},
    "surveys": {"employee_id": TEXT, "item": TEXT, "happened_at": MOMENT, "known_at": MOMENT, "value": NUMBER,
                "scale_low": NUMBER, "scale_high": NUMBER},
    "learning_events": {"event_id": TEXT, "employee_id": TEXT, "course_id": TEXT, "kind": TEXT, "happened_at": MOMENT,
                        "known_at": MOMENT, "hours": NUMBER},
    "courses": {"course_id": TEXT, "hours": NUMBER, "level": NUMBER},
    "jobs": {"job_id": TEXT, "grade": NUMBER, "title": TEXT, "taxonomy": TEXT},
    "job_relations": {"job_id": TEXT, "related_id": TEXT},
    "job_skills": {"job_id": TEXT, "skill_id": TEXT, "level": NUMBER, "importance": NUMBER, "source": TEXT,
                   "required_from": MOMENT},
    "course_skills": {"course_id": TEXT, "skill_id": TEXT, "level": NUMBER, "source": TEXT, "confidence": NUMBER},
    "held_skills": {"employee_id": TEXT, "skill_id": TEXT, "happened_at": MOMENT, "known_at": MOMENT, "level": NUMBER,
                    "source": TEXT},
}  # fmt: skip


def features(
    records: Mapping[str, pl.DataFrame], as_ofs: Sequence[datetime], employee_ids: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the features of everybody employed at each moment.

    Parameters
    ----------
    records : mapping of str to polars.DataFrame
        Tables as stored, with all versions of their facts; those of `TABLES` are read, a missing one is empty.
    as_ofs : sequence of datetime
        Aware UTC moments.
    employee_ids : sequence of str, optional
        Whose rows to return. The records must be those of everybody all the same: medians of a job and exits of
        a team are about others.

    Returns
    -------
    polars.DataFrame
        ``employee_id, spell, as_of`` and the columns of `NAMES`, all float, null where unknown; sorted by moment
        and person.
    """
    tables = numbered({name: table(records, name) for name in TABLES})
    rows = employed(tables, as_ofs)
    line = job_timeline(tables)
    rows = state_at(rows, line, SPELL)
    rows = with_year_before(rows, line)
    rows = with_peers(rows)
    rows = with_team_exits(rows, tables, line)
    rows = with_surveys(rows, tables)
    rows = with_learning(rows, tables)
    if employee_ids is not None:
        rows = rows.filter(pl.col("employee_id").cast(TEXT).is_in(list(employee_ids)))
    rows = with_gaps(rows, tables)
    found = with_clock(rows).sort("as_of", *SPELL)
    return found.select(*KEY, *(pl.col(name).cast(NUMBER) for name in NAMES)).cast({"employee_id": TEXT})


def table(records: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    """Return the columns read from a table; those that are missing are null."""
    shape = TABLES[name]
    frame = records.get(name, pl.DataFrame(schema=dict(shape)))
    missing = [
        pl.lit(None, dtype=kind).alias(column)
        for column, kind in shape.items()
        if column not in frame.columns
    ]
    return frame.with_columns(missing).select(list(shape)).cast(dict(shape))  # type: ignore[arg-type]


def numbered(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return tables whose identifiers are numbers that sort as the identifiers do: rows are sooner sorted, grouped and joined."""
    found = dict(tables)
    for columns, told_by in IDENTIFIERS:
        held = [
            tables[table][name].unique().rename("")
            for table in told_by
            for name in columns
            if name in tables[table].columns
        ]
        kind = pl.Enum(pl.concat(held).drop_nulls().unique().sort())
        found = {
            table: frame.cast({name: kind for name in columns if name in frame.columns}, strict=False)
            for table, frame in found.items()
        }
    return found


def employed(tables: Mapping[str, pl.DataFrame], as_ofs: Sequence[datetime]) -> pl.DataFrame:
    """Return one row per spell and moment for which it was known that the person works here."""
    moments = pl.DataFrame({"as_of": list(as_ofs)}, schema={"as_of": MOMENT}).unique().sort("as_of")
    left = tables["exits"].group_by(SPELL).agg(left_at=ENTERED.min())
    spells = tables["employees"].join(left, SPELL, "left")
    started = pl.max_horizontal("hired_at", "known_at")
    rows = spells.join(moments, how="cross")
    is_here = (started < pl.col("as_of")) & (
        pl.col("left_at").is_null() | (pl.col("left_at") >= pl.col("as_of"))
    )
    return rows.filter(is_here).select(*KEY, "hired_at", contract=pl.col("employment_type"))


def job_timeline(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return what held for each spell from a moment on, with since when its parts have held."""
    line = timeline(tables["job_history"], SPELL)
    line = line.join(tables["jobs"].select("job_id", "grade"), "job_id", "left", maintain_order="left")
    line = with_paths(line, tables["job_relations"])
    line = line.with_columns(
        pl.struct(SPELL).rle_id().alias(NUMBERED)
    )  # sorted: a number is sooner grouped than a name
    line = line.with_columns(pl.col(name).forward_fill().over(NUMBERED) for name in CARRIED)
    since = {
        "job_since": has_changed("job_id"),
        "moved_since": pl.any_horizontal(has_changed(name) for name in ("job_id", "department", "location")),
        "promoted_since": ~is_first() & (pl.col("grade") > pl.col("grade").shift(1)),
        "manager_since": has_changed("manager_id"),
    }
    line = line.with_columns(
        *(pl.when(came).then("happened_at").alias(name) for name, came in since.items()),
        manager_changes=since["manager_since"].cast(NUMBER),
    )  # row by row first: what is asked within a spell is then a column, which is sooner grouped than an expression
    return line.with_columns(
        *(pl.col(name).forward_fill().over(NUMBERED) for name in since),
        pl.col("manager_changes").cum_sum().over(NUMBERED),
    ).drop(NUMBERED)


def with_paths(line: pl.DataFrame, relations: pl.DataFrame) -> pl.DataFrame:
    """Add to how many other jobs people move from the present one; null where nobody says of any job."""
    counts = relations.group_by("job_id").agg(paths_open=pl.col("related_id").n_unique().cast(NUMBER))
    none = pl.lit(None if relations.is_empty() else 0.0, dtype=NUMBER)
    line = line.join(counts, "job_id", "left", maintain_order="left")
    return line.with_columns(pl.coalesce("paths_open", pl.when(pl.col("job_id").is_not_null()).then(none)))


def has_changed(name: str) -> pl.Expr:
    """Return whether a column differs from the row before of the same spell; false in its first row."""
    return pl.col(name).ne_missing(pl.col(name).shift(1)) & ~is_first()


def is_first() -> pl.Expr:
    """Return whether a row is the first of its spell."""
    return pl.col(NUMBERED).ne_missing(pl.col(NUMBERED).shift(1))


def with_year_before(rows: pl.DataFrame, line: pl.DataFrame) -> pl.DataFrame:
    """Add changes within a year: what is known now against what was known a year ago."""
    kept = line.select(*SPELL, "entered_at", pay_before="pay_amount", currency_before="pay_currency",
                       rating_before="rating", changes_before="manager_changes")  # fmt: skip
    rows = state_at(rows, kept, SPELL, lag=YEAR)
    same_money = pl.col("pay_currency").eq_missing(pl.col("currency_before"))
    growth = pl.when(same_money & (pl.col("pay_before") > 0)).then(
        pl.col("pay_amount") / pl.col("pay_before") - 1
    )
    return rows.with_columns(
        pay_growth=growth,
        rating_change=pl.col("rating") - pl.col("rating_before"),
        manager_changes_365_days=pl.col("manager_changes") - pl.col("changes_before").fill_null(0.0),
    )


def with_peers(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what compares a person with others at the same moment: pay, team, people led."""
    job = ["as_of", "job_id", "pay_currency"]
    place = [*job, "location"]
    rows = rows.with_columns(
        _pay_median=pl.coalesce(median_of_peers("pay_amount", place), median_of_peers("pay_amount", job)),
        _growth_median=median_of_peers("pay_growth", job),
    )
    led = rows.group_by("as_of", "manager_id").agg(span_of_control=pl.len()).drop_nulls("manager_id")
    rows = rows.with_columns(
        pay_to_job_median=pl.when(pl.col("_pay_median") > 0).then(
            pl.col("pay_amount") / pl.col("_pay_median")
        ),
        pay_growth_excess=pl.col("pay_growth") - pl.col("_growth_median"),
        team_size=pl.when(pl.col("manager_id").is_not_null()).then(pl.len().over("as_of", "manager_id")),
    )
    rows = rows.join(led, left_on=["as_of", "employee_id"], right_on=["as_of", "manager_id"], how="left")
    return rows.with_columns(pl.col("span_of_control").fill_null(0))


def median_of_peers(name: str, group: list[str]) -> pl.Expr:
    """Return the median of a column over a group, null where fewer than `FEWEST_IN_JOB` are known."""
    enough = pl.col(name).count().over(group) >= FEWEST_IN_JOB
    return pl.when(enough).then(pl.col(name).median().over(group))


def with_team_exits(
    rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame], line: pl.DataFrame
) -> pl.DataFrame:
    """Add the shares of the team that left in the last 90 and 180 days."""
    leavers = tables["exits"].with_columns(entered=ENTERED)
    managers = line.select(*SPELL, "entered_at", "manager_id")
    leavers = state_at(leavers, managers, SPELL, moment="entered").with_columns(one=pl.lit(1.0))
    leavers = (
        leavers.drop_nulls("manager_id").sort("entered").unique(SPELL, keep="first", maintain_order=True)
    )
    for name, window in (("team_exit_share_90_days", QUARTER), ("team_exit_share_180_days", HALF_YEAR)):
        (left,) = totals_within(rows, leavers, ["manager_id"], ["one"], window, SPELL)
        rows = rows.with_columns((left / (left + rows["team_size"])).alias(name))
    return rows


def with_learning(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Add what was learnt within a year: completions, and their hours."""
    hours = tables["courses"].select("course_id", course_hours="hours")
    is_done = pl.col("kind") == "completed"
    # an event that never was a completion adds 0 in all of its versions: it need not be followed
    counted = tables["learning_events"].filter(is_done | pl.col("event_id").is_duplicated())
    done = counted.join(hours, "course_id", "left", maintain_order="left")
    done = done.with_columns(
        learnt=pl.when(is_done).then(pl.coalesce("hours", "course_hours", pl.lit(0.0))).otherwise(0.0),
        one=is_done.cast(NUMBER),
    )
    hours_learnt, completions = totals_within(
        rows, done, ["employee_id"], ["learnt", "one"], YEAR, ["event_id"]
    )
    return rows.with_columns(
        hours_learnt.alias("learning_hours_365_days"), completions.alias("completions_365_days")
    )


def with_clock(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the times since something, the flags and the season."""
    angle = (pl.col("as_of").dt.month() - 1) * (2 * math.pi / 12)
    contract = pl.coalesce("employment_type", "contract")
    return rows.with_columns(
        tenure_days=days_since("hired_at"),
        days_in_job=days_since("job_since"),
        days_since_move=days_since("moved_since"),
        days_since_promotion=days_since("promoted_since"),
        days_since_manager_change=days_since("manager_since"),
        days_since_survey=days_since("answered_at", otherwise=None),
        is_temporary=(contract != "permanent").cast(NUMBER),
        is_on_leave=pl.col("is_on_leave").cast(NUMBER),
        season_sine=angle.sin(),
        season_cosine=angle.cos(),
    )


def days_since(name: str, otherwise: str | None = "hired_at") -> pl.Expr:
    """Return the days from a moment to the moment of the row; from hire where there was none."""
    start = pl.col(name) if otherwise is None else pl.coalesce(name, otherwise)
    return (pl.col("as_of") - start).dt.total_seconds() / 86_400
