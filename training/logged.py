"""What stands in a run's log: the model's identity, legal names, plain numbers, exact requirements."""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import Evaluation, Interval, plain, versions
from training.payload import Arrays, file_digest

ROOT = Path(__file__).parents[1]
REQUIRABLE = {"lightgbm", "numpy", "onnxruntime", "pandas", "scipy"}


@dataclass(frozen=True)
class LoggedModel:
    """One registered version of a question's model, and what it was made of."""

    name: str
    version: str
    run_id: str
    payload_digest: str
    data_digest: str
    window: str = ""

    @property
    def uri(self) -> str:
        """The URI of the registered version."""
        return f"models:/{self.name}/{self.version}"

    @property
    def signature_path(self) -> str:
        """The run artefact that holds its signature."""
        return f"signatures/{self.name}-{self.version}.json"


@dataclass(frozen=True)
class Part:
    """One fold or trial of a training, logged as a run beneath it.

    Parameters
    ----------
    kind : str
        ``fold`` or ``trial``.
    name : str
        In words.
    parameters : mapping of str to anything
        What was tried.
    metrics : mapping of str to Interval
        What was found.
    tags : mapping of str to str
        What else a reader should know.
    """

    kind: str
    name: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Interval]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Training:
    """What one training run has to say to the log.

    Parameters
    ----------
    folder : Path
        The written payload, the very one that was evaluated.
    code : Path
        The question's ``model.py``.
    evaluation : Evaluation
        What it is worth.
    input_example : mapping of str to array
        Synthetic columns of the data frame that ``model.py`` takes.
    parameters : mapping of str to anything
        Of the fit.
    data_digest : str
        Digest of the dataset.
    window : str
        First and last moment of the data, for the card.
    as_of : str
        Moment that ends the data.
    code_digest : str
        Of the code that the question's model is made by.
    usage : mapping of str to float
        Seconds per stage, and system metrics.
    parts : sequence of Part
        Folds and trials, each a run beneath this one.
    """

    folder: Path
    code: Path
    evaluation: Evaluation
    input_example: Arrays
    parameters: Mapping[str, Any]
    data_digest: str
    window: str = ""
    as_of: str = ""
    code_digest: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Record:
    """Something that was found about models, logged as a run of its own: a comparison, a look at drift.

    Parameters
    ----------
    question, name : str
        Whose experiment, and what the run is called.
    metrics : mapping of str to float
        Plain numbers.
    tags : mapping of str to str
        ``part`` says what it is.
    papers : mapping of str to plain values
        Written as JSON.
    pages : mapping of str to str
        Written as HTML.
    """

    question: str
    name: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    papers: Mapping[str, Any] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)


def legal(name: str) -> str:
    """Return a metric's or parameter's name as MLflow allows it: ``ndcg@10`` becomes ``ndcg_at_10``."""
    allowed = "".join(
        mark if mark.isalnum() or mark in "_-. :/" else "_" for mark in name.replace("@", "_at_")
    )
    return allowed.strip("/") or "unnamed"


def flattened(metrics: Mapping[str, Interval], prefix: str = "") -> dict[str, float]:
    """Return intervals as plain numbers: ``auc``, ``auc_low``, ``auc_high``; what is no number is left out."""
    numbers: dict[str, float] = {}
    for name, found in metrics.items():
        for suffix, value in (("", found.value), ("_low", found.low), ("_high", found.high)):
            if np.isfinite(value):
                numbers[f"{prefix}{name}{suffix}"] = float(value)
    return numbers


def metric_rows(evaluation: Evaluation) -> dict[str, list[Any]]:
    """Return the table of metrics: the model's and its peers', one row each."""
    rows: dict[str, list[Any]] = {key: [] for key in ("who", "metric", "value", "low", "high")}
    for who, metrics in {"model": evaluation.metrics, **evaluation.peers}.items():
        for name, found in metrics.items():
            for key, value in zip(rows, (who, name, found.value, found.low, found.high), strict=True):
                rows[key].append(plain(value))
    return rows


def example_frame(example: Arrays) -> Any:
    """Return an input example as a data frame; rows of a matrix become lists."""
    import pandas as pd

    columns = {name: list(map(np.ndarray.tolist, a)) if np.ndim(a) > 1 else a for name, a in example.items()}
    return pd.DataFrame(columns)


def requirements(scorer: Path) -> list[str]:
    """Return the exact packages that a scorer imports, and pandas for the data frame around it."""
    imported: set[str] = {"pandas"}
    for node in ast.walk(ast.parse(scorer.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    return [f"{name}=={version(name)}" for name in sorted(imported & REQUIRABLE)]


def code_digest(question: str) -> str:
    """Return the digest of the code that a question's model is made by, and of the libraries that make its numbers.

    Notes
    -----
    The question's own modules in training and features, and whatever of features they import; a change elsewhere (in a
    command, in a page) makes no other model.
    """
    total = hashlib.sha256()
    for path in code_of(question):
        total.update(f"{path.relative_to(ROOT).as_posix()}\0{file_digest(path)}\n".encode())
    total.update(
        str(sorted((name, number) for name, number in versions().items() if name != "skillpath")).encode()
    )
    return total.hexdigest()


def code_of(question: str) -> list[Path]:
    """Return the files that a question's model is made by: its rooms, and the features they import, near or far."""
    rooms = [ROOT / "features" / question, ROOT / "training" / question]
    waiting = [path for room in rooms for path in room.rglob("*.py")] + [ROOT / "features" / f"{question}.py"]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        waiting += [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in imported_features(path)]
    return sorted(found)


@cache
def imported_features(path: Path) -> frozenset[str]:
    """Return the modules of features that a file imports; the records' own come with the data's digest."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(
        name for name in names if name.startswith("features.") and not name.startswith("features.records")
    )


def code_version(run: Callable[..., Any] = subprocess.run) -> str:
    """Return the git commit of the code, marked where files were changed, or the package's version."""
    folder = Path(__file__).parent
    try:
        found = run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=folder, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return f"skillpath {version('skillpath')}"
    return str(found.stdout).strip()
