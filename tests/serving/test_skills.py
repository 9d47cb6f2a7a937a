"""Skill gaps over HTTP: levels, evidence and requirements worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.records.moments import to_micros
from features.records.store import Store
from features.text import Floats
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.models.answering import LoadedModel

NOW = datetime(2024, 6, 1, tzinfo=UTC)
WORDS = ["sql", "lead", "people", "weld", "steel"]


def encode(texts: Sequence[str]) -> Floats:
    """Return counts of the known words, of length one; the last axis is every other word's."""
    vectors = np.zeros((len(texts), len(WORDS) + 1), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().replace(".", " ").split():
            vectors[row, WORDS.index(word) if word in WORDS else -1] += 1
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


class Occupations:
    """Knows one occupation, by the word sql."""

    concept_ids, names, window_lengths = ["esco:9"], ["sql specialist"], [1]
    words, word_vectors = dict[str, int](), np.zeros((0, 3), np.float32)

    def named(self, texts: Sequence[str]) -> np.ndarray:
        return np.full(len(texts), -1)

    def best_titles(
        self, vectors: Floats, texts: Sequence[str], windows: Floats, window_offsets: Floats
    ) -> tuple[np.ndarray, Floats]:
        return np.where(vectors[:, 0] >= 0.5, 0, -1), vectors[:, 0]

    def confidence(self, scores: Floats) -> Floats:
        return scores * 0.9


class ReadingScorer:
    """Finds SQL and leadership where their words stand."""

    concept_ids, names, window_lengths = ["sql", "lead"], ["SQL", "Leadership"], [1]
    words = MappingProxyType[str, int]({})
    word_vectors = np.zeros((0, len(WORDS) + 1), np.float32)

    def knows_encoder(self, encoder: object) -> bool:
        return True

    def extract(self, vectors: Floats, windows: Floats, window_offsets: Floats) -> dict[str, np.ndarray]:
        found = [concept for concept in (0, 1) if (windows[:, concept] > 0.9).any()]
        places = [int((windows[:, concept] > 0.9).argmax()) for concept in found]
        rows = [int(np.searchsorted(window_offsets, place, side="right")) - 1 for place in places]
        return {
            "concepts": np.array(found, dtype=np.int64), "scores": np.ones(len(found)), "windows": np.array(places),
            "confidence": np.full(len(found), 0.8), "sentences": np.array(rows), "mentions": np.ones(len(found), int),
        }  # fmt: skip


def ago(days: int) -> int:
    return to_micros(NOW - timedelta(days=days))


def fill(store: Store) -> None:
    person = {"employee_id": "https://hr/ann 7", "spell": 1}
    with store.transaction() as connection:
        store.upsert(connection, "employees", [{**person, "hired_at": ago(900), "known_at": ago(900)}])
        store.upsert(connection, "skills", [{"skill_id": one, "name": name} for one, name in
                                            (("sql", "SQL"), ("go", "Go"), ("lead", "Leadership"), ("law", "Law"))])  # fmt: skip
        store.upsert(connection, "jobs", [
            {"job_id": "analyst", "title": "Data analyst", "taxonomy": "organisation"},
            {"job_id": "team/lead:1", "title": "Head", "description": "You lead people. Expert in sql."},
            {"job_id": "mute", "title": "Mystery"},
            {"job_id": "barkeeper", "title": "Bartender"},
            {"job_id": "esco:9", "title": "bartender", "taxonomy": "esco"},
        ])  # fmt: skip
        store.upsert(connection, "job_skills", [
            {"job_id": "analyst", "skill_id": "sql", "level": 4.0, "importance": 1.0, "source": "given"},
            {"job_id": "analyst", "skill_id": "go", "level": 2.0, "importance": 0.5, "source": "given"},
            {"job_id": "esco:9", "skill_id": "law", "importance": 0.5, "source": "given"},
        ])  # fmt: skip
        store.append(
            connection,
            "job_history",
            [{**person, "happened_at": ago(900), "known_at": ago(900), "job_id": "analyst"}],
        )
        store.append(connection, "held_skills", [
            {**person, "skill_id": "sql", "happened_at": ago(1095), "known_at": ago(1095), "level": 3.0, "source": "assessed"},
            {**person, "skill_id": "go", "happened_at": ago(10), "known_at": ago(10), "level": 5.0, "source": "peer"},
            {**person, "skill_id": "sql", "happened_at": ago(5), "known_at": ago(-5), "level": 5.0, "source": "assessed"},
        ])  # fmt: skip
        store.upsert(connection, "courses", [{"course_id": "c1", "title": "SQL II"}])
        store.upsert(connection, "course_skills", [{"course_id": "c1", "skill_id": "sql", "level": 4.0}])


@pytest.fixture
def skills_house(sqlite_house: House) -> House:
    fill(sqlite_house.store)
    sqlite_house.clock = lambda: NOW
    sqlite_house.encoder = encode
    return sqlite_house


@pytest.fixture
def asking(skills_house: House) -> Iterator[TestClient]:
    key = create_key(skills_house.store, "tests", ALL_SCOPES, NOW)
    with TestClient(create_app(house=skills_house), headers={"Authorization": f"Bearer {key}"}) as opened:
        yield opened


def gaps_of(asking: TestClient, employee: str = "https://hr/ann 7", **query: str) -> dict[str, object]:
    answer = asking.get(f"/v1/employees/{quote(employee, safe='')}/skill-gaps", params=query)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


class TestRefusals:
    def test_an_unknown_employee_is_not_found(self, asking: TestClient) -> None:
        answer = asking.get("/v1/employees/nobody/skill-gaps")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("application/problem+json")

    def test_an_unknown_target_job_is_not_found_and_is_named(self, asking: TestClient) -> None:
        answer = asking.get(
            f"/v1/employees/{quote('https://hr/ann 7', safe='')}/skill-gaps",
            params={"target_job_id": "astronaut"},
        )
        assert answer.status_code == 404
        assert "astronaut" in answer.text

    def test_without_the_scope_nothing_is_said(self, skills_house: House) -> None:
        key = create_key(skills_house.store, "tests", ("events:write",), NOW)
        with TestClient(create_app(house=skills_house), headers={"Authorization": f"Bearer {key}"}) as opened:
            assert opened.get("/v1/employees/nobody/skill-gaps").status_code == 403

    def test_somebody_without_a_job_is_asked_to_name_one(
        self, asking: TestClient, skills_house: House
    ) -> None:
        with skills_house.store.transaction() as connection:
            skills_house.store.upsert(
                connection,
                "employees",
                [{"employee_id": "new", "spell": 1, "hired_at": ago(1), "known_at": ago(1)}],
            )
        answer = asking.get("/v1/employees/new/skill-gaps")
        assert answer.status_code == 404
        assert "target_job_id" in answer.text
        assert gaps_of(asking, "new", target_job_id="analyst")["met_share"] == 0.0


class TestAnswers:
    def test_gaps_are_required_minus_held_with_source_and_age(self, asking: TestClient) -> None:
        body = gaps_of(asking)
        (gap,) = body["gaps"]
        assert (gap["skill_id"], gap["required_level"], gap["held_level"], gap["gap"]) == (
            "sql",
            4.0,
            3.0,
            1.0,
        )
        assert gap["evidence"]["source"] == "assessed"
        assert gap["evidence"]["age_days"] == 1095
        assert gap["evidence"]["confidence"] == pytest.approx(0.475)  # .95, halved after 1,095 days
        assert (body["job_id"], body["fallback"], body["model_version"]) == ("analyst", None, None)
        assert body["met_share"] == pytest.approx(1 - 1 / 5)  # short 1 × 1.0 of 4 × 1.0 + 2 × 0.5

    def test_a_fact_that_is_not_known_yet_does_not_count(self, asking: TestClient) -> None:
        assert gaps_of(asking)["gaps"][0]["held_level"] == 3.0  # not the 5 that becomes known in five days

    def test_strengths_exceed_what_the_job_asks_for(self, asking: TestClient) -> None:
        (strength,) = gaps_of(asking)["strengths"]
        assert (strength["skill_id"], strength["surplus"], strength["required_level"]) == ("go", 3.0, 2.0)

    def test_a_completion_posted_now_closes_the_gap_in_the_next_answer(self, asking: TestClient) -> None:
        event = {"event_id": "e1", "employee_id": "https://hr/ann 7", "course_id": "c1", "kind": "completed",
                 "happened_at": (NOW - timedelta(minutes=1)).isoformat()}  # fmt: skip
        assert asking.post("/v1/events", json={"events": [event]}).status_code == 200
        body = gaps_of(asking)
        assert body["gaps"] == []
        met = next(row for row in body["met"] if row["skill_id"] == "sql")
        assert (met["evidence"]["source"], met["evidence"]["evidence"]) == ("completed", "c1")

    def test_the_identifier_may_stand_in_the_query(self, asking: TestClient) -> None:
        answer = asking.get("/v1/employees/-/skill-gaps", params={"employee_id": "https://hr/ann 7"})
        assert answer.json()["employee_id"] == "https://hr/ann 7"


class TestRequirements:
    def test_a_job_without_requirements_takes_those_of_its_namesake_occupation(
        self, asking: TestClient
    ) -> None:
        (gap,) = gaps_of(asking, target_job_id="barkeeper")["gaps"]
        assert (gap["skill_id"], gap["required_by"], gap["required_level"]) == ("law", "linked", 3.0)

    def test_a_job_text_is_read_by_the_model_and_shows_its_words(
        self, asking: TestClient, skills_house: House
    ) -> None:
        skills_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        body = gaps_of(asking, target_job_id="team/lead:1")
        by_id = {row["skill_id"]: row for row in [*body["gaps"], *body["met"]]}
        assert (by_id["lead"]["required_words"], by_id["lead"]["required_by"]) == ("lead", "extracted")
        assert (by_id["sql"]["required_level"], by_id["sql"]["required_confidence"]) == (5.0, 0.8)
        assert (body["model_version"], body["fallback"]) == ("3", None)

    def test_without_a_model_the_answer_says_that_the_text_was_not_read(self, asking: TestClient) -> None:
        body = gaps_of(asking, target_job_id="team/lead:1")
        assert (body["fallback"], body["gaps"]) == ("job_text_not_read", [])

    def test_a_job_with_neither_requirements_nor_text_says_so(
        self, asking: TestClient, skills_house: House
    ) -> None:
        skills_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        assert gaps_of(asking, target_job_id="mute")["fallback"] == "job_without_requirements_or_text"

    def test_a_model_of_another_encoder_does_not_read(self, asking: TestClient, skills_house: House) -> None:
        stranger = ReadingScorer()
        stranger.knows_encoder = lambda encoder: False  # type: ignore[method-assign]
        skills_house.models.hold(LoadedModel("skills", "3", "e" * 64, stranger, Path(), {}))
        assert gaps_of(asking, target_job_id="team/lead:1")["fallback"] == "job_text_not_read"

    def test_a_title_is_linked_by_the_model_with_confidence_and_words(
        self, asking: TestClient, skills_house: House
    ) -> None:
        put_job(skills_house, "dba", "Senior SQL")
        scorer = ReadingScorer()
        scorer.occupations = Occupations()  # type: ignore[attr-defined]
        skills_house.models.hold(LoadedModel("skills", "3", "f" * 64, scorer, Path(), {}))
        body = gaps_of(asking, target_job_id="dba")
        (gap,) = body["gaps"]
        link = body["linked_occupation"]
        assert (gap["skill_id"], gap["required_by"], gap["required_words"]) == ("law", "linked", "SQL")
        assert (link["occupation_id"], link["method"]) == ("esco:9", "vector")
        assert gap["required_confidence"] == link["confidence"] == pytest.approx(0.9 / 2**0.5, abs=1e-4)
        assert body["model_version"] == "3"

    def test_a_title_that_nothing_resembles_is_not_linked_and_its_text_is_read(
        self, asking: TestClient, skills_house: House
    ) -> None:
        put_job(skills_house, "chief", "Häuptling <script>x</script>", "Expert in sql.")
        scorer = ReadingScorer()
        scorer.occupations = Occupations()  # type: ignore[attr-defined]
        skills_house.models.hold(LoadedModel("skills", "3", "f" * 64, scorer, Path(), {}))
        body = gaps_of(asking, target_job_id="chief")
        assert (body["linked_occupation"], body["gaps"][0]["required_by"]) == (None, "extracted")

    def test_a_rejected_skill_is_not_read_from_the_text_again(
        self, asking: TestClient, skills_house: House
    ) -> None:
        skills_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        with skills_house.store.transaction() as connection:
            rejected = {"job_id": "team/lead:1", "skill_id": "lead", "source": "rejected"}
            skills_house.store.upsert(connection, "job_skills", [rejected])
        body = gaps_of(asking, target_job_id="team/lead:1")
        assert [row["skill_id"] for row in [*body["gaps"], *body["met"]]] == ["sql"]

    def test_what_the_job_will_ask_for_is_a_gap_of_its_day(
        self, asking: TestClient, skills_house: House
    ) -> None:
        with skills_house.store.transaction() as connection:
            later = {"job_id": "analyst", "skill_id": "law", "level": 3.0, "required_from": ago(-90)}
            skills_house.store.upsert(connection, "job_skills", [later])
        body = gaps_of(asking)
        (future,) = body["future_gaps"]
        assert (future["skill_id"], future["gap"]) == ("law", 3.0)
        assert future["required_from"].startswith((NOW + timedelta(days=90)).date().isoformat())
        assert "law" not in [row["skill_id"] for row in body["gaps"]]

    def test_old_evidence_is_flagged_and_its_interval_is_wide(self, asking: TestClient) -> None:
        evidence = gaps_of(asking)["gaps"][0]["evidence"]
        assert (evidence["is_stale"], evidence["low"] < 3.0 < evidence["high"]) == (
            False,
            True,
        )  # its half-life is today


def put_job(house: House, job_id: str, title: str, description: str | None = None) -> None:
    with house.store.transaction() as connection:
        row = {"job_id": job_id, "title": title, "description": description, "taxonomy": "organisation"}
        house.store.upsert(connection, "jobs", [row])
