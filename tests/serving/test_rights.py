"""People's rights: erased everywhere and for good, exported whole, opted out, corrected; refusals first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from features.records.moments import to_micros
from features.records.schema import ALL_TABLES, METADATA
from features.records.store import Store, open_store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.rights import erasure
from serving.rights.erasure import erase_again, erase_who_came_back, tombstones_outside
from serving.rights.places import Names, tables_about_people

ANN = "E-ann-4711"
BOB = "E-bob-0815"
THEN = to_micros(datetime(2025, 1, 1, tzinfo=UTC))


def plausible(name: str, person: str) -> dict[str, Any]:
    """Return a row of a table about a person: every column filled with something of its kind."""
    values: dict[str, Any] = {
        "text": f"x-{person}",
        "integer": 1,
        "number": 1.0,
        "flag": True,
        "moment": THEN,
        "bytes": b"x",
    }
    row = {column.name: values[column.kind.value] for column in ALL_TABLES[name].columns}
    row |= {column.name: column.allowed[0] for column in ALL_TABLES[name].columns if column.allowed}
    if name == "corrections":
        row |= {"found": json.dumps(f"x-{person}"), "value": "1", "row_key": "{}"}
    return row | {"employee_id": person}


def stock(store: Store) -> None:
    """Keep a row about Ann and one about Bob in every table that can hold one; Ann led Bob; both were looked at."""
    with store.transaction() as connection:
        for name in tables_about_people():
            store.append(connection, name, [plausible(name, person) for person in (ANN, BOB)])
        jobs, given = METADATA.tables["job_history"], METADATA.tables["assignments"]
        connection.execute(
            sa.update(jobs).values(manager_id=sa.case((jobs.c.employee_id == BOB, ANN), else_=BOB))
        )
        connection.execute(sa.update(given).values(assigned_by_id=ANN))
        for person in (ANN, BOB):
            other = {"issuer": "https://lms", "identifier": f"{person}@lms", "employee_id": person}
            store.append(connection, "identities", [other])
            said = json.dumps({"actor": {"mbox": f"mailto:{person}@lms"}, "result": {"score": {"raw": 4711}}})
            received = {"content_digest": "d", "payload": said, "received_at": THEN}
            store.append(connection, "statements", [{**received, "statement_id": f"s-{person}"}])
            line = {
                "source": "f.csv",
                "content_digest": person,
                "payload": f"{person},C1,done",
                "reason": "x",
                "received_at": THEN,
            }
            store.append(connection, "quarantine", [line])


@pytest.fixture
def house(store: Store, make_house: Any, monkeypatch: pytest.MonkeyPatch) -> House:
    """Return a house with two people in every table, on both databases; the second look of an erasure comes at once."""
    monkeypatch.setattr(erasure, "SETTLING_SECONDS", 0.0)
    stock(store)
    made: House = make_house(store)
    made.audit.record_many("sk_1", "list_attrition_risks", [ANN, BOB], "audit")
    return made


@pytest.fixture
def asking(house: House) -> TestClient:
    """Return a client with every scope."""
    key = create_key(house.store, "tests", ALL_SCOPES, datetime.now(UTC))
    return TestClient(create_app(house=house), headers={"X-API-Key": key})


def traces(store: Store, person: str) -> dict[str, int]:
    """Return in how many rows of which table a text holds the person's identifier, in any column."""
    found = {}
    for name in ALL_TABLES:
        frame = store.frame(name)
        texts = frame.select(pl.col(pl.String), pl.col(pl.Binary).cast(pl.String, strict=False))
        hits = sum(any(person in str(value) for value in row) for row in texts.iter_rows())
        if hits:
            found[name] = hits
    return found


def test_nobody_is_erased_or_exported_who_is_not_there(asking: TestClient, house: House) -> None:
    before = sum(house.store.count(name) for name in ALL_TABLES if name != "audit")
    assert asking.delete("/v1/employees/nobody").status_code == 404
    assert asking.get("/v1/employees/nobody/export").status_code == 404
    assert sum(house.store.count(name) for name in ALL_TABLES if name != "audit") == before


def test_without_an_audit_nothing_is_exported_and_nobody_erased(asking: TestClient, house: House) -> None:
    with house.store.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE audit RENAME TO away"))
    assert asking.get(f"/v1/employees/{ANN}/export").status_code == 503
    assert asking.delete(f"/v1/employees/{ANN}").status_code == 503
    assert house.store.count("job_history") == 2


def test_an_erased_person_leaves_no_trace_and_nobody_else_loses_a_row(
    asking: TestClient, house: House
) -> None:
    scores = house.settings.var / "scores"
    scores.mkdir(parents=True)
    pl.DataFrame({"employee_id": [ANN, BOB], "p": [0.1, 0.2]}).write_parquet(scores / "attrition-d.parquet")
    bobs = {
        name: house.store.frame(name).filter(pl.col("employee_id") == BOB).height
        for name in tables_about_people()
    }
    answer = asking.delete(f"/v1/employees/{ANN}")
    assert answer.status_code == 200
    assert traces(house.store, ANN) == {}
    assert answer.json()["rows"] | {"employees": 1, "statements": 1, "quarantine": 1} == answer.json()["rows"]
    assert answer.json()["files"] == ["attrition-d.parquet"]
    assert pl.read_parquet(scores / "attrition-d.parquet")["employee_id"].to_list() == [BOB]
    for name, count in bobs.items():
        assert house.store.frame(name).filter(pl.col("employee_id") == BOB).height == count, name
    assert house.store.count("statements") == house.store.count("quarantine") == 1
    jobs = house.store.frame("job_history")
    assert (jobs["employee_id"].to_list(), jobs["manager_id"].to_list()) == ([BOB], [None])


def test_the_chain_holds_after_an_erasure_and_says_how_many_rows_it_emptied(
    asking: TestClient, house: House
) -> None:
    asking.delete(f"/v1/employees/{ANN}")
    verdict = house.audit.verify()
    assert (verdict.holds, verdict.emptied, verdict.accounted) == (True, 1, 1)
    assert house.store.frame("audit")["subject"].to_list()[:2] == ["", BOB]


def test_a_key_that_acted_for_an_erased_person_opens_nothing(asking: TestClient, house: House) -> None:
    key = create_key(house.store, "ann", ["skills:read"], datetime.now(UTC), employee_id=ANN)
    asking.delete(f"/v1/employees/{ANN}")
    assert house.store.frame("api_keys").filter(pl.col("name") == "ann").height == 0
    fresh = TestClient(create_app(house=house), headers={"X-API-Key": key})
    assert fresh.get("/v1/models").status_code == 401


def test_records_from_before_an_erasure_are_erased_again_by_the_tombstone_outside(
    asking: TestClient, house: House, tmp_path: Path
) -> None:
    asking.delete(f"/v1/employees/{ANN}")
    old = open_store(f"sqlite:///{tmp_path / 'old.db'}")
    stock(old)
    kept = list(tombstones_outside(house.settings.var))
    assert ANN not in json.dumps(kept)
    audit = type(house.audit)(old, house.clock)
    assert erase_again(old, audit, kept) == 1
    assert traces(old, ANN) == {}
    assert erase_again(old, audit, kept) == 0
    assert set(old.frame("employees")["employee_id"].to_list()) == {BOB}
    assert audit.verify().holds
    old.close()


def test_the_files_of_an_erased_person_hold_no_byte_of_them(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "SETTLING_SECONDS", 0.0)
    stock(sqlite_house.store)
    files = Path(str(sqlite_house.store.engine.url.database)).parent
    assert holding(files, ANN) > 1  # the records and the ledger, or their journals
    erasure.erase(sqlite_house, ANN, "sk_1")
    assert holding(files, ANN) == 0
    assert holding(files, BOB) > 1


def holding(folder: Path, person: str) -> int:
    """Return in how many files of databases and journals the bytes of an identifier stand."""
    return sum(person.encode() in path.read_bytes() for path in folder.glob("*.db*"))


def test_records_put_back_by_other_tools_lose_again_who_was_erased(asking: TestClient, house: House) -> None:
    asking.delete(f"/v1/employees/{ANN}")
    with house.store.transaction() as connection:  # as a dump of before has it
        connection.execute(sa.delete(erasure.TOMBSTONES))
        for name in tables_about_people():
            connection.execute(sa.delete(METADATA.tables[name]))
    stock(house.store)
    assert erase_who_came_back(house.store, house.audit, house.settings.var) == 1
    assert traces(house.store, ANN) == {}
    assert traces(house.store, BOB) != {}
    assert house.audit.verify().holds
    assert erase_who_came_back(house.store, house.audit, house.settings.var) == 0


def test_a_received_text_names_a_person_only_as_a_whole_value() -> None:
    ann = Names("4711", ("ann@lms",))
    for said in (
        '{"userid": 4711}',
        '{"actor":{"mbox":"mailto:ann@lms"}}',
        '["4711"]',
        "C1;4711;done",
        '"ann@lms"',
    ):
        assert ann.are_in(said), said
    for said in ('{"score": 4711}', '"x4711"', "14711,C1", "joann@lms", '{"t": "4711 people"}'):
        assert not ann.are_in(said), said


def test_a_person_is_shown_everything_about_them_and_nothing_about_others(
    asking: TestClient, house: House
) -> None:
    answer = asking.get(f"/v1/employees/{ANN}/export")
    tables = answer.json()["tables"]
    assert set(tables) == {*tables_about_people(), "statements", "quarantine", "audit"}
    assert tables["employees"][0]["hired_at"] == "2025-01-01T00:00:00+00:00"
    assert [row["action"] for row in tables["audit"]] == ["list_attrition_risks", "export_employee"]
    assert "key_hash" not in answer.text
    manager = tables["job_history"][0].pop("manager_id")
    assert manager == BOB
    assert BOB not in json.dumps(tables)


def test_who_looked_is_told_to_the_person_in_pages(asking: TestClient, house: House) -> None:
    for _ in range(3):
        house.audit.record("sk_2", "get_attrition_risk", ANN, "audit")
    first = asking.get(f"/v1/employees/{ANN}/accesses", params={"limit": 2}).json()
    second = asking.get(f"/v1/employees/{ANN}/accesses", params={"cursor": first["next_cursor"]}).json()
    assert [item["actor"] for item in [*first["items"], *second["items"]]] == ["sk_2"] * 3 + ["sk_1"]
    assert second["next_cursor"] is None
    assert asking.get("/v1/audit", params={"cursor": "²"}).status_code == 422
    every = asking.get("/v1/audit", params={"actor": "sk_1"}).json()["items"]
    assert {item["subject"] for item in every} == {ANN, BOB}


def test_who_opts_out_is_recommended_nothing_until_they_opt_in_again(
    asking: TestClient, house: House
) -> None:
    path = f"/v1/employees/{ANN}/opt-outs/recommendation"
    for person in (ANN, BOB):  # the stock has a row in every table
        asking.delete(f"/v1/employees/{person}/opt-outs/recommendation")
    assert asking.put("/v1/employees/nobody/opt-outs/recommendation").status_code == 404
    assert asking.put(f"/v1/employees/{ANN}/opt-outs/weather").status_code == 422
    assert asking.put(path, json={"reason": "my own business"}).status_code == 204
    refused = asking.get(f"/v1/employees/{ANN}/recommendations")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:skillpath:problem:refused")
    assert asking.get(f"/v1/employees/{BOB}/recommendations").status_code == 503  # there is no model here
    assert asking.get(f"/v1/employees/{ANN}/opt-outs").json()["items"][0]["reason"] == "my own business"
    assert asking.delete(path).status_code == 204
    assert asking.get(f"/v1/employees/{ANN}/recommendations").status_code == 503


def correction(**changes: Any) -> dict[str, Any]:
    key = {"spell": 1, "happened_at": "2025-01-01T00:00:00Z"}
    return {"table": "job_history", "key": key, "column": "location", "value": "Lyon", **changes}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"table": "audit"}, 422), ({"table": "protected_attributes"}, 422), ({"column": "employee_id"}, 422),
        ({"column": "rating", "value": 9}, 422), ({"key": {"spell": 1}}, 422),
        ({"key": {"spell": 2, "happened_at": "2025-01-01"}}, 404), ({"column": "nothing"}, 422),
        ({"key": {"spell": "one", "happened_at": "2025-01-01"}}, 422), ({"key": {"spell": 1, "happened_at": "noon"}}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_corrected_is_refused(asking: TestClient, changes: Any, status: int) -> None:
    answer = asking.post(f"/v1/employees/{ANN}/corrections", json=correction(**changes))
    assert answer.status_code == status, answer.text


def test_an_applied_correction_is_a_fact_known_from_now_on(asking: TestClient, house: House) -> None:
    asked = asking.post(f"/v1/employees/{ANN}/corrections", json=correction()).json()
    assert (asked["status"], asked["found"], asked["value"]) == ("open", f"x-{ANN}", "Lyon")
    assert [each["correction_id"] for each in asking.get("/v1/corrections").json()["items"]].count(
        asked["correction_id"]
    )
    path = f"/v1/corrections/{asked['correction_id']}/decision"
    decided = asking.post(path, json={"decision": "apply", "answer": "You are right."}).json()
    assert (decided["status"], decided["answer"]) == ("applied", "You are right.")
    rows = house.store.frame("job_history").filter(pl.col("employee_id") == ANN).sort("known_at")
    assert rows["location"].to_list() == [f"x-{ANN}", "Lyon"]
    assert rows["happened_at"].n_unique() == 1
    assert asking.post(path, json={"decision": "decline", "answer": "No."}).status_code == 409
