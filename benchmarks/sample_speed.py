"""How long a sample organisation takes to write, and how much memory, beside the limits it must keep.

Run: python -m benchmarks.sample_speed [--employees N] [--years Y] [--seed S] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from features.records.sample import write_sample
from features.records.sample.simulation import simulate

LIMIT_SECONDS, LIMIT_GIB = 240.0, 4.0  # for 100,000 employees over 3 years
LIMIT_PERSON_YEARS = 300_000


def main() -> None:
    """Write one organisation, and simulate it once more without writing; print both beside the limits."""
    arguments = parse()
    folder = arguments.out or Path(tempfile.mkdtemp(prefix="sample-"))
    size = (arguments.employees, arguments.years, arguments.seed)
    try:
        begin, used = time.perf_counter(), time.process_time()
        write_sample(folder, *size)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        begin = time.perf_counter()
        simulate(*size)
        simulated = time.perf_counter() - begin
    finally:
        if arguments.out is None:
            shutil.rmtree(folder, ignore_errors=True)
    share = arguments.employees * arguments.years / LIMIT_PERSON_YEARS
    report = {
        "employees": size[0], "years": size[1], "seed": size[2], "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1), "of_which_simulating": round(simulated, 1),
        "written_mib": round(written / 1024**2, 1), "peak_gib": round(peak, 2),
        "limit_seconds": round(LIMIT_SECONDS * share, 1), "limit_gib": LIMIT_GIB,
        "ratio_to_time_limit": round(seconds / (LIMIT_SECONDS * share), 3),
        "ratio_to_memory_limit": round(peak / LIMIT_GIB, 3),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("numpy", "polars")},
    }  # fmt: skip
    print(json.dumps(report, indent=1))
    within = seconds <= LIMIT_SECONDS * max(share, 0.05) and peak <= LIMIT_GIB
    sys.exit(0 if within else 1)


def parse() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=100_000)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=None, help="Keep the files here.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
