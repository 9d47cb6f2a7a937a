"""Write the sample organisation as the files a customer would bring, with the truth beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from features.errors import BadInputError
from features.records.columns import Nature
from features.records.sample import frames_learning, frames_people, frames_work
from features.records.sample.months import iso
from features.records.sample.simulation import Progress, Simulation, simulate
from features.records.sample.truth import completions_of, write_truth
from features.records.tables import IMPORTABLE

SMALLEST, MOST_YEARS = 60, 10

PEOPLE = (
    "employees",
    "job_history",
    "exits",
    "surveys",
    "outcomes",
    "held_skills",
    "goals",
    "protected_attributes",
)
WORK = ("skills", "skill_aliases", "skill_relations", "jobs", "job_aliases", "job_relations", "job_skills",
        "strategic_priorities")  # fmt: skip
LEARNING = (
    "courses",
    "course_skills",
    "course_prerequisites",
    "assignments",
    "programmes",
    "programme_members",
)


def write_sample(
    folder: Path, employees: int, years: int, seed: int, progress: Progress | None = None
) -> None:
    """Write a whole organisation into a folder; the same arguments always write the same bytes.

    Parameters
    ----------
    folder : Path
        Made where absent; files of an earlier sample in it are replaced.
    employees : int
        People employed on the first day (at least 60); the headcount stays near it.
    years : int
        Whole years of data (1-10), which end on 31 December 2025.
    seed : int
        Same seed, same organisation.
    progress : callable, optional
        Told (months done, months in all) after each simulated month.

    Raises
    ------
    BadInputError
        If a number is out of bounds; nothing was written.
    """
    check(employees, years, seed)
    simulation = simulate(employees, years, seed, progress)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "truth", ignore_errors=True)
    completions = completions_of(simulation.world)
    counts = {}
    for name, table in tables(simulation):
        counts[name] = write_table(folder, name, table, simulation.world.months.end_day)
    write_truth(simulation, folder, completions)
    write_description(folder, simulation, (employees, years, seed), counts)


def check(employees: int, years: int, seed: int) -> None:
    """Raise BadInputError for numbers out of bounds."""
    if employees < SMALLEST:
        raise BadInputError("The sample is too small.", found=str(employees), allowed=f"{SMALLEST} or more")
    if not 1 <= years <= MOST_YEARS:
        raise BadInputError("That many years cannot be made.", found=str(years), allowed=f"1 to {MOST_YEARS}")
    if seed < 0:
        raise BadInputError("The seed is negative.", found=str(seed), allowed="0 or more")


def tables(simulation: Simulation) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the tables one after the other, so that only one is in memory."""
    for module, names in ((frames_work, WORK), (frames_people, PEOPLE), (frames_learning, LEARNING)):
        for name in names:
            yield name, getattr(module, name)(simulation)
    yield from frames_learning.events_and_sessions(simulation).items()


def write_table(folder: Path, name: str, table: pl.DataFrame, end_day: int) -> int:
    """Write one table as CSV, without what became known only after the data end; return its rows."""
    path = folder / f"{name}.csv"
    if table.width == 0:
        path.unlink(missing_ok=True)
        return 0
    if IMPORTABLE[name].nature is Nature.FACT:
        known = pl.col("known_at").cast(pl.Datetime("us"))
        end = pl.lit(end_day).cast(pl.Int32).cast(pl.Date).cast(pl.Datetime("us"))
        table = table.filter(known < end)
    if name == "held_skills":  # two tests of a skill passed on the same day
        table = table.unique(list(IMPORTABLE[name].unique), keep="first", maintain_order=True)
    table.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return table.height


def write_description(
    folder: Path, simulation: Simulation, arguments: tuple[int, int, int], counts: dict[str, int]
) -> None:
    """Write ``organisation.toml``: how it was made, and as of when it holds."""
    employees, years, seed = arguments
    months = simulation.world.months
    lines = [
        "# A sample organisation. Nobody in it exists. What is true of it stands in truth.json.",
        f"seed = {seed}", f"years = {years}", f"employees = {employees}",
        f"first_day = {iso(months.first_day)}", f"as_of = {iso(months.end_day)}T00:00:00Z", "", "[rows]",
    ]  # fmt: skip
    lines += [f"{name} = {count}" for name, count in counts.items()]
    (folder / "organisation.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
