"""Exit probabilities over HTTP: refusals first, then what is answered, from what, and that its reading is recorded."""

from __future__ import annotations

import csv
import importlib.util
import io
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from features.attrition.population import NAMES, features
from features.errors import RefusedError, UnavailableError
from features.records.moments import to_micros
from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.attrition.kept import features_of, score_everybody, unpack
from serving.house import House
from serving.http.cells import harmless
from serving.keys import create_key
from serving.models.answering import LoadedModel
from serving.scores.batch import questions_of
from serving.scores.recompute import keep_scores

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SCORER = Path(__file__).resolve().parents[2] / "training" / "attrition" / "scorer.py"
MOST_READS = 8  # a page more of reads is a page more of waiting
TALK = {"Purpose": "retention_conversation"}
OVERTIME, TENURE = NAMES.index("overtime_hours"), NAMES.index("tenure_days")


def model_with(version: str = "3") -> LoadedModel:
    """Return a model in which overtime raises the chance of leaving and nothing else matters."""
    spec = importlib.util.spec_from_file_location("attrition_scorer", SCORER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    one = np.array([OVERTIME])
    wide = np.full(len(NAMES), np.inf)
    basis = module.Basis(one, np.array([0]), np.zeros(1), np.array([5.0]), np.ones(1), -wide, wide)
    parts = [
        module.Blend(None, 0.0, np.array([slope, level]))
        for slope, level in ((0.2, -4.0), (0.0, -6.0), (0.0, -7.0), (0.0, -8.0))
    ]
    bags = [module.Blend(None, 0.0, np.array([slope, -4.0])) for slope in (0.18, 0.2, 0.22)]
    model = {
        "features": list(NAMES), "causes": ["voluntary", "involuntary", "retirement", "other"],
        "horizons": [90 / 30.4375, 180 / 30.4375, 365 / 30.4375], "periods": 12, "period": 30.4375,
        "tree_columns": [], "season": [], "clock": [], "calibration": [[1.0, 1.0, 0.0]] * 4,
        "level_error": 0.1, "multiplier": 1.645, "interval_level": 0.9,
        "new_hire": {"feature": TENURE, "days": 90, "incidence": [[0.01] * 4, [0.02] * 4, [0.04] * 4],
                     "curve": [1.0] + [0.99] * 12, "interval": [[0.0, 0.02], [0.01, 0.03], [0.02, 0.06]]},
        "bands": {"names": ["low", "moderate", "elevated", "high"],
                  "cut_points": [[0.03, 0.06, 0.12], [0.06, 0.12, 0.24], [0.12, 0.24, 0.48]]},
    }  # fmt: skip
    return LoadedModel(
        "attrition", version, f"digest-{version}", module.Scorer(model, basis, parts, bags), Path(), {}
    )


def stock(store: Store) -> None:
    """Keep nine people: overtime grows with the number, e8 was hired lately, e9 has left, =boss leads them."""
    rows: dict[str, list[dict[str, Any]]] = {"employees": [], "job_history": [], "exits": []}
    for number in range(1, 10):
        hired = to_micros(NOW - timedelta(days=30 if number == 8 else 800))
        who = {"employee_id": f"e{number}", "spell": 1}
        rows["employees"].append(
            {**who, "hired_at": hired, "known_at": hired, "employment_type": "permanent"}
        )
        rows["job_history"].append({
            **who, "happened_at": hired, "known_at": hired, "job_id": "j", "department": "Sales" if number < 5 else "=IT",
            "location": "Lyon", "manager_id": "=boss" if number % 2 else "m2", "pay_amount": 100.0 + number,
            "pay_currency": "EUR", "overtime_hours": 2.0 * number,
        })  # fmt: skip
    left = to_micros(NOW - timedelta(days=5))
    rows["exits"].append(
        {"employee_id": "e9", "spell": 1, "happened_at": left, "known_at": left, "reason_class": "voluntary"}
    )
    with store.transaction() as connection:
        for name, some in rows.items():
            (store.upsert if name == "employees" else store.append)(connection, name, some)


@pytest.fixture
def house(sqlite_house: House) -> House:
    """Return a house with people and a model, at a fixed time."""
    stock(sqlite_house.store)
    sqlite_house.models.hold(model_with())
    sqlite_house.clock = lambda: NOW
    return sqlite_house


@pytest.fixture
def asking(house: House) -> TestClient:
    """Return a client with every scope; background work does not run."""
    key = create_key(house.store, "tests", ALL_SCOPES, datetime.now(UTC))
    return TestClient(create_app(house=house), headers={"Authorization": f"Bearer {key}"})


def risk(client: TestClient, person: str = "e4", headers: dict[str, str] | None = None, **query: Any) -> Any:
    return client.get(
        f"/v1/employees/{person}/attrition-risk", params=query, headers=TALK if headers is None else headers
    )


def audit_rows(house: House) -> list[dict[str, Any]]:
    return house.store.frame("audit").to_dicts()


def write(house: House, name: str, row: dict[str, Any]) -> None:
    with house.store.transaction() as connection:
        house.store.upsert(connection, name, [row])


def test_without_a_purpose_no_score_is_read(asking: TestClient, house: House) -> None:
    answer = risk(asking, headers={})
    assert answer.status_code == 422
    assert "retention_conversation" in answer.json()["allowed"]
    assert audit_rows(house) == []


@pytest.mark.parametrize("purpose", ["termination", "pay", "promotion", "curiosity"])
def test_any_other_purpose_is_refused_and_audited(asking: TestClient, house: House, purpose: str) -> None:
    answer = risk(asking, headers={"Purpose": purpose})
    assert answer.status_code == 403
    assert "probability" not in answer.text.replace("probabilities", "")
    (row,) = audit_rows(house)
    assert (row["purpose"], row["subject"], row["action"]) == (purpose, "e4", "get_attrition_risk:refused")


def test_without_an_audit_there_is_no_score(
    asking: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnavailableError("The audit cannot be written, so no score is shown.")

    monkeypatch.setattr(house.audit, "record_many", fail)
    assert risk(asking).status_code == 503
    assert asking.get("/v1/attrition-risks", headers=TALK).status_code == 503
    monkeypatch.setattr(house.audit, "record", fail)
    assert risk(asking).status_code == 503


@pytest.mark.parametrize("person", ["nobody", "e9"])
def test_somebody_unknown_or_gone_is_not_found(asking: TestClient, person: str) -> None:
    assert risk(asking, person).status_code == 404


@pytest.mark.parametrize("query", [{"horizon_days": 91}, {"horizon_days": "soon"}, {"cause": "pay"}])
def test_another_horizon_or_cause_is_refused_with_what_is_allowed(
    asking: TestClient, query: dict[str, Any]
) -> None:
    answer = risk(asking, **query)
    assert answer.status_code == 422
    assert answer.json()["field"] in query


def test_without_a_model_the_answer_is_unavailable(asking: TestClient, house: House) -> None:
    house.models.held = {}
    assert risk(asking).status_code == 503
    assert asking.get("/v1/attrition-risks", headers=TALK).status_code == 503


def test_who_objected_is_scored_no_more(asking: TestClient, house: House) -> None:
    keep_scores(house, "attrition", ["e3", "e4"])
    write(house, "objections", {"employee_id": "e4", "at": to_micros(NOW), "reason": "no"})
    assert risk(asking).status_code == 409
    assert [row["employee_id"] for row in listed(asking)["items"]] == ["e3"]
    assert [name for name, _ in score_everybody(house, ["e3", "e4"], lambda _: None)] == ["e3"]


def test_who_is_known_to_leave_is_scored_no_more(asking: TestClient, house: House) -> None:
    keep_scores(house, "attrition", ["e3", "e4"])
    known, gone = (to_micros(NOW + timedelta(days=days)) for days in (-3, 40))
    notice = {"spell": 1, "happened_at": gone, "known_at": known, "reason_class": "voluntary"}
    with house.store.transaction() as connection:
        unknown_yet = {"employee_id": "e3", **notice, "known_at": gone}
        house.store.append(connection, "exits", [{"employee_id": "e4", **notice}, unknown_yet])
    answer = risk(asking)
    assert answer.status_code == 409
    assert "on record" in answer.json()["detail"]
    assert [row["employee_id"] for row in listed(asking)["items"]] == ["e3"]
    assert [name for name, _ in score_everybody(house, ["e3", "e4"], lambda _: None)] == ["e3"]
    assert risk(asking, "e3").status_code == 200  # nobody knows of it yet


def test_switched_off_nobody_is_shown_and_the_rest_goes_on(asking: TestClient, house: House) -> None:
    write(house, "switches", {"name": "attrition", "is_on": False, "actor": "hr", "at": to_micros(NOW)})
    assert risk(asking).status_code == 409
    assert asking.get("/v1/attrition-risks", headers=TALK).status_code == 409
    assert asking.get("/v1/models").status_code == 200
    write(house, "switches", {"name": "attrition", "is_on": True, "actor": "hr", "at": to_micros(NOW)})
    assert risk(asking).status_code == 200


def test_a_manager_sees_their_own_people_and_nobody_elses(house: House) -> None:
    hired = to_micros(NOW - timedelta(days=900))
    who = {"employee_id": "=boss", "spell": 1, "known_at": hired}
    with house.store.transaction() as connection:
        house.store.upsert(connection, "employees", [{**who, "hired_at": hired}])
        house.store.append(connection, "job_history", [{**who, "happened_at": hired, "job_id": "j"}])
    key = create_key(house.store, "boss", ["attrition:read"], datetime.now(UTC), employee_id="=boss")
    client = TestClient(create_app(house=house), headers={"Authorization": f"Bearer {key}"})
    keep_scores(house, "attrition", [f"e{number}" for number in range(1, 9)])
    assert risk(client, "e3").status_code == 200
    foreign, unknown = risk(client, "e4"), risk(client, "nobody")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"].replace("e4", "nobody") == unknown.json()["detail"]
    assert {row["employee_id"] for row in listed(client, limit=100)["items"]} == {"e1", "e3", "e5", "e7"}


def test_the_answer_is_the_models_and_says_what_it_rests_on(asking: TestClient, house: House) -> None:
    body = risk(asking).json()
    monthly = 1 / (1 + np.exp(-(-4.0 + 0.2 * (8.0 - 5.0))))
    rest = sum(1 / (1 + np.exp(-level)) for level in (-6.0, -7.0, -8.0))
    months = 180 / 30.4375
    by_hand = monthly / (monthly + rest) * (1 - (1 - monthly - rest) ** months)
    assert body["probability"]["value"] == pytest.approx(by_hand, abs=1e-9)
    assert body["probability"]["low"] < by_hand < body["probability"]["high"]
    assert [one["horizon_days"] for one in body["probabilities"]] == [90, 180, 365]
    assert body["band"] == {
        "name": "elevated",
        "cut_points": {"moderate": 0.06, "elevated": 0.12, "high": 0.24},
    }
    assert body["curve"][0] == {"after_days": 0.0, "stays_probability": 1.0}
    assert body["basis"]["kind"] == "personal"
    assert body["review"]["status"] == "unreviewed"
    assert body["model_version"] == "3"
    assert body["fallback"] is None
    expires = datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(body["computed_at"])
    assert expires == timedelta(days=90)


def test_the_drivers_and_the_rest_add_up(asking: TestClient) -> None:
    reasons = risk(asking).json()["reasons"]
    (driver,) = reasons["drivers"]
    assert (driver["feature"], driver["direction"], driver["actionable"], driver["value"]) == (
        "overtime_hours",
        "raises",
        True,
        8.0,
    )
    assert driver["words"] == "overtime (8 hours per week) raises it"
    total = reasons["average_log_odds"] + driver["size"] + reasons["rest_log_odds"]
    assert total == pytest.approx(reasons["total_log_odds"], abs=1e-6)
    assert total == pytest.approx(-4.0 + 0.2 * 3.0, abs=1e-6)


def test_the_reading_is_recorded_with_purpose_and_model_before_the_answer(
    asking: TestClient, house: House
) -> None:
    assert risk(asking, headers={"Purpose": "workforce_planning"}).status_code == 200
    (row,) = audit_rows(house)
    assert (row["action"], row["subject"], row["purpose"], row["model_digest"]) == (
        "get_attrition_risk", "e4", "workforce_planning", "digest-3")  # fmt: skip
    assert house.audit.first_break() is None


def test_a_new_hire_is_told_the_cohorts_rate_and_no_drivers(asking: TestClient) -> None:
    body = risk(asking, "e8").json()
    assert body["basis"]["kind"] == "cohort_base_rate"
    assert (body["probability"]["value"], body["reasons"]) == (0.02, None)


def test_another_cause_has_its_own_probability_and_no_interval(asking: TestClient) -> None:
    body = risk(asking, cause="retirement").json()
    assert body["probability"]["low"] is None
    assert body["probability"]["value"] < 0.01
    assert body["reasons"] is None


def test_a_kept_score_is_answered_and_marked_stale_when_records_came_after_it(
    asking: TestClient, house: House
) -> None:
    keep_scores(house, "attrition", ["e4"])
    before = risk(asking).json()
    assert before["fallback"] is None
    late = to_micros(NOW + timedelta(hours=1))
    job = {
        "employee_id": "e4",
        "spell": 1,
        "happened_at": late,
        "known_at": late,
        "job_id": "j",
        "manager_id": "m2",
        "overtime_hours": 0.0,
    }
    with house.store.transaction() as connection:
        house.store.append(connection, "job_history", [job])
    house.clock = lambda: NOW + timedelta(hours=2)
    after = risk(asking).json()
    assert after["fallback"] == "stale_scores"
    assert after["probability"] == before["probability"]
    keep_scores(house, "attrition", ["e4"])
    fresh = risk(asking).json()
    assert fresh["fallback"] is None
    assert fresh["probability"]["value"] < before["probability"]["value"]


def test_an_expired_score_is_computed_anew(asking: TestClient, house: House) -> None:
    keep_scores(house, "attrition", ["e4"])
    kept = house.kept.read("attrition", "e4", "digest-3")
    assert kept is not None
    house.kept.write(
        "attrition", "digest-3", [("e4", kept.payload)], as_of=NOW, computed_at=NOW - timedelta(days=91)
    )
    assert datetime.fromisoformat(risk(asking).json()["computed_at"]) == NOW


def test_a_review_is_shown_with_the_score(asking: TestClient, house: House) -> None:
    write(house, "attrition_reviews", {"review_id": "r1", "employee_id": "e4", "model_digest": "digest-3", "status": "override",
                                       "reason": "moving house", "actor": "hr", "at": to_micros(NOW)})  # fmt: skip
    review = risk(asking).json()["review"]
    assert (review["status"], review["decision"], review["reason"]) == (
        "reviewed",
        "override",
        "moving house",
    )


def test_a_person_among_those_around_them_has_the_same_features_as_among_everybody(house: House) -> None:
    every = features(house.store.frames(), [NOW])
    for person in ("e1", "e4", "e8"):
        alone = features_of(house, [person], NOW)
        assert alone.equals(every.filter(pl.col("employee_id") == person))


def listed(client: TestClient, **query: Any) -> Any:
    answer = client.get("/v1/attrition-risks", params=query, headers=TALK)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def scored(house: House) -> House:
    """Return the house with scores of everybody who works here."""
    keep_scores(house, "attrition", [f"e{number}" for number in range(1, 10)])
    return house


def test_the_list_is_sorted_by_probability_and_its_pages_join(asking: TestClient, scored: House) -> None:
    whole = [row["employee_id"] for row in listed(asking, limit=100)["items"]]
    assert whole == ["e7", "e6", "e5", "e4", "e3", "e2", "e1", "e8"]
    pages, cursor = [], None
    while True:
        page = listed(asking, limit=3, **({"cursor": cursor} if cursor else {}))
        pages += [row["employee_id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == whole
    assert listed(asking, sort="employee_id", limit=2)["items"][1]["employee_id"] == "e2"


def test_the_same_filter_twice_is_or_and_different_filters_are_and(asking: TestClient, scored: House) -> None:
    def names(**query: Any) -> set[str]:
        return {row["employee_id"] for row in listed(asking, **query)["items"]}

    assert names(department="Sales") == {"e1", "e2", "e3", "e4"}
    assert names(department=["Sales", "=IT"]) == {f"e{number}" for number in range(1, 9)}
    assert names(department="Sales", manager_id="m2") == {"e2", "e4"}
    assert names(location="Oslo") == set()
    bands = {row["employee_id"]: row["band"] for row in listed(asking)["items"]}
    assert names(band="high") == {name for name, band in bands.items() if band == "high"}


def test_everybody_shown_in_the_list_is_audited_one_by_one(asking: TestClient, scored: House) -> None:
    shown = [row["employee_id"] for row in listed(asking, limit=2)["items"]]
    assert [row["subject"] for row in audit_rows(scored)] == shown


def test_a_cursor_of_another_order_or_of_nothing_is_refused(asking: TestClient, scored: House) -> None:
    cursor = listed(asking, limit=2)["next_cursor"]
    for query in ({"cursor": cursor, "sort": "employee_id"}, {"cursor": "nonsense"}):
        assert asking.get("/v1/attrition-risks", params=query, headers=TALK).status_code == 422


def test_the_list_says_who_has_no_score_yet(asking: TestClient, house: House) -> None:
    keep_scores(house, "attrition", ["e1"])
    body = listed(asking)
    assert (body["scored"], body["not_scored"], body["fallback"]) == (1, 7, "incomplete_scores")


def test_the_list_as_csv_holds_no_formula(asking: TestClient, scored: House) -> None:
    answer = asking.get("/v1/attrition-risks", headers={**TALK, "Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 8
    assert {row["department"] for row in rows} == {"Sales", "'=IT"}
    assert {row["manager_id"] for row in rows} == {"'=boss", "m2"}
    assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row.values())
    assert harmless("-1+cmd|' /C calc'!A0").startswith("'")


def test_scores_follow_the_model_that_answers(asking: TestClient, scored: House) -> None:
    scored.models.hold(replace(model_with("4")))
    assert listed(asking)["scored"] == 0
    assert risk(asking).json()["model_version"] == "4"
    assert unpack(scored.kept.read("attrition", "e4", "digest-4").payload).is_personal  # type: ignore[union-attr]


def review(client: TestClient, decision: str, reason: str = "we talked", person: str = "e4") -> Any:
    return client.post(f"/v1/employees/{person}/attrition-risk/reviews", json={"decision": decision, "reason": reason},
                       headers=TALK)  # fmt: skip


def test_a_score_is_not_used_before_somebody_reviewed_it_and_agreed(asking: TestClient, house: House) -> None:
    assert review(asking, "used_for", "an offer").status_code == 409
    assert review(asking, "override", "moving house").json()["status"] == "reviewed"
    assert review(asking, "used_for", "an offer").status_code == 409
    house.clock = lambda: NOW + timedelta(minutes=1)
    assert review(asking, "agree").json()["decision"] == "agree"
    house.clock = lambda: NOW + timedelta(minutes=2)
    used = review(asking, "used_for", "a conversation").json()
    assert (used["status"], used["used_for"]) == ("used", "a conversation")
    assert risk(asking).json()["review"]["status"] == "used"
    house.clock = lambda: NOW + timedelta(minutes=3)
    assert review(asking, "override", "it was a mistake").json()["status"] == "reviewed"


def test_a_review_needs_a_purpose_a_reason_and_a_person_who_is_scored(asking: TestClient) -> None:
    path = "/v1/employees/e4/attrition-risk/reviews"
    assert asking.post(path, json={"decision": "agree", "reason": "fine"}).status_code == 422
    assert review(asking, "agree", "").status_code == 422
    assert review(asking, "perhaps").status_code == 422
    assert review(asking, "agree", person="nobody").status_code == 404


def test_an_objection_takes_effect_at_once_and_recommendations_go_on(
    asking: TestClient, house: House
) -> None:
    keep_scores(house, "attrition", ["e3", "e4"])
    path = "/v1/employees/e4/attrition-risk/objection"
    assert asking.post(path, json={"reason": "I do not want it"}).json()["stands"] is True
    assert house.kept.read("attrition", "e4", "digest-3") is None
    assert risk(asking).status_code == 409
    assert [row["employee_id"] for row in listed(asking)["items"]] == ["e3"]
    assert asking.get("/v1/employees/e4/recommendations").status_code != 409
    assert asking.delete(path).json()["stands"] is False
    assert asking.delete(path).status_code == 404
    assert risk(asking).status_code == 200
    assert asking.post("/v1/employees/nobody/attrition-risk/objection").status_code == 404


def test_the_kill_switch_is_turned_with_a_reason_and_holds_for_every_answer_about_a_person(
    asking: TestClient, house: House
) -> None:
    assert asking.get("/v1/attrition/enabled").json() == {"enabled": True, "at": None}
    assert asking.put("/v1/attrition/enabled", json={"enabled": False}).status_code == 422
    off = asking.put("/v1/attrition/enabled", json={"enabled": False, "reason": "a review"})
    assert off.json()["enabled"] is False
    assert risk(asking).status_code == 409
    assert asking.get("/v1/employees/e4/attrition-risk/what-if", headers=TALK).status_code == 409
    assert batch(asking, ["e4"]).status_code == 409
    assert review(asking, "agree").status_code == 409
    assert asking.get("/v1/models").status_code == 200
    assert {row["action"]: row["purpose"] for row in audit_rows(house)}[
        "set_attrition_switch"
    ] == "off: a review"
    asking.put("/v1/attrition/enabled", json={"enabled": True, "reason": "reviewed"})
    assert risk(asking).status_code == 200


def test_switched_off_no_file_of_scores_is_written_and_other_questions_go_on(
    house: House,
) -> None:
    write(house, "switches", {"name": "attrition", "is_on": False, "actor": "hr", "at": to_micros(NOW)})
    with pytest.raises(RefusedError, match="switched off"):
        questions_of(house, "attrition")
    house.models.hold(LoadedModel("recommendation", "1", "digest", SimpleNamespace(), Path(), {}))
    assert questions_of(house, "all") == ["recommendation"]
    write(house, "switches", {"name": "attrition", "is_on": True, "actor": "hr", "at": to_micros(NOW)})
    assert questions_of(house, "attrition") == ["attrition"]
    assert set(questions_of(house, "all")) == {"attrition", "recommendation"}


def batch(client: TestClient, people: list[str], **further: Any) -> Any:
    return client.post("/v1/attrition-risks:batch", json={"employee_ids": people, **further}, headers=TALK)


def test_a_batch_answers_each_person_or_says_why_not_and_audits_those_shown(
    asking: TestClient, house: House
) -> None:
    write(house, "objections", {"employee_id": "e3", "at": to_micros(NOW), "reason": "no"})
    items = batch(asking, ["e4", "nobody", "e3", "e8", "e4"]).json()["items"]
    assert [item["employee_id"] for item in items] == ["e4", "nobody", "e3", "e8"]
    assert items[0]["risk"]["probability"] == risk(asking).json()["probability"]
    assert "no such employee" in items[1]["problem"]
    assert "objected" in items[2]["problem"]
    assert items[3]["risk"]["basis"]["kind"] == "cohort_base_rate"
    read = [row["subject"] for row in audit_rows(house) if row["action"] == "batch_attrition_risks"]
    assert sorted(read) == ["e4", "e8"]
    assert batch(asking, []).status_code == 422
    assert batch(asking, ["e4"] * 1_001).status_code == 422


def test_what_would_change_it_is_actionable_plausible_and_called_an_association(
    asking: TestClient, house: House
) -> None:
    model = house.models.current("attrition").scorer.model
    model["plausible"] = [[0.0, 14.0] if name == "overtime_hours" else [0.0, 9_000.0] for name in NAMES]
    body = asking.get("/v1/employees/e4/attrition-risk/what-if", headers=TALK).json()
    (change,) = body["changes"]  # nothing but overtime moves this model
    assert (change["feature"], change["now"], change["then"]) == ("overtime_hours", 8.0, 0.0)
    assert change["difference"] < 0
    assert change["probability"] == pytest.approx(body["probability"] + change["difference"])
    assert body["kind"] == "association"
    assert "not been estimated" in body["words"]
    assert body["interventions"]["status"] == "no_evidence"
    assert asking.get("/v1/employees/e8/attrition-risk/what-if", headers=TALK).json()["changes"] == []
    assert asking.get("/v1/employees/e4/attrition-risk/what-if").status_code == 422


def test_the_back_test_is_the_models_own(asking: TestClient, house: House) -> None:
    assert asking.get("/v1/attrition-risks:backtest").json()["periods"] == []
    cell = {"people": 40, "predicted": 3.5, "actual": 4}
    row = {"period": "2025-01-01", **cell, "o_e": 1.14, "p_value": 0.8, "level_has_moved": False,
           "bands": [{"band": "low", **cell}, {"band": "high", "people": None, "predicted": None, "actual": None}]}  # fmt: skip
    house.models.current("attrition").scorer.model["back_test"] = [row]
    body = asking.get("/v1/attrition-risks:backtest").json()
    assert body["periods"] == [row]
    assert (body["bands"], body["model_version"]) == (["low", "moderate", "elevated", "high"], "3")


def test_the_list_is_answered_as_a_workbook_or_parquet_without_a_formula(
    asking: TestClient, house: House
) -> None:
    keep_scores(house, "attrition", [f"e{number}" for number in range(1, 8)])
    rows = listed(asking)["items"]
    excel = asking.get("/v1/attrition-risks", headers={**TALK, "Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})  # fmt: skip
    sheet = list(load_workbook(io.BytesIO(excel.content)).active.iter_rows(values_only=True))
    assert [row[0] for row in sheet[1:]] == [row["employee_id"] for row in rows]
    assert all(
        not str(cell).startswith(("=", "+", "-", "@"))
        for row in sheet
        for cell in row
        if isinstance(cell, str)
    )
    parquet = asking.get("/v1/attrition-risks", headers={**TALK, "Accept": "application/vnd.apache.parquet"})
    frame = pl.read_parquet(io.BytesIO(parquet.content))
    assert frame["employee_id"].to_list() == [row["employee_id"] for row in rows]
    assert "=boss" in frame["manager_id"].to_list()
    assert frame["probability_180_days"].to_list() == pytest.approx([row["probabilities"][1]["value"] for row in rows], abs=1e-6)  # fmt: skip
    assert frame["expires_at"].dtype == pl.Datetime("us", "UTC")


def believe(
    house: House, estimates: list[dict[str, Any]], programmes: list[dict[str, Any]] | None = None
) -> None:
    """Let the house hold a model of impact with these estimates."""
    body = {"estimates": estimates, "programmes": programmes or [], "horizon_days": 180}
    scorer = SimpleNamespace(body=body)
    house.models.hold(LoadedModel("impact", "7", f"{len(house.cache)}", scorer, Path(), {}))


def estimate(course: str, value: float, code: str, outcome: str = "voluntary_exit") -> dict[str, Any]:
    """Return an estimate on leaving whose interval is a hundredth wide on each side."""
    return {"course_id": course, "outcome": outcome, "horizon_days": 180, "n": {"trained": 90},
            "effect": {"value": value, "low": value - 0.01, "high": value + 0.01},
            "verdict": {"code": code, "words": f"{code}: …"}}  # fmt: skip


def test_without_a_model_of_impact_nobody_knows_what_would_keep_whom(asking: TestClient) -> None:
    found = risk(asking).json()["interventions"]
    assert (found["status"], found["items"], found["looked_at"]) == ("no_evidence", [], 0)
    assert "no impact model" in found["words"]


def test_effects_on_leaving_that_may_not_be_believed_are_no_evidence(
    asking: TestClient, house: House
) -> None:
    refused = {**estimate("R", 0.0, "cannot_tell"), "effect": None}
    believe(house, [estimate("A", -0.05, "suggestive"), estimate("B", -0.002, "credible"), estimate("C", 0.05, "credible"),
                    refused, estimate("D", -3.0, "credible", "productivity")])  # fmt: skip
    found = risk(asking).json()["interventions"]
    assert (found["status"], found["items"], found["looked_at"]) == ("no_evidence", [], 4)
    assert "Of 4 courses" in found["words"]


def test_interventions_are_ranked_by_their_effect_and_say_what_a_person_has_done(
    asking: TestClient, house: House
) -> None:
    done = to_micros(NOW - timedelta(days=40))
    write(house, "courses", {"course_id": "B", "title": "Giving Feedback"})
    with house.store.transaction() as connection:
        event = {"event_id": "1", "employee_id": "e4", "course_id": "B", "kind": "completed", "happened_at": done,
                 "known_at": done}  # fmt: skip
        house.store.append(connection, "learning_events", [event])
    shrunk = {
        "shrunk": {"value": -0.015, "low": -0.02, "high": -0.01}
    }  # large, and by chance: seen with the others, small
    believe(house, [estimate("A", -0.09, "credible") | shrunk, estimate("B", -0.03, "credible")],
            [{**estimate("", -0.02, "randomised_evidence"), "programme_id": "P", "plan": {"course_id": "A"}}])  # fmt: skip
    found = risk(asking).json()["interventions"]
    assert found["status"] == "ranked"
    assert [(one["kind"], one["intervention_id"], one["is_completed"]) for one in found["items"]] == [
        ("course", "B", True), ("programme", "P", False), ("course", "A", False)]  # fmt: skip
    assert found["items"][0]["title"] == "Giving Feedback"
    listed_too = listed(asking)["interventions"]
    assert [one["intervention_id"] for one in listed_too["items"]] == ["B", "P", "A"]
    assert {one["is_completed"] for one in listed_too["items"]} == {None}
    what_if = asking.get("/v1/employees/e3/attrition-risk/what-if", headers=TALK).json()["interventions"]
    assert [one["is_completed"] for one in what_if["items"]] == [False, False, False]


def test_an_explained_score_asks_the_records_few_times(asking: TestClient, house: House) -> None:
    asked: list[str] = []
    assert risk(asking).status_code == 200  # computed and kept

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(house.store.engine, "before_cursor_execute", count)
    assert risk(asking).status_code == 200
    sa.event.remove(house.store.engine, "before_cursor_execute", count)
    reading = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(reading) <= MOST_READS, reading
