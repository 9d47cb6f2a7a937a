"""How fast learning events and ESCO come in, beside SQLite's own bulk insert in the same run.

Run: python -m benchmarks.import_speed [--events N] [--esco FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import numpy as np

from features.records.reading import ImportOptions, import_file
from features.records.store import Store, open_store

COLUMNS = ("event_id", "employee_id", "course_id", "kind", "happened_at", "known_at", "score_share", "hours")
KINDS = ("enrolled", "started", "progressed", "completed", "passed", "rated")
PEOPLE, COURSES = 20_000, 2_000
TARGET_EVENTS_PER_SECOND = 15_000
TARGET_ESCO_SECONDS = 60
Row = tuple[str, ...]


def events(count: int, rng: np.random.Generator) -> Iterator[Row]:
    """Yield events of made-up people, in order of time."""
    begin = datetime(2021, 1, 1, tzinfo=UTC)
    people, courses = rng.integers(0, PEOPLE, count), rng.integers(0, COURSES, count)
    kinds, scores = rng.integers(0, len(KINDS), count), rng.random(count)
    for number in range(count):
        moment = (begin + timedelta(seconds=90 * number)).isoformat()
        score = f"{scores[number]:.3f}"
        yield (f"e{number:09d}", f"p{people[number]}", f"c{courses[number]}", KINDS[kinds[number]], moment, moment,
               score, f"{scores[number] * 9:.2f}")  # fmt: skip


def write_csv(path: Path, header: tuple[str, ...], rows: Iterator[Row]) -> None:
    """Write rows under a header."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def prepared(folder: Path, name: str) -> Store:
    """Return an empty store with the people and courses that the events name."""
    store = open_store(f"sqlite:///{folder / name}.db")
    people = ((f"p{number}", "1", "2020-01-01") for number in range(PEOPLE))
    write_csv(folder / "employees.csv", ("employee_id", "spell", "hired_at"), people)
    courses = ((f"c{number}", f"Course {number}") for number in range(COURSES))
    write_csv(folder / "courses.csv", ("course_id", "title"), courses)
    import_file(store, folder / "employees.csv", "employees")
    import_file(store, folder / "courses.csv", "courses")
    return store


def peak_megabytes() -> float:
    """Return the largest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Memory:
    """Prints the peak memory at several points of an import."""

    def __init__(self) -> None:
        self.points = [0.1, 0.25, 0.5, 0.75, 1.0]

    def show(self, label: str, share: float) -> None:
        """Print the peak when the next point has been reached."""
        if label.startswith("reading") and self.points and share >= self.points[0]:
            self.points.pop(0)
            print(f"    {share:4.0%} read, peak {peak_megabytes():6.0f} MB")
        elif not label.startswith("reading"):
            print(f"    {label:9} peak {peak_megabytes():6.0f} MB")


def raw_insert(path: Path, database: Path) -> float:
    """Return the seconds that sqlite3 needs for the same rows: parsed CSV, executemany, the same table and indexes."""
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM learning_events")
    with sqlite3.connect(database) as connection, path.open(newline="", encoding="utf-8") as stream:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        rows = csv.reader(stream)
        names = next(rows)
        marks = ", ".join("?" * len(names))
        started = time.perf_counter()
        with connection:
            statement = f"INSERT INTO learning_events ({', '.join(names)}) VALUES ({marks})"
            connection.executemany(statement, map(stored, rows))
    return time.perf_counter() - started


def stored(row: list[str]) -> tuple[object, ...]:
    """Return a row of texts as the store keeps it: times as microseconds, numbers as numbers."""
    happened, known = (round(datetime.fromisoformat(text).timestamp() * 1e6) for text in row[4:6])
    return (*row[:4], happened, known, float(row[6]), float(row[7]))


def measure_events(folder: Path, count: int) -> None:
    """Import events twice, and insert them raw."""
    path = folder / "learning_events.csv"
    write_csv(path, COLUMNS, events(count, np.random.default_rng(7)))
    store = prepared(folder, "records")
    print(f"{count:,} learning events, {path.stat().st_size / 1e6:.0f} MB of CSV, into SQLite (WAL)")
    report = import_file(store, path, "learning_events", ImportOptions(progress=Memory().show))
    speed = count / report.seconds
    print(f"  first import : {report.seconds:6.1f} s, {speed:9,.0f} events/s, accepted {report.accepted:,}")
    again = import_file(store, path, "learning_events")
    print(
        f"  again        : {again.seconds:6.1f} s, {count / again.seconds:9,.0f} events/s, duplicates {again.duplicates:,}"
    )
    store.close()
    seconds = raw_insert(path, folder / "records.db")
    print(
        f"  peer, sqlite3 executemany of the same CSV, unchecked: {seconds:.1f} s, {count / seconds:,.0f} events/s"
    )
    print(f"  ratio to the peer: {seconds / report.seconds:.2f}")
    verdict = "reached" if speed >= TARGET_EVENTS_PER_SECOND else "MISSED"
    print(f"  target {TARGET_EVENTS_PER_SECOND:,} events/s: {verdict}; peak memory {peak_megabytes():.0f} MB")


def measure_esco(folder: Path, source: Path) -> None:
    """Import ESCO whole."""
    if not source.is_dir():
        print(f"ESCO: not at {source}; set SKILLPATH_REAL_DATA")
        return
    store = open_store(f"sqlite:///{folder / 'esco'}.db")
    report = import_file(store, source, "esco")
    rows = sum(count.accepted for count in report.tables.values())
    verdict = "reached" if report.seconds <= TARGET_ESCO_SECONDS else "MISSED"
    print(f"ESCO v1.1.1 whole: {report.seconds:.1f} s for {rows:,} rows, {report.quarantined} put aside; "
          f"target {TARGET_ESCO_SECONDS} s: {verdict}; peak memory {peak_megabytes():.0f} MB")  # fmt: skip
    store.close()


def machine() -> str:
    """Return what this was measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("polars", "sqlalchemy", "numpy"))
    return (f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
            f"SQLite {sqlite3.sqlite_version}, {packages}")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    data = Path(os.environ.get("SKILLPATH_REAL_DATA", "../shared/data"))
    parser.add_argument("--esco", type=Path, default=data / "skills" / "esco_v1.1.1_en")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        measure_events(Path(folder), arguments.events)
        measure_esco(Path(folder), arguments.esco)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
