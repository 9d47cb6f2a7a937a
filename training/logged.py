"""What stands in a run's log: the model's identity, legal names, plain numbers, exact requirements."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import Evaluation, Interval, plain
from training.payload import Arrays

REQUIRABLE = {"lightgbm", "numpy", "pandas", "scipy"}


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
    """

    folder: Path
    code: Path
    evaluation: Evaluation
    input_example: Arrays
    parameters: Mapping[str, Any]
    data_digest: str
    window: str = ""


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
