"""Courses as schema.org JSON-LD, in the shapes in which publishers write them."""

from __future__ import annotations

import json

import pytest

from features.records.reading import import_file

COURSE = {
    "@context": "https://schema.org",
    "@type": "Course",
    "courseCode": "XL-1",
    "name": {"@language": "en", "@value": "Excel"},
    "description": "Tables and sums.",
    "url": "https://lms.example/xl1",
    "provider": {"@type": "Organization", "name": "Us"},
    "inLanguage": "en",
    "timeRequired": "PT1H30M",
    "educationalLevel": "Beginner",
    "teaches": ["Sums", {"@type": "DefinedTerm", "@id": "http://data.europa.eu/esco/skill/1", "name": "use spreadsheets"}],
    "competencyRequired": "Typing",
    "offers": {"@type": "Offer", "price": "99.50", "priceCurrency": "EUR"},
    "hasCourseInstance": {
        "@type": "CourseInstance", "courseMode": "onsite", "startDate": "2024-09-01", "endDate": "2024-09-02",
        "maximumAttendeeCapacity": 12, "location": {"@type": "Place", "name": "Rome"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "no JSON"),
        ('[{"@type": "Course", "name": "x"', "no JSON"),
        ("[1]", "no JSON object"),
        ('{"@type": "Person", "name": "x"}', "holds no Course"),
        ('{"@type": "Course", "name": "x"}', "no name that could identify it"),
        ('{"@type": "Course", "courseCode": "x"}', "a value is missing"),
        ('{"@type": "Course", "courseCode": "x", "name": NaN}', "no number of JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"@type": "Course", "courseCode": "x", "name": "\\ud800"}', "surrogate"),
    ],
    ids=["cut", "open array", "number", "no course", "no name", "no title", "nan", "deep", "surrogate"],
)
def test_a_document_that_holds_no_courses_is_refused(sqlite_store, write, refusal, text, what):
    assert what in str(refusal(sqlite_store, write("c.jsonld", text), "course-jsonld"))


def test_the_line_of_a_wrong_course_is_named(sqlite_store, write, refusal):
    good = json.dumps(COURSE)
    path = write("c.jsonld", f'[\n{good},\n{{"@type": "Course",\n "name": "x"}}\n]')
    assert refusal(sqlite_store, path, "course-jsonld").problems[0].line == 3


def test_every_part_of_a_course_finds_its_place(store, write, options):
    report = import_file(store, write("c.jsonld", json.dumps(COURSE, indent=1)), "course-jsonld", options)
    assert report.accepted == 1
    row = store.frame("courses").row(0, named=True)
    expected = {
        "course_id": "XL-1", "title": "Excel", "provider": "Us", "url": "https://lms.example/xl1", "hours": 1.5,
        "language": "en", "level": 2.0, "modality": "classroom", "cost_amount": 99.5, "cost_currency": "EUR",
        "description": "Tables and sums.\n\nRequired: Typing.",
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    assert store.frame("course_skills")["skill_id"].to_list() == [
        "sums",
        "http://data.europa.eu/esco/skill/1",
    ]
    assert store.frame("skills").sort("skill_id")["taxonomy"].to_list() == [
        "esco",
        "organisation",
        "organisation",
    ]
    assert store.frame("sessions").select("capacity", "location").row(0) == (12, "Rome")


@pytest.mark.parametrize(
    "shape",
    [
        json.dumps,
        lambda courses: json.dumps({"@context": "https://schema.org", "@graph": courses}),
        lambda courses: json.dumps(
            {"@type": "ItemList", "itemListElement": [{"position": 1, "item": one} for one in courses]}
        ),
        lambda courses: "\n".join(map(json.dumps, courses)),
    ],
    ids=["list", "graph", "item list", "one a line"],
)
def test_several_courses_come_in_every_usual_shape(sqlite_store, write, options, shape):
    courses = [{"@type": ["Course", "Product"], "@id": f"urn:c{n}", "name": f"Course {n}"} for n in range(3)]
    courses[2]["coursePrerequisites"] = {"@type": "Course", "@id": "urn:c0"}
    path = write("c.jsonld", shape(courses))
    assert import_file(sqlite_store, path, "course-jsonld", options).accepted == 3
    assert import_file(sqlite_store, path, "course-jsonld", options).duplicates == 3
    assert sqlite_store.frame("course_prerequisites").row(0) == ("urn:c2", "urn:c0")
