"""The scorecard of trust can be run: each of its rows in process, with a little of its effort."""

from __future__ import annotations

import pytest

from benchmarks.trust.__main__ import ROWS, TESTS
from benchmarks.trust.scorecard import Effort

WITH_PROCESSES = {
    "1",
    "4",
    "6b",
    "7",
    "8",
    "12",
    "13",
}  # they start and kill a service: minutes, by the command
NOT_OURS = {"21", "22", "26", "27", "28"}  # the models' own proofs
ELSEWHERE = {"15"}  # tests/serving/test_access.py asks every route in every role
IN_PROCESS = sorted(set(ROWS) - WITH_PROCESSES - ELSEWHERE)


@pytest.mark.parametrize("name", IN_PROCESS)
def test_a_row_of_the_scorecard_holds(name: str) -> None:
    facts = list(ROWS[name](Effort(200)))
    assert facts
    assert not [(fact.what, fact.found, fact.target) for fact in facts if not fact.holds]


def test_every_row_is_run_or_named_with_its_test() -> None:
    numbers = {name.rstrip("ab") for name in ROWS} | set(TESTS)
    assert numbers | NOT_OURS == {str(number) for number in range(1, 29)}
