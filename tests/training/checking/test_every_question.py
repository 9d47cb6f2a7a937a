"""A recommender, a skills model and an impact model of somebody else are asked by name, and set beside ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.errors import RefusedError
from features.records.store import Store
from training.checking.beside import beside_ours
from training.checking.check import QUESTIONS, Checked
from training.checking.contract import Contract, Frame
from training.checking.examination import Examined, examine
from training.checking.judging import contract_gates
from training.checking.questions import impact, recommendation, skills
from training.context import TrainingContext
from training.quiet import quietly
from training.recommendation.dataset import Dataset
from training.rescoring.recommendation import last_block
from training.runs import end_of
from training.skills.labelled import Labelled

RECOMMENDER = """
import json
import mlflow
import numpy as np
import pandas as pd

class Brought(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        pass

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        taken = [json.loads(text) for text in model_input["course_ids"]]
        said = np.tile(np.arange({width}, dtype=float), (len(taken), 1)) + [[len(row)] for row in taken]
        {change}
        return pd.DataFrame({{"scores": said.tolist()}})

mlflow.models.set_model(Brought())
"""
OURS = """
import numpy as np

class Scorer:
    @classmethod
    def load(cls, folder):
        return cls()

{body}
"""


def frame_of(columns: Mapping[str, list[Any]]) -> Frame:
    return {name: np.array(values) for name, values in columns.items()}


def payload(folder: Path, body: str) -> tuple[str, Path]:
    """Write a scorer with a known answer as our side."""
    folder.mkdir()
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    (folder / "scorer.py").write_text(OURS.format(body=lines))
    return "ours", folder


@pytest.fixture(scope="module")
def dataset(small_store: Store) -> Dataset:
    records = small_store.frames()
    return last_block(TrainingContext(records, end_of(records)))


@pytest.fixture(scope="module")
def asked(dataset: Dataset) -> Contract:
    return recommendation.contract(None, dataset)


@pytest.fixture(scope="module")
def examined(asked: Contract, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Examined]:
    """Return what a good recommender and three bad ones answer, all asked in one process."""
    with quietly():
        import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    changes = {
        "good": "pass",
        "short": "said = said[:, 1:]",
        "empty": "said[[not row for row in taken]] = np.nan",
        "by the others": "said = said + len(taken)",
    }
    signature = ModelSignature(Schema([ColSpec("string", "course_ids")]))
    folders = []
    for name, change in changes.items():
        folder = tmp_path_factory.mktemp(name.replace(" ", "_"))
        (folder / "model.py").write_text(RECOMMENDER.format(width=asked.width, change=change))
        with quietly():
            mlflow.pyfunc.save_model(folder / "model", python_model=str(folder / "model.py"), signature=signature,
                                     pip_requirements=["numpy"])  # fmt: skip
        folders.append(folder / "model")
    return dict(zip(changes, examine(folders, asked), strict=True))


class TestRecommenders:
    @pytest.mark.parametrize(
        ("name", "gate", "why"),
        [
            ("short", "answers", "numbers a row where"),
            ("empty", "missing values", "have no answer"),
            ("by the others", "rows apart", "or alone"),
        ],
    )
    def test_a_bad_recommender_is_refused_for_the_right_reason(
        self, name: str, gate: str, why: str, examined: dict[str, Examined], asked: Contract
    ) -> None:
        failed = {each.name: each for each in contract_gates(examined[name], asked) if not each.passed}
        assert why in failed[gate].explanation

    def test_a_good_one_passes_and_has_a_list_for_everybody_asked(
        self, examined: dict[str, Examined], asked: Contract, dataset: Dataset
    ) -> None:
        assert [gate for gate in contract_gates(examined["good"], asked) if not gate.passed] == []
        assert examined["good"].answers["asked"].shape == (dataset.test.size, len(dataset.course_ids))

    def test_what_is_asked_is_what_people_had_taken_and_not_what_they_took(
        self, asked: Contract, dataset: Dataset
    ) -> None:
        taken = [json.loads(text) for text in asked.asked["course_ids"]]
        block = dataset.test
        assert [len(row) for row in taken] == np.diff(block.history.indptr).tolist()
        assert list(dataset.course_ids) == sorted(dataset.course_ids)
        assert asked.inputs == ["course_ids", "job_id"]

    def test_who_knows_what_comes_is_ahead_and_who_turns_it_round_is_not(
        self, dataset: Dataset, tmp_path: Path
    ) -> None:
        ids, jobs = list(dataset.course_ids), list(dataset.job_ids)
        ours = payload(tmp_path / "p", f"""
course_ids, job_ids, n_items = {ids!r}, {jobs!r}, {len(ids)}
def scores(self, indptr, items, weights, jobs, gap_shares=None):
    return np.tile(np.arange({len(ids)}, dtype=float), (len(jobs), 1))
""")  # fmt: skip
        truth = dataset.test.targets.toarray()
        known, (gate,) = recommendation.judge(dataset, truth, ours, np.random.default_rng(1))
        assert (known.metrics["ndcg@10"].value, gate.passed) == (pytest.approx(1.0, abs=0.05), True)
        assert set(known.peers) == {"ours", "popularity"}
        _, (gate,) = recommendation.judge(dataset, -truth, ours, np.random.default_rng(1))
        assert not gate.passed


class TestSkills:
    def bench(self) -> Any:
        return SimpleNamespace(context=SimpleNamespace(encode=lambda texts: np.ones((len(texts), 3))))

    def labelled(self, n: int) -> Any:
        texts, relevant = (
            tuple(f"text {one}" for one in range(n)),
            tuple(frozenset({one % 4}) for one in range(n)),
        )
        test = Labelled(texts, relevant, np.arange(n + 1), np.zeros((n, 3), dtype=np.float32), {})
        taxonomy = SimpleNamespace(size=4, names=["a", "b", "c", "d"])
        return SimpleNamespace(concepts=SimpleNamespace(taxonomy=taxonomy), test=test, are_titles=False)

    def test_too_few_texts_to_judge_by_are_said(self) -> None:
        with pytest.raises(RefusedError, match="Too few texts"):
            skills.contract(self.bench(), self.labelled(3))

    def test_a_text_and_its_vector_are_asked_and_a_score_of_every_concept_is_due(self) -> None:
        found = skills.contract(self.bench(), self.labelled(12))
        assert (found.inputs, found.width, list(found.outputs)) == (["text", "vectors"], 4, ["scores"])
        assert found.asked["vectors"].shape == (12, 3)
        assert set(found.missing["text"]) == {""}

    def test_who_knows_the_concepts_is_ahead_of_who_says_the_same_of_every_text(self, tmp_path: Path) -> None:
        ours = payload(tmp_path / "p", """
window_lengths = ()
def sentence_scores(self, vectors, windows, window_offsets):
    return np.tile([3.0, 2.0, 1.0, 0.0], (len(vectors), 1))
""")  # fmt: skip
        data = self.labelled(12)
        truth = np.eye(4)[[number % 4 for number in range(12)]]
        found, (gate,) = skills.judge(data, truth, ours, np.random.default_rng(1))
        assert (found.metrics["rp@5"].value, gate.passed) == (1.0, True)
        assert found.peers["ours"]["rp@5"].value == 1.0  # of four concepts all stand among the first five


class TestImpact:
    DATASET: Any = SimpleNamespace(course_ids=("c1", "c2"), outcome_names=("sales",))

    def examined(self, **changes: Any) -> Examined:
        found = impact.contract(None, self.DATASET)
        nothing = np.full((64, 3), np.nan)
        first = np.tile([0.1, 0.0, 0.2], (64, 1))
        answers = {"first": first, "again": first, "turned": first, "single": first[:4], "missing": nothing,
                   "unknown": nothing, "asked": np.tile([0.1, 0.0, 0.2], (found.size("asked"), 1))}  # fmt: skip
        return Examined("", "", {**answers, **changes}, 0.01)

    def failed(self, found: Examined) -> list[str]:
        asked = impact.contract(None, self.DATASET)
        return [gate.name for gate in contract_gates(found, asked) if not gate.passed]

    def test_an_effect_of_what_nobody_knows_is_refused(self) -> None:
        assert self.failed(self.examined(unknown=np.zeros((64, 3)))) == ["unknown values"]

    def test_a_refusal_is_an_answer(self) -> None:
        first = np.full((64, 3), np.nan)
        assert self.failed(self.examined(first=first, again=first, turned=first, single=first[:4])) == []

    @pytest.mark.parametrize("said", [[0.3, 0.0, 0.2], [0.1, np.nan, 0.2]])
    def test_an_estimate_outside_its_interval_or_without_one_is_refused(self, said: list[float]) -> None:
        assert not impact.well_formed(np.array([said, [0.1, 0.0, 0.2]])).passed

    def test_how_many_intervals_meet_ours_is_counted_and_no_gate_asks_for_it(self, tmp_path: Path) -> None:
        ours = payload(tmp_path / "p", """
course_ids, outcomes = ["c2", "c1"], ["sales"]
def scores(self, course_index, outcome_index):
    return np.array([[5.0, 4.0, 6.0], [0.1, 0.0, 0.2]])[course_index]
""")  # fmt: skip
        said = np.array([[0.15, 0.1, 0.3], [0.0, -0.1, 0.1]])
        found, gates = impact.judge(self.DATASET, said, ours, np.random.default_rng(1))
        assert found.per_unit.tolist() == [1.0, 0.0]  # c1 meets 0 to .2, c2 does not meet 4 to 6
        assert [gate.name for gate in gates] == ["interval"]
        assert found.n == {"pairs": 2, "they_estimate": 2, "we_estimate": 2, "both": 2}


def test_the_table_of_signatures_names_the_columns_that_are_asked(asked: Contract) -> None:
    told = (Path(__file__).parents[3] / "docs" / "signatures.md").read_text(encoding="utf-8")
    found = [
        asked,
        impact.contract(None, TestImpact.DATASET),
        skills.contract(TestSkills().bench(), TestSkills().labelled(12)),
    ]
    for contract in found:
        (row,) = re.findall(rf"^\| \*\*{contract.question}\*\* \|.*$", told, re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", row))
        assert {*contract.inputs, *contract.outputs} == named - {"organisation"}, contract.question


def test_every_question_can_be_asked_and_says_how_a_model_of_it_enters() -> None:
    assert set(QUESTIONS) == {"skills", "recommendation", "attrition", "impact"}
    assert "no converter" in Checked("models:/x/1", "skills", []).lacks
    assert "skillpath convert" in Checked("models:/x/1", "attrition", []).lacks
    assert "skillpath promote attrition" in Checked("models:/x/1", "attrition", [], is_bundle=True).lacks


def test_who_is_worse_than_ours_by_more_than_the_margin_is_inferior() -> None:
    rng: Callable[[], np.random.Generator] = lambda: np.random.default_rng(3)  # noqa: E731
    ours, nothing = np.full(200, 0.5), np.zeros(200)
    for theirs, passed in ((0.49, True), (0.4, False)):  # 5 % of .5 is .025
        units = {"theirs": np.full(200, theirs), "ours": ours, "random": nothing}
        found, (gate,) = beside_ours("skills", "rp@5", units, "ours", rng())
        assert gate.passed is passed
        assert found.peers["random"]["rp@5"].value == 0
