"""What a person did, holds and does not want: by hand, and equal to the rules over whole histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from features.history import History
from features.recommendation.behaviour import completion_counts, dismissals, interactions, target_jobs
from features.recommendation.catalogue import Catalogue, to_micros
from features.recommendation.catalogue_building import build_catalogue
from features.recommendation.person_state import LearningEvent, PersonState, SkillEvidence, person_state
from features.skills.levels import held_levels

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COURSES = ("c0", "c1", "c2", "c3")
SKILLS = ("s0", "s1", "s2")
KINDS = ("completed", "passed", "failed", "enrolled", "started", "withdrawn", "clicked", "shown", "dismissed")
SOURCES = ("assessed", "manager", "peer", "inferred", "self")
TAUGHT = [("c0", "s0", 2.0), ("c1", "s0", 4.0), ("c1", "s1", 3.0), ("c2", "s2", None)]
MOMENT = pl.Datetime("us", "UTC")


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def event_frame(events: list[tuple[str, str, float]]) -> pl.DataFrame:
    """Return learning events of Ann: course, kind, days ago."""
    return pl.DataFrame(
        {
            "employee_id": ["ann"] * len(events),
            "course_id": [one[0] for one in events],
            "kind": [one[1] for one in events],
            "happened_at": [days_ago(one[2]) for one in events],
            "snoozed_until": [None] * len(events),
        },
        schema={
            "employee_id": pl.String,
            "course_id": pl.String,
            "kind": pl.String,
            "happened_at": MOMENT,
            "snoozed_until": MOMENT,
        },
    )


def records(events: list[tuple[str, str, float]], evidence: list[tuple[str, float, str, float]]) -> History:
    """Return Ann's history: (course, kind, days ago) and (skill, level, source, days ago)."""
    return History(
        NOW,
        {
            "learning_events": event_frame(events),
            "held_skills": pl.DataFrame(
                {
                    "employee_id": ["ann"] * len(evidence),
                    "skill_id": [one[0] for one in evidence],
                    "level": [one[1] for one in evidence],
                    "source": [one[2] for one in evidence],
                    "happened_at": [days_ago(one[3]) for one in evidence],
                    "evidence": [None] * len(evidence),
                },
                schema={
                    "employee_id": pl.String,
                    "skill_id": pl.String,
                    "level": pl.Float64,
                    "source": pl.String,
                    "happened_at": MOMENT,
                    "evidence": pl.String,
                },
            ),
            "courses": pl.DataFrame(
                {
                    "course_id": COURSES,
                    "title": COURSES,
                    "level": [1.0, None, None, None],
                    "certificate_valid_days": [None, None, 30, None],
                },
                schema_overrides={"level": pl.Float64, "certificate_valid_days": pl.Int64},
            ),
            "course_skills": pl.DataFrame(
                {
                    "course_id": [one[0] for one in TAUGHT],
                    "skill_id": [one[1] for one in TAUGHT],
                    "level": [one[2] for one in TAUGHT],
                    "source": ["given"] * 4,
                    "confidence": [1.0] * 4,
                }
            ),
        },
    )


def state_of(known: History) -> tuple[Catalogue, PersonState]:
    """Return Ann's state from single rows, as a request reads it."""
    catalogue = build_catalogue(known.tables, NOW)
    events = [
        LearningEvent(catalogue.course_index[course], kind, to_micros(happened))
        for course, kind, happened in known["learning_events"]
        .sort("happened_at", maintain_order=True)
        .select("course_id", "kind", "happened_at")
        .iter_rows()
    ]
    evidence = [
        SkillEvidence(catalogue.skill_index[skill], level, source, to_micros(happened))
        for skill, level, source, happened in known["held_skills"]
        .sort("happened_at", maintain_order=True)
        .select("skill_id", "level", "source", "happened_at")
        .iter_rows()
    ]
    return catalogue, person_state(catalogue, events, evidence, to_micros(NOW))


some_events = st.lists(
    st.tuples(st.sampled_from(COURSES), st.sampled_from(KINDS), st.integers(1, 900).map(float)),
    max_size=12,
    unique_by=lambda one: one[2],
)
some_evidence = st.lists(
    st.tuples(
        st.sampled_from(SKILLS),
        st.integers(0, 5).map(float),
        st.sampled_from(SOURCES),
        st.integers(1, 1500).map(float),
    ),
    max_size=8,
    unique_by=lambda one: one[3],
)


@settings(deadline=None)
@given(some_events, some_evidence)
def test_one_persons_levels_are_those_of_the_whole_history(
    events: list[tuple[str, str, float]], evidence: list[tuple[str, float, str, float]]
) -> None:
    known = records(events, evidence)
    catalogue, state = state_of(known)
    levels = held_levels(known).select("skill_id", "level").iter_rows()
    assert state.held == {catalogue.skill_index[skill]: level for skill, level in levels}


@settings(deadline=None)
@given(some_events)
def test_one_persons_interactions_are_those_of_the_whole_history(
    events: list[tuple[str, str, float]],
) -> None:
    known = records(events, [])
    catalogue, state = state_of(known)
    pairs = interactions(known).select("course_id", "weight").iter_rows()
    assert state.weights == {catalogue.course_index[course]: weight for course, weight in pairs}
    unwanted = set(dismissals(known)["course_id"])
    assert {catalogue.course_ids[course] for course in state.dismissed} == unwanted


def test_being_shown_or_assigned_something_is_no_interaction() -> None:
    known = records([("c0", "shown", 5), ("c1", "enrolled", 4), ("c1", "completed", 2)], [])
    pairs = interactions(known)
    assert pairs.select("course_id", "weight").rows() == [("c1", 1.0)]
    assert pairs["taken_at"].to_list() == [days_ago(4)]


def test_a_click_counts_a_little_and_takes_nothing() -> None:
    pairs = interactions(records([("c0", "clicked", 5)], []))
    assert pairs.select("course_id", "weight", "taken_at").rows() == [("c0", 0.2, None)]


def test_an_expired_certificate_no_longer_counts_as_completed() -> None:
    catalogue, state = state_of(records([("c2", "completed", 31), ("c0", "completed", 900)], []))
    assert state.current == {catalogue.course_index["c0"]}
    assert catalogue.course_index["c2"] in state.completed


def test_a_course_begun_is_in_progress_until_it_is_finished_or_left() -> None:
    events = [("c0", "enrolled", 9), ("c1", "started", 8), ("c1", "withdrawn", 7), ("c3", "failed", 6)]
    catalogue, state = state_of(records(events, []))  # type: ignore[arg-type]
    assert {catalogue.course_ids[course] for course in state.in_progress} == {"c0", "c3"}


def test_a_dismissal_is_forgotten_once_the_course_is_taken_up() -> None:
    catalogue, state = state_of(
        records([("c0", "dismissed", 9), ("c0", "enrolled", 3), ("c1", "dismissed", 2)], [])
    )
    assert state.dismissed == {catalogue.course_index["c1"]}


def test_a_snoozed_dismissal_ends_and_leaves_the_history_alone() -> None:
    events = [LearningEvent(0, "clicked", 1), LearningEvent(0, "dismissed", 2, snoozed_until=50)]
    catalogue = build_catalogue(records([], []).tables, NOW)
    assert person_state(catalogue, events, [], 40).dismissed == {0}
    assert person_state(catalogue, events, [], 60).dismissed == frozenset()
    assert person_state(catalogue, events, [], 40).weights == {0: 0.2}


def test_completions_are_counted_among_those_who_had_time_to_finish() -> None:
    known = records(
        [("c0", "enrolled", 400), ("c0", "completed", 390), ("c1", "enrolled", 300), ("c2", "enrolled", 3)],
        [],
    )
    counts = {
        course: (found.starters, found.completers) for course, found in completion_counts(known).items()
    }
    assert counts == {"c0": (1, 1), "c1": (1, 0)}


def test_the_target_job_is_that_of_the_latest_open_goal() -> None:
    career = pl.DataFrame(
        {
            "employee_id": ["ann", "bob"],
            "spell": [1, 1],
            "happened_at": [days_ago(9)] * 2,
            "job_id": ["clerk"] * 2,
        }
    )
    goals = pl.DataFrame(
        {
            "employee_id": ["ann", "ann", "bob"],
            "happened_at": [days_ago(3), days_ago(2), days_ago(1)],
            "target_job_id": ["boss", "chief", "king"],
            "due_at": [None, None, days_ago(0.5)],
        },
        schema_overrides={"due_at": MOMENT},
    )
    known = History(NOW, {"job_history": career, "goals": goals})
    assert target_jobs(known) == {"ann": "chief", "bob": "clerk"}
