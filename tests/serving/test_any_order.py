"""Whatever callers do, in whatever order: records, events, recommendations and erasure agree with a few dictionaries."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from features.records.ledger_file import ledger_file
from features.records.schema import ALL_TABLES
from features.records.store import open_store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.keys import create_key
from serving.models.answering import LoadedModel
from serving.opening import build_house
from serving.rights import erasure
from serving.settings import ServingSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
SCORER = Path(__file__).resolve().parents[2] / "training" / "recommendation" / "scorer.py"
COURSES = ("sql", "excel", "talk", "yoga")
PEOPLE = ("ann-4711", "bob-4711", "cem-4711")
EVENTS = tuple(f"e{number}" for number in range(8))
people, courses = st.sampled_from(PEOPLE), st.sampled_from(COURSES)


def model() -> LoadedModel:
    """Return a model to which every course is equally good."""
    scope: dict[str, Any] = {"__name__": "scorer"}
    exec(compile(SCORER.read_text(), str(SCORER), "exec"), scope)
    blend = {"warm": {"popularity": 1.0}, "new": {"popularity": 1.0}}
    facts = {"course_ids": list(COURSES), "job_ids": ["clerk"], "blend": blend, "completion": {}}
    arrays = {
        "weights": np.zeros((len(COURSES),) * 2, dtype=np.float32),
        "cohorts": np.log(np.full((2, len(COURSES)), 0.25)),
    }
    return LoadedModel("recommendation", "1", "digest", scope["Scorer"](facts, arrays), Path(), {})


class Service(RuleBasedStateMachine):
    """A service over records of its own, and what it should know, kept in dictionaries."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="skillpath-order-"))
        (self.folder / "var").mkdir()
        database = self.folder / "var" / "skillpath.db"
        shutil.copy(self.template, database)
        shutil.copy(ledger_file(self.template), ledger_file(database))
        given = ServingSettings(var=self.folder / "var", store_url="", clock="", progress=False)
        self.house = build_house(given, open_store(given.url, upgrade=False))
        seconds = itertools.count(1)
        self.house.clock = lambda: START + timedelta(seconds=next(seconds))
        self.house.models.hold(model())
        key = create_key(self.house.store, "tests", ALL_SCOPES, datetime.now(UTC))
        app = create_app(house=self.house)
        self.client = TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False)
        self.staff: set[str] = set()
        self.audited: set[str] = set()  # an export of nobody is audited too
        self.events: dict[str, tuple[str, str, str]] = {}

    def teardown(self) -> None:
        self.house.store.close()
        shutil.rmtree(self.folder)

    @initialize()
    def a_catalogue(self) -> None:
        assert self.client.put("/v1/jobs/clerk", json={"title": "Clerk"}).status_code == 201
        for course in COURSES:
            assert self.client.put(f"/v1/courses/{course}", json={"title": course}).status_code == 201

    @rule(person=people)
    def hire(self, person: str) -> None:
        job = {"job_id": "clerk", "happened_at": "2024-01-01"}
        answer = self.client.put(f"/v1/employees/{person}", json={"hired_at": "2024-01-01", "job": job})
        assert answer.status_code == (200 if person in self.staff else 201), answer.text
        self.staff.add(person)

    @rule(
        given=st.lists(
            st.tuples(st.sampled_from(EVENTS), people, courses, st.sampled_from(["completed", "progressed"])),
            min_size=1,
            max_size=4,
            unique_by=lambda one: one[0],
        )
    )
    def send(self, given: list[tuple[str, str, str, str]]) -> None:
        rows = [
            {
                "event_id": one,
                "employee_id": who,
                "course_id": what,
                "kind": kind,
                "happened_at": "2025-06-01T00:00:00Z",
            }
            for one, who, what, kind in given
        ]
        said = self.client.post("/v1/events", json=rows).json()
        new = [one for one in given if one[0] not in self.events and one[1] in self.staff]
        again = [one for one in given if self.events.get(one[0]) == one[1:]]
        assert (said["accepted"], said["duplicates"]) == (len(new), len(again)), said
        self.events |= {one[0]: one[1:] for one in new}

    @rule(person=people)
    def recommend(self, person: str) -> None:
        answer = self.client.get(f"/v1/employees/{person}/recommendations", params={"n": 10})
        if person not in self.staff:
            assert answer.status_code == 404
            return
        assert answer.status_code == 200, answer.text
        shown = {item["course_id"] for item in answer.json()["items"]}
        done = {what for who, what, kind in self.events.values() if who == person and kind == "completed"}
        assert shown == set(COURSES) - done

    @rule(person=people)
    def export(self, person: str) -> None:
        answer = self.client.get(f"/v1/employees/{person}/export")
        self.audited.add(person)
        assert answer.status_code == (200 if person in self.staff else 404)
        if person in self.staff:
            told = answer.text
            mine = {one for one, (who, _, _) in self.events.items() if who == person}
            assert {one for one in EVENTS if f'"{one}"' in told} == mine
            assert not [other for other in PEOPLE if other != person and other in told]

    @rule(person=people)
    def erase(self, person: str) -> None:
        answer = self.client.delete(f"/v1/employees/{person}")
        is_named = person in self.staff or person in self.audited
        assert answer.status_code == (200 if is_named else 404), answer.text
        self.staff.discard(person)
        self.audited.discard(person)
        self.events = {one: what for one, what in self.events.items() if what[0] != person}
        assert not [name for name in ALL_TABLES if person in str(self.house.store.frame(name).rows())]

    @invariant()
    def what_is_kept_is_what_was_acknowledged(self) -> None:
        columns = ("event_id", "employee_id", "course_id", "kind")
        kept = self.house.store.frame("learning_events", columns).rows()
        assert {row[0]: row[1:] for row in kept} == self.events
        assert set(self.house.store.frame("employees", ("employee_id",))["employee_id"]) == self.staff

    @invariant()
    def the_audit_holds(self) -> None:
        assert self.house.audit.verify().holds


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every service a copy of one empty database, and let an erasure look again at once."""
    open_store(f"sqlite:///{tmp_path / 'empty.db'}").close()
    monkeypatch.setattr(Service, "template", tmp_path / "empty.db", raising=False)
    monkeypatch.setattr(erasure, "SETTLING_SECONDS", 0.0)


def test_records_events_recommendations_and_erasure_agree_in_any_order(template: None) -> None:
    run_state_machine_as_test(
        Service,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            derandomize=True,
            phases=[Phase.generate],  # what fails is told as it was found: shrinking it takes minutes
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
