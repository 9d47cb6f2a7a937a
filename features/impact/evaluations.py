"""What people answered about a course: reaction, learning and behaviour, one value per person and measure.

References
----------
Kirkpatrick, Kirkpatrick, Evaluating Training Programs, 3rd ed., Berrett-Koehler (2006): the four levels.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from features.history import History

AT_WORK_DAYS = 14  # an answer before so many days have passed cannot say what shows at work
DUE_DAYS = 90
MEASURES = (
    "reaction",
    "learning_passed",
    "learning_test",
    "behaviour_employee",
    "behaviour_manager",
    "behaviour_due",
)
ANSWER = ["course_id", "employee_id", "measure", "value"]


def answers(history: History, since: datetime | None = None) -> pl.DataFrame:
    """Return one row per course, person and measure.

    Parameters
    ----------
    history : History
        Needs ``learning_events`` and ``evaluations``.
    since : datetime, optional
        Courses completed, and answers given, from then on.

    Returns
    -------
    polars.DataFrame
        ``course_id, employee_id, measure, value``; the measures are `MEASURES`: the last rating (1–5) of ``reaction``,
        ``behaviour_employee`` and ``behaviour_manager``, the last test (share 0–1) of ``learning_test``; ``learning_passed`` is
        1 for who passed or completed and 0 for who failed; ``behaviour_due`` is 1 for who completed at least `DUE_DAYS` ago.
    """
    events, said = history["learning_events"], history["evaluations"]
    if since is not None:
        events, said = (frame.filter(pl.col("happened_at") >= since) for frame in (events, said))
    finished = completions(events)
    parts = [
        last_rating(reactions(events, said), "reaction"),
        last_rating(events.rename({"score_share": "value"}), "learning_test"),
        passed(events),
        *behaviour(said, finished),
        due(finished, history.as_of),
    ]
    return pl.concat([part.select(ANSWER) for part in parts])


def completions(events: pl.DataFrame) -> pl.DataFrame:
    """Return when each person last completed each course: ``course_id, employee_id, completed_at``."""
    done = events.filter(pl.col("kind").is_in(["completed", "passed"]))
    return done.group_by("course_id", "employee_id").agg(completed_at=pl.col("happened_at").max())


def reactions(events: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return ratings of courses, from events and from answers at the end of a course."""
    columns = ["course_id", "employee_id", "happened_at", "value"]
    stated = said.filter(pl.col("stage") == "reaction")
    both = [frame.rename({"rating": "value"}).select(columns) for frame in (events, stated)]
    return pl.concat(both)


def last_rating(frame: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Return each person's last value."""
    known = frame.filter(pl.col("value").is_not_null()).sort("happened_at", maintain_order=True)
    last = known.group_by("course_id", "employee_id", maintain_order=True).agg(pl.col("value").last())
    return last.with_columns(measure=pl.lit(measure))


def passed(events: pl.DataFrame) -> pl.DataFrame:
    """Return 1 for who passed or completed, 0 for who failed and did neither."""
    ended = events.filter(pl.col("kind").is_in(["passed", "failed", "completed"]))
    did = (pl.col("kind") != "failed").any().cast(pl.Float64)
    found = ended.group_by("course_id", "employee_id").agg(value=did)
    return found.with_columns(measure=pl.lit("learning_passed"))


def behaviour(said: pl.DataFrame, finished: pl.DataFrame) -> list[pl.DataFrame]:
    """Return how far the skill shows at work, by rater; answers before `AT_WORK_DAYS` have passed do not count."""
    later = said.filter(pl.col("stage") == "behaviour").join(
        finished, on=["course_id", "employee_id"], how="left"
    )
    since = pl.col("happened_at") - pl.col("completed_at")
    counted = later.filter(since.is_null() | (since >= timedelta(days=AT_WORK_DAYS)))
    counted = counted.rename({"rating": "value"})
    return [
        last_rating(counted.filter(pl.col("rater") == rater), f"behaviour_{rater}")
        for rater in ("employee", "manager")
    ]


def due(finished: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return 1 for who completed so long ago that they, and their manager, were to be asked."""
    asked = finished.filter(pl.col("completed_at") <= as_of - timedelta(days=DUE_DAYS))
    return asked.with_columns(measure=pl.lit("behaviour_due"), value=pl.lit(1.0))
