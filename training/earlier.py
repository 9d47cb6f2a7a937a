"""The same question asked as of an earlier moment: what choosing and back-testing look at instead of the last block."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from training.questions import Question

if TYPE_CHECKING:
    from training.runs import Workbench

LEAST_DAYS = 184  # no question's last block of a short record is longer
SHARE = 0.25  # nor of a long one a larger part of its window


def step_back(bench: Workbench) -> timedelta:
    """Return how far back a moment must lie for its own data to end before the last block begins."""
    context = bench.context
    first = min(
        (moment for frame in context.records.values() if (moment := earliest(frame)) is not None),
        default=context.as_of,
    )
    return max(timedelta(days=LEAST_DAYS), (context.as_of - first) * SHARE)


def earliest(frame: pl.DataFrame) -> datetime | None:
    """Return the first moment at which a table's facts were known, or None where it holds no facts."""
    if "known_at" not in frame.columns or "happened_at" not in frame.columns or frame.is_empty():
        return None
    found = frame["happened_at"].min()
    return found if isinstance(found, datetime) else None


def dataset_before(bench: Workbench, question: Question, steps: int) -> Any:
    """Return the question's dataset as of some steps before the end of the data.

    Notes
    -----
    Facts count strictly before their moment, so nothing of what lies between is in it: its own last block ends
    before the true one begins. The skills question knows no time: its validation texts judge instead.
    """
    if question.name == "skills":
        found: Any = bench.dataset(question)
        return replace(found, test=found.validation)
    moment = bench.context.as_of - steps * step_back(bench)
    bench.say(f"{question.name}: building the dataset as of {moment:%Y-%m-%d}")
    context = replace(bench.context, as_of=moment, rng=bench.rng(question.name, "dataset"))
    return question.dataset.build(context)
