"""Small files of a small world: two people, one job, one course, one skill."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.records.reading import ImportOptions, RefusedFileError, import_file
from features.records.store import Store

NOW = datetime(2024, 6, 1, tzinfo=UTC)
Write = Callable[..., Path]


def fixed_clock() -> datetime:
    return NOW


@pytest.fixture
def options() -> ImportOptions:
    """Return options whose clock stands at 1 June 2024."""
    return ImportOptions(clock=fixed_clock)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a text file of that name."""

    def to_file(name: str, text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return to_file


@pytest.fixture
def settle_in(write: Write, options: ImportOptions) -> Callable[[Store], None]:
    """Return a function that fills a store with the small world."""

    def fill(store: Store) -> None:
        files = {
            "employees": "employee_id,spell,hired_at\nann,1,2020-01-01\nbob,1,2021-02-03\n",
            "jobs": "job_id,title\nj1,Clerk\n",
            "courses": "course_id,title,url\nc1,Excel,https://lms.example/course/view.php?id=2\n",
            "skills": "skill_id,name\ns1,Counting\n",
        }
        for name, text in files.items():
            import_file(store, write(f"seed_{name}.csv", text), name, options)

    return fill


@pytest.fixture
def refusal(options: ImportOptions) -> Callable[..., RefusedFileError]:
    """Return a function that imports a file, expects a refusal, and shows that nothing was kept."""

    def refused(store: Store, path: Path, kind: str, **changes: Any) -> RefusedFileError:
        before = {
            name: store.count(name)
            for name in ("employees", "learning_events", "courses", "exits", "imports")
        }
        with pytest.raises(RefusedFileError) as caught:
            import_file(store, path, kind, ImportOptions(clock=fixed_clock, **changes))
        assert {name: store.count(name) for name in before} == before
        return caught.value

    return refused
