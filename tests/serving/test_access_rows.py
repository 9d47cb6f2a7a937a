"""Row-level access: a caller that acts for a person sees that person and their reports as of now, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.records.moments import to_micros
from features.records.store import Store
from serving.access import ABOUT_NOBODY, FILTERED, SCOPES
from serving.access_rows import everybody_visible, is_visible
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.roles import operations

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 400
Org = dict[str, list[dict[str, Any]]]


def ago(days: int) -> int:
    return to_micros(NOW - timedelta(days=days))


def random_organisation(rng: np.random.Generator, people: int) -> Org:
    """Return people with histories of managers: late facts, corrections, facts to come, exits, rehires, circles."""
    org: Org = {"employees": [], "job_history": [], "exits": []}
    for number in range(people):
        for spell in range(1, 1 + int(rng.integers(1, 3))):
            who = {"employee_id": f"p{number}", "spell": spell}
            hired = int(rng.integers(-20, DAYS))
            org["employees"].append({**who, "hired_at": ago(hired), "known_at": ago(hired)})
            for _ in range(int(rng.integers(1, 4))):
                happened = int(rng.integers(-30, DAYS))
                known = happened - int(rng.integers(0, 60))
                manager = f"p{rng.integers(0, people)}" if rng.random() < 0.9 else None
                row = {
                    "happened_at": ago(happened),
                    "known_at": ago(known),
                    "job_id": "j",
                    "manager_id": manager,
                }
                org["job_history"].append({**who, **row})
            if rng.random() < 0.15:
                left = int(rng.integers(-30, 60))
                org["exits"].append(
                    {**who, "happened_at": ago(left), "known_at": ago(left), "reason_class": "other"}
                )
    return org


def keep(store: Store, org: Org) -> None:
    with store.transaction() as connection:
        for name, rows in org.items():
            (store.upsert if name == "employees" else store.append)(connection, name, rows)


def managers(org: Org) -> dict[str, str | None]:
    """Return who works here now with their manager: the oracle, in plain loops and without SQL."""
    at, found = to_micros(NOW), {}
    kept: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in org["job_history"]:
        kept.setdefault((row["employee_id"], row["spell"], row["happened_at"], row["known_at"]), row)
    for person in {row["employee_id"] for row in org["employees"]}:
        spells = [
            row["spell"]
            for row in org["employees"]
            if row["employee_id"] == person and row["hired_at"] < at and row["known_at"] < at
        ]
        mine = (person, max(spells, default=0))
        gone = [
            row
            for row in org["exits"]
            if (row["employee_id"], row["spell"]) == mine and row["happened_at"] < at and row["known_at"] < at
        ]
        jobs = [
            row for row in kept.values()
            if (row["employee_id"], row["spell"]) == mine and row["happened_at"] < at and row["known_at"] < at
        ]  # fmt: skip
        if spells and jobs and not gone:
            found[person] = max(jobs, key=lambda row: (row["happened_at"], row["known_at"]))["manager_id"]
    return found


def reports(of: str, manager: dict[str, str | None]) -> set[str]:
    """Return a person and whoever reports to them at any level."""
    seen, waiting = set(), [of] if of in manager else []
    while waiting:
        person = waiting.pop()
        if person not in seen:
            seen.add(person)
            waiting += [other for other, boss in manager.items() if boss == person]
    return seen


@pytest.mark.parametrize("seed", [7, 8])
def test_who_is_seen_is_who_the_oracle_says_in_random_organisations(store: Store, seed: int) -> None:
    org = random_organisation(np.random.default_rng(seed), 24)
    keep(store, org)
    manager = managers(org)
    people = [f"p{number}" for number in range(24)] + ["nobody"]
    found = 0
    for viewer in people:
        expected = reports(viewer, manager)
        assert everybody_visible(store, viewer, NOW) == expected
        assert {person for person in people if is_visible(store, viewer, person, NOW)} == expected
        found += len(expected)
    assert found > 24


def test_somebody_else_answers_exactly_like_nobody(sqlite_house: House) -> None:
    client = manager_client(sqlite_house, "boss")
    answers = [client.get(f"/v1/employees/{person}/skill-gaps") for person in ("other", "nobody", "gone")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    shapes = {
        answer.text.replace(person, "X")
        for answer, person in zip(answers, ("other", "nobody", "gone"), strict=True)
    }
    assert len(shapes) == 1
    for person in ("boss", "report", "below"):
        detail = client.get(f"/v1/employees/{person}/skill-gaps").json()["detail"]
        assert "no current job" in detail or "no such job" in detail.lower(), detail


def manager_client(house: House, who: str) -> TestClient:
    """Return a client that acts for somebody in a small organisation: boss > report > below, other, gone."""
    org: Org = {"employees": [], "job_history": [], "exits": []}
    for person, manager in (
        ("boss", None),
        ("report", "boss"),
        ("below", "report"),
        ("other", None),
        ("gone", "boss"),
    ):
        row = {"employee_id": person, "spell": 1, "known_at": ago(100)}
        org["employees"].append({**row, "hired_at": ago(100)})
        org["job_history"].append({**row, "happened_at": ago(100), "job_id": "J1", "manager_id": manager})
    org["exits"].append(
        {
            "employee_id": "gone",
            "spell": 1,
            "happened_at": ago(5),
            "known_at": ago(5),
            "reason_class": "other",
        }
    )
    keep(house.store, org)
    house.clock = lambda: NOW
    scopes = sorted({scope for scope in SCOPES.values() if ":" in scope})
    key = create_key(house.store, who, scopes, datetime.now(UTC), employee_id=who)
    return TestClient(create_app(house=house), headers={"X-API-Key": key})


def test_whatever_does_not_name_a_person_in_its_path_is_closed_to_a_persons_key(sqlite_house: House) -> None:
    client = manager_client(sqlite_house, "boss")
    for name, method, path, needed in operations(client.app):  # type: ignore[arg-type]
        if (
            needed == "open"
            or "{employee_id}" in path
            or "{manager_id}" in path
            or name in ABOUT_NOBODY | FILTERED
        ):
            continue
        shown = path.replace("{", "").replace("}", "")
        assert client.request(method, shown).status_code == 403, name


def test_a_persons_key_writes_no_records_of_anybody(sqlite_house: House) -> None:
    client = manager_client(sqlite_house, "boss")
    for person in ("boss", "report"):
        answer = client.put(f"/v1/employees/{person}", json={"hired_at": "2024-01-01"})
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("not-for-a-person")


def test_nobody_sees_their_own_exit_probability_unless_the_organisation_shows_it(sqlite_house: House) -> None:
    client = manager_client(sqlite_house, "boss")
    asked = {"Purpose": "retention_conversation"}
    answer = client.get("/v1/employees/boss/attrition-risk", headers=asked)
    assert (answer.status_code, answer.json()["type"].split(":")[-1]) == (403, "own-score-not-shown")
    sqlite_house.settings = sqlite_house.settings.model_copy(update={"own_score_shown": True})
    assert (
        client.get("/v1/employees/boss/attrition-risk", headers=asked).status_code == 503
    )  # there is no model


def test_an_identifier_with_a_slash_is_judged_as_itself(sqlite_house: House) -> None:
    client = manager_client(sqlite_house, "boss")
    answer = client.get("/v1/employees/-/skill-gaps", params={"employee_id": "https://hr/7"})
    assert (answer.status_code, answer.json()["found"]) == (404, "https://hr/7")


def test_who_left_or_lost_their_access_sees_nobody_from_then_on(sqlite_house: House) -> None:
    gone = manager_client(sqlite_house, "gone")
    assert gone.get("/v1/employees/gone/skill-gaps").status_code == 404
    store = sqlite_house.store
    assert is_visible(store, "boss", "report", NOW)
    with store.transaction() as connection:
        store.upsert(connection, "ended_access", [{"employee_id": "boss", "at": ago(0)}])
    assert not is_visible(store, "boss", "report", NOW)
    assert everybody_visible(store, "boss", NOW) == set()
