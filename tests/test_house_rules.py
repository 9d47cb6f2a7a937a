"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("features", "training", "serving")
QUESTIONS = ("skills", "recommendation", "attrition", "impact")
SOURCES = sorted(path for stage in STAGES for path in (ROOT / stage).rglob("*.py"))
BANNED_NAMES = {"utils", "util", "helpers", "common", "base", "misc"}
PICKLES = re.compile(r"\b(pickle|joblib|cloudpickle|dill)\b|code_paths\s*=")


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=identifier)
def test_a_file_is_small_enough_to_read_at_once(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= 350, f"{identifier(path)} has {lines} lines; split it by concept"


@pytest.mark.parametrize("path", SOURCES, ids=identifier)
def test_no_file_is_named_for_nothing(path: Path) -> None:
    assert path.stem not in BANNED_NAMES, f"{identifier(path)}: name the concept it holds"


@pytest.mark.parametrize("path", SOURCES, ids=identifier)
def test_no_pickle_and_no_code_paths_anywhere(path: Path) -> None:
    imported = imports_of(path)
    assert not imported & {"pickle", "joblib", "cloudpickle", "dill"}, identifier(path)
    assert "code_paths=" not in path.read_text().replace(" ", ""), identifier(path)


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_its_room_in_every_stage(question: str) -> None:
    assert (ROOT / "features" / question).is_dir() or (ROOT / "features" / f"{question}.py").is_file()
    assert (ROOT / "serving" / question / "routes.py").is_file()
    for name in ("dataset", "fit", "evaluate", "scorer", "model"):
        assert (ROOT / "training" / question / f"{name}.py").is_file(), f"training/{question}/{name}.py"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_scorer_imports_nothing_of_ours(question: str) -> None:
    assert not imports_of(ROOT / "training" / question / "scorer.py") & {*STAGES, "skillpath"}


def test_only_tracking_speaks_mlflow_in_training_and_only_models_in_serving() -> None:
    allowed = {ROOT / "training" / "tracking.py"} | {ROOT / "training" / q / "model.py" for q in QUESTIONS}
    allowed |= {ROOT / "serving" / "models" / "registry.py"}
    speaking = {path for path in SOURCES if "mlflow" in imports_of(path)} - allowed
    assert not speaking, sorted(map(identifier, speaking))


def test_no_other_distribution_owns_our_package_names() -> None:
    owners = packages_distributions()
    for name in STAGES:
        assert set(owners.get(name, ["skillpath"])) == {"skillpath"}, f"{name} is also in {owners[name]}"


def test_nothing_below_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_importing_a_stage_does_nothing_heavy() -> None:
    program = "import sys, features.history, serving.app; print(sorted({'mlflow', 'torch', 'sentence_transformers'} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout.strip() == "[]"


def test_the_command_line_answers_help_without_heavy_imports() -> None:
    program = (
        "import sys, skillpath\n"
        "try: skillpath.app(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'polars', 'mlflow', 'torch', 'fastapi'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout.strip().splitlines()[-1] == "[]"


def test_the_tree_names_no_machine_and_no_secret() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    home = str(Path.home())
    for name in listed.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".csv"} and path.is_file():
            text = path.read_text(errors="replace")
            assert f"{ROOT.parent}/" not in text, f"{name} names a path of this machine"
            assert home == "/" or f"{home}/" not in text, f"{name} names a home folder"
