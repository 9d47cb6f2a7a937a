"""What the first skill roll-up of a large organisation costs: reading everybody's evidence, comparing, and counting.

Run: ``python -m benchmarks.skills_company [--employees 100000]``. The store is in a file, made anew below a temporary folder;
later answers are given from what was read, while it is read anew beside them.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from benchmarks.processes import machine
from benchmarks.recommendation_world import NOW, World, build_store
from features.records.store import open_store
from serving.house import House
from serving.skills.company import company_of
from serving.skills.group_routes import company_gaps, trends


def timed(name: str, step: Callable[[], object]) -> None:
    """Run a step and print its wall-clock and processor seconds, and the peak of memory so far."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    took = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {name:24} {took[0]:6.1f} s, of the processor {took[1]:6.1f} s, peak {peak:.2f} GiB", flush=True)


def main() -> None:
    """Print what each step takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=100_000)
    options = parser.parse_args()
    print(machine("polars", "sqlalchemy"))
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        build_store(Path(folder), World(employees=options.employees))
        store = open_store(f"sqlite:///{Path(folder) / 'skillpath.db'}")
        # of the service, a roll-up asks for nothing but these
        house = cast(House, SimpleNamespace(store=store, clock=lambda: NOW, cache={}))
        print(f"{options.employees:,} employees")
        timed("everybody, read", lambda: company_of(house))
        timed("gaps by department", lambda: company_gaps(house, "department", 50))
        timed("gaps by job", lambda: company_gaps(house, "job", 50))
        timed("trends, eight quarters", lambda: trends(house, 8, 20))
        store.close()


if __name__ == "__main__":
    main()
