"""The contract says what the service does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from fastapi.testclient import TestClient

from serving.access import SCOPES
from serving.app import create_app
from serving.house import House
from serving.http.documents import EXAMPLES


@pytest.fixture
def contract(client: TestClient) -> dict[str, Any]:
    """Return the OpenAPI document as served."""
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def operations(contract: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, said)
        for path, methods in contract["paths"].items()
        for method, said in methods.items()
    ]


def test_every_operation_has_its_function_s_name_a_tag_a_scope_and_one_sentence(
    contract: dict[str, Any],
) -> None:
    for path, method, said in operations(contract):
        assert said["operationId"] in SCOPES, (path, method)
        assert said["tags"], path
        assert said["description"].strip(), path
        assert "x-scope" in said or SCOPES[said["operationId"]] == "open"


def test_every_route_with_an_identifier_takes_it_in_the_query_too(contract: dict[str, Any]) -> None:
    for path, _, said in operations(contract):
        for name in ("employee_id", "course_id", "job_id"):
            if f"{{{name}}}" in path:
                assert {(each["name"], each["in"]) for each in said["parameters"]} >= {
                    (name, "path"),
                    (name, "query"),
                }


def test_every_operation_behind_a_key_names_its_problems(contract: dict[str, Any]) -> None:
    for path, _, said in operations(contract):
        if not path.startswith("/health"):
            assert set(said["responses"]) >= {"401", "503"}, path


def test_the_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert "post_events" in answer.text
    assert "http://" not in answer.text.replace("https://hr/7", "")
    assert "<script" not in answer.text


def test_the_contract_can_be_closed(sqlite_house: House) -> None:
    sqlite_house.settings = sqlite_house.settings.model_copy(update={"open_docs": False})
    client = TestClient(create_app(house=sqlite_house))
    assert client.get("/openapi.json").status_code == 401
    assert client.get("/docs").status_code == 401


JSON = "application/json"


def success_answers(contract: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """Yield (operation, schema, examples) of every success answer with a JSON body."""
    schemas = contract["components"]["schemas"]
    for _, _, said in operations(contract):
        for status, answer in said["responses"].items():
            content = answer.get("content", {}).get(JSON)
            if status.startswith("2") and content is not None:
                schema = content["schema"]
                named = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
                shown = [content["example"]] if "example" in content else named.get("examples", [])
                yield said["operationId"], schema, shown


def unknown_members(schema: dict[str, Any], value: Any, schemas: dict[str, Any], where: str) -> Iterator[str]:
    """Yield the members of a value that its schema does not name."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        found = [list(unknown_members(each, value, schemas, where)) for each in schema["anyOf"]]
        yield from min(found, key=len)
    elif isinstance(value, list):
        for item in value:
            yield from unknown_members(schema.get("items", {}), item, schemas, where)
    elif isinstance(value, dict) and "properties" in schema:
        for name, member in value.items():
            if name in schema["properties"]:
                yield from unknown_members(schema["properties"][name], member, schemas, f"{where}.{name}")
            else:
                yield f"{where}.{name}"


def test_every_success_answer_has_an_example_that_its_schema_allows(contract: dict[str, Any]) -> None:
    schemas = contract["components"]["schemas"]
    answers = list(success_answers(contract))
    assert len(answers) > 50
    for name, schema, shown in answers:
        assert shown, f"{name} has no example: put an answer of it into {EXAMPLES / name}.json"
        whole = {**schema, "components": contract["components"]}
        for example in shown:
            jsonschema.Draft202012Validator(whole).validate(example)
            assert not list(unknown_members(schema, example, schemas, name))


def test_every_kept_example_belongs_to_an_operation() -> None:
    assert {kept.stem for kept in EXAMPLES.iterdir()} <= set(SCOPES)
