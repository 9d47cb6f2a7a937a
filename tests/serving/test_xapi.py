"""xAPI over HTTP: refused as xAPI refuses, kept byte for byte, once each, and none that tells of learning is lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key

PATH = "/xapi/statements"
HEADER = "X-Experience-API-Version"
VERB = "http://adlnet.gov/expapi/verbs/"
COURSE = "http://adlnet.gov/expapi/activities/course"
HOME = "https://lms.example"
FIRST = "11111111-2222-4333-8444-555555555555"
SECOND = "22222222-2222-4333-8444-555555555555"


def statement(**changes: Any) -> dict[str, Any]:
    """Return a statement of Ann's completion of Python; None leaves a member out."""
    made = {
        "id": FIRST,
        "actor": {"objectType": "Agent", "account": {"homePage": HOME, "name": "ann"}},
        "verb": {"id": f"{VERB}completed", "display": {"en": "completed"}},
        "object": {"id": f"{HOME}/courses/python", "definition": {"type": COURSE}},
        "timestamp": "2026-01-01T10:00:00+02:00",
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def voiding(target: str, own: str = SECOND) -> dict[str, Any]:
    """Return a statement that takes another one back."""
    return statement(
        id=own, verb={"id": f"{VERB}voided"}, object={"objectType": "StatementRef", "id": target}
    )


def stock(store: Store) -> None:
    """Keep one person and one course."""
    person = {"employee_id": "ann", "spell": 1, "hired_at": 0, "known_at": 0}
    with store.transaction() as connection:
        store.upsert(connection, "employees", [person])
        store.upsert(connection, "courses", [{"course_id": "python", "title": "Python"}])


def client_of(house: House, name: str = "moodle") -> TestClient:
    """Return a client that speaks as a learning platform does: Basic, and the version."""
    key = create_key(house.store, name, ["events:write"], datetime.now(UTC))
    basic = base64.b64encode(f"{name}:{key}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", HEADER: "1.0.3"}
    return TestClient(create_app(house=house), headers=headers)


@pytest.fixture
def house(make_house: Any, store: Store) -> House:
    """Return a house over one person and one course, on either database."""
    stock(store)
    found: House = make_house(store)
    return found


@pytest.fixture
def lms(house: House) -> Iterator[TestClient]:
    """Return a learning platform."""
    with client_of(house) as opened:
        yield opened


@pytest.fixture
def small_lms(sqlite_house: House) -> TestClient:
    """Return a learning platform of a house on SQLite, without background work."""
    stock(sqlite_house.store)
    return client_of(sqlite_house)


# Refusals


@pytest.mark.parametrize("version", ["0.95", "1.1.0", "3.0.0", "", "one"])
def test_a_version_that_is_not_spoken_is_refused(small_lms: TestClient, version: str) -> None:
    answer = small_lms.post(PATH, json=statement(), headers={HEADER: version})
    assert answer.status_code == 400
    assert answer.json()["field"] == HEADER


def test_no_version_at_all_is_refused(sqlite_house: House) -> None:
    key = create_key(sqlite_house.store, "lms", ALL_SCOPES, datetime.now(UTC))
    answer = TestClient(create_app(house=sqlite_house)).get(PATH, headers={"X-API-Key": key})
    assert answer.status_code == 400
    assert answer.headers[HEADER] == "1.0.3"


@pytest.mark.parametrize("sent", ["Basic !!", "Basic", f"Basic {base64.b64encode(b'lms:wrong').decode()}"])
def test_a_wrong_password_is_refused(small_lms: TestClient, sent: str) -> None:
    assert small_lms.post(PATH, json=[], headers={"Authorization": sent}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "7",
        '"text"',
        "[7]",
        "{",
        "[[]]",
        "{}",
        json.dumps(statement(actor=None)),
        json.dumps(statement(actor={"name": "Ann"})),
        json.dumps(statement(verb={"display": {"en": "did"}})),
        json.dumps(statement(object=None)),
        json.dumps([statement(), statement(verb={"id": f"{VERB}failed"})]),
        json.dumps([statement(), statement()]),
        json.dumps([statement(), {}]),
        json.dumps(statement(id="voids:" + FIRST)),
    ],
)
def test_what_tells_of_nobody_s_learning_is_refused_and_nothing_is_kept(
    small_lms: TestClient, sqlite_store: Store, body: str
) -> None:
    answer = small_lms.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert [sqlite_store.count(name) for name in ("statements", "quarantine", "learning_events")] == [0, 0, 0]


@pytest.mark.parametrize(
    "query",
    [
        "statementId=7",
        f"statementId={FIRST}&verb=http://x",
        f"statementId={FIRST}&voidedStatementId={FIRST}",
        "since=yesterday",
        "limit=-1",
        "limit=many",
        "agent=ann",
        "agent={}",
        "agent=[]",
        "verb=done",
        "activity=",
        "ascending=yes",
        "attachments=true",
        "format=short",
        "cursor=x",
        "colour=red",
        "limit=1&limit=2",
        "StatementId=7",
    ],
)
def test_a_query_that_xapi_does_not_know_is_refused(small_lms: TestClient, query: str) -> None:
    answer = small_lms.get(f"{PATH}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.headers[HEADER] == "1.0.3"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", statement()),
        ("statementId=7", statement(id=None)),
        (f"statementId={SECOND}", statement()),
        (f"statementId={FIRST}&x=1", statement()),
        (f"statementId={FIRST}", [statement()]),
        (f"statementId={FIRST}", []),
    ],
)
def test_a_put_that_does_not_name_its_statement_is_refused(
    small_lms: TestClient, query: str, body: Any
) -> None:
    assert small_lms.put(f"{PATH}?{query}", json=body).status_code == 400


def test_another_body_under_the_same_id_is_a_conflict_and_costs_the_others_nothing(
    lms: TestClient, store: Store
) -> None:
    assert lms.post(PATH, json=statement()).status_code == 200
    other = statement(verb={"id": f"{VERB}failed"})
    assert lms.post(PATH, json=[other, statement(id=SECOND)]).status_code == 409
    assert lms.put(f"{PATH}?statementId={FIRST}", json=other).status_code == 409
    assert store.frame("learning_events")["kind"].to_list() == ["completed", "completed"]
    (row,) = store.frame("quarantine").to_dicts()
    assert json.loads(row["payload"]) == other
    assert "same id" in row["reason"]


def test_a_voiding_statement_cannot_be_voided(lms: TestClient) -> None:
    assert lms.post(PATH, json=voiding(FIRST)).status_code == 200
    assert lms.post(PATH, json=voiding(SECOND, own=FIRST)).status_code == 400


def test_another_client_s_statements_are_nobody_s(house: House, lms: TestClient) -> None:
    lms.post(PATH, json=statement())
    other = client_of(house, "other")
    assert other.get(f"{PATH}?statementId={FIRST}").status_code == 404
    assert other.get(PATH).json() == {"statements": [], "more": ""}


# Answers


def test_an_empty_list_is_a_success(small_lms: TestClient) -> None:
    answer = small_lms.post(PATH, json=[])
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(("asked", "answered"), [("1.0", "1.0.3"), ("1.0.1", "1.0.3"), ("2.0.0", "2.0.0")])
def test_the_version_is_negotiated(small_lms: TestClient, asked: str, answered: str) -> None:
    answer = small_lms.post(PATH, json=statement(), headers={HEADER: asked})
    assert (answer.status_code, answer.json()) == (200, [FIRST])
    assert answer.headers[HEADER] == answered
    assert datetime.fromisoformat(answer.headers["X-Experience-API-Consistent-Through"]).tzinfo is not None


def test_a_statement_is_kept_as_it_was_sent_and_becomes_an_event(lms: TestClient, store: Store) -> None:
    text = json.dumps(statement(result={"score": {"raw": 7.50, "max": 10}, "response": "ü € 😀"}), indent=1)
    text = text.replace("7.5", "7.500")
    before = datetime.now(UTC)
    assert (
        lms.post(PATH, content=f"[{text}]".encode(), headers={"Content-Type": "application/json"}).status_code
        == 200
    )
    assert store.frame("statements")["payload"].to_list() == [text]
    event = store.frame("learning_events").row(0, named=True)
    assert (event["event_id"], event["employee_id"], event["course_id"]) == (FIRST, "ann", "python")
    assert (event["kind"], event["score_share"]) == ("completed", 0.75)
    assert event["happened_at"] == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert before <= event["known_at"] <= datetime.now(UTC)
    found = lms.get(f"{PATH}?statementId={FIRST}")
    assert '"raw": 7.500' in found.text
    said = found.json()
    assert {name: said[name] for name in statement()} == {**statement(), "id": FIRST}
    assert (said["version"], said["authority"]["account"]["name"]) == ("1.0.0", "moodle")
    assert datetime.fromisoformat(said["stored"]) == event["known_at"]


def test_a_second_copy_is_a_success_and_changes_nothing(lms: TestClient, store: Store) -> None:
    for _ in range(2):
        assert lms.post(PATH, json=statement()).json() == [FIRST]
        answer = lms.put(f"{PATH}?statementId={FIRST}", json=statement(id=None, version="1.0.0"))
        assert (answer.status_code, answer.json()) == (200, [FIRST])
    assert (store.count("statements"), store.count("learning_events")) == (1, 1)


def test_without_an_id_the_content_is_the_identity(lms: TestClient, store: Store) -> None:
    first = lms.post(PATH, json=[statement(id=None), statement(id=None)]).json()
    other = dict(reversed(statement(id=None).items()))
    assert lms.post(PATH, json=other).json() == [first[0]]
    assert first[0] == first[1] == str(UUID(first[0]))
    assert store.count("learning_events") == 1
    assert lms.get(f"{PATH}?statementId={first[0]}").json()["id"] == first[0]


def test_a_voided_statement_is_taken_back_also_where_it_comes_later(lms: TestClient, store: Store) -> None:
    lms.post(PATH, json=statement())
    assert lms.post(PATH, json=voiding(FIRST)).status_code == 200
    assert store.count("learning_events") == 0
    assert lms.get(f"{PATH}?statementId={FIRST}").status_code == 404
    assert lms.get(f"{PATH}?voidedStatementId={FIRST}").json()["id"] == FIRST
    assert [each["id"] for each in lms.get(PATH).json()["statements"]] == [SECOND]
    third = "33333333-2222-4333-8444-555555555555"
    late = "44444444-2222-4333-8444-555555555555"
    lms.post(PATH, json=voiding(late, own=third))
    lms.post(PATH, json=statement(id=late))
    assert store.count("learning_events") == 0


def test_a_statement_and_what_voids_it_may_come_together(lms: TestClient, store: Store) -> None:
    assert lms.post(PATH, json=[voiding(FIRST), statement()]).status_code == 200
    assert store.count("learning_events") == 0


def test_who_is_not_known_yet_waits_with_the_reason_and_can_be_read_back(
    lms: TestClient, store: Store
) -> None:
    stranger = statement(actor={"account": {"homePage": HOME, "name": "4711"}})
    assert lms.post(PATH, json=stranger).status_code == 200
    (row,) = store.frame("quarantine").to_dicts()
    assert row["reason"].startswith("unknown person: '4711'")
    assert (row["source"], json.loads(row["payload"])) == ("xapi", stranger)
    assert lms.get(f"{PATH}?statementId={FIRST}").status_code == 200


def test_a_mistake_in_the_form_costs_nobody_their_learning_but_is_noted(
    lms: TestClient, store: Store
) -> None:
    assert lms.post(PATH, json=statement(result={"response": "", "extensions": {}})).status_code == 200
    assert store.frame("learning_events")["employee_id"].to_list() == ["ann"]
    (reason,) = store.frame("quarantine")["reason"].to_list()
    assert reason == (
        "not conformant: statement.result.response is an empty text; statement.result.extensions is empty"
    )


def test_a_strict_service_refuses_what_breaks_a_rule(sqlite_house: House) -> None:
    stock(sqlite_house.store)
    sqlite_house.settings = sqlite_house.settings.model_copy(update={"xapi_strict": True})
    lms = client_of(sqlite_house)
    answer = lms.post(PATH, json=[statement(id=SECOND), statement(result={"extensions": {}})])
    assert answer.status_code == 400
    assert "Statement 1 does not conform" in answer.json()["detail"]
    assert sqlite_house.store.count("statements") == 0
    assert lms.post(PATH, json=statement()).status_code == 200
    conflicting = [statement(id=SECOND), statement(verb={"id": f"{VERB}failed"})]
    assert lms.post(PATH, json=conflicting).status_code == 409
    kept = [sqlite_house.store.count(name) for name in ("statements", "quarantine")]
    assert kept == [1, 0]


def test_a_clock_a_little_ahead_happened_when_it_came_and_far_ahead_waits(
    lms: TestClient, store: Store
) -> None:
    ahead = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 60, UTC).isoformat()
    lms.post(PATH, json=[statement(timestamp=ahead), statement(id=SECOND, timestamp="2999-01-01T00:00:00Z")])
    (event,) = store.frame("learning_events").to_dicts()
    assert event["happened_at"] == event["known_at"]
    assert "in the future" in store.frame("quarantine")["reason"][0]


def test_whose_records_changed_is_noted_for_their_scores(sqlite_house: House) -> None:
    stock(sqlite_house.store)
    lms = client_of(sqlite_house)
    lms.post(PATH, json=statement())
    assert sqlite_house.changes.take(10) == ["ann"]
    lms.post(PATH, json=voiding(FIRST))
    assert sqlite_house.changes.take(10) == ["ann"]


def numbered(number: int, **changes: Any) -> dict[str, Any]:
    """Return one of many statements."""
    return statement(id=f"00000000-0000-4000-8000-{number:012}", **changes)


@pytest.mark.parametrize("ascending", ["true", "false"])
def test_more_leads_through_all_statements_once(lms: TestClient, ascending: str) -> None:
    for start in (0, 10, 20):  # ten of each share the moment at which they were stored
        lms.post(PATH, json=[numbered(number) for number in range(start, start + 10)])
    found: list[str] = []
    link = f"{PATH}?limit=7&ascending={ascending}"
    while link:
        page = lms.get(link).json()
        found += [each["id"] for each in page["statements"]]
        link = page["more"]
    expected = [numbered(number)["id"] for number in range(30)]
    assert found == (expected if ascending == "true" else expected[::-1])


def test_statements_are_found_by_what_they_say(lms: TestClient) -> None:
    quiz = {"id": f"{HOME}/quiz/7", "definition": {"type": "http://adlnet.gov/expapi/activities/assessment"}}
    around = {"contextActivities": {"parent": [statement()["object"]]}, "registration": SECOND}
    lms.post(PATH, json=[numbered(1), numbered(2, verb={"id": f"{VERB}failed"}),
                         numbered(3, actor={"mbox": "mailto:bob@example.org"}), numbered(4, object=quiz, context=around)])  # fmt: skip

    def asked(**query: str) -> list[int]:
        said = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return sorted(int(each["id"][-2:]) for each in lms.get(f"{PATH}?{said}").json()["statements"])

    assert asked(verb=f"{VERB}failed") == [2]
    assert asked(agent='{"mbox": "mailto:bob@example.org"}') == [3]
    assert asked(agent=json.dumps(statement()["actor"])) == [1, 2, 4]
    assert asked(activity=quiz["id"]) == [4]
    assert asked(activity=statement()["object"]["id"]) == [1, 2, 3]
    assert asked(activity=statement()["object"]["id"], related_activities="true") == [1, 2, 3, 4]
    assert asked(registration=SECOND.upper()) == [4]
    assert asked(since="2999-01-01T00:00:00Z") == []
    assert asked(until="2999-01-01T00:00:00Z", limit="0") == [1, 2, 3, 4]
    short = lms.get(f"{PATH}?format=ids&limit=1").json()["statements"][0]
    assert short["object"] == {"id": quiz["id"]}


def test_since_finds_what_was_stored_after_the_last_one_seen(lms: TestClient) -> None:
    lms.post(PATH, json=numbered(1))
    stored = lms.get(PATH).json()["statements"][0]["stored"]
    lms.post(PATH, json=numbered(2))
    found = lms.get(f"{PATH}?since={quote(stored)}").json()["statements"]
    assert [each["id"] for each in found] == [numbered(2)["id"]]


# The statements of two platforms


# Statements, those that have the id of an earlier one, and learning events.
EXPECTED = {"moodle_logstore_xapi": (103, 0, 69), "openedx_xapi": (45, 7, 31)}


def identities_of(path: Path) -> tuple[set[tuple[str, str]], set[str]]:
    """Return the accounts and the courses that a file's statements name."""
    accounts, courses = set(), set()
    for line in path.read_text().splitlines():
        said = json.loads(line)
        account = said["actor"].get("account")
        accounts |= {(account["homePage"], account["name"])} if account else set()
        around = said.get("context", {}).get("contextActivities", {}).values()
        listed = [one for each in around for one in (each if isinstance(each, list) else [each])]
        for activity in (said["object"], *listed):
            if str(activity.get("definition", {}).get("type", "")).endswith("/course"):
                courses.add(activity["id"])
    return accounts, courses


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["moodle_logstore_xapi", "openedx_xapi"])
def test_every_statement_of_a_platform_is_kept_and_its_learning_event_taken(
    lms: TestClient, store: Store, real_data: Path, name: str
) -> None:
    path = real_data / "learning_events" / f"{name}.ndjson"
    accounts, courses = identities_of(path)
    with store.transaction() as connection:
        store.upsert(connection, "identities", [
            {"issuer": issuer, "identifier": identifier, "employee_id": "ann"} for issuer, identifier in accounts
        ])  # fmt: skip
        store.upsert(connection, "courses", [{"course_id": each, "title": each} for each in courses])
    lines = path.read_text().splitlines()
    answers = [
        lms.post(PATH, content=line.encode(), headers={"Content-Type": "application/json"}) for line in lines
    ]
    assert {answer.status_code for answer in answers} <= {200, 409}
    refused = sum(answer.status_code == 409 for answer in answers)
    ids = {name for answer in answers if answer.status_code == 200 for name in answer.json()}
    kept = store.frame("statements")
    assert set(kept["statement_id"].to_list()) == ids
    aside = store.frame("quarantine").to_dicts()
    assert set(lines) == set(kept["payload"].to_list()) | {row["payload"] for row in aside}
    waiting = [row for row in aside if not row["reason"].startswith(("not conformant", "another statement"))]
    assert store.count("learning_events") + len(waiting) == len(ids)
    assert (len(lines), refused, store.count("learning_events")) == EXPECTED[name]
