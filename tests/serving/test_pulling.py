"""Reading from other systems: from where the last pull ended, nowhere but where the settings say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from features.errors import BadInputError, RefusedError, UnavailableError
from features.records.store import Store
from serving.pulling.catalogue import pull_moodle, pull_pages
from serving.pulling.commands import app
from serving.pulling.statements import RecordStore, pull_statements
from serving.pulling.web import check_address

Answer = Callable[[str, dict[str, list[str]], str], tuple[int, Any]]


def now() -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC)


class Elsewhere:
    """Another system on a loopback port; a test says what it answers."""

    def __init__(self) -> None:
        self.answer: Answer = lambda *_: (404, {})
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                outer.asked.append(self.path)
                parts = urlsplit(self.path)
                status, said = outer.answer(parts.path, parse_qs(parts.query or body), self.path)
                text = said if isinstance(said, str) else json.dumps(said)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    started = Elsewhere()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def stocked(sqlite_store: Store) -> Store:
    """Return a store with one person and one course."""
    person = {"employee_id": "ann", "spell": 1, "hired_at": 0, "known_at": 0}
    with sqlite_store.transaction() as connection:
        sqlite_store.upsert(connection, "employees", [person])
        sqlite_store.upsert(connection, "courses", [{"course_id": "python", "title": "Python"}])
    return sqlite_store


def statement(number: int) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "actor": {"account": {"homePage": "https://lms.example", "name": "ann"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/progressed"},
        "object": {"id": "https://lms.example/python", "definition": {"type": "http://adlnet.gov/expapi/activities/course"}},
        "timestamp": "2026-01-01T00:00:00Z",
        "stored": f"2026-01-01T00:{number:02}:00Z",
    }  # fmt: skip


def record_store(held: list[dict[str, Any]], size: int = 2, fails_at: int = -1) -> Answer:
    """Return a record store that answers pages of a size, and fails once at one of them."""
    failures = [fails_at]

    def answer(_path: str, query: dict[str, list[str]], _url: str) -> tuple[int, Any]:
        start = int(query.get("at", ["0"])[0])
        if start == failures[0]:
            failures[0] = -1
            return 503, {}
        since = query.get("since", [""])[0].replace("+00:00", "Z")
        found = [one for one in held if one["stored"] > since]
        rest = f"&since={since}" if since else ""
        more = f"/xapi/statements?at={start + size}{rest}" if start + size < len(found) else ""
        return 200, {"statements": found[start : start + size], "more": more}

    return answer


@pytest.mark.parametrize(
    "url",
    ["http://lrs.example/xapi", "file:///etc/passwd", "https://a:b@lrs.example/", "nonsense", "https://"],
)
def test_an_address_that_would_show_the_password_is_no_setting(url: str) -> None:
    with pytest.raises(BadInputError, match="SKILLPATH_LRS_URL"):
        check_address(url, "SKILLPATH_LRS_URL")


def test_a_page_that_leads_to_another_host_is_not_followed(elsewhere: Elsewhere, stocked: Store) -> None:
    elsewhere.answer = lambda *_: (200, {"statements": [], "more": "http://127.0.0.2:1/statements"})
    with pytest.raises(RefusedError, match="another host"):
        pull_statements(stocked, RecordStore(f"{elsewhere.url}/xapi/statements"), now)


@pytest.mark.parametrize("said", [(302, {}), (500, {}), (200, "nonsense"), (200, {"statements": 7})])
def test_what_answers_no_statements_is_said_to(elsewhere: Elsewhere, stocked: Store, said: Any) -> None:
    elsewhere.answer = lambda *_: said
    with pytest.raises(UnavailableError):
        pull_statements(stocked, RecordStore(f"{elsewhere.url}/xapi/statements"), now)
    assert stocked.count("statements") == 0


def test_a_pull_follows_more_and_the_next_one_begins_where_it_ended(
    elsewhere: Elsewhere, stocked: Store
) -> None:
    held = [statement(number) for number in range(5)]
    elsewhere.answer = record_store(held)
    other = RecordStore(f"{elsewhere.url}/xapi/statements", "user", "password")
    report = pull_statements(stocked, other, now)
    assert (report.accepted, report.duplicates, stocked.count("learning_events")) == (5, 0, 5)
    held.append(statement(6))
    report = pull_statements(stocked, other, now)
    assert (report.accepted, stocked.count("learning_events")) == (1, 6)
    assert "since=2026-01-01T00%3A03%3A59" in elsewhere.asked[-1]


def test_a_pull_that_is_stopped_goes_on_where_it_was(elsewhere: Elsewhere, stocked: Store) -> None:
    elsewhere.answer = record_store([statement(number) for number in range(6)], fails_at=4)
    other = RecordStore(f"{elsewhere.url}/xapi/statements")
    with pytest.raises(UnavailableError):
        pull_statements(stocked, other, now)
    assert stocked.count("learning_events") == 4
    report = pull_statements(stocked, other, now)
    assert (report.accepted, report.duplicates, stocked.count("learning_events")) == (2, 0, 6)


def moodle(path: str, query: dict[str, list[str]], _url: str) -> tuple[int, Any]:
    """Answer as Moodle's web services do."""
    assert path == "/webservice/rest/server.php"
    if query["wstoken"] != ["secret"]:
        return 200, {"exception": "x", "errorcode": "invalidtoken"}
    answers = {
        "core_course_get_categories": [{"id": 3, "name": "Data &amp; more"}],
        "core_course_get_courses": [
            {"id": 1, "fullname": "The site", "categoryid": 0},
            {
                "id": 2,
                "fullname": "Python",
                "categoryid": 3,
                "summary": "<p>To <b>count</b></p>",
                "lang": "en",
            },
        ],
        "core_competency_list_course_competencies": [
            {"competency": {"id": 9, "shortname": "Counting", "idnumber": "S-count"}}
        ],
    }
    return 200, answers[query["wsfunction"][0]]


def test_a_moodle_s_courses_come_with_what_they_teach(elsewhere: Elsewhere, sqlite_store: Store) -> None:
    elsewhere.answer = moodle
    assert pull_moodle(sqlite_store, elsewhere.url, "secret", now).accepted == 1
    (course,) = sqlite_store.frame("courses").to_dicts()
    assert (course["course_id"], course["title"], course["language"]) == ("2", "Python", "en")
    assert course["url"] == f"{elsewhere.url}/course/view.php?id=2"
    assert course["description"] == "To count\n\nCategory: Data & more."
    assert sqlite_store.frame("course_skills").row(0)[:2] == ("2", "S-count")
    assert pull_moodle(sqlite_store, elsewhere.url, "secret", now).accepted == 0


def test_a_moodle_that_refuses_the_token_changes_nothing(elsewhere: Elsewhere, sqlite_store: Store) -> None:
    elsewhere.answer = moodle
    with pytest.raises(UnavailableError, match="refused") as refusal:
        pull_moodle(sqlite_store, elsewhere.url, "wrong", now)
    assert refusal.value.found == "invalidtoken"
    assert sqlite_store.count("courses") == 0


@pytest.mark.parametrize("wrapping", ["{}", '<html><script type="application/ld+json">{}</script></html>'])
def test_courses_are_read_from_linked_data_and_from_pages_that_hold_it(
    elsewhere: Elsewhere, sqlite_store: Store, wrapping: str
) -> None:
    course = {"@type": "Course", "identifier": "c1", "name": "Excel", "teaches": "Counting"}
    elsewhere.answer = lambda *_: (200, wrapping.replace("{}", json.dumps(course)))
    assert pull_pages(sqlite_store, [f"{elsewhere.url}/catalogue"], now).accepted == 1
    assert sqlite_store.frame("courses")["title"].to_list() == ["Excel"]


def test_the_command_reads_what_the_settings_name(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere.answer = moodle
    named = {"VAR": str(tmp_path), "MOODLE_URL": elsewhere.url, "MOODLE_TOKEN": "secret"}
    for name, value in named.items():
        monkeypatch.setenv(f"SKILLPATH_{name}", value)
    app(["pull", "moodle", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["accepted"] == 1
    for kind, wrong in (("statements", "SKILLPATH_LRS_URL is empty"), ("everything", "Unknown kind")):
        with pytest.raises(BadInputError, match=wrong):
            app(["pull", kind], standalone_mode=False)
