"""Logs are JSON lines that name no person, no key and no score."""

from __future__ import annotations

import json
import logging

import pytest
from fastapi.testclient import TestClient

from serving.http.logs import JsonLines


def test_a_failure_says_where_it_was_and_never_what_it_said() -> None:
    try:
        raise ValueError("Ann Example earns 50000")
    except ValueError:
        record = logging.getLogger("skillpath.failure").makeRecord(
            "skillpath.failure",
            logging.ERROR,
            "f",
            1,
            "unforeseen",
            (),
            __import__("sys").exc_info(),
            extra={"request_id": "r", "employee": "Ann"},
        )
    line = json.loads(JsonLines().format(record))
    assert (line["error"], line["request_id"], line["message"]) == ("ValueError", "r", "unforeseen")
    assert "test_logs.py" in line["where"][0]
    assert "Ann" not in json.dumps(line)


def test_a_request_s_line_names_the_operation_and_nobody(
    client: TestClient, full_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "skillpath.request")
    client.get("/v1/employees/ann-example?secret=7", headers={"X-Api-Key": full_key})
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "skillpath.request"]
    said = json.loads(lines[-1])
    assert (said["operation"], said["status"], said["key"]) == ("get_employee", 404, full_key[:11])
    assert "ann" not in lines[-1]
    assert "secret" not in lines[-1]
    assert full_key not in lines[-1]
