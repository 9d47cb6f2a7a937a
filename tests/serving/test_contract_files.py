"""The contract and the matrix of roles lie in docs as files, equal to what the service says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from serving.app import create_app
from serving.house import House
from serving.http.openapi import as_text
from serving.roles import matrix

DOCS = Path(__file__).resolve().parents[2] / "docs"
CODE = re.compile(
    r"(get|list|put|post|patch|delete|search|recommend|assess|export|erase|object|review|switch|backtest|declare"
    r"|estimate|correct|decide|opt|verify|reject|find|ask|set|batch|withdraw|explore|compare|tag|assign|declare)(_[a-z0-9]+)+"
)


@pytest.mark.parametrize(
    ("name", "said", "command"),
    [("openapi.json", as_text, "serving.http.openapi"), ("access.md", matrix, "serving.roles")],
)
def test_a_file_of_the_contract_is_equal_to_the_app(
    sqlite_house: House, name: str, said: object, command: str
) -> None:
    now = said(create_app(house=sqlite_house))  # type: ignore[operator]
    assert (DOCS / name).read_text() == now, f"run: python -m {command} > docs/{name}"


def test_operation_ids_are_unique_and_read_as_code() -> None:
    paths = json.loads((DOCS / "openapi.json").read_text())["paths"]
    names = [said["operationId"] for methods in paths.values() for said in methods.values()]
    assert len(names) == len(set(names))
    assert not [name for name in names if not CODE.fullmatch(name)]
