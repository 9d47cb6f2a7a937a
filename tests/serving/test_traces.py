"""Traces tell operations and statuses to a collector that the settings name, and nothing about anybody."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from features.errors import BadInputError
from serving import traces
from serving.app import create_app
from serving.house import House
from serving.settings import ServingSettings, read_settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that gives the finished spans; they are sent to memory."""
    exporter, providers = InMemorySpanExporter(), []
    provider_of = traces.provider_of

    def kept(given: Any) -> Any:
        providers.append(provider_of(given))
        return providers[-1]

    def finished() -> Any:
        providers[0].force_flush()
        return exporter.get_finished_spans()

    monkeypatch.setattr(traces, "exporter_of", lambda _settings: exporter)
    monkeypatch.setattr(traces, "provider_of", kept)
    yield finished
    for provider in providers:
        provider.shutdown()


@pytest.fixture
def asking(serving_settings: ServingSettings, sqlite_house: House, full_key: str, spans: Any) -> TestClient:
    """Return a client of a service that sends traces."""
    sqlite_house.settings = serving_settings.model_copy(
        update={"traces_url": "http://127.0.0.1:4318/v1/traces"}
    )
    app = create_app(house=sqlite_house)
    return TestClient(app, headers={"X-API-Key": full_key}, raise_server_exceptions=False)


def test_an_address_that_is_not_encrypted_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLPATH_TRACES_URL", "http://collector.example/v1/traces")
    with pytest.raises(BadInputError, match="neither https nor on this host"):
        read_settings()


def test_without_the_packages_the_start_says_what_to_install(
    serving_settings: ServingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(BadInputError, match=r"skillpath\[telemetry\]"):
        traces.exporter_of(serving_settings.model_copy(update={"traces_url": "https://c.example/v1/traces"}))


def test_where_no_collector_is_named_what_sends_is_not_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from serving.app import create_app; from serving.settings import ServingSettings;"
        f"create_app(ServingSettings(var={str(tmp_path)!r}));"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_span_names_the_operation_in_the_callers_trace_and_nobody(asking: TestClient, spans: Any) -> None:
    header = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = asking.get("/v1/employees/ann-4711/skill-gaps?secret=sk_4711", headers=header)
    assert answer.status_code == 404
    assert asking.get("/health/live").status_code == 200
    (span,) = spans()
    assert (span.name, format(span.context.trace_id, "032x")) == ("get_skill_gaps", TRACE)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "skillpath.request_id": answer.headers["X-Request-Id"],
    }
    assert "4711" not in span.to_json()


def test_what_nobody_foresaw_is_an_error_without_its_words(
    asking: TestClient, spans: Any, sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object, **_more: object) -> None:
        raise RuntimeError("ann-4711 earns 4711")

    monkeypatch.setattr("serving.records.routes.found", broken)
    assert asking.get("/v1/courses/c").status_code == 500
    (span,) = spans()
    assert (span.name, span.status.status_code) == ("get_course", StatusCode.ERROR)
    assert "4711" not in span.to_json()
