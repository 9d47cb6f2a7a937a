"""What a file may do wrong, and the error that says so; nothing of such a file is kept."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from features.errors import BadInputError
from features.records.reading import ImportOptions, import_file

HEADER = "event_id,employee_id,course_id,kind,happened_at,score_share\n"
GOOD = "1,ann,c1,completed,2024-01-02,0.5\n"


def events(*rows: str) -> str:
    return HEADER + "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("1,ann,c1,completed,2024-01-02,high", ("score_share", "'high'", "wrong type")),
        ("1,ann,c1,completed,soon,0.5", ("happened_at", "'soon'", "wrong type")),
        ("1,ann,c1,completed,2024-02-30,0.5", ("happened_at", "'2024-02-30'", "wrong type")),
        ("1,ann,c1,finished,2024-01-02,0.5", ("kind", "'finished'", "none of the allowed")),
        ("1,ann,c1,completed,2024-01-02,NaN", ("score_share", "'NaN'", "not a finite number")),
        ("1,ann,c1,completed,2024-01-02,-inf", ("score_share", "'-inf'", "not a finite number")),
        ("1,ann,c1,completed,2024-01-02,7", ("score_share", "'7'", "out of bounds")),
        ("1,ann,c1,completed,2024-06-02,0.5", ("happened_at", "'2024-06-02'", "in the future")),
        ("1,ann,c1,completed,1776-07-04,0.5", ("happened_at", "'1776-07-04'", "out of bounds")),
        ("1,ann,c1,completed,,0.5", ("happened_at", "", "a value is missing")),
        ("1,ann,c9,completed,2024-01-02,0.5", ("course_id", "'c9'", "unknown course")),
        ("1,zoe,c1,completed,2024-01-02,0.5", ("employee_id", "'zoe'", "unknown employee")),
        ("1,a\0nn,c1,completed,2024-01-02,0.5", ("employee_id", "'a\\x00nn'", "NUL character")),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_column(
    sqlite_store, settle_in, write, refusal, row, expected
):
    column, found, what = expected
    settle_in(sqlite_store)
    path = write("events.csv", events("0,ann,c1,started,2024-01-01,", row))
    error = refusal(sqlite_store, path, "learning_events")
    (problem,) = error.problems
    assert (problem.file, problem.line, problem.column, problem.found) == ("events.csv", 3, column, found)
    assert what in problem.what


def test_wrong_references_are_refused_on_both_databases(store, settle_in, write, refusal):
    settle_in(store)
    path = write("events.csv", events(GOOD.strip(), "2,zoe,c9,completed,2024-01-02,0.5"))
    error = refusal(store, path, "learning_events")
    assert [(one.line, one.column) for one in error.problems] == [(3, "employee_id"), (3, "course_id")]
    assert "Import the course catalogue first." in str(error)


def test_an_unknown_job_is_refused_with_a_hint(sqlite_store, settle_in, write, refusal):
    settle_in(sqlite_store)
    path = write("job_history.csv", "employee_id,spell,happened_at,job_id\nann,1,2020-01-01,j9\n")
    (problem,) = refusal(sqlite_store, path, "job_history").problems
    assert (problem.what, problem.line, problem.found) == ("unknown job", 2, "'j9'")


def test_a_missing_column_is_refused_by_name(sqlite_store, write, refusal):
    path = write("employees.csv", "employee_id,spell\nann,1\n")
    (problem,) = refusal(sqlite_store, path, "employees").problems
    assert (problem.what, problem.column) == ("a column is missing", "hired_at")


def test_an_unknown_column_is_refused_with_the_nearest_name(sqlite_store, write, refusal):
    path = write("employees.csv", "employee_id,hired_at,display_nam\nann,2020-01-01,Ann\n")
    error = refusal(sqlite_store, path, "employees")
    assert error.problems[0].column == "display_nam"
    assert 'Did you mean "display_name"?' in str(error)


def test_the_same_key_twice_with_other_values_is_refused_on_both_databases(store, write, refusal):
    path = write("employees.csv", "employee_id,spell,hired_at\nann,1,2020-01-01\nann,1,2020-01-02\n")
    (problem,) = refusal(store, path, "employees").problems
    assert problem.line == 3
    assert "line 2" in problem.hint


def test_one_event_name_for_two_times_is_refused(store, settle_in, write, refusal):
    settle_in(store)
    path = write("events.csv", events(GOOD.strip(), "1,ann,c1,completed,2024-01-03,0.5"))
    error = refusal(store, path, "learning_events")
    assert {one.line for one in error.problems} == {2, 3}


def test_an_exit_before_the_hire_is_refused_on_both_databases(store, settle_in, write, refusal):
    settle_in(store)
    path = write("exits.csv", "employee_id,spell,happened_at,reason_class\nann,1,2019-12-31,voluntary\n")
    (problem,) = refusal(store, path, "exits").problems
    assert (problem.what, problem.line) == ("the exit lies before the hire", 2)
    assert problem.allowed == "2020-01-01 or later"


def test_a_hire_after_a_stored_exit_is_refused(sqlite_store, settle_in, write, refusal, options):
    settle_in(sqlite_store)
    left = "employee_id,spell,happened_at,reason_class\nann,1,2021-01-01,voluntary\n"
    import_file(sqlite_store, write("exits.csv", left), "exits", options)
    path = write("employees.csv", "employee_id,spell,hired_at\nann,1,2022-01-01\n")
    (problem,) = refusal(sqlite_store, path, "employees").problems
    assert "after the exit" in problem.what


def test_a_spell_that_nobody_had_is_refused(sqlite_store, settle_in, write, refusal):
    settle_in(sqlite_store)
    path = write("exits.csv", "employee_id,spell,happened_at,reason_class\nann,4,2022-01-01,voluntary\n")
    (problem,) = refusal(sqlite_store, path, "exits").problems
    assert (problem.what, problem.found) == ("unknown spell", "spell 4 of 'ann'")


def test_a_text_of_a_million_characters_is_refused_by_its_length(sqlite_store, write, refusal):
    path = write("courses.csv", f"course_id,title,description\nc1,Excel,{'x' * 1_000_000}\n")
    error = refusal(sqlite_store, path, "courses")
    assert (error.problems[0].line, error.problems[0].column) == (2, "description")
    assert error.problems[0].allowed == "at most 200,000 characters"
    assert len(str(error)) < 500


def test_a_name_too_long_for_an_index_is_refused(store, write, refusal):
    path = write("courses.csv", f"course_id,title\n{'x' * 801},Excel\n")
    assert refusal(store, path, "courses").problems[0].allowed == "at most 800 bytes"


def test_an_open_quote_is_refused_where_the_row_begins(sqlite_store, write, refusal):
    path = write("courses.csv", 'course_id,title\nc1,Excel\nc2,"Word\nc3,Access\n')
    assert refusal(sqlite_store, path, "courses").problems[0].line == 3


def test_a_row_with_a_field_too_many_is_refused(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id,title\nc1,Excel, advanced\n")
    (problem,) = refusal(sqlite_store, path, "courses").problems
    assert (problem.line, problem.found, problem.allowed) == (2, "3 fields", "2 fields")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused_and_says_so(sqlite_store, tmp_path, refusal, content):
    path = tmp_path / "courses.csv"
    path.write_bytes(content)
    assert "header" in str(refusal(sqlite_store, path, "courses"))


def test_a_file_that_is_not_there_is_refused(sqlite_store, tmp_path, refusal):
    assert "there is no such file" in str(refusal(sqlite_store, tmp_path / "none.csv", "courses"))


def test_bytes_in_another_encoding_than_said_are_refused(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id,title\nc1,Führung\n", "latin-1")
    error = refusal(sqlite_store, path, "courses", encoding="utf-8")
    assert "--encoding" in str(error)
    assert "0xfc" in error.problems[0].found


def test_a_mixture_of_encodings_is_refused_with_its_line(sqlite_store, tmp_path, refusal):
    path = tmp_path / "courses.csv"
    path.write_bytes("course_id,title\nc1,Führung größer\n".encode() + "c2,Führung\n".encode("latin-1"))
    assert refusal(sqlite_store, path, "courses").problems[0].line == 3


def test_an_unknown_encoding_is_refused(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id,title\nc1,Excel\n")
    assert "unknown encoding" in str(refusal(sqlite_store, path, "courses", encoding="utf-99"))


def test_a_truncated_gzip_file_is_refused(sqlite_store, tmp_path, refusal):
    rows = "".join(f"c{number},Course {number * 7919}\n" for number in range(5000))
    path = tmp_path / "courses.csv.gz"
    path.write_bytes(gzip.compress(f"course_id,title\n{rows}".encode())[:-2000])
    assert "damaged or cut short" in str(refusal(sqlite_store, path, "courses"))


def test_a_gzip_bomb_is_refused_while_it_unpacks(sqlite_store, tmp_path, refusal, monkeypatch):
    monkeypatch.setattr("features.records.reading.streams.SAFE_BYTES", 1_000_000)
    path = tmp_path / "courses.csv.gz"
    path.write_bytes(gzip.compress(b"course_id,title\n" + b"0" * 50_000_000))
    assert "unpacks to far more" in str(refusal(sqlite_store, path, "courses"))


def test_at_most_twenty_problems_are_told_at_once(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id,title,hours\n" + "".join(f"c{n},Course,x\n" for n in range(100)))
    error = refusal(sqlite_store, path, "courses")
    assert len(error.problems) == 20
    assert "at least 20 problems" in str(error)


def test_problems_of_several_kinds_are_told_together(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id,title,hours,modality\nc1,Excel,x,online\nc2,,2,osmosis\n")
    found = {(one.line, one.column) for one in refusal(sqlite_store, path, "courses").problems}
    assert found == {(2, "hours"), (3, "title"), (3, "modality")}


def test_a_wrong_second_batch_leaves_nothing_of_the_first(store, write, refusal):
    rows = "".join(f"c{number},Course,1\n" for number in range(20_500))
    path = write("courses.csv", f"course_id,title,hours\n{rows}c99999,Course,x\n")
    (problem,) = refusal(store, path, "courses").problems
    assert problem.line == 20_502
    assert store.count("courses") == 0


def test_a_session_that_ends_before_it_begins_is_refused(sqlite_store, settle_in, write, refusal):
    settle_in(sqlite_store)
    path = write("sessions.csv", "session_id,course_id,starts_at,ends_at\nx,c1,2024-03-02,2024-03-01\n")
    assert "the end lies before the beginning" in str(refusal(sqlite_store, path, "sessions"))


def test_an_unknown_kind_is_refused_with_the_nearest_one(sqlite_store, write):
    with pytest.raises(BadInputError, match='Did you mean "employees"'):
        import_file(sqlite_store, write("a.csv", "x\n1\n"), "employes")


def test_an_unknown_rule_for_known_at_is_refused(sqlite_store, write):
    with pytest.raises(BadInputError, match="known_at"):
        import_file(sqlite_store, write("a.csv", "x\n1\n"), "employees", ImportOptions(known_at="maybe"))


def test_a_currency_that_does_not_exist_is_refused(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id,title,cost_currency\nc1,Excel,EURO\n")
    assert "ISO 4217" in str(refusal(sqlite_store, path, "courses"))


def test_a_broken_spreadsheet_is_refused(sqlite_store, tmp_path: Path, refusal):
    path = tmp_path / "courses.xlsx"
    path.write_bytes(b"PK\x03\x04 this is no archive")
    assert "damaged or cut short" in str(refusal(sqlite_store, path, "courses"))


def test_a_broken_parquet_file_is_refused(sqlite_store, tmp_path: Path, refusal):
    path = tmp_path / "courses.parquet"
    path.write_bytes(b"PAR1 but nothing more")
    assert "no readable Parquet file" in str(refusal(sqlite_store, path, "courses"))


@pytest.mark.parametrize(
    ("name", "head"), [("courses.csv", b"PK\x03\x04"), ("courses.xls", b"\xd0\xcf\x11\xe0")]
)
def test_a_file_of_another_format_than_its_name_is_refused(sqlite_store, tmp_path: Path, refusal, name, head):
    path = tmp_path / name
    path.write_bytes(head + bytes(100))
    assert "its name does not say" in str(refusal(sqlite_store, path, "courses"))
