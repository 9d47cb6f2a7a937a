"""Files as people have them: decimal commas, dates in any order, encodings, spreadsheets."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.records.reading import import_file
from features.records.reading.csv_rows import open_csv
from features.records.reading.date_texts import is_ambiguous, read_moments
from features.records.reading.number_texts import read_numbers


def day(text: str, order: str = "auto") -> str | None:
    found = read_moments(pl.Series([text]), order)[0]
    return (
        None if found is None else datetime.fromtimestamp(found / 1e6, UTC).isoformat(timespec="seconds")[:19]
    )


@pytest.mark.parametrize(
    "text", ["31.02.2024", "2024", "01.05.24", "1/2", "2024-13-01", "99999999", "tomorrow", "24:00"]
)
def test_what_is_no_date_is_not_read_as_one(text):
    assert day(text) is None


@pytest.mark.parametrize("text", ["03/04/2024", "3/4/2024", "03-04-2024"])
def test_a_date_with_two_readings_is_ambiguous(text):
    assert day(text) is None
    assert is_ambiguous(pl.Series([text])).to_list() == [True]


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2024-05-31", "auto", "2024-05-31T00:00:00"),
        ("20240531", "auto", "2024-05-31T00:00:00"),
        ("2024-05-31 08:15", "auto", "2024-05-31T08:15:00"),
        ("2024-05-31T08:15:30.5Z", "auto", "2024-05-31T08:15:30"),
        ("2024-05-31T08:15:00+02:00", "auto", "2024-05-31T06:15:00"),
        ("2024-05-31T08:15:00+0200", "auto", "2024-05-31T06:15:00"),
        ("31.05.2024", "auto", "2024-05-31T00:00:00"),
        ("3.4.2024", "auto", "2024-04-03T00:00:00"),
        ("31/05/2024", "auto", "2024-05-31T00:00:00"),
        ("05/31/2024", "auto", "2024-05-31T00:00:00"),
        ("03/04/2024", "dmy", "2024-04-03T00:00:00"),
        ("03/04/2024", "mdy", "2024-03-04T00:00:00"),
        ("03/04/2024 9:30", "mdy", "2024-03-04T09:30:00"),
        ("45443", "auto", "2024-05-31T00:00:00"),
        ("45443.5", "auto", "2024-05-31T12:00:00"),
        ("31-May-2024", "auto", "2024-05-31T00:00:00"),
        ("May 31, 2024", "auto", "2024-05-31T00:00:00"),
    ],
)
def test_a_date_is_read_in_the_ways_people_write_it(text, order, expected):
    assert day(text, order) == expected


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("1.234,50 €", ",", 1234.5), ("€ 1.234,50", ",", 1234.5), ("1 234,5", ",", 1234.5), ("12,5", ",", 12.5),
        ("1'234.50", ".", 1234.5), ("$1,234.50", ".", 1234.5), ("CHF 1'000", ".", 1000.0), ("1000 EUR", ".", 1000.0),
        ("USD 5,000", ".", 5000.0), ("85 %", ".", 0.85), ("(300)", ".", -300.0), ("-7", ".", -7.0), ("−7", ".", -7.0),
        ("1e3", ".", 1000.0), ("12,5", ".", None), ("1,23,4", ".", None), ("12a", ".", None), ("", ".", None),
    ],
)  # fmt: skip
def test_a_number_is_read_in_the_ways_people_write_it(text, mark, expected):
    assert read_numbers(pl.Series([text]), mark)[0] == expected


def test_a_number_with_two_readings_is_refused(sqlite_store, write, refusal):
    path = write("courses.csv", "course_id;title;hours\nc1;Excel;1.234\n")
    error = refusal(sqlite_store, path, "courses")
    assert "decimal comma and with a point" in str(error)


def test_one_clear_decimal_comma_settles_the_others(sqlite_store, write):
    path = write("courses.csv", "course_id;title;hours;cost_amount;cost_currency\nc1;Excel;1,5;1.234;€\n")
    import_file(sqlite_store, path, "courses")
    row = sqlite_store.frame("courses").row(0, named=True)
    assert (row["hours"], row["cost_amount"], row["cost_currency"]) == (1.5, 1234.0, "EUR")


def test_a_point_in_a_comma_separated_file_is_a_decimal_point(sqlite_store, write):
    import_file(sqlite_store, write("courses.csv", "course_id,title,hours\nc1,Excel,1.234\n"), "courses")
    assert sqlite_store.frame("courses")["hours"].to_list() == [1.234]


def test_the_caller_may_say_the_decimal_mark_and_the_order_of_dates(sqlite_store, settle_in, write, options):
    from dataclasses import replace

    settle_in(sqlite_store)
    path = write("outcomes.csv", "employee_id;kpi;happened_at;value\nann;sales;03/04/2024;1.234\n")
    import_file(sqlite_store, path, "outcomes", replace(options, decimal=",", dates="dmy"))
    row = sqlite_store.frame("outcomes").row(0, named=True)
    assert (row["value"], row["happened_at"]) == (1234.0, datetime(2024, 4, 3, tzinfo=UTC))


def test_an_ambiguous_date_is_refused_with_both_orders_named(sqlite_store, settle_in, write, refusal):
    settle_in(sqlite_store)
    path = write("outcomes.csv", "employee_id,kpi,happened_at,value\nann,sales,03/04/2024,1\n")
    error = refusal(sqlite_store, path, "outcomes")
    assert "day first and month first" in str(error)
    assert "--dates" in str(error)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_an_encoding_is_found_out_by_itself(sqlite_store, write, encoding):
    path = write("courses.csv", "course_id,title\nc1,Führung für Anfänger\n", encoding)
    import_file(sqlite_store, path, "courses")
    assert sqlite_store.frame("courses")["title"].to_list() == ["Führung für Anfänger"]


def test_a_late_accent_is_read_as_what_the_whole_file_is(sqlite_store, write):
    rows = "".join(f"c{number},Course {number} of many\n" for number in range(60_000))
    path = write("courses.csv", f"course_id,title\n{rows}x,Führung\n", "latin-1")
    import_file(sqlite_store, path, "courses")
    assert sqlite_store.frame("courses")["title"][-1] == "Führung"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(sqlite_store, write, delimiter, line_end):
    lines = [["course_id", "title"], ["c1", "Excel"], [], ["c2", '"Word, or; so"']]
    text = line_end.join(delimiter.join(line) for line in lines)
    import_file(sqlite_store, write("courses.csv", text), "courses")
    assert sqlite_store.frame("courses")["title"].to_list() == ["Excel", "Word, or; so"]


def test_the_delimiter_that_excel_declares_is_believed(sqlite_store, write, refusal):
    path = write("courses.csv", "sep=;\r\ncourse_id;title;hours\r\nc1;Excel;x\r\n")
    assert refusal(sqlite_store, path, "courses").problems[0].line == 3


def test_the_line_of_an_error_counts_line_ends_inside_quotes(sqlite_store, write, refusal):
    path = write(
        "courses.csv", 'course_id,title,description,hours\nc1,Excel,"one\ntwo\nthree",1\nc2,Word,,x\n'
    )
    assert refusal(sqlite_store, path, "courses").problems[0].line == 5


def test_a_gzipped_file_is_read_like_a_plain_one(sqlite_store, tmp_path: Path):
    path = tmp_path / "courses.csv.gz"
    path.write_bytes(gzip.compress(b"course_id,title\nc1,Excel\n"))
    assert import_file(sqlite_store, path, "courses").accepted == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ja", True), ("Nein", False), ("YES", True), ("0", False), ("oui", True), ("x", True), ("", None)],
)
def test_a_flag_is_read_in_several_languages(sqlite_store, settle_in, write, options, text, expected):
    settle_in(sqlite_store)
    path = write(
        "job_history.csv", f"employee_id,spell,happened_at,job_id,is_on_leave\nann,1,2020-01-01,j1,{text}\n"
    )
    import_file(sqlite_store, path, "job_history", options)
    assert sqlite_store.frame("job_history")["is_on_leave"].to_list() == [expected]


def spreadsheet(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_spreadsheet_with_dates_numbers_and_texts_is_read(store, settle_in, tmp_path: Path, options):
    settle_in(store)
    header = [
        "employee_id",
        "spell",
        "happened_at",
        "job_id",
        "pay_amount",
        "pay_currency",
        "department",
        "fte_share",
    ]
    rows = [
        header,
        ["ann", 1, datetime(2020, 1, 1), "j1", 50000, "EUR", 17, "80 %"],  # noqa: DTZ001
        ["bob", 1, "03.02.2021", "j1", "51.000,50 €", "EUR", "Sales", None],
    ]
    report = import_file(store, spreadsheet(tmp_path / "job_history.xlsx", rows), "job_history", options)
    assert report.accepted == 2
    found = store.frame("job_history").sort("employee_id")
    assert found["happened_at"].to_list() == [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2021, 2, 3, tzinfo=UTC),
    ]
    assert found["pay_amount"].to_list() == [50000.0, 51000.5]
    assert found["department"].to_list() == ["17", "Sales"]
    assert found["fte_share"].to_list() == [0.8, None]


def test_a_wrong_cell_is_named_with_its_row_in_the_sheet(sqlite_store, tmp_path: Path, refusal):
    path = spreadsheet(
        tmp_path / "courses.xlsx", [["course_id", "title", "hours"], [], ["c1", "Excel", "#N/A"]]
    )
    assert refusal(sqlite_store, path, "courses").problems[0].line == 3


def test_day_numbers_of_a_spreadsheet_are_dates(sqlite_store, settle_in, tmp_path: Path, options):
    settle_in(sqlite_store)
    rows = [["employee_id", "kpi", "happened_at", "value"], ["ann", "sales", 45383, 7]]
    import_file(sqlite_store, spreadsheet(tmp_path / "outcomes.xlsx", rows), "outcomes", options)
    assert sqlite_store.frame("outcomes")["happened_at"].to_list() == [datetime(2024, 4, 1, tzinfo=UTC)]


def test_a_parquet_file_is_read_in_its_own_types(store, settle_in, tmp_path: Path, options):
    settle_in(store)
    frame = pl.DataFrame({
        "employee_id": ["ann", "bob"], "kpi": ["sales"] * 2, "happened_at": [date(2024, 1, 1), date(2024, 1, 2)],
        "value": [1.5, 2.0], "unit": pl.Series(["EUR", "EUR"], dtype=pl.Categorical),
    })  # fmt: skip
    frame.write_parquet(tmp_path / "outcomes.parquet")
    assert import_file(store, tmp_path / "outcomes.parquet", "outcomes", options).accepted == 2
    assert store.frame("outcomes")["value"].to_list() == [1.5, 2.0]
    assert store.frame("outcomes")["happened_at"][1] == datetime(2024, 1, 2, tzinfo=UTC)


def test_nan_in_a_parquet_file_is_refused(sqlite_store, settle_in, tmp_path: Path, refusal):
    settle_in(sqlite_store)
    frame = pl.DataFrame(
        {"employee_id": ["ann"], "kpi": ["sales"], "happened_at": [date(2024, 1, 1)], "value": [float("nan")]}
    )
    frame.write_parquet(tmp_path / "outcomes.parquet")
    assert "not a finite number" in str(refusal(sqlite_store, tmp_path / "outcomes.parquet", "outcomes"))


texts = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_any_table_of_texts_survives_the_way_through_a_file(tmp_path: Path, rows, delimiter):
    import csv

    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([["one", "two", "three"], *rows])
    path = tmp_path / "table.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    read = [row[:3] for batch in open_csv(path, None).batches() for row in batch.frame.iter_rows()]
    assert read == [tuple(row) for row in rows]
