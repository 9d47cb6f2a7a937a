"""What a step of the proof says: facts, each with what was expected of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import Finished, skillpath

DATA = Path(os.environ.get("SKILLPATH_REAL_DATA", "../shared/data"))
VAR = Path(os.environ.get("SKILLPATH_VAR", "var")) / "reality"


@dataclass(frozen=True)
class Fact:
    """One line of the table.

    Parameters
    ----------
    what : str
        What was counted or measured.
    found : str
        The figure.
    expected : str
        What it is held against; empty where it is only told.
    holds : bool
        False fails the proof.
    """

    what: str
    found: str
    expected: str = ""
    holds: bool = True


def run(*arguments: str | Path) -> Finished:
    """Run one command of the product, in the proof's own folder."""
    return skillpath(*arguments, var=VAR)


def equal(what: str, found: int, expected: int) -> Fact:
    """Return the fact that a count is what the source says it is."""
    return Fact(what, f"{found:,}", f"{expected:,}", found == expected)


def cost(what: str, finished: Finished) -> Fact:
    """Return what a command took."""
    return Fact(f"{what}: time, peak memory", f"{finished.seconds:.1f} s, {finished.peak_mib:,.0f} MiB")


def interval(metric: dict[str, Any], digits: int = 3) -> str:
    """Return a metric with its interval."""
    value, low, high = (metric[name] for name in ("value", "low", "high"))
    if low is None:
        return f"{value:,.{digits}f}"
    return f"{value:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
