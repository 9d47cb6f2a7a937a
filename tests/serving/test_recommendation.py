"""Recommendations over HTTP: refusals first, then what is shown, why, and that it is current."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.recommendation.catalogue import CourseShown
from features.recommendation.reasons import Closed
from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.shown import shown_courses
from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.house import House
from serving.keys import create_key
from serving.models.answering import LoadedModel
from serving.recommendation import catalogue, items
from serving.recommendation.answers import ClosedGap, Recommendations, RecommendedCourse
from serving.recommendation.batch import RecommendationBatch
from serving.recommendation.catalogue import KEY, Shelf
from serving.recommendation.filters import RecommendationQuery
from serving.recommendation.items import Placed
from serving.recommendation.kept import Scores, pack, score_everybody, unpack
from serving.recommendation.paging import KEY as POLICIES
from serving.recommendation.policy import Arm, Policies, Shadow
from serving.recommendation.routes import recommend

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCORER = Path(__file__).resolve().parents[2] / "training" / "recommendation" / "scorer.py"
COURSES = ("excel", "sql1", "sql2", "talk", "yoga", "safety", "new")
LEVELS = {"excel": ("excel", 3.0), "sql1": ("sql", 2.0), "sql2": ("sql", 4.0), "talk": ("talk", 3.0),
          "yoga": ("calm", 2.0), "new": ("sql", 3.0)}  # fmt: skip
KNOWN = COURSES[:-1]  # the model was made before the course "new"


def model_with(gap: float = 2.0) -> LoadedModel:
    """Return a model in which people who took excel take sql1, and everybody takes yoga."""
    scope: dict[str, Any] = {"__name__": "scorer"}
    exec(compile(SCORER.read_text(), str(SCORER), "exec"), scope)
    n = len(KNOWN)
    weights = np.zeros((n, n), dtype=np.float32)
    weights[KNOWN.index("excel"), KNOWN.index("sql1")] = 1.0
    weights[KNOWN.index("excel"), KNOWN.index("talk")] = 0.3
    popular = np.log(np.array([[0.2, 0.1, 0.05, 0.1, 0.5, 0.05]] * 2))
    popular[0, KNOWN.index("talk")] = 0.5  # clerks take talk most
    facts = {
        "course_ids": list(KNOWN),
        "job_ids": ["clerk"],
        "blend": {"warm": {"takers": 1.0, "gap": gap}, "new": {"popularity": 1.0, "gap": gap}},
        "completion": {"sql1": 0.8},
    }
    scorer = scope["Scorer"](facts, {"weights": weights, "cohorts": popular})
    return LoadedModel("recommendation", "3", "digest-3", scorer, Path(), {})


def stock(store: Store) -> None:
    """Keep two people, seven courses and two jobs."""
    day = to_micros(NOW - timedelta(days=100))
    fact = {"happened_at": day, "known_at": day}
    ann = {"employee_id": "ann", "spell": 1}
    bob = {"employee_id": "bob", "spell": 1}
    with store.transaction() as connection:
        rows: dict[str, list[dict[str, Any]]] = {
            "employees": [{**who, "hired_at": day, "known_at": day} for who in (ann, bob)],
            "courses": [
                {
                    "course_id": one,
                    "title": one.title(),
                    "hours": 2.0 + place,
                    "modality": "online",
                    "language": "en",
                }
                for place, one in enumerate(COURSES)
            ],
            "course_skills": [
                {"course_id": course, "skill_id": skill, "level": level, "source": "given"}
                for course, (skill, level) in LEVELS.items()
            ],
            "course_prerequisites": [{"course_id": "sql2", "prerequisite_id": "sql1"}],
            "skills": [
                {"skill_id": skill, "name": skill.upper()} for skill in ("excel", "sql", "talk", "calm")
            ],
            "jobs": [{"job_id": "clerk", "title": "Clerk"}, {"job_id": "analyst", "title": "Analyst"}],
            "job_skills": [
                {"job_id": "analyst", "skill_id": "sql", "level": 4.0, "importance": 1.0},
                {"job_id": "clerk", "skill_id": "talk", "level": 3.0, "importance": 0.5},
            ],
        }
        for name, content in rows.items():
            store.upsert(connection, name, content)
        store.append(
            connection,
            "job_history",
            [{**who, **fact, "job_id": "clerk", "department": "Sales"} for who in (ann, bob)],
        )
        store.append(connection, "learning_events", [event("e1", "excel")])


def event(
    event_id: str, course: str, kind: str = "completed", days_ago: float = 50, who: str = "ann"
) -> dict[str, Any]:
    """Return a row of learning events."""
    at = to_micros(NOW - timedelta(days=days_ago))
    return {
        "event_id": event_id,
        "employee_id": who,
        "course_id": course,
        "kind": kind,
        "happened_at": at,
        "known_at": at,
    }


def keep(store: Store, name: str, *rows: dict[str, Any]) -> None:
    """Keep rows of a fact table."""
    with store.transaction() as connection:
        store.append(connection, name, list(rows))


@pytest.fixture
def stocked(client: TestClient, sqlite_house: House) -> TestClient:
    """Return a client over two people, with a model; the clock stands."""
    stock(sqlite_house.store)
    sqlite_house.clock = lambda: NOW
    sqlite_house.models.hold(model_with())
    return client


def ask(client: TestClient, who: str = "ann", **query: Any) -> Any:
    """Return the body of an answer."""
    answer = client.get(f"/v1/employees/{who}/recommendations", params=query)
    assert answer.status_code == 200, answer.text
    Recommendations.model_validate(answer.json())
    return answer.json()


def courses(body: Any) -> list[str]:
    """Return the courses of an answer, in their order."""
    return [item["course_id"] for item in body["items"]]


@pytest.mark.parametrize(
    ("path", "query", "status", "found"),
    [
        ("nobody", {}, 404, "nobody"),
        ("ann", {"target_job_id": "king"}, 404, "king"),
        ("ann", {"exclude_id": "nothing"}, 404, "nothing"),
        ("ann", {"skill_id": "magic"}, 404, "magic"),
        ("ann", {"n": 0}, 422, "0"),
        ("ann", {"n": 101}, 422, "101"),
        ("ann", {"n": "many"}, 422, "many"),
        ("ann", {"offset": -1}, 422, "-1"),
        ("ann", {"max_hours": "nan"}, 422, "nan"),
        ("ann", {"diversity": 2}, 422, "2"),
        ("ann", {"modality": "telepathy"}, 422, "telepathy"),
        ("ann", {"colour": "red"}, 422, ""),
    ],
)
def test_what_cannot_be_answered_says_why(
    stocked: TestClient, path: str, query: dict[str, Any], status: int, found: str
) -> None:
    answer = stocked.get(f"/v1/employees/{path}/recommendations", params=query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert found in answer.text


def test_without_a_model_the_answer_is_503_and_the_path_still_stands(
    stocked: TestClient, sqlite_house: House
) -> None:
    sqlite_house.models.held = {}
    assert stocked.get("/v1/employees/ann/recommendations").status_code == 503
    assert stocked.get("/v1/employees/ann/learning-path").status_code == 200


def test_a_key_without_the_scope_is_refused(stocked: TestClient) -> None:
    answer = stocked.get("/v1/employees/ann/recommendations", headers={"Authorization": "Bearer sk_nothing"})
    assert answer.status_code == 401


def test_everything_completed_says_so_and_offers_maintenance_and_next_jobs(
    stocked: TestClient, sqlite_store: Store
) -> None:
    done = [event(f"x{one}", one, days_ago=90 - place) for place, one in enumerate(COURSES)]
    keep(sqlite_store, "learning_events", *done)
    body = ask(stocked, n=5)
    assert body["items"] == []
    short = body["shortfall"]
    assert (short["missing"], short["code"], short["left_out"]) == (
        5,
        "everything_completed",
        {"completed": 7},
    )
    assert "completed" in short["reason"]
    offers = {offer["kind"]: offer["ids"] for offer in short["offers"]}
    assert offers["maintenance"][0] == "sql1"  # excel was completed first, and again lately
    assert offers["next_jobs"] == ["analyst"]


def test_a_completion_posted_now_is_excluded_from_the_next_answer(
    stocked: TestClient, sqlite_house: House
) -> None:
    rows = score_everybody(sqlite_house, ["ann", "bob"], lambda _done: None)
    sqlite_house.kept.write("recommendation", "digest-3", rows, as_of=NOW, computed_at=NOW)
    assert "sql1" in courses(ask(stocked))
    sent = {"event_id": "now", "employee_id": "ann", "course_id": "sql1", "kind": "completed",
            "happened_at": NOW.isoformat()}  # fmt: skip
    assert stocked.post("/v1/events", json=sent).json()["accepted"] == 1
    body = ask(stocked)
    assert "sql1" not in courses(body)
    assert "sql1" in courses(ask(stocked, exclude_completed=False))
    sql2 = next(item for item in body["items"] if item["course_id"] == "sql2")
    assert sql2["prerequisites_met"] is True


def test_a_completion_raises_the_level_and_lowers_the_gap_at_once(
    stocked: TestClient, sqlite_store: Store
) -> None:
    before = ask(stocked, target_job_id="analyst", skill_id="sql")
    assert next(gap for gap in before["items"][0]["closes"])["from_level"] == 0.0
    keep(sqlite_store, "learning_events", event("e2", "sql1", days_ago=1))
    after = ask(stocked, target_job_id="analyst", skill_id="sql")
    assert {item["closes"][0]["from_level"] for item in after["items"]} == {2.0}


def test_the_best_course_comes_with_a_reason_made_of_its_numbers(stocked: TestClient) -> None:
    body = ask(stocked, target_job_id="analyst")
    first = body["items"][0]
    assert first["course_id"] == "sql1"
    assert first["reason"] == (
        "Raises SQL from 0 to 2 (Analyst asks for 4); people who took 'Excel' often take it."
    )
    assert first["closes"] == [
        {"skill_id": "sql", "skill": "SQL", "from_level": 0.0, "to_level": 2.0, "required_level": 4.0}
    ]
    assert first["completion_share"] == 0.8
    assert first["expected_impact"] is None
    assert body["model_version"] == "3"
    assert body["target_job_id"] == "analyst"
    assert body["fallback"] is None
    assert body["as_of"] == "2026-01-01T00:00:00Z"
    assert 0.0 <= first["score"] <= 1.0


def test_without_the_course_it_points_to_a_reason_and_its_score_fall(
    stocked: TestClient, sqlite_store: Store
) -> None:
    with_excel = {item["course_id"]: item for item in ask(stocked)["items"]}
    keep(sqlite_store, "learning_events", event("e3", "excel", "dismissed", 1))
    without = {item["course_id"]: item for item in ask(stocked)["items"]}
    assert "Excel" in with_excel["sql1"]["reason"]
    assert "Excel" not in without["sql1"]["reason"]
    assert without["sql1"]["rank"] > with_excel["sql1"]["rank"]


class Estimates:
    """An impact model that could tell one effect and not the other."""

    def estimates(self) -> list[dict[str, Any]]:
        effect = {"value": 2.0, "low": 1.0, "high": 3.0}
        common = {"outcome": "quality", "unit": "points", "horizon_days": 180, "effect": effect}
        return [
            {**common, "course_id": "sql1", "verdict": {"code": "credible"}},
            {**common, "course_id": "talk", "verdict": {"code": "cannot_tell"}},
            {**common, "course_id": "yoga", "effect": None, "verdict": {"code": "cannot_tell"}},
        ]


def test_an_effect_is_shown_with_its_interval_where_it_can_be_told(
    stocked: TestClient, sqlite_house: House
) -> None:
    sqlite_house.models.hold(LoadedModel("impact", "1", "digest-1", Estimates(), Path(), {}))
    shown = {item["course_id"]: item["expected_impact"] for item in ask(stocked)["items"]}
    assert shown.pop("sql1") == [
        {"value": 2.0, "low": 1.0, "high": 3.0, "outcome": "quality", "unit": "points", "horizon_days": 180,
         "verdict": "credible"}
    ]  # fmt: skip
    assert set(shown.values()) == {None}


def test_explanations_can_be_left_out(stocked: TestClient) -> None:
    assert {(item["reason"], tuple(item["closes"])) for item in ask(stocked, explain=False)["items"]} == {
        (None, ())
    }


def test_prerequisites_stand_before_what_asks_for_them(stocked: TestClient) -> None:
    found = courses(ask(stocked, target_job_id="analyst"))
    assert found.index("sql1") < found.index("sql2")
    sql2 = next(one for one in ask(stocked)["items"] if one["course_id"] == "sql2")
    assert (sql2["prerequisites_met"], sql2["prerequisites"]) == (False, ["sql1"])


def test_a_prerequisite_put_before_a_better_course_says_so(stocked: TestClient, sqlite_house: House) -> None:
    model = model_with()
    model.scorer.weights = np.roll(model.scorer.weights, 1, axis=1)  # people who took excel take sql2
    sqlite_house.models.hold(model)
    first, second = ask(stocked, n=2)["items"]
    assert (first["course_id"], second["course_id"]) == ("sql1", "sql2")
    assert first["reason"].startswith("Comes before 'Sql2', which asks for it")


def test_a_course_whose_prerequisite_is_filtered_out_is_not_listed(stocked: TestClient) -> None:
    assert "sql2" not in courses(ask(stocked, exclude_id="sql1"))


def test_filters_are_or_within_and_and_between(stocked: TestClient) -> None:
    assert set(courses(ask(stocked, skill_id=["talk", "calm"]))) == {"talk", "yoga"}
    assert set(courses(ask(stocked, skill_id=["talk", "calm"], max_hours=5))) == {"talk"}
    assert courses(ask(stocked, modality=["online", "classroom"], language="de")) == []


def test_pages_of_a_ranking_fit_together(stocked: TestClient) -> None:
    whole = ask(stocked, n=6)
    parts = ask(stocked, n=3)["items"] + ask(stocked, n=3, offset=3)["items"]
    assert parts == whole["items"]
    assert [item["rank"] for item in parts] == [1, 2, 3, 4, 5, 6]


def test_mandatory_courses_come_first_with_their_date(stocked: TestClient, sqlite_store: Store) -> None:
    asked = to_micros(NOW - timedelta(days=1))
    due = to_micros(NOW + timedelta(days=30))
    row = {"employee_id": "ann", "happened_at": asked, "known_at": asked, "due_at": due}
    keep(sqlite_store, "assignments", {**row, "course_id": "safety", "is_mandatory": True},
         {**row, "course_id": "yoga", "is_mandatory": False, "due_at": due - 1})  # fmt: skip
    items = ask(stocked)["items"]
    assert [item["course_id"] for item in items[:2]] == ["safety", "yoga"]
    assert items[0]["mandatory"] is True
    assert items[0]["due_at"] == "2026-01-31T00:00:00Z"
    assert items[0]["reason"].startswith("Mandatory, due on 2026-01-31: ")
    keep(sqlite_store, "learning_events", event("e4", "safety", days_ago=0.5))
    assert "safety" not in courses(ask(stocked))


def test_a_mandatory_course_done_before_it_was_asked_for_is_asked_for_again(
    stocked: TestClient, sqlite_store: Store
) -> None:
    keep(sqlite_store, "learning_events", event("e5", "safety", days_ago=40))
    assert "safety" not in courses(ask(stocked))
    at = to_micros(NOW - timedelta(days=2))
    keep(sqlite_store, "assignments", {"employee_id": "ann", "course_id": "safety", "is_mandatory": True,
                                       "happened_at": at, "known_at": at})  # fmt: skip
    assert courses(ask(stocked))[0] == "safety"


def test_what_is_in_progress_or_dismissed_is_not_recommended(
    stocked: TestClient, sqlite_store: Store
) -> None:
    keep(
        sqlite_store,
        "learning_events",
        event("e6", "yoga", "started", 3),
        event("e7", "talk", "dismissed", 3),
    )
    assert not {"yoga", "talk"} & set(courses(ask(stocked)))


def test_a_person_without_history_is_answered_and_it_is_said(stocked: TestClient) -> None:
    body = ask(stocked, who="bob")
    assert body["fallback"].startswith("new_person")
    assert courses(body)[0] == "talk"
    assert body["items"][0]["reason"] == (
        "Raises TALK from 0 to 3 (Clerk asks for 3); often taken by people who work as Clerk."
    )


def test_a_course_that_the_model_never_saw_is_reached_by_the_gap_it_closes(stocked: TestClient) -> None:
    found = courses(ask(stocked, target_job_id="analyst"))
    assert found.index("new") < found.index("yoga")


def test_kept_scores_and_scores_made_on_the_spot_agree(stocked: TestClient, sqlite_house: House) -> None:
    on_the_spot = [ask(stocked, who) for who in ("ann", "bob")]
    rows = list(score_everybody(sqlite_house, ["ann", "bob"], lambda _done: None))
    sqlite_house.kept.write("recommendation", "digest-3", rows, as_of=NOW, computed_at=NOW)
    kept = [ask(stocked, who) for who in ("ann", "bob")]
    for one, other in zip(on_the_spot, kept, strict=True):
        assert one["items"] == other["items"]
        assert one["fallback"] == other["fallback"]


def test_scores_that_have_not_seen_the_newest_records_are_marked(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    rows = list(score_everybody(sqlite_house, ["ann"], lambda _done: None))
    before = NOW - timedelta(days=10)
    sqlite_house.kept.write("recommendation", "digest-3", rows, as_of=before, computed_at=before)
    assert ask(stocked)["fallback"] is None
    keep(sqlite_store, "learning_events", event("e8", "talk", days_ago=1))
    body = ask(stocked)
    assert body["fallback"] == "stale_scores"
    assert "talk" not in courses(body)


def test_what_was_shown_is_written_down(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    body = ask(stocked, n=2)
    sqlite_house.ledger.flush()
    shown = shown_courses(sqlite_store.frame("recommendations_shown")).sort("rank")
    assert shown["course_id"].to_list() == courses(body)
    assert shown["recommendation_id"].unique().to_list() == [body["recommendation_id"]]
    assert shown["rank"].to_list() == [1, 2]


def test_a_changed_course_is_seen_once_the_catalogue_is_read_again(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    assert "yoga" in courses(ask(stocked))
    with sqlite_store.transaction() as connection:
        gone = {"course_id": "yoga", "title": "Yoga", "valid_until": to_micros(NOW - timedelta(days=1))}
        sqlite_store.upsert(connection, "courses", [gone])
    sqlite_house.cache.pop(KEY)
    assert "yoga" not in courses(ask(stocked))


def test_the_catalogue_is_compared_only_where_somebody_wrote_to_the_records(
    stocked: TestClient, sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(stocked)
    shelf: Shelf = sqlite_house.cache[KEY]
    compared: list[House] = []

    def stamp(house: House) -> object:
        compared.append(house)
        return shelf.stamp

    monkeypatch.setattr(catalogue, "stamp_of", stamp)
    catalogue.look_again(sqlite_house, shelf)  # what the test wrote itself is seen here at the latest
    compared.clear()
    for _ in range(3):
        catalogue.look_again(sqlite_house, shelf)
    assert not compared
    keep(sqlite_house.store, "courses", {"course_id": "late", "title": "Late"})
    catalogue.look_again(sqlite_house, shelf)
    assert len(compared) == 1
    assert sqlite_house.cache[KEY] is shelf


def test_diversity_puts_unlike_courses_forward(stocked: TestClient) -> None:
    plain = courses(ask(stocked, target_job_id="analyst"))
    diverse = courses(ask(stocked, target_job_id="analyst", diversity=1))
    assert diverse.index("talk") < plain.index("talk")
    assert set(plain) == set(diverse)


PROFILE = {
    "skills": [{"skill_id": "sql", "level": 2}],
    "completed_course_ids": ["excel", "sql1"],
    "target_job_id": "analyst",
}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"skills": [{"skill_id": "magic", "level": 1}]}, 404),
        ({"skills": [{"skill_id": "sql", "level": 9}]}, 422),
        ({"completed_course_ids": ["nothing"]}, 404),
        ({"target_job_id": "king"}, 404),
        ({"colour": "red"}, 422),
        ({"employee_id": "ann"}, 422),
        ({"n": 1000}, 422),
        ({"text": "I want to learn about data"}, 503),
    ],
)
def test_a_profile_that_cannot_be_answered_says_why(
    stocked: TestClient, change: dict[str, Any], status: int
) -> None:
    answer = stocked.post("/v1/recommendations", json={**PROFILE, **change})
    assert answer.status_code == status


def test_a_model_of_a_catalogue_without_text_says_so_where_a_text_is_asked_about(stocked: TestClient) -> None:
    answer = stocked.post("/v1/recommendations", json={"text": "I want to learn about data"})
    assert answer.status_code == 503
    assert "the catalogue had no text" in answer.text


def test_an_empty_catalogue_says_so(stocked: TestClient, sqlite_house: House, sqlite_store: Store) -> None:
    with sqlite_store.transaction() as connection:
        for name in ("course_prerequisites", "course_skills", "courses"):
            connection.execute(sa.delete(METADATA.tables[name]))
    sqlite_house.cache.pop(KEY, None)
    body = ask(stocked)
    assert (body["items"], body["shortfall"]["code"]) == ([], "empty_catalogue")


def test_a_snoozed_course_comes_back_when_the_snooze_ends(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    until = NOW + timedelta(days=7)
    said = {**event("z1", "yoga", "dismissed", 3), "reason": "no time now", "snoozed_until": to_micros(until)}
    keep(sqlite_store, "learning_events", said)
    short = ask(stocked)["shortfall"]
    assert short["left_out"]["dismissed"] == 1
    sqlite_house.clock = lambda: until + timedelta(days=1)
    assert "yoga" in courses(ask(stocked))


def test_an_empty_profile_is_refused(stocked: TestClient) -> None:
    answer = stocked.post("/v1/recommendations", json={})
    assert answer.status_code == 422
    assert "Nothing is known" in answer.text


def test_a_profile_is_answered_and_nothing_of_it_is_kept(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    answer = stocked.post("/v1/recommendations", json=PROFILE)
    body = answer.json()
    assert answer.status_code == 200
    assert body["employee_id"] is None
    assert body["items"][0]["course_id"] == "sql2"
    assert body["items"][0]["closes"][0]["from_level"] == 2.0
    assert not {"excel", "sql1"} & set(courses(body))
    sqlite_house.ledger.flush()
    assert sqlite_store.count("recommendations_shown") == 0


def test_a_text_brings_courses_close_to_it(stocked: TestClient, sqlite_house: House) -> None:
    model = model_with()
    model.scorer.vectors = np.eye(len(KNOWN))
    sqlite_house.models.hold(model)
    sqlite_house.encoder = lambda texts: np.eye(len(KNOWN))[[KNOWN.index("yoga")] * len(texts)]
    body = stocked.post("/v1/recommendations", json={"text": "something calm"}).json()
    assert body["items"][0]["course_id"] == "yoga"
    assert body["items"][0]["reason"] == "Its content is close to what you wrote."
    assert body["fallback"].startswith("free_text")


def test_many_people_get_what_each_would_get_and_each_their_problem(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    sqlite_house.opted_out = frozenset({"bob"})
    asked = {"employee_ids": ["ann", "nobody", "bob"], "n": 3, "target_job_id": "analyst"}
    answer = stocked.post("/v1/recommendations:batch", json=asked)
    assert answer.status_code == 200, answer.text
    RecommendationBatch.model_validate(answer.json())
    ann, nobody, bob = answer.json()["items"]
    alone = ask(stocked, n=3, target_job_id="analyst")
    assert ann["recommendations"]["items"] == alone["items"]
    assert (nobody["problem"]["status"], bob["problem"]["status"]) == (404, 409)
    assert nobody["recommendations"] is bob["recommendations"] is None
    sqlite_house.ledger.flush()
    assert sqlite_store.count("recommendations_shown") == 2  # ann's, and ann's alone


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"employee_ids": []},
        {"employee_ids": ["ann", "ann"]},
        {"employee_ids": ["x"] * 1001},
        {"employee_id": "ann"},
    ],
)
def test_a_batch_of_nobody_or_of_too_many_is_refused(stocked: TestClient, asked: dict[str, Any]) -> None:
    assert stocked.post("/v1/recommendations:batch", json=asked).status_code == 422


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("nobody", {}, 404),
        ("ann", {"target_job_id": "king"}, 404),
        ("ann", {"max_hours": 0}, 422),
    ],
)
def test_a_path_that_cannot_be_found_says_why(
    stocked: TestClient, path: str, query: dict[str, Any], status: int
) -> None:
    assert stocked.get(f"/v1/employees/{path}/learning-path", params=query).status_code == status


def test_a_path_through_a_circle_is_refused_and_the_circle_named(
    stocked: TestClient, sqlite_store: Store
) -> None:
    with sqlite_store.transaction() as connection:
        sqlite_store.upsert(
            connection, "course_prerequisites", [{"course_id": "sql1", "prerequisite_id": "sql2"}]
        )
    answer = stocked.get("/v1/employees/ann/learning-path", params={"target_job_id": "analyst"})
    assert answer.status_code == 422
    assert "asks for" in answer.text


def test_a_course_written_into_a_circle_is_refused_and_nothing_kept(
    stocked: TestClient, sqlite_store: Store
) -> None:
    answer = stocked.put("/v1/courses/sql1", json={"title": "Sql1", "prerequisites": ["sql2"]})
    assert answer.status_code == 422
    assert "'sql1' asks for 'sql2' asks for 'sql1'" in answer.text
    assert sqlite_store.count("course_prerequisites") == 1


def test_a_path_leads_to_the_job_with_prerequisites_first(stocked: TestClient) -> None:
    body = stocked.get("/v1/employees/ann/learning-path", params={"target_job_id": "analyst"}).json()
    assert [step["course_id"] for step in body["steps"]] == ["sql1", "sql2"]
    assert body["steps"][1]["prerequisites"] == ["sql1"]
    assert [step["hours_so_far"] for step in body["steps"]] == [3.0, 7.0]
    assert body["total_hours"] == 7.0
    assert body["steps"][-1]["closed_share"] == 1.0
    assert body["uncovered"] == body["remaining"] == []


def test_a_path_says_what_the_hours_do_not_reach(stocked: TestClient) -> None:
    body = stocked.get(
        "/v1/employees/ann/learning-path", params={"target_job_id": "analyst", "max_hours": 5}
    ).json()
    assert [step["course_id"] for step in body["steps"]] == ["sql1"]
    assert body["remaining"][0] == {
        "skill_id": "sql", "skill": "SQL", "required_level": 4.0, "reachable_level": 2.0, "why": "hours",
    }  # fmt: skip
    assert body["uncovered"] == []
    assert body["budget_hours"] == 5.0


def test_a_deadline_leaves_so_many_hours_and_each_step_its_day(stocked: TestClient) -> None:
    def path(**query: Any) -> Any:
        return stocked.get("/v1/employees/ann/learning-path", params={"target_job_id": "analyst", **query})

    body = path(deadline="2026-01-15T00:00:00Z", hours_per_week=2).json()
    assert body["budget_hours"] == 4.0  # two weeks
    assert [step["course_id"] for step in body["steps"]] == ["sql1"]
    assert body["steps"][0]["done_by"] == "2026-01-11T12:00:00Z"  # three hours at two a week
    assert path(deadline="2026-01-15T00:00:00Z", hours_per_week=4).json()["total_hours"] == 7.0
    refused = path(deadline="2025-12-31T00:00:00Z")
    assert refused.status_code == 422
    assert "deadline is over" in refused.text


def test_a_path_plans_again_after_each_completion(stocked: TestClient, sqlite_store: Store) -> None:
    def steps() -> list[str]:
        asked = stocked.get("/v1/employees/ann/learning-path", params={"target_job_id": "analyst"})
        return [step["course_id"] for step in asked.json()["steps"]]

    assert steps() == ["sql1", "sql2"]
    keep(sqlite_store, "learning_events", event("p1", "sql1", days_ago=2))
    assert steps() == ["sql2"]
    keep(sqlite_store, "learning_events", event("p2", "sql2", days_ago=1))
    body = stocked.get("/v1/employees/ann/learning-path", params={"target_job_id": "analyst"}).json()
    assert (body["steps"], body["fallback"]) == ([], "no_gap: all that the job asks for is held")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 40), st.booleans())
def test_packed_scores_come_back_as_they_were(n: int, is_new: bool) -> None:
    rng = np.random.default_rng(n)
    made = Scores(
        is_new,
        0.5,
        rng.integers(0, 9, n),
        rng.random(n).astype("f4"),
        rng.integers(0, 4, n),
        rng.integers(-1, 9, n),
    )
    back = unpack(pack(made))
    assert (back.is_new, back.gap_weight) == (is_new, 0.5)
    for name in ("courses", "scores", "causes", "because"):
        assert np.array_equal(getattr(back, name), getattr(made, name))


def test_bytes_of_another_format_are_refused() -> None:
    with pytest.raises(ValueError, match="kept scores of format"):
        unpack(b"\x09" + bytes(20))


def test_arm_and_shadows_and_the_odds_of_a_lot_are_written_down(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    bold = Arm(name="bold", share=1.0, exploration_share=0.5, exploration_pool=2)
    sqlite_house.cache[POLICIES] = Policies(
        experiment="x", arms=(bold,), shadows=(Shadow(name="by-gap", gap_factor=50.0),)
    )
    bodies = [ask(stocked, n=2, target_job_id="clerk") for _ in range(8)]
    sqlite_house.ledger.flush()
    frame = sqlite_store.frame("recommendations_shown")
    shown = shown_courses(frame)
    assert {body["arm"] for body in bodies} == set(frame["arm"]) == {"bold"}
    assert set(shown.filter(shown["rank"] == 1)["propensity"]) == {1.0}
    assert set(shown.filter(shown["rank"] == 2)["propensity"]) <= {0.75, 0.25}
    for body in bodies:
        row = shown.filter((shown["recommendation_id"] == body["recommendation_id"]) & (shown["rank"] == 2))
        is_tried = "tried out" in body["items"][1]["reason"].lower()
        assert row["propensity"].item() == (0.25 if is_tried else 0.75)
    assert {msgspec.json.decode(said)["by-gap"][0] for said in frame["shadows"]} == {"talk"}


def test_the_encoded_item_has_the_fields_of_the_contract() -> None:
    assert (*CourseShown.__struct_fields__, *Placed.__struct_fields__) == tuple(
        RecommendedCourse.model_fields
    )
    assert Closed.__struct_fields__ == tuple(ClosedGap.model_fields)


def test_priorities_are_read_with_the_catalogue(
    stocked: TestClient, sqlite_house: House, sqlite_store: Store
) -> None:
    before = ask(stocked)["items"]
    with sqlite_store.transaction() as connection:
        start = to_micros(NOW - timedelta(days=1))
        sqlite_store.upsert(
            connection, "strategic_priorities", [{"skill_id": "calm", "weight": 1.0, "valid_from": start}]
        )
    sqlite_house.cache.pop(KEY)
    after = {item["course_id"]: item for item in ask(stocked)["items"]}
    assert after["yoga"]["rank"] < next(item["rank"] for item in before if item["course_id"] == "yoga")
    assert "the organisation wants more CALM (priority 1)" in after["yoga"]["reason"].replace("The", "the")


def test_both_databases_give_the_same_answer(store: Store, make_house: Callable[[Store], House]) -> None:
    house = make_house(store)
    house.clock = lambda: NOW
    house.models.hold(model_with())
    stock(store)
    at = to_micros(NOW - timedelta(days=1))
    fact = {"employee_id": "ann", "happened_at": at, "known_at": at}
    keep(store, "assignments", {**fact, "course_id": "safety", "is_mandatory": True, "due_at": at})
    keep(store, "held_skills", {**fact, "skill_id": "sql", "level": 1.5, "source": "peer"})
    keep(store, "goals", {**fact, "goal_id": "g1", "target_job_id": "analyst"})
    answer = msgspec.json.decode(recommend(house, "ann", RecommendationQuery()).body)
    Recommendations.model_validate(answer)
    assert courses(answer)[:2] == ["safety", "sql1"]
    assert answer["items"][0]["mandatory"] is True
    assert answer["target_job_id"] == "analyst"
    assert answer["items"][1]["closes"][0]["from_level"] == 1.5


def test_over_http_each_database_answers_as_the_function_does(
    store: Store, make_house: Callable[[Store], House]
) -> None:
    house = make_house(store)
    house.clock = lambda: NOW
    house.models.hold(model_with())
    stock(store)
    key = create_key(store, "tests", ALL_SCOPES, datetime.now(UTC))
    with TestClient(create_app(house=house), headers={"Authorization": f"Bearer {key}"}) as client:
        found = [
            client.get(f"/v1/employees/{who}/recommendations", params={"n": 4})
            for who in ("ann", "bob", "eve")
        ]
    assert [one.status_code for one in found] == [200, 200, 404]
    for who, one in zip(("ann", "bob"), found, strict=False):
        wanted = msgspec.json.decode(recommend(house, who, RecommendationQuery(n=4)).body)
        assert {**one.json(), "recommendation_id": ""} == {**wanted, "recommendation_id": ""}
    assert store.count("recommendations_shown") == 2


def test_what_a_course_closes_is_put_into_words_once_and_anew_when_there_is_too_much(
    stocked: TestClient, sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(stocked)["items"]
    told = sqlite_house.cache[KEY].catalogue.told
    assert told
    monkeypatch.setattr(items, "MOST_TOLD", 1)
    told.clear()
    assert [one["closes"] for one in ask(stocked)["items"]] == [one["closes"] for one in first]
    assert len(told) == 1
