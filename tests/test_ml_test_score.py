"""Every item of the rubric names tests that are there, or says that it is not done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS = re.findall(
    r"^\| (\d+) \| ([^|]+) \| (.+) \|$", (ROOT / "docs" / "ml-test-score.md").read_text(), re.MULTILINE
)


def test_there_are_twenty_eight_items() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 29))


@pytest.mark.parametrize(("item", "answer"), [(item, answer) for _, item, answer in ROWS])
def test_an_item_names_tests_that_exist_or_is_marked_not_done(item: str, answer: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", answer)
    assert named or "not done" in answer, item
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"
