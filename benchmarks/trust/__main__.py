"""Run the scorecard of trust: ``python -m benchmarks.trust [--full] [ROW …]``; a twentieth of each row by default.

Prints what was tried and what held, and exits with 1 where a row does not hold. Rows that are tests alone are named with their test.
"""

from __future__ import annotations

import logging
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks.processes import machine
from benchmarks.trust import (
    bodies,
    bundles,
    endurance,
    groups,
    interrupted,
    killing,
    overload,
    people,
    requests,
)
from benchmarks.trust.scorecard import Effort, Row

ROWS: dict[str, Row] = {
    "1": killing.rolling,
    "2": bundles.swaps,
    "3": bundles.damaged,
    "4": killing.killed_while_writing,
    "6": requests.events,
    "6b": killing.sent_again,
    "7": overload.overload,
    "8": bodies.bodies,
    "9": requests.malformed,
    "10a": bundles.registry_gone,
    "10b": requests.store_held,
    "11": requests.store_full,
    "12": endurance.slow_clients,
    "13": endurance.endurance,
    "14": interrupted.interrupted,
    "15": people.matrix,
    "16": people.rows,
    "19a": people.tampering,
    "19b": people.no_audit_no_score,
    "23": groups.groups,
    "25": people.erasure,
}
TESTS = {
    "5": "row 4 counts the acknowledged writes of the same kills",
    "10": "key server away: tests/serving/test_tokens.py",
    "17": "tests/serving/test_admission_and_metrics.py (logs, metrics, errors)",
    "18": "row 3 offers the hostile bundles; tests/serving/test_bundles.py",
    "20": "tests/serving/test_attrition.py (CSV), tests/serving/test_logs.py",
    "24": "tests/serving/test_attrition.py",
}


def main(arguments: list[str]) -> int:
    """Run the rows asked for (all by default) and return the exit code."""
    logging.disable(logging.CRITICAL)
    console, effort = Console(width=170), Effort(1 if "--full" in arguments else 20)
    asked = [argument for argument in arguments if not argument.startswith("--")]
    console.print(
        machine("fastapi", "uvicorn", "sqlalchemy"),
        "all of it" if effort.part == 1 else f"1/{effort.part} of it",
    )
    table = Table("row", "tried", "found", "target", "s", show_lines=True)
    failed = []
    for name, row in ROWS.items():
        if asked and name not in asked:
            continue
        started = time.perf_counter()
        for fact in row(effort):
            took = f"{time.perf_counter() - started:.1f}"
            table.add_row(
                name, fact.what, fact.found, fact.target if fact.holds else f"[red]{fact.target}[/red]", took
            )
            failed += [] if fact.holds else [name]
    console.print(table)
    for name, test in TESTS.items():
        console.print(f"row {name}: {test}")
    console.print(f"does not hold: {', '.join(failed)}" if failed else "every row that was run holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
