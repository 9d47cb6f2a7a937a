"""The same question asked as of an earlier moment: what choosing and back-testing look at instead of the last block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from training.context import TrainingContext
from training.questions import Question
from training.rescoring import attrition, recommendation

if TYPE_CHECKING:
    from training.runs import Workbench

LEAST_DAYS = 184  # of a short record no question's last block is longer
SHARE = 0.25  # of the window of a long one, where a question does not say when its last block begins


def step_back(bench: Workbench, question: Question) -> timedelta:
    """Return how far back a moment must lie for its own data to end before the last block begins."""
    context = bench.context
    starts = BLOCK_STARTS.get(question.name, last_quarter)
    return max(timedelta(days=LEAST_DAYS), context.as_of - starts(context))


def last_quarter(context: TrainingContext, *names: str) -> datetime:
    """Return when the last quarter of the facts' window begins; of some tables, or of all of them."""
    tables = [context.records[name] for name in names if name in context.records] or context.records.values()
    moments = [moment for frame in tables if (moment := earliest(frame)) is not None]
    return context.as_of - (context.as_of - min(moments, default=context.as_of)) * SHARE


def of_outcomes(context: TrainingContext) -> datetime:
    """Return when the last quarter of the months with outcomes begins: impact judges what is expected by it."""
    return last_quarter(context, "outcomes")


BLOCK_STARTS: Mapping[str, Callable[[TrainingContext], datetime]] = {
    "attrition": attrition.block_start,
    "recommendation": recommendation.block_start,
    "impact": of_outcomes,
}  # careers go back for decades, and courses for years, before there was an exit, or a month, to judge by


def earliest(frame: pl.DataFrame) -> datetime | None:
    """Return the first moment at which a table's facts happened, or None where it holds no facts."""
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
    moment = bench.context.as_of - steps * step_back(bench, question)
    bench.say(f"{question.name}: building the dataset as of {moment:%Y-%m-%d}")
    context = replace(bench.context, as_of=moment, rng=bench.rng(question.name, "dataset"))
    return question.dataset.build(context)
