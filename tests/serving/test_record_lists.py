"""Records of every kind, written and listed by many: refusals first; what is good is kept, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.records.columns import Nature
from features.records.store import Store
from features.records.tables import IMPORTABLE
from serving.app import create_app
from serving.keys import create_key
from serving.records.kinds import KINDS, MOST_ITEMS, WHOLES, Kind

SCOPES = ("records:write",)
NAMES = [each.noun for each in (*KINDS, *WHOLES)]


@pytest.fixture
def hris(store: Store, make_house: Any) -> TestClient:
    """Return a client that writes records, over what the examples of all kinds name."""
    with store.transaction() as connection:
        store.upsert(
            connection, "employees", [{"employee_id": "E0001", "spell": 1, "hired_at": 0, "known_at": 0}]
        )
        store.upsert(connection, "courses", [{"course_id": "C0001", "title": "Python"}])
        store.upsert(connection, "jobs", [{"job_id": "J0001", "title": "Analyst"}])
        store.upsert(connection, "skills", [{"skill_id": "S-python", "name": "Python"}])
    return client_of(make_house(store), *SCOPES)


def client_of(house: Any, *scopes: str) -> TestClient:
    key = create_key(house.store, "tests", scopes, datetime.now(UTC))
    return TestClient(create_app(house=house), headers={"X-API-Key": key})


@pytest.mark.parametrize("noun", NAMES)
@pytest.mark.parametrize("items", [[], "nothing", [{}] * (MOST_ITEMS + 1)])
def test_no_items_or_too_many_are_refused_whole(sqlite_house: Any, noun: str, items: Any) -> None:
    writer = client_of(sqlite_house, *SCOPES)
    assert writer.post(f"/v1/{noun}:bulk", json={"items": items}).status_code == 422
    assert writer.post(f"/v1/{noun}:bulk", json=items).status_code == 422


@pytest.mark.parametrize("noun", NAMES)
def test_what_is_none_of_that_kind_comes_back_with_its_place_and_reason(sqlite_house: Any, noun: str) -> None:
    writer = client_of(sqlite_house, *SCOPES)
    said = writer.post(f"/v1/{noun}:bulk", json={"items": [{}, 1, {"surprise": 1}]}).json()
    assert (said["accepted"], [each["index"] for each in said["rejected"]]) == (0, [0, 1, 2])
    assert all(each["reason"] for each in said["rejected"])


def test_a_record_about_nobody_or_of_tomorrow_is_rejected_and_the_good_one_kept(
    hris: TestClient, store: Store
) -> None:
    good = {"employee_id": "E0001", "kpi": "sales", "value": 1, "happened_at": "2026-01-01T00:00:00Z"}
    late = {**good, "happened_at": "2999-01-01T00:00:00Z"}
    said = hris.post("/v1/outcomes:bulk", json={"items": [{**good, "employee_id": "E9"}, good, late]}).json()
    assert said["accepted"] == 1
    assert [(each["index"], each["field"]) for each in said["rejected"]] == [
        (0, "employee_id"),
        (2, "happened_at"),
    ]
    assert store.frame("outcomes")["employee_id"].to_list() == ["E0001"]


def test_a_fact_twice_in_a_request_is_a_duplicate_and_another_one_of_its_moment_is_rejected(
    hris: TestClient, store: Store
) -> None:
    good = {"employee_id": "E0001", "kpi": "sales", "value": 1, "happened_at": "2026-01-01T00:00:00Z"}
    said = hris.post("/v1/outcomes:bulk", json={"items": [good, good, {**good, "value": 2}]}).json()
    assert (said["accepted"], said["duplicates"], said["rejected"][0]["index"]) == (1, 1, 2)
    assert store.frame("outcomes")["value"].to_list() == [1.0]
    corrected = hris.post("/v1/outcomes:bulk", json={"items": [{**good, "value": 2}]}).json()
    assert corrected["accepted"] == 1  # what is known later stands beside what was known first


@pytest.mark.parametrize("kind", KINDS, ids=NAMES[: len(KINDS)])
def test_an_example_of_each_kind_is_kept_once_and_listed_as_it_was_sent(hris: TestClient, kind: Kind) -> None:
    path, item = f"/v1/{kind.noun}", dict(kind.example)
    receipts = [hris.post(f"{path}:bulk", json={"items": [item]}).json() for _ in range(2)]
    is_fact = IMPORTABLE[kind.table].nature is Nature.FACT
    assert [each["rejected"] for each in receipts] == [[], []]
    assert [each["accepted"] for each in receipts] == [1, 0 if is_fact else 1]
    assert receipts[1]["duplicates"] == int(is_fact)
    found = hris.get(path, params={kind.about: [item[kind.about], "nobody"]}).json()
    assert len(found["items"]) == 1
    assert found["items"][0] == {**dict.fromkeys(found["items"][0]), **item}
    assert found["next_cursor"] is None
    assert hris.get(path, params={kind.about: "nobody"}).json()["items"] == []


def test_whole_records_are_kept_by_many_and_listed_page_by_page(hris: TestClient) -> None:
    items: list[dict[str, Any]] = [{"course_id": f"C{number}", "title": "T"} for number in range(4)]
    items += [{"title": "no key"}, {"course_id": "C9", "title": "T", "prerequisites": ["nothing"]}]
    said = hris.post("/v1/courses:bulk", json={"items": items}).json()
    assert (said["accepted"], [each["index"] for each in said["rejected"]]) == (4, [4, 5])
    seen, cursor = [], ""
    while cursor is not None:
        page = hris.get("/v1/courses", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["course_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == ["C0", "C0001", "C1", "C2", "C3"]
    job = {"job_id": "J0001", "happened_at": "2026-01-01", "pay_amount": 5.0, "rating": 3}
    people = [{"employee_id": "E2", "hired_at": "2024-01-01", "job": job}, {"hired_at": "2024-01-01"}]
    said = hris.post("/v1/employees:bulk", json={"items": people}).json()
    assert (said["accepted"], said["rejected"][0]["field"]) == (1, "employee_id")


def test_pay_and_answers_are_shown_to_those_alone_who_may_see_them(
    hris: TestClient, store: Store, make_house: Any
) -> None:
    job = {"job_id": "J0001", "happened_at": "2026-01-01", "pay_amount": 5.0, "rating": 3}
    hris.post(
        "/v1/employees:bulk", json={"items": [{"employee_id": "E2", "hired_at": "2024-01-01", "job": job}]}
    )
    reader = client_of(make_house(store), "records:read")
    shown = {each["employee_id"]: each for each in reader.get("/v1/employees").json()["items"]}
    assert shown["E2"]["job"]["pay_amount"] is None
    assert shown["E2"]["withheld"] == ["job.pay_amount", "job.rating"]
    for noun in ("surveys", "outcomes", "exits"):
        assert reader.get(f"/v1/{noun}").status_code == 403
    acting = create_key(store, "ann", ("records:read", "personal:read"), datetime.now(UTC), employee_id="E2")
    mine = TestClient(reader.app, headers={"X-API-Key": acting})
    assert {mine.get(f"/v1/{noun}").status_code for noun in NAMES} == {403}


def test_a_course_that_nothing_is_about_is_removed_and_one_that_was_taken_stays(
    hris: TestClient, store: Store
) -> None:
    body = {"title": "T", "skills": [{"skill_id": "S-python"}], "prerequisites": ["C0001"]}
    assert hris.put("/v1/courses/C2", json=body).status_code == 201
    assert hris.delete("/v1/courses/C0001").status_code == 409  # C2 asks for it first
    assert hris.delete("/v1/courses/C2").status_code == 204
    assert hris.delete("/v1/courses/C2").status_code == 404
    assert store.count("course_skills") == store.count("course_prerequisites") == 0
    assert hris.delete("/v1/courses/C0001").status_code == 204
    assert hris.delete("/v1/jobs/J0001").status_code == 204
    assert hris.get("/v1/jobs").json()["items"] == []
