"""The README tells the truth: its settings, commands, files and figures exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving.settings import ServingSettings
from skillpath import COMMANDS
from training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def environment_name(field: str) -> str:
    return "MLFLOW_TRACKING_URI" if field == "mlflow_tracking_uri" else f"SKILLPATH_{field.upper()}"


@pytest.mark.parametrize("name", sorted({*ServingSettings.model_fields, *TrainingSettings.model_fields}))
def test_every_setting_stands_in_the_table(name: str) -> None:
    field = {**TrainingSettings.model_fields, **ServingSettings.model_fields}[name]
    line = next(
        (line for line in README.splitlines() if line.startswith(f"| `{environment_name(name)}` |")), ""
    )
    assert field.description in line
    if field.default not in ("", None):
        assert f"`{field.default}`" in line


def test_every_command_shown_exists() -> None:
    shown = set(re.findall(r"\.venv/bin/skillpath (\w+)", README))
    assert shown
    assert shown <= set(COMMANDS)


def test_every_target_shown_exists() -> None:
    targets = set(re.findall(r"make (\w+)", README))
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_benchmark_shown_exists() -> None:
    for name in re.findall(r"python -m benchmarks\.(\w+)", README):
        assert (ROOT / "benchmarks" / f"{name}.py").is_file() or (ROOT / "benchmarks" / name).is_dir(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
