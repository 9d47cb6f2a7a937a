"""The real data sets: as many rows come in as their publishers counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from features.records.reading import import_file

pytestmark = pytest.mark.real_data


def test_esco_comes_in_whole(sqlite_store, real_data: Path):
    folder = real_data / "skills" / "esco_v1.1.1_en"
    report = import_file(sqlite_store, folder, "esco")
    count = report.tables
    assert count["jobs"].accepted == 3_007
    assert count["skills"].accepted == 13_896 + 640
    # One occupation and seven groups are named in relations, but not published: those relations are put aside.
    assert (count["job_skills"].accepted, count["job_skills"].quarantined) == (123_788, 67)
    assert count["job_skills"].accepted + count["job_skills"].quarantined == 123_855
    assert (count["skill_relations"].accepted, count["skill_relations"].quarantined) == (26_548, 7)
    assert 26_548 + 7 == 5_899 + 20_656
    again = import_file(sqlite_store, folder, "esco")
    assert (again.accepted, again.quarantined) == (0, 0)


def test_onet_comes_in_whole(sqlite_store, real_data: Path):
    report = import_file(sqlite_store, real_data / "skills" / "onet_29.2", "onet")
    count = report.tables
    assert count["jobs"].accepted == 1_016
    assert count["job_tasks"].accepted == 18_796
    assert count["job_aliases"].accepted + count["job_aliases"].duplicates == 56_560
    assert count["job_relations"].accepted == 18_460
    levels = sqlite_store.frame("job_skills")["level"].drop_nulls()
    assert levels.min() >= 0  # type: ignore[operator]
    assert levels.max() <= 5  # type: ignore[operator]


@pytest.mark.parametrize(
    ("kind", "place", "rows"),
    [
        ("coursera_2021_descriptions", "coursera_2021_descriptions_skills.csv.gz", 2_971),
        ("coursera_2021_all", "coursera_2021_all_courses_skills.csv.gz", 5_164),
    ],
)
def test_the_coursera_catalogue_comes_in_whole(sqlite_store, real_data: Path, kind, place, rows):
    report = import_file(sqlite_store, real_data / "learning" / "coursera_catalogue_2021" / place, kind)
    assert (report.accepted, report.duplicates) == (rows, 0)


def test_the_job_postings_come_in_without_their_copies(sqlite_store, real_data: Path):
    path = real_data / "workforce" / "google_job_postings" / "job_skills.csv.gz"
    report = import_file(sqlite_store, path, "google_job_postings")
    assert (report.accepted, report.duplicates) == (1_250 - 123, 123)


def test_ibm_attrition_comes_in_whole(sqlite_store, real_data: Path):
    path = real_data / "attrition" / "ibm_hr_attrition" / "WA_Fn-UseC_-HR-Employee-Attrition.csv.gz"
    report = import_file(sqlite_store, path, "ibm_hr_attrition")
    assert (report.accepted, report.tables["exits"].accepted) == (1_470, 237)


def test_babushkin_turnover_comes_in_whole(sqlite_store, real_data: Path):
    path = real_data / "attrition" / "babushkin_turnover_survival" / "turnover.csv"
    report = import_file(sqlite_store, path, "babushkin_turnover_survival")
    assert (report.accepted, report.tables["exits"].accepted) == (1_129, 571)


@pytest.mark.parametrize("name", ["moodle_logstore_xapi.ndjson", "openedx_xapi.ndjson"])
def test_no_statement_of_either_platform_is_lost(store, real_data: Path, name):
    path = real_data / "learning_events" / name
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    report = import_file(store, path, "xapi")
    assert report.accepted + report.duplicates + report.quarantined == len(lines)
    aside = store.frame("quarantine")
    assert aside.height == report.quarantined
    assert all(reason.strip() for reason in aside["reason"])
    kept = Counter(aside["payload"].to_list()) + Counter(store.frame("statements")["payload"].to_list())
    assert set(kept) == set(lines)


def test_statements_are_understood_once_people_and_courses_are_known(sqlite_store, real_data: Path, write):
    people = "employee_id,spell,hired_at\n1,1,2019-01-01\n2,1,2019-01-01\n32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb,1,2019-01-01\n"
    courses = "course_id,title,url\nm2,Course,http://www.example.org/course/view.php?id=2\ncourse-v1:edX+DemoX+Demo_Course,Demo,\n"
    import_file(sqlite_store, write("p.csv", people), "employees")
    import_file(sqlite_store, write("c.csv", courses), "courses")
    accepted = {
        name: import_file(sqlite_store, real_data / "learning_events" / f"{name}.ndjson", "xapi").accepted
        for name in ("moodle_logstore_xapi", "openedx_xapi")
    }
    assert accepted == {"moodle_logstore_xapi": 68, "openedx_xapi": 25}
    scores = sqlite_store.frame("learning_events")["score_share"].drop_nulls()
    assert 0.5 in scores.to_list()
