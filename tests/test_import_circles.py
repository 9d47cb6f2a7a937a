"""No module imports itself by way of others, late imports included; what is imported for types alone does not count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("features", "training", "serving")


def modules(root: Path) -> dict[str, Path]:
    paths = [path for stage in STAGES for path in (root / stage).rglob("*.py")]
    return {dotted(path.relative_to(root)): path for path in paths}


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in run_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole & known or {node.module}
    return found & known


def run_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what lies in it, without what only a type checker reads."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield from run_nodes(child)


def check_order(root: Path) -> None:
    """Raise CycleError where modules cannot be put in an order in which each needs only earlier ones."""
    known = modules(root)
    TopologicalSorter({name: imported(path, set(known)) - {name} for name, path in known.items()}).prepare()


def test_modules_stand_in_an_order() -> None:
    check_order(ROOT)


def test_a_late_import_counts_and_one_for_types_does_not(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from features.second import x\n"
    (tmp_path / "features" / "first.py").write_text(for_types)
    (tmp_path / "features" / "second.py").write_text("from features.first import y\n")
    check_order(tmp_path)
    (tmp_path / "features" / "first.py").write_text("def late():\n    from features.second import x\n")
    with pytest.raises(CycleError, match=r"features\.first"):
        check_order(tmp_path)
