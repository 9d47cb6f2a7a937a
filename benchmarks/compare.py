"""How long `skillpath compare` takes for two runs, as a whole process from the shell, beside the limit of 20 s.

Run: python -m benchmarks.compare [--employees N] [--teachers N] [--questions recommendation …] [--folder DIR] [--repeats N]

Two runs of each question are trained, lightly, on a small organisation; they are compared on the people of a large one. What a
comparison costs depends on the people compared and on the models' size, not on how many people the models learnt from. With
--folder what was made is kept and used again. Printed are the first call, which also embeds texts that nobody has embedded
yet, and the median of the others.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
from pathlib import Path

from benchmarks.processes import machine, skillpath

LIMIT_SECONDS = 20.0
RUNS = {
    "attrition": (("shapes=medium", "bags=2"), ("shapes=stumps", "bags=2")),
    "recommendation": ((), ("content_strength=20",)),
    "skills": ((), ()),
    "impact": ((), ()),
}


def main() -> None:
    """Make what is missing, compare, print beside the limit."""
    arguments = parse()
    print(machine("polars", "mlflow", "lightgbm"))
    with tempfile.TemporaryDirectory(prefix="skillpath-") as scratch:
        folder = (arguments.folder or Path(scratch)).resolve()
        learnt, people = folder / f"learnt-{arguments.teachers}", folder / f"people-{arguments.employees}"
        for var, employees in ((learnt, arguments.teachers), (people, arguments.employees)):
            organisation(var, employees)
        for question in arguments.questions:
            train(question, learnt)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{learnt / 'mlflow.db'}"
        slow = [
            question for question in arguments.questions if not holds(question, people, arguments.repeats)
        ]
    raise SystemExit(1 if slow else 0)


def organisation(var: Path, employees: int) -> None:
    """Write and import a sample organisation, where none is."""
    if (var / "skillpath.db").is_file():
        return
    skillpath("sample", "--employees", str(employees), "--years", "3", "--out", var / "sample", var=var)
    done = skillpath("import", "organisation", var / "sample", var=var)
    print(f"{employees:,} employees imported in {done.seconds:.0f} s", flush=True)


def train(question: str, var: Path) -> None:
    """Train a question's two runs, where they are not there yet."""
    for number, settings in enumerate(RUNS[question], 1):
        mark = var / f"trained-{question}-{number}"
        if not mark.is_file():
            changes = [word for each in settings for word in ("--set", each)]
            done = skillpath("train", question, *changes, var=var)
            mark.write_text("")
            print(f"{question} run {number} trained in {done.seconds:.0f} s", flush=True)


def holds(question: str, var: Path, repeats: int) -> bool:
    """Compare some times, print seconds and memory, and say whether the limit holds."""
    first = skillpath("compare", question, "1", "2", var=var)
    before = processor_seconds()
    others = [skillpath("compare", question, "1", "2", var=var) for _ in range(repeats)]
    work = (processor_seconds() - before) / repeats
    median = statistics.median(each.seconds for each in others)
    (found,) = others[-1].answer["comparisons"]
    (challenger,) = found["challengers"]
    print(
        f"{question}: {found['n_units']:,} units, {len(challenger['slices'])} slices: {median:.1f} s (first {first.seconds:.1f} s), {work:.1f} s of processor time, "
        f"peak {max(each.peak_mib for each in others) / 1024:.1f} GiB; limit {LIMIT_SECONDS:.0f} s",
        flush=True,
    )
    return median <= LIMIT_SECONDS


def processor_seconds() -> float:
    """Return the processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--employees", type=int, default=100_000)
    parser.add_argument("--teachers", type=int, default=2_000, help="employees of the small organisation")
    parser.add_argument(
        "--questions", nargs="+", choices=sorted(RUNS), default=["attrition", "recommendation"]
    )
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    parser.add_argument("--repeats", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
