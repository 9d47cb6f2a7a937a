"""Every bad request gets its clear problem, and the server stays up."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from features.errors import UnavailableError
from features.records.store import Store
from serving.house import House, in_thread
from serving.http import limits

EVENT = {
    "event_id": "e1",
    "employee_id": "1",
    "course_id": "c1",
    "kind": "completed",
    "happened_at": "2026-01-01T00:00:00Z",
}


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem of an answer, after checking its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:skillpath:problem:")
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in answer.text
    return body


def test_a_body_too_large_is_refused_before_it_is_read(client: TestClient, sqlite_house: House) -> None:
    limit = sqlite_house.settings.body_limit_bytes
    body = problem(client.post("/v1/events", content=b"x" * (limit + 1)), 413)
    assert body["allowed"] == str(limit)


def test_an_endless_body_is_refused_at_the_limit(client: TestClient, sqlite_house: House) -> None:
    part = b"[" * 65_536
    parts = sqlite_house.settings.body_limit_bytes // len(part) + 2
    problem(client.post("/v1/events", content=iter([part] * parts)), 413)


@pytest.mark.parametrize("deep", [b"[" * 33, b"[" * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40])
def test_a_body_too_deep_is_refused(client: TestClient, deep: bytes) -> None:
    body = problem(client.post("/v1/events", content=deep, headers={"Content-Type": "application/json"}), 400)
    assert "deeper than 32" in body["detail"]


def test_brackets_inside_text_are_not_depth(client: TestClient) -> None:
    text = '[{"event_id": "' + '[{\\"' * 50 + '"}]'
    answer = client.post("/v1/events", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 0


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_of_another_type_is_refused(client: TestClient, content_type: str) -> None:
    answer = client.post("/v1/events", content=b"{}", headers={"Content-Type": content_type})
    assert problem(answer, 415)["allowed"] == "application/json"


def test_a_compressed_body_is_refused_unread(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert problem(client.post("/v1/events", content=b"x", headers=headers), 415)["found"] == "gzip"


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00", b"nul", b"{'a':1}", b"[1,]"])
def test_malformed_json_is_refused(client: TestClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    problem(client.post("/v1/events", content=content, headers=headers), 400)


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe\x00", b"nul", b"{'a':1}", b"[1,]", b'{"hours": 1' + b"0" * 5000 + b"}"]
)
def test_malformed_json_of_a_record_is_refused(client: TestClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.put("/v1/courses/c1", content=content, headers=headers)
    problem(answer, 400)


def test_an_url_too_long_is_refused(client: TestClient) -> None:
    problem(client.get("/v1/jobs/" + "x" * 10_000), 414)


def test_an_unknown_path_and_a_wrong_method_are_problems(client: TestClient) -> None:
    problem(client.get("/v1/nothing"), 404)
    problem(client.delete("/v1/events"), 405)


@pytest.mark.parametrize("path", ["/v1/employees/nobody", "/v1/courses/none", "/v1/jobs/none"])
def test_an_unknown_employee_course_or_job_is_404(client: TestClient, path: str) -> None:
    body = problem(client.get(path), 404)
    assert body["type"].endswith("unknown-record")
    assert body["found"] == path.rsplit("/", 1)[-1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"title": None}, "title"),
        ({"title": ""}, "title"),
        ({"title": 5}, "title"),
        ({"title": "x\ud800"}, "title"),
        ({"description": "x" * 1_000_000}, "description"),
        ({"hours": -1}, "hours"),
        ({"hours": "3"}, "hours"),
        ({"hours": True}, "hours"),
        ({"modality": "telepathy"}, "modality"),
        ({"cost_currency": "euro"}, "cost_currency"),
        ({"valid_from": "yesterday"}, "valid_from"),
        ({"valid_from": "2026-01-01T00:00:00"}, "valid_from"),
        ({"valid_from": 20260101}, "valid_from"),
        ({"certificate_valid_days": 0}, "certificate_valid_days"),
        ({"skills": [{"skill_id": "s", "level": 6}]}, "skills.0.level"),
        ({"skills": [{"skill_id": "s", "grade": 6}]}, "skills.0.grade"),
        ({"skills": {"skill_id": "s"}}, "skills"),
        ({"prerequisites": [""]}, "prerequisites.0"),
    ],
)
def test_a_record_that_breaks_the_contract_is_refused_with_its_field(
    client: TestClient, change: dict[str, object], field: str
) -> None:
    import json

    content = json.dumps({"title": "A course", **change})
    answer = client.put("/v1/courses/c1", content=content, headers={"Content-Type": "application/json"})
    body = problem(answer, 422)
    assert body["field"] == field
    assert body["allowed"]
    assert len(answer.content) < 5_000
    assert client.get("/v1/courses/c1").status_code == 404


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(client: TestClient, number: str) -> None:
    content = f'{{"title": "A course", "hours": {number}}}'
    answer = client.put("/v1/courses/c1", content=content, headers={"Content-Type": "application/json"})
    assert problem(answer, 422)["field"] == "hours"


def test_text_with_nul_is_refused_anywhere(client: TestClient) -> None:
    problem(client.put("/v1/courses/c1", json={"title": "a\x00b"}), 422)
    problem(client.get("/v1/courses/a%00b"), 400)
    problem(client.get("/v1/courses/-?course_id=a%00b"), 400)
    kept = client.put("/v1/courses/c1", json={"title": "a\\u0000b"})
    assert (kept.status_code, kept.json()["title"]) == (201, "a\\u0000b")


def test_what_a_record_refers_to_must_exist(client: TestClient) -> None:
    body = problem(client.put("/v1/courses/c1", json={"title": "A", "skills": [{"skill_id": "none"}]}), 422)
    assert body["found"] == "none"
    problem(client.put("/v1/courses/c1", json={"title": "A", "prerequisites": ["none"]}), 422)
    problem(client.put("/v1/courses/c1", json={"title": "A", "prerequisites": ["c1"]}), 422)
    problem(client.put("/v1/courses/c1", json={"title": "A", "course_id": "c2"}), 422)
    problem(client.put("/v1/jobs/j1", json={"title": "A", "skills": [{"skill_id": "none"}]}), 422)
    job = {"job_id": "none", "happened_at": "2026-01-01"}
    problem(client.put("/v1/employees/1", json={"hired_at": "2026-01-01", "job": job}), 422)
    assert client.get("/v1/courses/c1").status_code == 404
    assert client.get("/v1/employees/1").status_code == 404


def test_an_unforeseen_error_tells_nothing_but_its_id(
    client: TestClient, sqlite_house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(sqlite_house, "clock", broken)
    answer = client.post("/v1/events", json=EVENT)
    body = problem(answer, 500)
    assert "secret" not in answer.text
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["request_id"] in {getattr(record, "request_id", "") for record in caplog.records}
    monkeypatch.undo()
    assert client.get("/health/live").status_code == 200


def test_a_store_that_is_away_is_503_and_the_process_lives(client: TestClient, sqlite_store: Store) -> None:
    import sqlalchemy as sa

    with sqlite_store.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE courses RENAME TO gone"))
    body = problem(client.get("/v1/courses/c1"), 503)
    assert "store" in body["detail"]
    assert client.get("/health/live").status_code == 200


def test_every_answer_carries_an_id_and_the_headers_of_safety(client: TestClient) -> None:
    for path in ("/health/live", "/v1/nothing", "/v1/models"):
        headers = client.get(path).headers
        assert len(headers["x-request-id"]) == 16
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.01)
    said: list[Message] = []

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Message) -> None:
        said.append(message)

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    scope: Scope = {"type": "http", "method": "POST", "raw_path": b"/", "query_string": b"", "headers": []}
    asyncio.run(limits.Limits(app, 1_000, 1_000)(scope, never, send))
    assert said[0]["status"] == 408
    assert dict(said[0]["headers"])[b"connection"] == b"close"


def test_what_waited_too_long_for_a_thread_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    async def story() -> None:
        with ThreadPoolExecutor(1) as pool:
            asyncio.get_running_loop().set_default_executor(pool)
            first = asyncio.create_task(in_thread(time.sleep, 0.1))
            await asyncio.sleep(0)
            with pytest.raises(UnavailableError, match="not begun"):
                await in_thread(begun.append, "second")
            await first
            await in_thread(begun.append, "third")

    monkeypatch.setattr("serving.house.MOST_SECONDS_WAITING", 0.05)
    asyncio.run(story())
    assert begun == ["third"]
