"""Planted interactions whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray

from training.context import TrainingContext

START = datetime(2023, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = pl.Datetime("us", "UTC")


def checkerboard(people: int, courses: int, rng: np.random.Generator, share: float = 0.6) -> pd.DataFrame:
    """Return pairs in which even people take even courses and odd people odd ones, and nothing else."""
    pairs = [
        (f"p{person}", f"c{course:02d}", float(rng.random()))
        for person in range(people)
        for course in range(person % 2, courses, 2)
        if rng.random() < share
    ]
    return pd.DataFrame(pairs, columns=["user", "item", "time"]).sort_values("time", ignore_index=True)


def words_of_two_kinds(texts: Sequence[str]) -> NDArray[Any]:
    """Encode a text by whether it speaks of even or of odd things, length 1."""
    rows = [[1.0, 0.1] if "even" in text else [0.1, 1.0] for text in texts]
    return np.asarray(rows, dtype=np.float32) / np.float32(np.hypot(1.0, 0.1))


def organisation(rng: np.random.Generator, people: int = 60, courses: int = 12) -> TrainingContext:
    """Return records of even and odd people: their jobs, courses and gaps are of their own kind.

    Course ``c12`` is even, was never taken, and stands in the catalogue with its text and its skill.
    """
    ids = [f"c{place:02d}" for place in range(courses + 1)]
    kind = ["even" if place % 2 == 0 else "odd" for place in range(courses + 1)]
    events = [
        (f"p{person}", ids[course], START + timedelta(days=float(rng.random() * 1090)))
        for person in range(people)
        for course in range(person % 2, courses, 2)
        if rng.random() < 0.7
    ]
    history = [(f"p{person}", ("even", "odd")[person % 2]) for person in range(people)]
    tables = {
        "learning_events": frame(
            {
                "event_id": [f"e{place}" for place in range(len(events))],
                "employee_id": [one[0] for one in events],
                "course_id": [one[1] for one in events],
                "kind": ["completed"] * len(events),
                "happened_at": [one[2] for one in events],
                "known_at": [one[2] for one in events],
                "snoozed_until": [None] * len(events),
            }
        ),
        "courses": pl.DataFrame(
            {
                "course_id": ids,
                "title": [f"About {one} things" for one in kind],
                "description": [None] * len(ids),
                "level": [None] * len(ids),
            },
            schema_overrides={"description": pl.String, "level": pl.Float64},
        ),
        "course_skills": pl.DataFrame(
            {
                "course_id": ids,
                "skill_id": [f"{one} skill" for one in kind],
                "level": [3.0] * len(ids),
                "source": ["given"] * len(ids),
                "confidence": [1.0] * len(ids),
            }
        ),
        "job_skills": pl.DataFrame(
            {
                "job_id": ["even", "odd"],
                "skill_id": ["even skill", "odd skill"],
                "level": [3.0, 3.0],
                "importance": [1.0, 1.0],
                "source": ["given", "given"],
                "required_from": [None, None],
            },
            schema_overrides={"required_from": MOMENT},
        ),
        "job_history": frame(
            {
                "employee_id": [one[0] for one in history],
                "spell": [1] * people,
                "job_id": [one[1] for one in history],
                "happened_at": [START] * people,
                "known_at": [START] * people,
            }
        ),
    }
    return TrainingContext(tables, AS_OF, encode=words_of_two_kinds, rng=rng)


def frame(columns: dict[str, list[Any]]) -> pl.DataFrame:
    """Return a frame whose moments are aware."""
    moments = {name: MOMENT for name in columns if name.endswith(("_at", "_until"))}
    return pl.DataFrame(columns, schema_overrides=moments)


@pytest.fixture
def even_and_odd() -> TrainingContext:
    """Return the records of an organisation of even and odd people."""
    return organisation(np.random.default_rng(7))


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Return a table of interactions on a checkerboard."""
    path = tmp_path / "board.csv"
    checkerboard(60, 16, np.random.default_rng(7)).to_csv(path, index=False)
    return path
