"""A workbench whose questions' last blocks a thread builds while MLflow is imported and models are fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from training.context import TrainingContext
from training.questions import Question
from training.runs import Say, Workbench, promised_context, rng_of, say_nothing
from training.settings import TrainingSettings
from training.stored import StoredTables
from training.tracking import Tracking

if TYPE_CHECKING:
    from features.records.store import Store


@contextmanager
def opened_ahead(
    settings: TrainingSettings,
    store: Store,
    questions: Sequence[Question],
    as_of: datetime | None = None,
    say: Say = say_nothing,
) -> Iterator[Workbench]:
    """Lend what `training.runs.open_workbench` opens, the last blocks of some questions begun already.

    Parameters
    ----------
    settings : TrainingSettings
        Where records, keys and the registry are.
    store : Store
        The records; those in memory are one thread's own, and nothing is begun.
    questions : sequence of Question
        Which last blocks; those of questions that know of none are left out.
    as_of : datetime, optional
        Aware UTC moment that ends the data; by default right after the last known fact.
    say : callable
        Told each step in words.

    Notes
    -----
    The reading is the database's work and that of polars, and an import is Python's: one hardly waits for the other.
    On leaving, what was begun is waited for, and what was not is not begun any more.
    """
    with ThreadPoolExecutor(1) as beside:
        context = promised_context(beside, settings, store, as_of, say)
        from training.rescoring.rescoring import (
            LAST_BLOCK,
        )  # what it imports takes longer than to begin reading

        is_shared = not StoredTables(store).is_in_memory
        begun = {
            each.name: beside.submit(copy_context().run, built, settings.seed, each, context)
            for each in questions
            if each.name in LAST_BLOCK and is_shared
        }
        try:
            tracking = Tracking(settings)
            yield Workbench(settings, context(), tracking, say, begun=begun)
        finally:
            beside.shutdown(wait=True, cancel_futures=True)


def built(seed: int, question: Question, context: Callable[[], TrainingContext]) -> Any:
    """Return a question's last block; a context of its own, for others draw from the shared one."""
    from training.rescoring.rescoring import LAST_BLOCK

    own = replace(context(), rng=rng_of(seed, question.name, "dataset"))
    return LAST_BLOCK[question.name](own)
