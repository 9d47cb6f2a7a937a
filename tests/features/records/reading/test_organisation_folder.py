"""A whole organisation comes in by its folder, in an order in which whatever is named exists."""

from __future__ import annotations

import pytest

from features.records.reading import RefusedFileError, import_organisation
from features.records.reading.organisation import import_order
from features.records.tables import IMPORTABLE

FILES = {
    "skills.csv": "skill_id,name\ns1,Counting\n",
    "jobs.csv": "job_id,title\nj1,Clerk\n",
    "job_skills.csv": "job_id,skill_id,level\nj1,s1,3\n",
    "courses.csv": "course_id;title;hours\nc1;Excel;1,5\n",
    "employees.csv": "employee_id,spell,hired_at\nann,1,2020-01-01\n",
    "job_history.csv": "employee_id,spell,happened_at,job_id\nann,1,2020-01-01,j1\n",
    "learning_events.csv": "event_id,employee_id,course_id,kind,happened_at\ne1,ann,c1,completed,2024-01-01\n",
    "truth.json": "{}",
}


def folder_with(write, files):
    paths = [write(name, text) for name, text in files.items()]
    return paths[0].parent


def test_a_folder_that_is_not_there_is_refused(sqlite_store, tmp_path):
    with pytest.raises(RefusedFileError, match="no such folder"):
        import_organisation(sqlite_store, tmp_path / "none")


def test_a_folder_without_tables_is_refused(sqlite_store, write):
    with pytest.raises(RefusedFileError, match="holds no table"):
        import_organisation(sqlite_store, folder_with(write, {"truth.json": "{}"}))


def test_a_file_with_a_misspelled_name_is_refused(sqlite_store, write):
    with pytest.raises(RefusedFileError, match='Did you mean "employees"'):
        import_organisation(sqlite_store, folder_with(write, {"employes.csv": FILES["employees.csv"]}))


def test_two_files_for_one_table_are_refused(sqlite_store, write):
    files = {"skills.csv": FILES["skills.csv"], "skills.tsv": "skill_id\tname\ns2\tSums\n"}
    with pytest.raises(RefusedFileError, match="two files"):
        import_organisation(sqlite_store, folder_with(write, files))


def test_whatever_is_named_is_imported_before():
    order = import_order()
    assert sorted(order) == sorted(IMPORTABLE)
    for name, table in IMPORTABLE.items():
        for column in table.columns:
            target = column.refers_to.split(".")[0]
            assert not target or target == name or order.index(target) < order.index(name)


def test_a_folder_is_imported_whole_and_again_without_change(store, write):
    folder = folder_with(write, FILES)
    first, second = import_organisation(store, folder), import_organisation(store, folder)
    assert set(first) == {name.removesuffix(".csv") for name in FILES if name.endswith(".csv")}
    assert {report.accepted for report in first.values()} == {1}
    assert {(report.accepted, report.duplicates) for report in second.values()} == {(0, 1)}
