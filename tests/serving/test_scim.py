"""SCIM as identity providers speak it: people and managers reach the records, and access ends at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from features.records.migrations import upgrade_to_head
from features.records.schema import METADATA
from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key, prefix_of
from serving.scim.provider import sealing_key

USERS = "/scim/v2/Users"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def user(name: str = "ann", **changes: Any) -> dict[str, Any]:
    """Return a user as an identity provider creates one."""
    said = {
        "schemas": [CORE, ENTERPRISE],
        "userName": f"{name}@example.org",
        "displayName": name.title(),
        "title": "Analyst",
        "active": True,
        "emails": [{"value": f"{name}@example.org", "primary": True}],
        ENTERPRISE: {"employeeNumber": name, "department": "Finance"},
    }
    return {**said, **changes}


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


@pytest.fixture
def house(make_house: Any, store: Store) -> House:
    found: House = make_house(store)
    return found


@pytest.fixture
def idp(house: House) -> TestClient:
    """Return an identity provider."""
    key = create_key(house.store, "entra", ["records:write"], datetime.now(UTC))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json"}
    return TestClient(create_app(house=house), headers=headers)


@pytest.fixture
def people(idp: TestClient) -> dict[str, str]:
    """Return two people by the ids of their users."""
    return {name: idp.post(USERS, json=user(name)).json()["id"] for name in ("ann", "bob")}


def job(store: Store, employee_id: str) -> dict[str, Any]:
    """Return what holds for a person."""
    rows = store.frame("job_history").to_dicts()
    mine: dict[str, Any] = [row for row in rows if row["employee_id"] == employee_id][-1]
    return mine


# Refusals


@pytest.mark.parametrize("path", [USERS, f"{USERS}/1", "/scim/v2/Groups", "/scim/v2/Schemas", "/scim/v2"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_without_a_key_or_its_scope_nothing_is_answered(sqlite_house: House, path: str, method: str) -> None:
    client = TestClient(create_app(house=sqlite_house))
    assert client.request(method, path).status_code == 401
    others = [scope for scope in ALL_SCOPES if scope != "records:write"]
    key = create_key(sqlite_house.store, "others", others, datetime.now(UTC))
    assert client.request(method, path, headers={"X-API-Key": key}).status_code == 403


def test_a_person_s_own_key_manages_no_accounts(idp: TestClient, house: House) -> None:
    bind(house.store, idp.headers["Authorization"].removeprefix("Bearer "), "ann")
    assert idp.get(USERS).status_code == 403


def test_a_name_that_is_taken_is_a_conflict(idp: TestClient, people: dict[str, str]) -> None:
    answer = idp.post(USERS, json=user("other", userName="ANN@example.org"))
    assert answer.status_code == 409
    assert answer.json()["scimType"] == "uniqueness"


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{}", '{"schemas": ["urn:x"]}'])
def test_what_is_no_user_is_refused_as_scim_refuses(idp: TestClient, store: Store, body: str) -> None:
    answer = idp.post(USERS, content=body)
    assert answer.status_code == 400
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert store.count("scim_resources") == 0


# Answers


def test_a_user_becomes_a_person_with_a_job_a_department_and_a_mail_address(
    idp: TestClient, store: Store
) -> None:
    answer = idp.post(USERS, json=user(password="secret"))
    assert answer.status_code == 201
    assert "secret" not in str(store.frame("scim_resources").to_dicts())
    assert answer.headers["location"].endswith(f"{USERS}/{answer.json()['id']}")
    (person,) = store.frame("employees").to_dicts()
    assert (person["employee_id"], person["display_name"], person["spell"]) == ("ann", "Ann", 1)
    assert (job(store, "ann")["department"], job(store, "ann")["job_id"]) == ("Finance", "Analyst")
    assert store.frame("identities").row(0) == ("mbox", "ann@example.org", "ann")


def test_what_the_hris_said_stays_and_what_changes_is_a_fact_from_now_on(
    idp: TestClient, store: Store
) -> None:
    with store.transaction() as connection:
        store.upsert(
            connection,
            "employees",
            [
                {
                    "employee_id": "ann",
                    "spell": 2,
                    "hired_at": 5,
                    "known_at": 5,
                    "employment_type": "permanent",
                }
            ],
        )
        store.upsert(connection, "jobs", [{"job_id": "J1", "title": "Analyst", "taxonomy": "organisation"}])
        store.append(connection, "job_history", [
            {"employee_id": "ann", "spell": 2, "happened_at": 5, "known_at": 5, "job_id": "J1",
             "department": "Finance", "location": "Bern", "fte_share": 0.8}])  # fmt: skip
    identifier = idp.post(USERS, json=user()).json()["id"]
    assert store.count("job_history") == 1  # nothing new was said
    department = {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sales"}
    assert idp.patch(f"{USERS}/{identifier}", json=patch(department)).status_code in (200, 204)
    now = job(store, "ann")
    assert (now["department"], now["location"], now["fte_share"], now["spell"]) == ("Sales", "Bern", 0.8, 2)
    assert store.count("job_history") == 2
    assert store.frame("employees")["employment_type"].to_list() == ["permanent"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": "BOB"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "BOB"},
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "BOB"}},
        {"op": "replace", "path": f"{ENTERPRISE}:manager.value", "value": "BOB"},
        {"op": "replace", "value": {f"{ENTERPRISE}:manager": "BOB"}},
        {"op": "add", "value": {ENTERPRISE: {"manager": "BOB"}}},
    ],
)
def test_a_manager_is_taken_as_identity_providers_send_one(
    idp: TestClient, store: Store, people: dict[str, str], operation: dict[str, Any]
) -> None:
    said = str(patch(operation)).replace("BOB", people["bob"])
    answer = idp.patch(f"{USERS}/{people['ann']}", json=eval(said))
    assert answer.status_code in (200, 204), answer.text
    found = idp.get(f"{USERS}/{people['ann']}").json()
    assert found[ENTERPRISE]["manager"]["value"] == people["bob"]
    assert job(store, "ann")["manager_id"] == "bob"


def test_a_manager_who_is_removed_manages_no_longer(
    idp: TestClient, store: Store, people: dict[str, str]
) -> None:
    path = f"{ENTERPRISE}:manager"
    given = {"op": "replace", "path": path, "value": people["bob"]}
    idp.patch(f"{USERS}/{people['ann']}", json=patch(given))
    assert idp.patch(f"{USERS}/{people['ann']}", json=patch({**given, "value": ""})).status_code in (200, 204)
    assert job(store, "ann")["manager_id"] is None


def bind(store: Store, key: str, employee_id: str) -> None:
    """Make a key act for one person."""
    table = METADATA.tables["api_keys"]
    change = sa.update(table).where(table.c.prefix == prefix_of(key)).values(employee_id=employee_id)
    with store.transaction() as connection:
        connection.execute(change)


@pytest.mark.parametrize("inactive", [False, "False"])
def test_deactivation_ends_access_at_once_and_activation_gives_it_back(
    idp: TestClient, house: House, people: dict[str, str], inactive: Any
) -> None:
    key = create_key(house.store, "ann's", ["skills:read"], datetime.now(UTC))
    bind(house.store, key, "ann")
    ann = TestClient(create_app(house=house), headers={"X-API-Key": key})
    assert ann.get("/v1/models").status_code == 200

    def turn(value: Any) -> None:
        operation = {"op": "replace", "path": "active", "value": value}
        assert idp.patch(f"{USERS}/{people['ann']}", json=patch(operation)).status_code in (200, 204)

    turn(inactive)
    assert ann.get("/v1/models").status_code == 401
    turn(True)
    assert ann.get("/v1/models").status_code == 200
    assert idp.delete(f"{USERS}/{people['ann']}").status_code == 204
    assert ann.get("/v1/models").status_code == 401


def test_users_are_found_by_name_and_listed_page_by_page(idp: TestClient, people: dict[str, str]) -> None:
    query = {"filter": 'userName eq "BOB@example.org"'}
    found = idp.get(USERS, params=query).json()
    assert [each["id"] for each in found["Resources"]] == [people["bob"]]
    page = idp.get(USERS, params={"startIndex": "2", "count": "1"}).json()
    assert (page["totalResults"], [each["userName"] for each in page["Resources"]]) == (
        2,
        ["bob@example.org"],
    )


def test_a_group_keeps_its_members(idp: TestClient, people: dict[str, str]) -> None:
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Finance",
        "members": [{"value": people["ann"]}],
    }
    group = idp.post("/scim/v2/Groups", json=body).json()
    add = {"op": "add", "path": "members", "value": [{"value": people["bob"]}]}
    assert idp.patch(f"/scim/v2/Groups/{group['id']}", json=patch(add)).status_code in (200, 204)
    found = idp.get(f"/scim/v2/Groups/{group['id']}").json()
    assert {each["value"] for each in found["members"]} == set(people.values())


def test_events_that_waited_for_a_mail_address_are_taken_in_with_the_user(
    idp: TestClient, house: House, store: Store
) -> None:
    with store.transaction() as connection:
        store.upsert(connection, "courses", [{"course_id": "python", "title": "Python"}])
    key = create_key(house.store, "lms", ["events:write"], datetime.now(UTC))
    statement = {
        "actor": {"mbox": "mailto:ann@example.org"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {
            "id": "http://x/python",
            "definition": {"type": "http://adlnet.gov/expapi/activities/course"},
        },
    }
    headers = {"Authorization": f"Bearer {key}", "X-Experience-API-Version": "1.0.3"}
    client = TestClient(create_app(house=house), headers=headers)
    assert client.post("/xapi/statements", json=statement).status_code == 200
    assert store.count("learning_events") == 0
    idp.post(USERS, json=user())
    assert store.frame("learning_events")["employee_id"].to_list() == ["ann"]


# The public tester against a running server


@pytest.fixture
def running(store: Store, make_house: Any, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Serve the house on a free port; return its address and a key."""
    import socket
    import threading

    import uvicorn

    key = create_key(store, "tester", ["records:write"], datetime.now(UTC))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(house=make_house(store)), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/scim/v2", key
    server.should_exit = True
    thread.join()
    listener.close()


def test_the_public_tester_finds_nothing_wrong(running: tuple[str, str]) -> None:
    url, key = running
    command = [str(Path(sys.executable).with_name("scim2")), "--url", url,
               "--header", f"Authorization: Bearer {key}", "test"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert "SUCCESS" in said
    assert "ERROR" not in said, said[-4000:]


# One name in several spellings

COMPOSED, DECOMPOSED = "Zo\u00eb.\u00c5str\u00f6m", "zoe\u0308.a\u030astro\u0308m"


def account(name: str, **changes: Any) -> dict[str, Any]:
    """Return a user who is known by their name alone."""
    return {"schemas": [CORE], "userName": name, "active": True, **changes}


@pytest.mark.parametrize(
    ("first", "second"),
    [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), ("ann", "\uff21\uff2e\uff2e"), ("\u1e9eo", "SSO")],
)
def test_a_name_is_one_however_it_is_spelled(idp: TestClient, store: Store, first: str, second: str) -> None:
    made = idp.post(USERS, json=account(first))
    assert made.status_code == 201
    assert idp.post(USERS, json=account(second)).status_code == 409
    for spelling in (first, second, second.upper()):
        found = idp.get(USERS, params={"filter": f'userName eq "{spelling}"'}).json()
        assert [each["id"] for each in found["Resources"]] == [made.json()["id"]]
    path = f"{USERS}/{made.json()['id']}"
    assert idp.put(path, json=account(second, displayName="Z")).json()["userName"] == second
    assert idp.delete(path).status_code == 204
    assert idp.post(USERS, json=account(second)).status_code == 201
    assert store.frame("employees")["employee_id"].unique().to_list() == [first]


def test_an_account_that_is_renamed_stays_the_same_person(idp: TestClient, store: Store) -> None:
    made = idp.post(USERS, json=account("ann")).json()
    assert idp.put(f"{USERS}/{made['id']}", json=account("ann.smith")).status_code == 200
    assert store.frame("employees")["employee_id"].unique().to_list() == ["ann"]
    assert idp.post(USERS, json=account("bob")).status_code == 201
    assert sorted(store.frame("employees")["employee_id"]) == ["ann", "bob"]


def test_names_kept_before_are_brought_into_one_form(store: Store, idp: TestClient) -> None:
    idp.post(USERS, json=account(DECOMPOSED))
    table = METADATA.tables["scim_resources"]
    with store.transaction() as connection:
        connection.execute(sa.update(table).values(unique_name=DECOMPOSED.casefold()))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0007'"))
        upgrade_to_head(connection)
    assert idp.post(USERS, json=account(COMPOSED)).status_code == 409


# Pages by cursor


def test_a_cursor_leads_through_all_users_and_back_and_serves_its_own_search_alone(
    idp: TestClient,
) -> None:
    for number in range(5):
        idp.post(USERS, json=user(f"p{number}", title="Analyst" if number % 2 else "Clerk"))
    for query in (
        {},
        {"sortBy": "userName", "sortOrder": "descending"},
        {"filter": 'title sw "A" or title pr'},
    ):
        asked = {**query, "count": "2"}
        pages = [idp.get(USERS, params={**asked, "cursor": ""}).json()]
        while "nextCursor" in pages[-1]:
            pages.append(idp.get(USERS, params={**asked, "cursor": pages[-1]["nextCursor"]}).json())
        names = [each["userName"] for page in pages for each in page["Resources"]]
        assert sorted(names) == [f"p{number}@example.org" for number in range(5)]
        back = idp.get(USERS, params={**asked, "cursor": pages[-1]["previousCursor"]}).json()
        assert back["Resources"] == pages[-2]["Resources"]
        other = {"count": "2", "filter": "active eq true", "cursor": pages[0]["nextCursor"]}
        assert idp.get(USERS, params=other).json()["scimType"] == "invalidCursor"


def test_all_processes_of_a_host_seal_cursors_alike(tmp_path: Path) -> None:
    path = tmp_path / "var" / "scim.secret"
    keys = {sealing_key(path) for _ in range(3)}
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["scim.secret"]
