"""Everything that the contract allows, and much that it does not, asked of the app: every answer is as the contract says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from features.records.moments import to_micros
from features.records.store import open_store
from serving.access import ALL_SCOPES
from serving.app import create_app
from serving.keys import create_key
from serving.opening import build_house
from serving.rights import erasure
from serving.settings import ServingSettings

EXAMPLES = 6
# Rules that a schema cannot say (a reference must exist, a body's key is the path's, an end lies after its start): what the
# schema allows may be refused there, with 400 or 422, wherever a body is sent, and by these; every other check holds.
SEMANTIC = {
    ("/v1/courses:search", "get"),
    ("/xapi/statements", "get"),
    ("/v1/employees/{employee_id}/learning-path", "get"),  # a deadline lies ahead
    ("/v1/evaluations", "get"),  # a cursor is one that was given
    ("/v1/attrition-risks", "get"),
}
WITH_BODY = ("post", "put", "patch")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def asked_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """Return the app over a few records, and a key with every scope."""
    given = ServingSettings(var=tmp_path_factory.mktemp("asked") / "var", progress=False)
    store = open_store(given.url)
    at = to_micros(datetime.now(UTC) - timedelta(days=100))
    with store.transaction() as connection:
        store.upsert(
            connection, "employees", [{"employee_id": "E0001", "spell": 1, "hired_at": at, "known_at": at}]
        )
        store.upsert(connection, "jobs", [{"job_id": "J0001", "title": "Analyst"}])
        store.upsert(connection, "courses", [{"course_id": "C0001", "title": "Python"}])
    key = create_key(store, "contract", ALL_SCOPES, datetime.now(UTC))
    yield create_app(house=build_house(given, store)), key
    store.close()


@pytest.fixture(scope="module")
def contract(asked_app: tuple[Any, str]) -> Any:
    """Return the contract, asked in process."""
    app, _ = asked_app
    loaded = schemathesis.openapi.from_asgi("/openapi.json", app)
    loaded.config.generation.update(
        allow_x00=False
    )  # NUL is refused everywhere: tests/serving/test_bad_requests.py
    return loaded


def operations() -> list[tuple[str, str]]:
    """Return (path, method) of every operation of the checked-in contract."""
    paths = json.loads(DOCS.read_text())["paths"]
    return [(path, method) for path, methods in paths.items() for method in methods]


def takes_the_last(case: schemathesis.Case) -> bool:
    """Say whether a query parameter is given as a list: of one that takes a single value the last counts, and it is no error."""
    return any(isinstance(value, list) for value in (case.query or {}).values())


@pytest.mark.usefixtures("erasing_at_once")
@pytest.mark.parametrize(("path", "method"), operations())
def test_every_answer_is_as_the_contract_says(
    contract: Any, asked_app: tuple[Any, str], path: str, method: str
) -> None:
    operation, headers = contract[path][method], {"Authorization": f"Bearer {asked_app[1]}"}

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(headers=headers)
        without = [
            not_a_server_error,
            *([positive_data_acceptance] if (path, method) in SEMANTIC or method in WITH_BODY else []),
        ]
        without += [negative_data_rejection] if answer.status_code == 414 or takes_the_last(case) else []
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        case.validate_response(answer, headers=headers, excluded_checks=without)

    ask()


@pytest.fixture(scope="module")
def erasing_at_once() -> Iterator[None]:
    """Let an erasure look a second time at once."""
    before = erasure.SETTLING_SECONDS
    erasure.SETTLING_SECONDS = 0.0
    yield
    erasure.SETTLING_SECONDS = before
