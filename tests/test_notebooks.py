"""The notebooks run from top to bottom on small data, and lie in the repository without anything they printed."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
PAGES = ROOT / "docs" / "notebooks"
RENDERED = [PAGES / f"{name}.md" for name in NAMES]
MOST_SECONDS_A_CELL = 300
MOST_BYTES_A_PAGE = 300_000


def test_there_are_six_stories_and_no_module_that_could_shadow_ours() -> None:
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05", "06"]
    assert not list((ROOT / "notebooks").rglob("*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_lies_in_the_repository_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith("# ")
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len(code) < len(cells)  # a story has words


@pytest.mark.parametrize("page", RENDERED, ids=[page.stem for page in RENDERED])
def test_a_rendered_page_is_of_todays_notebook_and_small(page: Path) -> None:
    path = ROOT / "notebooks" / f"{page.stem}.ipynb"
    told = page.read_text(encoding="utf-8")
    spec = importlib.util.spec_from_file_location("notebook_pages", ROOT / "docs" / "notebook_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.source_digest(path) in told, "run: python docs/notebook_pages.py"
    pictures = sorted((PAGES / path.stem).iterdir())
    assert page.stat().st_size + sum(picture.stat().st_size for picture in pictures) < MOST_BYTES_A_PAGE
    assert {f"{path.stem}/{picture.name}" for picture in pictures} == set(
        re.findall(r"\d\d_\w+/\d\d\.\w+", told)
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_defines_nothing_that_belongs_into_a_module(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    tree = ast.parse(code)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert sum(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_runs_from_top_to_bottom(
    path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    shared = tmp_path_factory.getbasetemp() / "notebooks"
    monkeypatch.setenv("SKILLPATH_VAR", str(shared))
    monkeypatch.setenv("SKILLPATH_PROGRESS", "false")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("SKILLPATH_STORE_URL", raising=False)
    book = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(ROOT)}}
    config = Config({"KernelManager": {"transport": "ipc"}})  # no port is opened
    NotebookClient(
        book, timeout=MOST_SECONDS_A_CELL, kernel_name="python3", resources=place, config=config
    ).execute()
    pictures = [
        output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs
        if {"image/png", "image/svg+xml", "text/html"} & set(output.get("data", {}))
    ]  # fmt: skip
    assert len(pictures) >= 2, "a story has pictures"
