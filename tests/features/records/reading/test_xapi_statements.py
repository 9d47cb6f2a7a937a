"""Statements of learning platforms: understood ones become events, the others wait, none is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records.reading import import_file
from features.records.reading.durations import hours_of
from features.records.reading.quarantine import replay_quarantine
from features.records.reading.xapi_statement import score_share, statements_in

VERB = "http://adlnet.gov/expapi/verbs/"
COURSE = "http://adlnet.gov/expapi/activities/course"
HOME = "https://lms.example"


def statement(**changes: Any) -> dict[str, Any]:
    made = {
        "id": "11111111-2222-3333-4444-555555555555",
        "actor": {"objectType": "Agent", "account": {"homePage": HOME, "name": "ann"}},
        "verb": {"id": f"{VERB}completed", "display": {"en": "completed"}},
        "object": {"id": "https://lms.example/courses/c1", "definition": {"type": COURSE}},
        "timestamp": "2024-05-01T10:00:00+02:00",
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def lines(*statements: Any) -> str:
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in statements)


PART = {
    "object": {
        "id": f"{HOME}/quiz/7",
        "definition": {"type": "http://adlnet.gov/expapi/activities/cmi.interaction"},
    },
    "context": {
        "contextActivities": {"parent": [{"id": f"{HOME}/courses/c1", "definition": {"type": COURSE}}]}
    },
}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{not json", "no JSON"),
        ("7", "no statement"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[" * 50_000, "no JSON"),
        (statement(verb=None), "has no verb"),
        (statement(verb={"id": ""}), "the verb has no id"),
        (statement(verb={"id": "http://example.org/juggled"}), "the verb example.org/juggled about a course is not mapped"),
        (statement(actor={"objectType": "Group", "member": []}), "a group"),
        (statement(actor={"name": "Ann"}), "no identified person"),
        (statement(actor={"account": {"homePage": HOME, "name": "zoe"}}), "unknown person: 'zoe'"),
        (statement(object={"id": f"{HOME}/courses/c9", "definition": {"type": COURSE}}), "unknown course"),
        (statement(object={"id": f"{HOME}/page/3"}), "names no course"),
        (statement(object={"objectType": "Agent", "mbox": "mailto:x@y"}), "the object is no activity"),
        (statement(timestamp="yesterday"), "is no time"),
        (statement(timestamp="2031-01-01T00:00:00Z"), "in the future"),
        (statement(actor={"account": {"homePage": HOME, "name": "\ud800"}}), "no text"),
        (statement(actor={"account": {"homePage": HOME, "name": "a\u0000b"}}), "no text"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_waits_with_its_reason(store, settle_in, write, options, bad, reason):
    settle_in(store)
    path = write("s.ndjson", lines(statement(id="good"), bad))
    report = import_file(store, path, "xapi", options)
    assert (report.accepted, report.duplicates, report.quarantined) == (1, 0, 1)
    (row,) = store.frame("quarantine").to_dicts()
    assert reason in row["reason"]
    assert (row["source"], row["line"]) == ("s.ndjson", 2)
    assert row["payload"] == (bad if isinstance(bad, str) else json.dumps(bad))


def test_a_statement_becomes_an_event_and_is_kept_as_it_came(store, settle_in, write, options):
    settle_in(store)
    result = {"score": {"scaled": 0.5, "raw": 75, "min": 0, "max": 100}, "duration": "PT1H30M"}
    text = json.dumps(statement(result=result), indent=None)
    import_file(store, write("s.ndjson", lines(text)), "xapi", options)
    row = store.frame("learning_events").row(0, named=True)
    expected = {
        "event_id": "11111111-2222-3333-4444-555555555555", "employee_id": "ann", "course_id": "c1", "kind": "completed",
        "happened_at": datetime(2024, 5, 1, 8, tzinfo=UTC), "score_share": 0.75, "hours": 1.5,
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    assert store.frame("statements")["payload"].to_list() == [text]


def test_a_second_copy_is_a_duplicate_in_the_same_file_and_the_next(store, settle_in, write, options):
    settle_in(store)
    path = write("s.ndjson", lines(statement(), statement(), "{oops", "{oops"))
    first, second = (import_file(store, path, "xapi", options) for _ in range(2))
    assert (first.accepted, first.duplicates, first.quarantined) == (1, 2, 1)
    assert (second.accepted, second.duplicates, second.quarantined) == (0, 4, 0)


def test_a_statement_without_an_id_is_known_again_by_its_content(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    other = dict(reversed(statement(id=None).items()))
    path = write(
        "s.ndjson", lines(statement(id=None), other, statement(id=None, timestamp="2024-05-02T10:00:00Z"))
    )
    report = import_file(sqlite_store, path, "xapi", options)
    assert (report.accepted, report.duplicates) == (2, 1)
    made = sqlite_store.frame("learning_events")["event_id"].to_list()
    assert [str(UUID(name)) for name in made] == made


def test_another_statement_under_the_same_id_waits(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    first = write("a.ndjson", lines(statement()))
    import_file(sqlite_store, first, "xapi", options)
    report = import_file(
        sqlite_store, write("b.ndjson", lines(statement(verb={"id": f"{VERB}failed"}))), "xapi", options
    )
    assert report.quarantined == 1
    assert "same id" in sqlite_store.frame("quarantine")["reason"][0]


def test_a_statement_about_a_part_says_that_the_course_goes_on(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    import_file(
        sqlite_store,
        write("s.ndjson", lines(statement(**PART, verb={"id": f"{VERB}passed"}))),
        "xapi",
        options,
    )
    assert sqlite_store.frame("learning_events").select("course_id", "kind").row(0) == ("c1", "progressed")


def test_a_course_is_found_by_its_address(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    target = {"id": "https://lms.example/course/view.php?id=2", "definition": {"type": COURSE}}
    assert (
        import_file(
            sqlite_store, write("s.ndjson", lines(statement(object=target))), "xapi", options
        ).accepted
        == 1
    )


def test_progress_of_a_course_is_a_share(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    result = {"extensions": {"https://w3id.org/xapi/cmi5/result/extensions/progress": 40}}
    path = write("s.ndjson", lines(statement(verb={"id": f"{VERB}progressed"}, result=result)))
    import_file(sqlite_store, path, "xapi", options)
    assert sqlite_store.frame("learning_events")["progress_share"].to_list() == [0.4]


def test_a_statement_without_a_time_happened_when_it_was_received(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    path = write("s.ndjson", lines(statement(timestamp=None)))
    import_file(sqlite_store, path, "xapi", options)
    assert sqlite_store.frame("learning_events")["happened_at"].to_list() == [options.clock()]


def test_arrays_of_statements_are_taken_apart_and_empty_ones_hold_nothing(
    sqlite_store, settle_in, write, options
):
    settle_in(sqlite_store)
    pair = json.dumps([statement(id="a"), statement(id="b", timestamp="2024-05-03T00:00:00Z")])
    report = import_file(sqlite_store, write("s.ndjson", lines("[]", pair, "[ ]")), "xapi", options)
    assert (report.accepted, report.duplicates, report.quarantined) == (2, 0, 0)


def test_a_member_of_an_array_is_kept_as_it_stands_there():
    assert list(statements_in('[{"a": 1.0},  {"b":[ ]} ]')) == ['{"a": 1.0}', '{"b":[ ]}']


def test_a_voided_statement_is_taken_back(store, settle_in, write, options):
    settle_in(store)
    void = statement(id="v", verb={"id": f"{VERB}voided"},
                     object={"objectType": "StatementRef", "id": "11111111-2222-3333-4444-555555555555"})  # fmt: skip
    import_file(store, write("a.ndjson", lines(statement())), "xapi", options)
    report = import_file(store, write("b.ndjson", lines(void)), "xapi", options)
    assert (report.accepted, report.quarantined) == (1, 0)
    assert store.count("learning_events") == 0
    assert import_file(store, write("a.ndjson", lines(statement())), "xapi", options).duplicates == 1
    assert store.count("learning_events") == 0


def test_a_statement_that_was_voided_before_it_came_makes_no_event(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    void = statement(
        id="v", verb={"id": f"{VERB}voided"}, object={"objectType": "StatementRef", "id": "late"}
    )
    import_file(sqlite_store, write("a.ndjson", lines(void)), "xapi", options)
    assert (
        import_file(sqlite_store, write("b.ndjson", lines(statement(id="late"))), "xapi", options).accepted
        == 1
    )
    assert sqlite_store.count("learning_events") == 0


def test_the_quarantine_is_replayed_once_a_person_is_known(store, settle_in, write, options):
    settle_in(store)
    stranger = {"account": {"homePage": HOME, "name": "4711"}}
    path = write("s.ndjson", lines(statement(actor=stranger), "{oops"))
    assert import_file(store, path, "xapi", options).quarantined == 2
    nothing = replay_quarantine(store, options)
    assert (nothing.accepted, nothing.duplicates) == (0, 2)
    with store.transaction() as connection:
        store.append(connection, "identities", [{"issuer": HOME, "identifier": "4711", "employee_id": "bob"}])
    report = replay_quarantine(store, options)
    assert (report.accepted, report.duplicates) == (1, 1)
    assert store.frame("learning_events")["employee_id"].to_list() == ["bob"]
    assert store.count("quarantine") == 1
    assert import_file(store, path, "xapi", options).duplicates == 2


def test_a_person_is_found_by_mail_address_too(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    names = write("identities.csv", "issuer,identifier,employee_id\nmbox,ann@example.org,ann\n")
    assert import_file(sqlite_store, names, "identities", options).accepted == 1
    path = write("s.ndjson", lines(statement(actor={"mbox": "mailto:ann@example.org"})))
    assert import_file(sqlite_store, path, "xapi", options).accepted == 1


def test_bytes_that_are_no_utf8_are_refused_whole(sqlite_store, write, refusal):
    text = json.dumps(statement(actor={"account": {"homePage": HOME, "name": "Jörg"}}), ensure_ascii=False)
    assert "UTF-8" in str(refusal(sqlite_store, write("s.ndjson", text, "latin-1"), "xapi"))


def test_a_large_statement_is_kept_whole(store, settle_in, write, options):
    settle_in(store)
    text = json.dumps(statement(result={"response": "x" * 1_000_000}))
    assert import_file(store, write("s.ndjson", text), "xapi", options).accepted == 1
    assert len(store.frame("statements")["payload"][0]) == len(text)


def test_the_rule_for_known_at_holds_for_statements_too(sqlite_store, settle_in, write, options):
    settle_in(sqlite_store)
    stored = statement(id="s", stored="2024-05-04T00:00:00Z")
    later = replace(options, known_at="import")
    import_file(sqlite_store, write("s.ndjson", lines(statement(), stored)), "xapi", later)
    known = sqlite_store.frame("learning_events")["known_at"].to_list()
    assert known == [options.clock(), datetime(2024, 5, 4, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ({"raw": 75, "min": 50, "max": 100, "scaled": 0.1}, 0.5),
        ({"raw": 3, "max": 4}, 0.75),
        ({"scaled": 0.5}, 0.5),
        ({"scaled": -0.5}, None),
        ({"raw": 0, "min": 0, "max": 0, "scaled": 0}, None),
        ({"raw": 7}, None),
        ({"raw": True, "max": 1}, None),
        ({}, None),
    ],
)
def test_a_score_prefers_raw_min_and_max(score, expected):
    assert score_share(score) == expected


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), seconds=st.integers(0, 59))
def test_a_duration_is_read_back_as_what_was_written(hours, minutes, seconds):
    expected = hours + minutes / 60 + seconds / 3600
    assert hours_of(f"PT{hours}H{minutes}M{seconds}S") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["P", "PT", "1H", "", "P1H", None, 7])
def test_what_is_no_duration_has_no_hours(text):
    assert hours_of(text) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("identities", f"issuer,identifier,employee_id\n{HOME},4711,bob\n"),
        ("employees", "employee_id,spell,hired_at\n4711,1,2020-01-01\n"),
    ],
)
def test_importing_what_was_awaited_takes_the_waiting_statements_in(
    sqlite_store, settle_in, write, options, kind, text
):
    settle_in(sqlite_store)
    stranger = {"account": {"homePage": HOME, "name": "4711"}}
    import_file(sqlite_store, write("s.ndjson", lines(statement(actor=stranger))), "xapi", options)
    assert sqlite_store.count("learning_events") == 0
    import_file(sqlite_store, write(f"{kind}.csv", text), kind, options)
    assert (sqlite_store.count("learning_events"), sqlite_store.count("quarantine")) == (1, 0)
