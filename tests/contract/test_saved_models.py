"""A registered model answers where our packages cannot be imported, as it answered when it was evaluated."""

from __future__ import annotations

import ast
import inspect
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.records.store import Store
from training.loading import load_scorer
from training.payload import payload_digest

pytestmark = pytest.mark.slow

SIGNATURES = Path(__file__).parents[2] / "docs" / "signatures.md"
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
SUFFIXES = {".txt", ".npz", ".json", ".py"}


def test_a_saved_model_answers_where_our_packages_cannot_be_imported(saved: Any) -> None:
    assert saved.alone["ours"] == []
    assert saved.alone["answer"]


def test_the_data_frame_way_and_the_array_way_give_the_same_numbers(saved: Any) -> None:
    scores = np.concatenate([np.asarray(call).reshape(len(call), -1) for call in saved.alone["scores"]])
    answer = np.concatenate([np.asarray(column) for column in saved.alone["answer"]], axis=1)
    leading = answer[:, : scores.shape[1]]
    np.testing.assert_allclose(leading, scores, rtol=0, atol=1e-9)
    for column, again in zip(saved.alone["answer"], saved.alone["again"], strict=True):
        np.testing.assert_array_equal(column, again)


def test_loading_a_saved_model_leaves_its_payload_as_it_was_signed(saved: Any) -> None:
    assert payload_digest(saved.payload) == saved.trained.logged.payload_digest


def test_a_saved_model_is_plain_files_and_holds_no_pickle(saved: Any) -> None:
    files = [path for path in saved.payload.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= SUFFIXES
    for path in (path for path in saved.folder.rglob("*") if path.is_file()):
        assert not path.read_bytes()[:2].startswith(PICKLES), path.name
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive, np.load(path, allow_pickle=False) as arrays:
                assert all(name.endswith(".npy") for name in archive.namelist())
                assert all(arrays[name].dtype.kind != "O" for name in arrays.files)
    assert saved.alone["flavors"] == ["python_function"]
    assert saved.alone["loader"] == "mlflow.pyfunc.loaders.code_model"


def test_nobodys_identifier_is_in_anything_that_was_logged(saved: Any, small_store: Store) -> None:
    people = {name.encode() for name in small_store.frame("employees", ["employee_id"])["employee_id"]}
    pattern = re.compile(rb"E\d{6}")
    assert all(pattern.fullmatch(name) for name in people)
    (root,) = [folder.parent for folder in saved.folder.parents if folder.name == "mlflow-artifacts"]
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {"mlflow.db", "golden.npz", "evaluation.json"} <= {path.name for path in files}
    found = {path.name for path in files if people & set(pattern.findall(path.read_bytes()))}
    assert found == set()


def test_a_saved_model_names_nothing_of_ours(saved: Any) -> None:
    for path in saved.folder.rglob("*.py"):
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
        assert not imported & {"features", "training", "serving", "skillpath"}, path.name


def test_the_evaluation_keeps_the_contract_that_promotion_relies_on(saved: Any) -> None:
    evaluation = saved.trained.evaluation
    assert evaluation.question == saved.question
    if evaluation.status == "refused":  # the small organisation may be too small for a question
        assert evaluation.reason
        return
    assert evaluation.primary in evaluation.metrics
    for name, units in evaluation.peer_units.items():
        assert np.shape(units) == np.shape(evaluation.per_unit), name
    assert evaluation.n
    assert saved.trained.logged.data_digest


def documented(question: str) -> list[list[str]]:
    """Return the names in each cell of a question's row of docs/signatures.md."""
    rows = [line.split("|")[1:-1] for line in SIGNATURES.read_text().splitlines() if line.startswith("|")]
    (row,) = [cells for cells in rows if cells[0].strip() == question]
    return [re.findall(r"`([^`]+)`", cell) for cell in row[1:]]


def fits(found: list[str], patterns: list[str]) -> bool:
    """Say whether every name fits a documented one, and every documented one a name; <…> stands for anything."""
    expressions = [re.compile("".join(".+" if part.startswith("<") else re.escape(part)
                                      for part in re.split(r"(<[^>]+>)", pattern))) for pattern in patterns]  # fmt: skip
    return all(any(each.fullmatch(name) for each in expressions) for name in found) and all(
        any(each.fullmatch(name) for name in found) for each in expressions
    )


def test_the_table_of_signatures_says_what_the_model_takes_and_returns(saved: Any) -> None:
    takes, returns, asks, _ = documented(saved.question)
    assert fits(saved.alone["inputs"], takes), saved.alone["inputs"]
    assert fits(saved.alone["columns"], returns), saved.alone["columns"]
    assert list(inspect.signature(load_scorer(saved.payload).scores).parameters) == asks
