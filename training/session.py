"""One command's bench: records and registry opened with progress on stderr, closed afterwards."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.questions import Question
    from training.runs import Workbench
    from training.settings import TrainingSettings


@contextlib.contextmanager
def workbench(as_of: str | None, judged: Sequence[Question] = ()) -> Iterator[Workbench]:
    """Open records and registry, with progress on stderr, and close them afterwards.

    Parameters
    ----------
    as_of : str, optional
        End of the data.
    judged : sequence of Question
        Whose last blocks are asked for in any case: they are begun while MLflow is imported.
    """
    from features.records.store import open_store
    from training.questions import moment
    from training.rescoring.ahead import opened_ahead
    from training.settings import TrainingSettings

    settings = TrainingSettings()
    moment_of_end: datetime | None = moment(as_of) if as_of else None
    store = open_store(settings.url)
    try:
        with (
            saying(settings) as say,
            contextlib.redirect_stdout(sys.stderr),
            opened_ahead(settings, store, judged, moment_of_end, say) as bench,
        ):
            yield bench
    finally:
        store.close()


@contextlib.contextmanager
def saying(settings: TrainingSettings) -> Iterator[Callable[[str], None]]:
    """Show the step that runs, and how long, on stderr."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not settings.progress) as progress:
        task = progress.add_task("starting", total=None)

        def say(words: str) -> None:
            progress.reset(task, description=words, total=None)

        yield say
