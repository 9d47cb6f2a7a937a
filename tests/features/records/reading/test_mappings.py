"""Every shipped mapping on a small file of our own making, and what the mapping language refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.errors import BadInputError
from features.records.reading import RefusedFileError, import_file
from features.records.reading.mapping import open_mapping, shipped_mappings

PEOPLE = "employee_id,spell,hired_at\n1001,1,2020-03-01\n1002,1,2021-05-10\n"
TESTED = {
    "workday_workers", "workday_job_history", "workday_exits", "workday_learning",
    "successfactors_workers", "successfactors_job_history", "successfactors_exits", "successfactors_learning",
    "bamboohr_workers", "bamboohr_job_history", "bamboohr_exits", "bamboohr_learning",
    "course_catalogue", "job_descriptions", "coursera_2021_all", "coursera_2021_descriptions",
    "google_job_postings", "ibm_hr_attrition", "babushkin_turnover_survival",
}  # fmt: skip


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


def mapping_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is no TOML"),
        ('tabel = "x"', "unknown key"),
        ("", "fills no table"),
        ('[[table]]\nname = "employes"', 'Did you mean "employees"'),
        ('[[table]]\nname = "employees"\ncolumns = {employee_id = "a"}', "does not fill employees.hired_at"),
        (
            '[[table]]\nname = "courses"\ncolumns = {course_id = "a", title = {constant = "x", column = "y"}}',
            "one source",
        ),
        ('[[table]]\nname = "courses"\ncolumns = {course_id = "a", titel = "b"}', 'Did you mean "title"'),
        (
            'decimal = ";"\n[[table]]\nname = "courses"\ncolumns = {course_id = "a", title = "b"}',
            "unknown decimal",
        ),
        ('[[table]]\nname = "courses"\ncolumns = {course_id = "a", title = 7}', "a column name or"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(tmp_path, text, message):
    with pytest.raises(BadInputError, match=message):
        open_mapping(mapping_file(tmp_path, text))


def test_a_mapping_that_does_not_exist_is_refused_with_the_nearest(sqlite_store, write, options):
    with pytest.raises(BadInputError, match='Did you mean "workday_workers"'):
        import_file(
            sqlite_store, write("a.csv", "x\n1\n"), "hris", replace(options, mapping="workday_worker")
        )


def test_a_kind_that_needs_a_mapping_says_so(sqlite_store, write, options):
    with pytest.raises(BadInputError, match="needs a mapping"):
        import_file(sqlite_store, write("a.csv", "x\n1\n"), "hris", options)


def test_an_exit_reason_that_is_not_listed_is_refused(sqlite_store, write, options):
    import_file(sqlite_store, write("p.csv", PEOPLE), "employees", options)
    path = write(
        "x.csv", "Employee ID,Termination Date,Primary Termination Reason\n1001,1/31/2024,Abducted\n"
    )
    with pytest.raises(RefusedFileError) as caught:
        import_file(sqlite_store, path, "workday_exits", options)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.found) == (2, "Primary Termination Reason", "'Abducted'")
    assert "Add it to the values" in problem.hint


def test_a_column_that_the_mapping_does_not_know_is_refused(sqlite_store, write, options):
    path = write("w.csv", "Employee ID,Hire Date,Shoe Size\n1001,3/1/2020,44\n")
    with pytest.raises(RefusedFileError, match='column "Shoe Size": unknown column'):
        import_file(sqlite_store, path, "workday_workers", options)


def test_a_column_that_the_mapping_needs_is_named(sqlite_store, write, options):
    path = write("w.csv", "Employee ID,Hired\n1001,3/1/2020\n")
    with pytest.raises(RefusedFileError, match='column "Hire Date": a column is missing'):
        import_file(sqlite_store, path, "workday_workers", options)


def test_a_list_that_cannot_be_read_is_refused_with_its_line(sqlite_store, write, options):
    header = "title,description,link,provider,ranking,provider_category,time_required,subtitles,skill,rating,category"
    row = "Tea,Brew,http://x/tea,Us,1,Company,Approx. 2 hours to complete,,[broken,,Food"
    path = write("c.csv", f"{header},subcategory,level,subscribers\n{row},Drinks,Beginner Level,3\n")
    with pytest.raises(RefusedFileError, match="the list cannot be read"):
        import_file(sqlite_store, path, "coursera_2021_descriptions", options)


def test_every_shipped_mapping_has_its_test_here():
    assert set(shipped_mappings()) == TESTED


@pytest.mark.parametrize("name", sorted(TESTED))
def test_every_shipped_mapping_says_what_it_is_for(name):
    assert len(open_mapping(name).describes) > 20


WORKERS = {
    "workday_workers": "Employee ID,Worker,Hire Date,Worker Type,Worker Status\n"
    "1001,Ann Lee,3/1/2020,Employee,Active\n1002,Bob Ray,5/10/2021,Contingent Worker,Active\n",
    "successfactors_workers": "User/Employee ID;First Name;Last Name;Hire Date;Employee Class\n"
    "1001;Ann;Lee;01.03.2020;Permanent\n1002;Bob;Ray;10.05.2021;External\n",
    "bamboohr_workers": "Employee #,First Name,Last Name,Hire Date,Employment Status\n"
    "1001,Ann,Lee,2020-03-01,Full-Time\n1002,Bob,Ray,2021-05-10,Contractor\n",
}


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_workers_of_each_system_become_the_same_employees(store, write, options, name):
    assert import_file(store, write("w.csv", WORKERS[name]), name, options).accepted == 2
    found = store.frame("employees").sort("employee_id")
    assert found["employee_id"].to_list() == ["1001", "1002"]
    assert found["spell"].to_list() == [1, 1]
    assert found["hired_at"].to_list() == [utc(2020, 3, 1), utc(2021, 5, 10)]
    assert found["employment_type"].to_list() == ["permanent", "contractor"]
    assert found["display_name"].to_list() == ["Ann Lee", "Bob Ray"]


HISTORY = {
    "workday_job_history": "Employee ID,Effective Date,Job Code,Job Title,Supervisory Organization,Manager ID,"
    "Total Base Pay Annualized,Currency,FTE %,Performance Rating,On Leave\n"
    '1001,3/1/2020,J1,Clerk,Sales,1002,"$52,000.00",USD,80%,4 - Exceeds,No\n',
    "successfactors_job_history": "User/Employee ID;Event Date;Job Classification;Job Title;Department;Supervisor;"
    "Annual Salary;Currency;FTE;Overall Rating;On Leave of Absence\n"
    "1001;01.03.2020;J1;Clerk;Sales;1002;52.000,00;USD;0,8;4;nein\n",
    "bamboohr_job_history": "Employee #,Effective Date,Job Title,Department,Reports To ID,Pay Rate,FTE,Rating,On Leave\n"
    '1001,2020-03-01,J1,Sales,1002,"$52,000.00",0.8,4,no\n',
}


@pytest.mark.parametrize("name", sorted(HISTORY))
def test_job_changes_of_each_system_become_the_same_facts(store, write, options, name):
    import_file(store, write("p.csv", PEOPLE), "employees", options)
    path = write("h.csv", HISTORY[name])
    first, again = import_file(store, path, name, options), import_file(store, path, name, options)
    assert (first.accepted, again.accepted, again.duplicates) == (1, 0, 1)
    row = store.frame("job_history").row(0, named=True)
    expected = {
        "employee_id": "1001", "spell": 1, "happened_at": utc(2020, 3, 1), "job_id": "J1", "department": "Sales",
        "manager_id": "1002", "pay_amount": 52000.0, "pay_currency": "USD", "fte_share": 0.8, "rating": 4.0,
        "is_on_leave": False,
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected


EXITS = {
    "workday_exits": "Employee ID,Termination Date,Primary Termination Reason,Regrettable Termination,Completed Date\n"
    "1001,1/31/2024,Terminate Employee > Voluntary > Better Opportunity,Yes,1/10/2024\n"
    "1002,2/29/2024,Terminate Employee > Retirement,No,2/1/2024\n",
    "successfactors_exits": "User/Employee ID;Termination Date;Event Reason;Regret Termination;Last Modified On\n"
    "1001;31.01.2024;TERRESIG;ja;10.01.2024\n1002;29.02.2024;TERRET;nein;01.02.2024\n",
    "bamboohr_exits": "Employee #,Termination Date,Termination Type,Termination Reason,Regrettable\n"
    "1001,2024-01-31,Resignation (Voluntary),New job,yes\n1002,2024-02-29,Retirement,,no\n",
}


@pytest.mark.parametrize("name", sorted(EXITS))
def test_exits_of_each_system_fall_into_the_four_classes(store, write, options, name):
    import_file(store, write("p.csv", PEOPLE), "employees", options)
    assert import_file(store, write("x.csv", EXITS[name]), name, options).accepted == 2
    found = store.frame("exits").sort("employee_id")
    assert found["reason_class"].to_list() == ["voluntary", "retirement"]
    assert found["is_regretted"].to_list() == [True, False]
    assert found["happened_at"].to_list() == [utc(2024, 1, 31), utc(2024, 2, 29)]


LEARNING = {
    "workday_learning": "Learning Enrollment ID,Learner ID,Learning Content ID,Learning Content,Completion Status,"
    "Status Date,Score,Time Spent (Hours)\nE1,1001,C1,Excel,Completed,4/2/2024,85,3.5\nE2,1002,C1,Excel,Dropped,4/3/2024,,\n",
    "successfactors_learning": "Learning Event ID;User ID;Item ID;Item Title;Completion Status ID;Completion Date;Grade;"
    "Total Hours\nE1;1001;C1;Excel;COURSE-COMPLETE;02.04.2024;85;3,5\nE2;1002;C1;Excel;CANCELLED;03.04.2024;;\n",
    "bamboohr_learning": "Employee #,Training,Status,Date Completed,Score,Hours\n"
    "1001,Excel,Completed,2024-04-02,85%,3.5\n1002,Excel,In Progress,2024-04-03,,\n",
}


@pytest.mark.parametrize("name", sorted(LEARNING))
def test_learning_records_of_each_system_become_events(store, write, options, name):
    import_file(store, write("p.csv", PEOPLE), "employees", options)
    path = write("l.csv", LEARNING[name])
    assert import_file(store, path, name, options).accepted == 2
    assert import_file(store, path, name, options).duplicates == 2
    found = store.frame("learning_events").sort("employee_id")
    assert found["kind"][0] == "completed"
    assert found["score_share"].to_list() == [0.85, None]
    assert found["hours"].to_list() == [3.5, None]
    assert store.frame("courses")["title"].to_list() == ["Excel"]


def test_a_rehire_in_an_export_of_workers_is_a_new_spell(sqlite_store, write, options):
    import_file(sqlite_store, write("p.csv", PEOPLE), "employees", options)
    import_file(sqlite_store, write("x.csv", EXITS["bamboohr_exits"]), "bamboohr_exits", options)
    path = write("w.csv", "Employee #,First Name,Last Name,Hire Date\n1001,Ann,Lee,2024-05-01\n")
    import_file(sqlite_store, path, "bamboohr_workers", options)
    assert sqlite_store.frame("employees").sort("employee_id", "spell")["spell"].to_list() == [1, 2, 1]


def test_a_course_catalogue_brings_skills_and_prerequisites(store, write, options):
    text = "course_id,title,hours,skills,prerequisites\nc1,Excel,2,Spreadsheets|Counting,\nc2,Excel 2,3,counting,c1\n"
    report = import_file(store, write("c.csv", text), "course-catalogue", options)
    assert report.accepted == 2
    assert sorted(store.frame("skills")["name"]) == ["Counting", "Spreadsheets"]
    assert store.frame("course_skills").height == 3
    assert store.frame("course_prerequisites").row(0) == ("c2", "c1")


def test_a_stored_skill_is_not_renamed_by_a_catalogue(sqlite_store, write, options):
    import_file(
        sqlite_store, write("s.csv", "skill_id,name,description\ncounting,Counting,With numbers\n"), "skills"
    )
    import_file(
        sqlite_store,
        write("c.csv", "course_id,title,skills\nc1,Excel,COUNTING\n"),
        "course-catalogue",
        options,
    )
    assert sqlite_store.frame("skills").select("name", "description").row(0) == ("Counting", "With numbers")


def test_job_descriptions_join_their_texts_and_bring_skills(sqlite_store, write, options):
    text = "job_id,title,description,responsibilities,qualifications,skills\nj1,Clerk,About,Do it,Know it,SQL|Python\n"
    import_file(sqlite_store, write("j.csv", text), "job-descriptions", options)
    assert sqlite_store.frame("jobs")["description"].to_list() == ["About\n\nDo it\n\nKnow it"]
    assert sorted(sqlite_store.frame("job_skills")["skill_id"]) == ["python", "sql"]


def test_coursera_descriptions_give_hours_level_and_skills(sqlite_store, write, options):
    header = "title,description,link,provider,ranking,provider_category,time_required,subtitles,skill,rating,category"
    rows = (
        'Tea,Brew it,http://x/tea,Us,1,Company,Approx. 12 hours to complete,,"[\'Tea\', ""Brewer\'s art""]",,Food,D,Beginner Level,3\n'
        "Cake,,http://x/cake,Us,1,Company,Flexible,,,,Food,D,,3\n"
    )
    path = write("c.csv", f"{header},subcategory,level,subscribers\n{rows}")
    assert import_file(sqlite_store, path, "coursera_2021_descriptions", options).accepted == 2
    assert sqlite_store.frame("courses").select("hours", "level").rows() == [(12.0, 2.0), (None, None)]
    assert sqlite_store.frame("skills")["name"].to_list() == ["Tea", "Brewer's art"]


def test_coursera_courses_give_language_and_kind(sqlite_store, write, options):
    header = "course_name,link,university_name,course_type,university_logo,time_required,course_language,course_subtitles"
    row = "Tea,http://x/tea,Us,GUIDED PROJECT,logo,2 hours,Portuguese (Brazilian),,['Tea'],4.2stars,Food,D,Advanced Level"
    path = write("c.csv", f"{header},course_skills,course_rating,category,sub_category,course_level\n{row}\n")
    import_file(sqlite_store, path, "coursera_2021_all", options)
    found = sqlite_store.frame("courses").row(0, named=True)
    assert (found["language"], found["modality"], found["hours"], found["level"]) == (
        "pt-BR",
        "simulation",
        2.0,
        4.0,
    )


def test_a_job_posting_is_named_by_its_content(sqlite_store, write, options):
    header = (
        "Company,Title,Category,Location,Responsibilities,Minimum Qualifications,Preferred Qualifications\n"
    )
    rows = "Us,Cook,Kitchen,Rome,Cook,Taste,\nUs,Cook,Kitchen,Rome,Cook,Taste,\nUs,,Kitchen,Oslo,Bake,,\n"
    report = import_file(sqlite_store, write("j.csv", header + rows), "google_job_postings", options)
    assert (report.accepted, report.duplicates) == (2, 1)
    assert sqlite_store.frame("jobs")["title"].to_list() == ["Cook", "Kitchen"]


IBM_HEADER = (
    "Age,Attrition,BusinessTravel,DailyRate,Department,DistanceFromHome,Education,EducationField,EmployeeCount,EmployeeNumber,"
    "EnvironmentSatisfaction,Gender,HourlyRate,JobInvolvement,JobLevel,JobRole,JobSatisfaction,MaritalStatus,MonthlyIncome,"
    "MonthlyRate,NumCompaniesWorked,Over18,OverTime,PercentSalaryHike,PerformanceRating,RelationshipSatisfaction,StandardHours,"
    "StockOptionLevel,TotalWorkingYears,TrainingTimesLastYear,WorkLifeBalance,YearsAtCompany,YearsInCurrentRole,"
    "YearsSinceLastPromotion,YearsWithCurrManager\n"
)
IBM_ROW = "40,Yes,Rarely,9,Sales,7,2,Arts,1,12,3,Female,50,3,2,Seller,4,Single,5000,9,1,Y,Yes,11,3,2,80,0,8,0,1,4,2,0,1\n"


def test_ibm_attrition_counts_its_dates_back_from_as_of(store, write, options):
    settings = replace(options, settings={"as_of": "2020-01-01"})
    report = import_file(store, write("ibm.csv", IBM_HEADER + IBM_ROW), "ibm_hr_attrition", settings)
    assert report.accepted == 1
    assert store.frame("employees")["hired_at"].to_list() == [utc(2016, 1, 1)]
    assert store.frame("exits").select("happened_at", "reason_class").row(0) == (utc(2020, 1, 1), "voluntary")
    assert store.frame("job_history")["pay_amount"].to_list() == [60000.0]
    assert store.count("surveys") == 5
    assert sorted(store.frame("protected_attributes")["value"]) == ["1978", "female"]


def test_babushkin_tenure_is_counted_back_from_as_of(sqlite_store, write, options):
    header = "stag,event,gender,age,industry,profession,traffic,coach,head_gender,greywage,way,extraversion,independ,"
    rows = "12.0,1,m,35.0,Banks,HR,empjs,no,f,white,bus,6.2,4.1,5.7,7.1,8.3\n36.0,0,f,30.0,IT,IT,KA,yes,m,grey,foot,5,5,5,5,5\n"
    path = write("t.csv", f"{header}selfcontrol,anxiety,novator\n{rows}")
    assert import_file(sqlite_store, path, "babushkin_turnover_survival", options).accepted == 2
    assert sqlite_store.frame("employees")["hired_at"].to_list() == [utc(2017, 1, 1), utc(2015, 1, 1)]
    assert sqlite_store.frame("exits")["employee_id"].to_list() == ["babushkin-2"]
    assert sqlite_store.count("surveys") == 10


def test_a_mapping_of_ones_own_may_leave_columns_out(sqlite_store, write, tmp_path, options):
    mine = mapping_file(
        tmp_path,
        'unknown = "ignore"\ndecimal = ","\nempty = ["keine"]\n[[table]]\nname = "courses"\n'
        'where = [{ column = "Art", is_not = ["intern"] }]\n[table.columns]\ncourse_id = { template = "{Nr}-{Jahr}" }\n'
        'title = "Titel"\nhours = { column = "Minuten", times = 0.0166666666666 }\n'
        'cost_amount = "Preis"\ncost_currency = { currency_of = "Preis" }\nurl = { column = "Netz", optional = true }\n'
        'language = { column = "Sprache", values = { Deutsch = "de" }, otherwise = "en" }\n',
    )
    text = "Nr;Jahr;Titel;Minuten;Preis;Sprache;Art;Sonst\n1;24;Tee;90,0;12,50 €;deutsch;extern;a\n2;24;Kaffee;;keine;;intern;b\n"
    report = import_file(
        sqlite_store, write("k.csv", text), "course-catalogue", replace(options, mapping=mine)
    )
    assert report.accepted == 1
    row = sqlite_store.frame("courses").row(0, named=True)
    assert (row["course_id"], row["cost_amount"], row["cost_currency"], row["language"]) == (
        "1-24",
        12.5,
        "EUR",
        "de",
    )
    assert row["hours"] == pytest.approx(1.5)
