"""Which evaluations hang on what a person learnt, and keeping their answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.errors import BadInputError
from features.history import History, history, latest
from features.impact.evaluations import AT_WORK_DAYS, DUE_DAYS, completions
from features.records.facts import FACT_KEYS
from features.records.moments import from_micros, to_micros
from features.records.people import check_employee
from features.records.schema import METADATA
from features.records.tables import EVALUATION_RATERS, IMPORTABLE
from serving.access import Caller
from serving.house import House
from serving.impact.evaluation_answers import EvaluationDue, EvaluationReceipt, Evaluations
from serving.records.derived import stored
from serving.records.store import changed, check_references

TABLE = IMPORTABLE["evaluations"]
LOOKED_BACK_DAYS = 730
OF_PERSON = ("learning_events", "assignments", "evaluations", "goals")


def due_evaluations(house: House, employee_id: str) -> Evaluations:
    """Return the evaluations of everything a person completed in the last two years that was not imposed on them.

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    """
    with house.store.reading() as connection:
        check_employee(connection, employee_id)
    now = house.clock()
    known = person_history(house, employee_id, now)
    finished = completions(known["learning_events"])
    finished = finished.filter(pl.col("completed_at") >= now - timedelta(days=LOOKED_BACK_DAYS))
    bound = known["assignments"].filter(pl.col("is_mandatory"))["course_id"]
    finished = finished.filter(~pl.col("course_id").is_in(bound.implode()))
    courses = finished["course_id"].to_list()
    titles, taught = catalogue_of(house, courses)
    goals = (
        latest(known["goals"], ["goal_id"])
        .drop_nulls("skill_id")
        .sort("goal_id")
        .rows_by_key("skill_id", named=True)
    )
    said = answered(known)
    found = []
    for row in finished.iter_rows(named=True):
        course, skills = row["course_id"], taught.get(row["course_id"], [])
        aims = [goal["goal_id"] for skill in skills for goal in goals.get(skill, [])]
        common = {"course_id": course, "title": titles.get(course), "skill_ids": skills, "goal_ids": aims,
                  "completed_at": row["completed_at"], "due_at": row["completed_at"] + timedelta(days=DUE_DAYS)}  # fmt: skip
        for rater in EVALUATION_RATERS:
            at = said.get((course, rater))
            state = "answered" if at else "due" if common["due_at"] <= now else "waiting"
            found.append(EvaluationDue(**common, rater=rater, state=state, answered_at=at))
    found.sort(key=lambda one: (one.due_at, one.course_id, one.rater))
    return Evaluations(employee_id=employee_id, as_of=now, evaluations=found)


def person_history(house: House, employee_id: str, now: datetime) -> History:
    """Return what is known now of a person's learning, goals and evaluations."""
    return history(house.store.frames(OF_PERSON, employee_ids=[employee_id]), now, FACT_KEYS)


def answered(known: History) -> dict[tuple[str, str], datetime]:
    """Return when each side last answered about each course: (course, rater) → moment; too early an answer is none."""
    finished = completions(known["learning_events"])
    said = (
        known["evaluations"]
        .filter(pl.col("stage") == "behaviour")
        .join(finished, on=["course_id", "employee_id"])
    )
    since = pl.col("happened_at") - pl.col("completed_at")
    said = said.filter(since >= timedelta(days=AT_WORK_DAYS)).sort("happened_at")
    return {(row["course_id"], row["rater"]): row["happened_at"] for row in said.iter_rows(named=True)}


def catalogue_of(house: House, courses: list[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return titles, and the skills that courses teach."""
    titles, taught = METADATA.tables["courses"].c, METADATA.tables["course_skills"].c
    with house.store.reading() as connection:
        named = connection.execute(
            sa.select(titles.course_id, titles.title).where(titles.course_id.in_(courses))
        ).all()
        pairs = connection.execute(
            sa.select(taught.course_id, taught.skill_id)
            .where(taught.course_id.in_(courses), taught.source.is_distinct_from("rejected"))
            .order_by(taught.course_id, taught.skill_id)
        ).all()
    skills: dict[str, list[str]] = {}
    for course, skill in pairs:
        skills.setdefault(course, []).append(skill)
    return {course: title for course, title in named}, skills  # noqa: C416 - rows are no pairs to a type checker


def keep_answer(house: House, employee_id: str, given: dict[str, Any], caller: Caller) -> EvaluationReceipt:
    """Keep an answer about a course that a person took.

    Raises
    ------
    UnknownRecordError
        If there is no such employee.
    BadInputError
        If it says nothing, answers for the other side, lies in the future, comes before any time at work, or is about a
        course that the person did not take.
    """
    with house.store.reading() as connection:
        check_employee(connection, employee_id)
    now = house.clock()
    refuse_other_side(given, employee_id, caller)
    if given["rating"] is None and not (given["comment"] or "").strip():
        raise BadInputError("An answer has a rating, a comment, or both.", found="neither")
    if given["happened_at"] > now + timedelta(seconds=house.settings.future_tolerance_seconds):
        raise BadInputError(
            "It lies in the future.", found=given["happened_at"].isoformat(), allowed=f"until {now.isoformat(timespec='seconds')}"
        )  # fmt: skip
    given = {**given, "happened_at": min(given["happened_at"], now)}
    if caller.employee_id is not None and given["rater"] == "manager":
        given["rated_by_id"] = caller.employee_id
    row = stored(TABLE, given) | {"employee_id": employee_id, "known_at": to_micros(now)}
    with house.store.transaction() as connection:
        check_references(connection, "evaluations", [row], "The answer")
        refuse_untaken(connection, row)
        new = changed(connection, "evaluations", [dict.fromkeys(TABLE.names) | row])
        house.store.append(connection, "evaluations", new)
    return EvaluationReceipt(
        employee_id=employee_id, course_id=row["course_id"], stage=row["stage"], rater=row["rater"], is_new=bool(new)
    )  # fmt: skip


def refuse_other_side(given: dict[str, Any], employee_id: str, caller: Caller) -> None:
    """Raise BadInputError where somebody answers for the other side."""
    if caller.employee_id is None:
        return
    own = "employee" if caller.employee_id == employee_id else "manager"
    if given["rater"] != own:
        raise BadInputError("Everybody answers for their own side.", found=given["rater"], allowed=own)
    if given["stage"] == "reaction" and own == "manager":
        raise BadInputError(
            "How a course was found is told by who took it.", found="reaction", allowed="behaviour"
        )


def refuse_untaken(connection: sa.Connection, row: dict[str, Any]) -> None:
    """Raise BadInputError for a course that the person did not take, and for the skill at work before any time at work."""
    events = METADATA.tables["learning_events"].c
    mine = sa.and_(events.employee_id == row["employee_id"], events.course_id == row["course_id"])
    kinds = ("started", "progressed", "completed", "passed", "failed", "withdrawn")
    taken = sa.select(sa.func.min(events.happened_at)).where(mine, events.kind.in_(kinds))
    if connection.scalar(taken) is None:
        raise BadInputError("The person did not take this course.", found=row["course_id"])
    done = sa.select(sa.func.max(events.happened_at)).where(mine, events.kind.in_(("completed", "passed")))
    ended = connection.scalar(done)
    if row["stage"] == "behaviour" and (
        ended is None or row["happened_at"] < ended + AT_WORK_DAYS * 86_400_000_000
    ):
        when = "it was not completed" if ended is None else f"completed {from_micros(ended):%Y-%m-%d}"
        raise BadInputError(
            "It is too early to see the skill at work.", found=when, allowed=f"{AT_WORK_DAYS} days after the completion"
        )  # fmt: skip
