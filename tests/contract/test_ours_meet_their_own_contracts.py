"""What is asked of anybody's model, ours answers: each question's saved model passes the gates of its own contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from training.checking.check import QUESTIONS
from training.checking.examination import examine
from training.checking.judging import contract_gates
from training.questions import Question

pytestmark = pytest.mark.slow


def test_a_saved_model_passes_the_gates_of_its_own_contract(saved: Any) -> None:
    dataset = saved.bench.dataset(Question(saved.question))
    asked = QUESTIONS[saved.question].contract(saved.bench, dataset)
    quick = replace(asked, asked=asked.probes)  # made-up rows stand for the last block
    (found,) = examine([saved.folder], quick)
    gates = list(contract_gates(found, quick))
    assert [gate for gate in gates if not gate.passed] == []
    assert {"loads alone", "answers", "determinism", "rows apart", "speed"} <= {gate.name for gate in gates}
