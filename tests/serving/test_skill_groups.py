"""Gaps of teams, needs, next jobs and the portfolio over HTTP, on an organisation whose gaps were planted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.errors import UnavailableError
from features.records.moments import to_micros
from features.records.store import Store
from features.text import Floats
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.models.answering import LoadedModel
from serving.skills.requirements import requirements_of
from serving.skills.tagging import tag_records

NOW = datetime(2024, 6, 1, tzinfo=UTC)
WORDS = ["sql", "databases", "lead", "people", "weld", "steel"]
TEAMS = {"finance": 20, "sales": 20, "legal": 4}  # department → people; each has a manager of its own


def encode(texts: Sequence[str]) -> Floats:
    """Return counts of the known words, of length one; the last axis is every other word's."""
    vectors = np.zeros((len(texts), len(WORDS) + 1), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().replace(".", " ").split():
            vectors[row, WORDS.index(word) if word in WORDS else -1] += 1
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


class ReadingScorer:
    """Finds SQL where its word stands alone."""

    concept_ids, names, window_lengths, words = ["sql"], ["sql"], [1], {"sql": 0}
    word_vectors = encode(["sql"])

    def knows_encoder(self, encoder: object) -> bool:
        return True

    def extract(self, vectors: Floats, windows: Floats, window_offsets: Floats) -> dict[str, np.ndarray]:
        found = np.flatnonzero(windows[:, 0] > 0.9)[:1]
        rows = np.searchsorted(window_offsets, found, side="right") - 1
        return {"concepts": np.zeros(len(found), int), "scores": np.ones(len(found)), "windows": found, "sentences": rows,
                "confidence": np.full(len(found), 0.8), "mentions": np.ones(len(found), int)}  # fmt: skip


def ago(days: int) -> int:
    return to_micros(NOW - timedelta(days=days))


def people() -> list[tuple[str, str]]:
    return [(f"{team}{place}", team) for team, size in TEAMS.items() for place in range(size)]


def fill(store: Store) -> None:
    """Write people of three departments: in sales nobody knows SQL, elsewhere everybody does."""
    whole = [(person, team, f"boss of {team}") for person, team in people()]
    bosses = [(f"boss of {team}", team, "chief") for team in TEAMS]
    with store.transaction() as connection:
        store.upsert(connection, "skills", [{"skill_id": one, "name": name} for one, name in
                                            (("sql", "sql"), ("lead", "lead people"), ("weld", "weld steel"), ("zen", "zen"))])  # fmt: skip
        store.upsert(connection, "jobs", [{"job_id": one, "title": one, "taxonomy": "organisation"}
                                          for one in ("analyst", "head", "welder", "boss")])  # fmt: skip
        store.upsert(connection, "job_skills", [
            {"job_id": "analyst", "skill_id": "sql", "level": 3.0, "importance": 1.0},
            {"job_id": "head", "skill_id": "sql", "level": 3.0, "importance": 1.0},
            {"job_id": "head", "skill_id": "lead", "level": 3.0, "importance": 0.5},
            {"job_id": "welder", "skill_id": "weld", "level": 4.0, "importance": 1.0},
        ])  # fmt: skip
        store.upsert(connection, "courses", [
            {"course_id": "c-lead", "title": "Lead people", "hours": 6.0},
            {"course_id": "c-sql", "title": "SQL databases", "description": "<b>sql</b>", "hours": 10.0},
            {"course_id": "c-weld", "title": "Weld steel", "hours": 30.0},
        ])  # fmt: skip
        store.upsert(connection, "course_skills", [
            {"course_id": "c-lead", "skill_id": "lead", "level": 3.0}, {"course_id": "c-sql", "skill_id": "sql", "level": 3.0},
            {"course_id": "c-weld", "skill_id": "weld", "level": 2.0},
        ])  # fmt: skip
        for person, team, manager in [*whole, *bosses]:
            spell = {"employee_id": person, "spell": 1, "happened_at": ago(900), "known_at": ago(900)}
            job = {
                "job_id": "boss" if manager == "chief" else "analyst",
                "department": team,
                "manager_id": manager,
            }
            store.upsert(
                connection,
                "employees",
                [{"employee_id": person, "spell": 1, "hired_at": ago(900), "known_at": ago(900)}],
            )
            store.append(connection, "job_history", [spell | job])
        able = [person for person, team in people() if team != "sales"]
        store.append(connection, "held_skills", [
            {"employee_id": person, "skill_id": "sql", "level": 4.0, "source": "assessed", "happened_at": ago(30), "known_at": ago(30)}
            for person in able
        ])  # fmt: skip


@pytest.fixture
def skilled_house(sqlite_house: House) -> House:
    fill(sqlite_house.store)
    sqlite_house.clock = lambda: NOW
    sqlite_house.encoder = encode
    return sqlite_house


@pytest.fixture
def asking(skilled_house: House) -> Iterator[TestClient]:
    yield from client_of(skilled_house)


def client_of(house: House, **key: Any) -> Iterator[TestClient]:
    made = create_key(house.store, "tests", key.pop("scopes", ALL_SCOPES), NOW, **key)
    with TestClient(create_app(house=house), headers={"Authorization": f"Bearer {made}"}) as opened:
        yield opened


def got(asking: TestClient, path: str, **query: Any) -> dict[str, Any]:
    answer = asking.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def needs(asking: TestClient, **body: Any) -> dict[str, Any]:
    answer = asking.post("/v1/needs-assessments", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


class TestRefusals:
    @pytest.mark.parametrize("path", ["/v1/skill-gaps", "/v1/teams/x/skill-gaps", "/v1/skill-trends", "/v1/courses:search?q=a",
                                      "/v1/employees/x/next-jobs"])  # fmt: skip
    def test_without_the_scope_nothing_is_said(self, skilled_house: House, path: str) -> None:
        for asking in client_of(skilled_house, scopes=("events:write",)):
            assert asking.get(path).status_code == 403

    def test_somebody_to_whom_nobody_reports_has_no_team(self, asking: TestClient) -> None:
        assert asking.get("/v1/teams/finance1/skill-gaps").status_code == 404

    def test_an_unknown_person_has_no_next_jobs(self, asking: TestClient) -> None:
        assert asking.get("/v1/employees/nobody/next-jobs").status_code == 404

    @pytest.mark.parametrize(("body", "status", "named"), [
        ({}, 422, "skills, job_id or text"),
        ({"skills": [{"skill_id": "juggling"}]}, 404, "juggling"),
        ({"job_id": "astronaut"}, 404, "astronaut"),
        ({"skills": [{"skill_id": "sql", "level": 9}]}, 422, "0 to 5"),
        ({"skills": [{"skill_id": "sql", "level": "B9", "scale": "cefr"}]}, 422, "b1"),
        ({"skills": [{"skill_id": "sql", "scale": "furlongs"}]}, 422, "onet"),
    ])  # fmt: skip
    def test_a_need_that_cannot_be_read_is_refused_with_what_can(
        self, asking: TestClient, body: dict[str, Any], status: int, named: str
    ) -> None:
        answer = asking.post("/v1/needs-assessments", json=body)
        assert (answer.status_code, named in answer.text) == (status, True), answer.text

    @pytest.mark.parametrize("question", ["...", "<script>sql</script>", "of the"])
    def test_a_search_without_words_is_refused(self, asking: TestClient, question: str) -> None:
        assert asking.get("/v1/courses:search", params={"q": question}).status_code == 422


class TestGroups:
    def test_a_shortage_of_one_department_is_isolated_there(self, asking: TestClient) -> None:
        body = got(asking, "/v1/skill-gaps")
        (sql,) = body["skills"]
        assert (sql["pattern"], sql["isolated_in"]) == ("isolated", ["sales"])
        assert (sql["n_required"], sql["n_short"], sql["mean_gap"]) == (44, 20, 3.0)
        assert (body["strengths"][0]["skill_id"], body["strengths"][0]["n_strong"]) == ("sql", 24)
        assert (body["stale_share"], body["n_people"]) == (0.0, 47)

    def test_a_small_department_and_the_one_that_gives_it_away_show_no_figures(
        self, asking: TestClient
    ) -> None:
        groups = {one["group"]: one for one in got(asking, "/v1/skill-gaps")["skills"][0]["groups"]}
        hidden = [name for name, one in groups.items() if one["is_suppressed"]]
        assert "legal" in hidden
        assert len(hidden) == 2
        assert groups["legal"]["n_required"] is None

    def test_a_team_is_compared_with_everybody_else(self, asking: TestClient, skilled_house: House) -> None:
        sales = got(asking, "/v1/teams/boss of sales/skill-gaps")
        assert (sales["skills"][0]["pattern"], sales["skills"][0]["isolated_in"]) == (
            "isolated",
            ["this team"],
        )
        assert sales["skills"][0]["n_short"] == 20
        finance = got(asking, "/v1/teams/boss of finance/skill-gaps")
        assert [(one["skill_id"], one["pattern"], one["n_short"]) for one in finance["skills"]] == [
            ("sql", "none", 0)
        ]

    def test_a_team_too_small_is_told_to_its_manager_and_to_nobody_else(
        self, asking: TestClient, skilled_house: House
    ) -> None:
        told = got(asking, "/v1/teams/boss of legal/skill-gaps")
        assert (told["n_people"], [one["n_required"] for one in told["skills"]]) == (
            None,
            [None] * len(told["skills"]),
        )
        for manager in client_of(skilled_house, scopes=("skills:read",), employee_id="boss of legal"):
            own = got(manager, "/v1/teams/boss of legal/skill-gaps")
            assert (own["n_people"], own["skills"][0]["n_required"]) == (4, 4)
            assert manager.get("/v1/teams/boss of sales/skill-gaps").status_code == 404
            assert manager.get("/v1/skill-gaps").status_code == 403

    def test_demand_and_supply_are_counted_quarter_by_quarter(self, asking: TestClient) -> None:
        body = got(asking, "/v1/skill-trends", quarters=6)
        (sql,) = body["skills"]
        assert [(point["demand"], point["supply"]) for point in sql["points"]] == [(44, 0)] * 5 + [(44, 24)]
        assert (sql["demand_trend"], sql["supply_trend"]) == (
            "steady",
            "steady",
        )  # one step in six is no trend


class TestNeeds:
    def test_what_everybody_has_needs_no_training(self, asking: TestClient) -> None:
        body = needs(asking, skills=[{"skill_id": "sql", "level": 60, "scale": "percent"}])
        assert (body["verdict"], body["skills"][0]["level"], body["skills"][0]["n_holders"]) == (
            "no_training_needed",
            3.0,
            24,
        )
        assert "Training is not" in body["verdict_words"]

    def test_each_skill_gets_its_own_decision(self, asking: TestClient) -> None:
        asked = [{"skill_id": one} for one in ("lead", "weld", "zen")]
        body = needs(asking, skills=asked)
        decided = {
            one["skill_id"]: (one["decision"], one["courses"], one["adaptable"]) for one in body["skills"]
        }
        assert decided["lead"] == ("train", ["c-lead"], [])
        assert decided["weld"] == ("adapt", [], ["c-weld"])
        assert decided["zen"] == ("hire", [], [])
        assert body["verdict"] == "train_and_hire"

    def test_the_nearest_people_come_first_with_the_hours_they_would_need(self, asking: TestClient) -> None:
        body = needs(asking, job_id="head", n=3)
        first = body["people"][0]
        assert (first["distance"], first["n_gaps"], first["hours"]) == (pytest.approx(1.5 / 4.5), 1, 6.0)
        assert not first["employee_id"].startswith("sales")

    def test_a_text_is_read_and_shows_its_words(self, asking: TestClient, skilled_house: House) -> None:
        skilled_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        body = needs(asking, text="<script>weld</script><p>Expert in sql.</p>", people_wanted=30)
        (sql,) = body["skills"]
        assert (sql["words"], sql["level"], sql["confidence"], sql["n_holders"]) == ("sql", 5.0, 0.8, 0)
        assert (body["model_version"], sql["decision"], sql["adaptable"]) == ("3", "adapt", ["c-sql"])

    def test_a_text_in_another_language_abstains(self, asking: TestClient, skilled_house: House) -> None:
        skilled_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        body = needs(asking, text="Wir suchen jemanden, der gerne schweißt.")
        assert (body["verdict"], body["fallback"], body["skills"]) == (
            "cannot_tell",
            "no_skill_recognised",
            [],
        )

    def test_without_a_model_a_text_is_not_read_and_the_answer_says_so(self, asking: TestClient) -> None:
        assert needs(asking, text="Expert in sql.")["fallback"] == "text_not_read"


class TestNextJobs:
    def test_the_nearest_job_comes_first_with_what_it_takes(self, asking: TestClient) -> None:
        body = got(asking, "/v1/employees/finance1/next-jobs")
        assert [one["job_id"] for one in body["jobs"]] == ["head", "welder"]
        head, welder = body["jobs"]
        assert (head["distance"], head["hours"], head["n_uncovered"]) == (
            pytest.approx(1 / 3, abs=1e-4),
            6.0,
            0,
        )
        assert (welder["distance"], welder["n_uncovered"]) == (1.0, 1)
        assert "67% of what it asks for is held" in head["reason"]

    def test_where_others_went_lies_nearer(self, asking: TestClient, skilled_house: House) -> None:
        before = got(asking, "/v1/employees/finance1/next-jobs")["jobs"][0]
        with skilled_house.store.transaction() as connection:
            skilled_house.store.append(connection, "job_history", [
                {"employee_id": f"finance{place}", "spell": 1, "happened_at": ago(20), "known_at": ago(20), "job_id": "head"}
                for place in range(5, 17)
            ])  # fmt: skip
        skilled_house.cache.clear()
        after = got(asking, "/v1/employees/finance1/next-jobs")["jobs"][0]
        assert (after["move_share"], after["score"]) == (1.0, pytest.approx(before["score"] * 1.5, abs=1e-3))
        assert "12 colleagues went there" in after["reason"]


class TestPortfolio:
    def test_the_course_of_the_same_content_comes_first_and_near_ones_are_marked(
        self, asking: TestClient
    ) -> None:
        found = got(asking, "/v1/courses:search", q="sql databases")["courses"]
        assert (found[0]["course_id"], found[0]["is_near"], found[0]["matched_words"]) == (
            "c-sql",
            False,
            ["databases", "sql"],
        )

    def test_without_an_encoder_words_answer_and_the_answer_says_so(
        self, asking: TestClient, skilled_house: House
    ) -> None:
        skilled_house.encoder = None
        found = got(asking, "/v1/courses:search", q="Weld")
        assert (found["fallback"], [one["course_id"] for one in found["courses"]]) == (
            "words_only",
            ["c-weld"],
        )


class TestTagging:
    def test_without_a_model_nothing_is_tagged(self, skilled_house: House) -> None:
        with pytest.raises(UnavailableError):
            tag_records(skilled_house)

    def test_untagged_courses_and_jobs_get_skills_and_what_people_said_stands(
        self, skilled_house: House
    ) -> None:
        store = skilled_house.store
        with store.transaction() as connection:
            store.upsert(connection, "courses", [{"course_id": "new", "title": "sql", "level": 4.0},
                                                 {"course_id": "mute", "title": "..."}, {"course_id": "no", "title": "sql"}])  # fmt: skip
            rejected = {"course_id": "no", "skill_id": "sql", "source": "rejected"}
            store.upsert(
                connection,
                "course_skills",
                [rejected, {"course_id": "mute", "skill_id": "zen", "source": "extracted"}],
            )
            store.upsert(
                connection, "jobs", [{"job_id": "dba", "title": "DBA", "description": "Expert in sql."}]
            )
        skilled_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        for _ in range(2):  # a second run changes nothing
            done = tag_records(skilled_house)
            assert (done.model_version, done.courses, done.jobs) == ("3", 2, 1)
            tags = {
                (one["course_id"], one["skill_id"], one["source"]): one
                for one in store.frame("course_skills").to_dicts()
            }
            assert tags["new", "sql", "extracted"]["level"] == 4.0
            assert ("no", "sql", "rejected") in tags
            assert not {("no", "sql", "extracted"), ("mute", "zen", "extracted")} & set(tags)
            jobs = {
                (one["job_id"], one["source"]): one["level"] for one in store.frame("job_skills").to_dicts()
            }
            assert jobs["dba", "extracted"] == 5.0
            assert len([one for one in tags if one[0] == "c-sql"]) == 1

    def test_a_tagged_job_still_shows_the_words_and_answers_without_the_model(
        self, skilled_house: House
    ) -> None:
        store = skilled_house.store
        with store.transaction() as connection:
            store.upsert(
                connection, "jobs", [{"job_id": "dba", "title": "DBA", "description": "Expert in sql."}]
            )
        skilled_house.models.hold(LoadedModel("skills", "3", "d" * 64, ReadingScorer(), Path(), {}))
        tag_records(skilled_house)
        required = requirements_of(skilled_house, "dba", NOW)
        assert required.finds["sql"].words == "sql"
        skilled_house.encoder = None
        skilled_house.cache.clear()
        again = requirements_of(skilled_house, "dba", NOW)
        assert (again.levels["skill_id"].to_list(), again.levels["source"].to_list()) == (
            ["sql"],
            ["extracted"],
        )
