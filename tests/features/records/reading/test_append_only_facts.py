"""A fact is never overwritten: what is new is added, what is known adds nothing, a correction is known later."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history import history
from features.records.facts import FACT_KEYS
from features.records.reading import ImportOptions, import_file
from features.records.reading.versions import Version, settle

HEADER = "event_id,employee_id,course_id,kind,happened_at,score_share"


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 5, day, hour, tzinfo=UTC)


def imported_on(day: int, **changes: str) -> ImportOptions:
    return ImportOptions(clock=lambda: at(day), **changes)  # type: ignore[arg-type]


def test_two_different_values_known_at_the_same_moment_contradict_each_other():
    first, second = Version(5, "a", 1), Version(5, "b", 2)
    decisions = settle([], [first, second], 100)
    assert decisions[0].known_at == 5
    assert decisions[1].conflict == 1


def test_a_fact_that_stands_already_says_nothing_new():
    (decision,) = settle([Version(5, "a")], [Version(5, "a", 1)], 100)
    assert decision.known_at is None


def test_an_unchanged_fact_known_again_later_says_nothing_new():
    (decision,) = settle([Version(5, "a")], [Version(9, "a", 1)], 100)
    assert decision.known_at is None


def test_a_changed_fact_with_its_own_moment_is_known_from_then():
    (decision,) = settle([Version(5, "a")], [Version(9, "b", 1)], 100)
    assert decision.known_at == 9


def test_a_changed_fact_for_the_same_moment_is_known_from_the_import():
    (decision,) = settle([Version(5, "a")], [Version(5, "b", 1)], 100)
    assert decision.known_at == 100


def test_a_correction_back_to_the_first_value_is_new():
    (decision,) = settle([Version(5, "a"), Version(9, "b")], [Version(12, "a", 1)], 100)
    assert decision.known_at == 12


def test_a_changed_fact_without_a_moment_is_known_from_the_import():
    (decision,) = settle([Version(5, "a")], [Version(5, "b", 1, is_derived=True)], 100)
    assert decision.known_at == 100


def test_a_correction_is_always_known_after_what_it_corrects():
    (decision,) = settle([Version(500, "a")], [Version(5, "b", 1, is_derived=True)], 100)
    assert decision.known_at == 501


def test_a_contradiction_that_a_later_version_settled_is_not_settled_again():
    stored = [Version(0, "b"), Version(1, "a"), Version(2, "b")]
    (decision,) = settle(stored, [Version(0, "a", 1)], 200)
    assert decision.known_at is None


versions = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab")), max_size=6)


@given(stored=versions, waiting=versions)
def test_settling_the_same_versions_twice_adds_nothing_the_second_time(stored, waiting):
    known = [Version(moment, value) for moment, value in dict(stored).items()]
    new = [Version(moment, value, number) for number, (moment, value) in enumerate(dict(waiting).items())]
    first = settle(known, new, 100)
    by_number = {version.staged_no: version for version in new}
    after = known + [
        Version(one.known_at, by_number[one.staged_no].values) for one in first if one.known_at is not None
    ]
    moments = [version.known_at for version in after]
    assert len(set(moments)) == len(moments)
    exact = {(version.known_at, version.values) for version in after}
    again = [version for version in new if (version.known_at, version.values) not in exact]
    second = settle(after, again, 200)
    corrected_twice = [one for one in second if one.known_at is not None and one.known_at >= 200]
    assert len(corrected_twice) <= sum(one.known_at is not None and one.known_at >= 100 for one in first)


@pytest.mark.parametrize("rule", ["happened", "import"])
def test_a_second_import_of_the_same_file_changes_nothing(store, settle_in, write, rule):
    settle_in(store)
    path = write(
        "e.csv", f"{HEADER}\n1,ann,c1,started,2024-05-01,\n2,ann,c1,completed,2024-05-02T08:00:00Z,0.5\n"
    )
    first = import_file(store, path, "learning_events", imported_on(10, known_at=rule))
    before = store.frame("learning_events")
    second = import_file(store, path, "learning_events", imported_on(11, known_at=rule))
    assert (first.accepted, first.duplicates) == (2, 0)
    assert (second.accepted, second.duplicates) == (0, 2)
    assert store.frame("learning_events").equals(before)
    assert store.count("imports") == 5


def test_the_rule_says_when_a_fact_was_known(sqlite_store, settle_in, write):
    settle_in(sqlite_store)
    import_file(
        sqlite_store,
        write("a.csv", f"{HEADER}\n1,ann,c1,started,2024-05-01,\n"),
        "learning_events",
        imported_on(9),
    )
    later = imported_on(9, known_at="import")
    import_file(
        sqlite_store, write("b.csv", f"{HEADER}\n2,ann,c1,started,2024-05-01,\n"), "learning_events", later
    )
    assert sqlite_store.frame("learning_events")["known_at"].to_list() == [at(1), at(9)]


def test_a_file_that_says_when_it_was_known_is_believed(sqlite_store, settle_in, write):
    settle_in(sqlite_store)
    path = write("a.csv", f"{HEADER},known_at\n1,ann,c1,started,2024-05-01,,2024-05-03\n")
    import_file(sqlite_store, path, "learning_events", imported_on(9))
    assert sqlite_store.frame("learning_events")["known_at"].to_list() == [at(3)]


def test_a_changed_fact_is_a_correction_known_from_the_import(store, settle_in, write):
    settle_in(store)
    import_file(
        store,
        write("a.csv", f"{HEADER}\n1,ann,c1,completed,2024-05-01,0.5\n"),
        "learning_events",
        imported_on(9),
    )
    changed = write("b.csv", f"{HEADER}\n1,ann,c1,completed,2024-05-01,0.7\n")
    report = import_file(store, changed, "learning_events", imported_on(20))
    assert (report.accepted, report.duplicates) == (1, 0)
    again = import_file(store, changed, "learning_events", imported_on(25))
    assert (again.accepted, again.duplicates) == (0, 1)
    frames = {"learning_events": store.frame("learning_events")}
    before, after = (history(frames, at(day), FACT_KEYS)["learning_events"] for day in (20, 21))
    assert before["score_share"].to_list() == [0.5]
    assert after["score_share"].to_list() == [0.7]


def test_two_versions_in_one_file_are_both_kept(store, settle_in, write):
    settle_in(store)
    rows = "1,ann,c1,completed,2024-05-01,0.5,2024-05-02\n1,ann,c1,completed,2024-05-01,0.7,2024-05-04\n"
    path = write("a.csv", f"{HEADER},known_at\n{rows}1,ann,c1,completed,2024-05-01,0.7,2024-05-05\n")
    report = import_file(store, path, "learning_events", imported_on(9))
    assert (report.accepted, report.duplicates) == (2, 1)
    again = import_file(store, path, "learning_events", imported_on(10))
    assert (again.accepted, again.duplicates) == (0, 3)


def test_a_copy_inside_a_file_counts_as_a_duplicate(store, settle_in, write):
    settle_in(store)
    row = "1,ann,c1,completed,2024-05-01,0.5\n"
    report = import_file(store, write("a.csv", f"{HEADER}\n{row}{row}"), "learning_events", imported_on(9))
    assert (report.accepted, report.duplicates) == (1, 1)


def test_an_entity_is_replaced_in_the_columns_that_are_given(store, write):
    import_file(store, write("a.csv", "course_id,title,hours\nc1,Excel,3\nc2,Word,2\n"), "courses")
    report = import_file(store, write("b.csv", "course_id,title\nc1,Excel 2\nc2,Word\n"), "courses")
    assert (report.accepted, report.duplicates) == (1, 1)
    courses = store.frame("courses").sort("course_id")
    assert courses["title"].to_list() == ["Excel 2", "Word"]
    assert courses["hours"].to_list() == [3.0, 2.0]


def test_a_hire_after_an_exit_is_a_new_spell(store, write):
    people = "employee_id,hired_at\nann,2020-01-01\nbob,2021-01-01\n"
    import_file(store, write("a.csv", people), "employees", imported_on(9))
    left = "employee_id,happened_at,reason_class\nann,2022-01-01,voluntary\n"
    import_file(store, write("b.csv", left), "exits", imported_on(9))
    again = "employee_id,hired_at\nann,2020-01-01\nann,2023-01-01\nbob,2021-01-02\n"
    report = import_file(store, write("c.csv", again), "employees", imported_on(9))
    assert (report.accepted, report.duplicates) == (2, 1)
    found = store.frame("employees").sort("employee_id", "spell")
    assert list(zip(found["employee_id"], found["spell"], strict=True)) == [
        ("ann", 1),
        ("ann", 2),
        ("bob", 1),
    ]
    assert found.filter(pl.col("employee_id") == "bob")["hired_at"].to_list() == [
        datetime(2021, 1, 2, tzinfo=UTC)
    ]


def test_a_fact_without_a_spell_belongs_to_the_employment_of_its_time(store, write):
    people = "employee_id,spell,hired_at\nann,1,2020-01-01\nann,2,2023-01-01\n"
    import_file(store, write("a.csv", people), "employees", imported_on(9))
    import_file(store, write("b.csv", "job_id,title\nj1,Clerk\n"), "jobs")
    rows = "employee_id,happened_at,job_id\nann,2021-06-01,j1\nann,2023-06-01,j1\n"
    import_file(store, write("c.csv", rows), "job_history", imported_on(9))
    assert store.frame("job_history")["spell"].to_list() == [1, 2]
