"""Run the proof (`make reality`): prints a table, and exits with 1 if a step fails.

Needs the real data sets at ``SKILLPATH_REAL_DATA`` (default ``../shared/data``). What it writes is below
``var/reality``; only the vectors of texts and the steps' models are reused by a second run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from benchmarks.processes import CommandFailedError, machine
from benchmarks.reality import evaluations, postings, sources, statements
from benchmarks.reality.proof import DATA, VAR, Fact

STEPS: dict[str, Callable[[], Iterator[Fact]]] = {
    "1 sources come in whole": sources.prove,
    "2 skills of real postings, courses for the gaps": postings.prove,
    "3 recommendation, MOOCCubeX": evaluations.recommendation,
    "4 attrition, Babushkin and IBM": evaluations.attrition,
    "5 impact, LaLonde": evaluations.impact,
    "6 statements of two platforms": statements.prove,
}


def main() -> int:
    """Run the steps asked for (all by default) and return the exit code."""
    console = Console(width=160)
    if not DATA.is_dir():
        console.print(f"The real data sets are not at {DATA}; set SKILLPATH_REAL_DATA to their folder.")
        return 1
    for name in ("skillpath.db", "skillpath.db-wal", "skillpath.db-shm"):
        (VAR / name).unlink(missing_ok=True)
    asked = sys.argv[1:]
    console.print(machine("numpy", "polars", "scikit-learn", "lightgbm"))
    failed = [name for name in STEPS if (not asked or name[0] in asked) and not proved(name, console)]
    console.print(f"failed: {', '.join(failed)}" if failed else "every step holds")
    return 1 if failed else 0


def proved(name: str, console: Console) -> bool:
    """Run one step, print its facts, and return whether all of them hold."""
    table = Table("what", "found", "expected", title=name, title_justify="left", show_edge=False)
    started, holds = time.perf_counter(), True
    try:
        for fact in STEPS[name]():
            holds = holds and fact.holds
            table.add_row(
                fact.what, fact.found, fact.expected if fact.holds else f"[red]{fact.expected}[/red]"
            )
    except (CommandFailedError, KeyError) as error:
        table.add_row("the step stopped", f"{type(error).__name__}: {error}", "[red]to finish[/red]")
        holds = False
    console.print(table)
    console.print(f"[dim]{time.perf_counter() - started:.1f} s[/dim]\n")
    return holds


if __name__ == "__main__":
    sys.exit(main())
