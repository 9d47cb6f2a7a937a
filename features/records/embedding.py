"""The body of `skillpath embed`: every text of the records gets its vector, once."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from features.errors import BadInputError
from features.records.encoder import (
    DESCRIPTION,
    PARITY,
    encoder_folder,
    store_cache,
    verified_description,
)
from features.records.encoder_export import open_encoder
from features.records.settings import RecordsSettings
from features.records.store import Store
from features.text import Progress, course_text, embed_missing, job_text

Bars = Callable[[str], Any]  # opens a context that gives a `Progress`


def embed_records(
    settings: RecordsSettings, store: Store, export: Path | None = None, progress: Bars | None = None
) -> dict[str, Any]:
    """Embed the texts of all jobs, courses and skills that have no vector yet.

    Parameters
    ----------
    settings : RecordsSettings
        Names the model, the threads and the folder of the exported encoder.
    store : Store
        Where texts and vectors are.
    export : Path, optional
        A further folder that gets a copy of the exported encoder, for another machine to serve with.
    progress : callable, optional
        Opens a progress bar of that title; by default one on stderr after two seconds.

    Returns
    -------
    dict
        ``model_id``, ``texts``, ``embedded``, ``tables`` (both by table), ``seconds``, ``encoder`` (its folder)
        and ``parity`` (the cosine with the float32 reference).

    Raises
    ------
    UnavailableError
        If there is no encoder and none can be exported here.
    """
    started = time.perf_counter()
    encoder, cache = open_encoder(settings), store_cache(store)
    bars = progress or bars_of(settings)
    counts: dict[str, dict[str, int]] = {}
    for table, texts in texts_of(store).items():
        with bars(f"embedding {table}") as told:
            counts[table] = {"texts": len(texts), "embedded": embed_missing(texts, encoder, cache, told)}
    folder = copied(encoder_folder(settings), export)
    return {
        "model_id": encoder.model_id,
        "texts": sum(count["texts"] for count in counts.values()),
        "embedded": sum(count["embedded"] for count in counts.values()),
        "tables": counts,
        "seconds": round(time.perf_counter() - started, 3),
        "encoder": str(folder),
        "parity": json.loads((folder / PARITY).read_text(encoding="utf-8"))["precisions"],
    }


def texts_of(store: Store) -> dict[str, list[str]]:
    """Return the texts that are embedded, by table; each once.

    Jobs and courses are embedded with their descriptions, skills and titles without: appended descriptions
    make a short text harder to find.
    """
    jobs = store.frame("jobs", ("title", "description")).rows()
    courses = store.frame("courses", ("title", "description")).rows()
    found = {
        "jobs": [text for title, words in jobs for text in (title, job_text(title, words))],
        "job_aliases": store.frame("job_aliases", ("alias",))["alias"].to_list(),
        "courses": [course_text(title, words) for title, words in courses],
        "skills": store.frame("skills", ("name",))["name"].to_list(),
        "skill_aliases": store.frame("skill_aliases", ("alias",))["alias"].to_list(),
    }
    return {table: list(dict.fromkeys(texts)) for table, texts in found.items()}


def copied(folder: Path, export: Path | None) -> Path:
    """Return the folder of the exported encoder, copied where another one was asked for.

    Raises
    ------
    BadInputError
        If the folder asked for holds something else.
    """
    if export is None or export.resolve() == folder.resolve():
        return folder
    if export.exists() and any(export.iterdir()) and not (export / DESCRIPTION).is_file():
        raise BadInputError(
            "The encoder is exported into an empty folder, or over an older export.", found=str(export)
        )
    shutil.rmtree(export, ignore_errors=True)
    shutil.copytree(folder, export)
    verified_description(export)
    return export


def bars_of(settings: RecordsSettings) -> Bars:
    """Return what opens progress bars: none where the settings want none."""
    return late_bar if settings.progress else lambda _title: nullcontext(None)


class late_bar:  # noqa: N801 - a context manager that reads like a function
    """A progress bar on stderr that appears once the work has taken two seconds.

    Parameters
    ----------
    title : str
        What is being done.
    """

    DELAY_SECONDS = 2.0

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = time.monotonic()
        self.bar: Any = None

    def __enter__(self) -> Progress:
        return self.told

    def told(self, done: int, total: int) -> None:
        """Show how much is done."""
        if self.bar is None and time.monotonic() - self.started > self.DELAY_SECONDS:
            self.bar, self.task = self.opened(total)
        if self.bar is not None:
            self.bar.update(self.task, completed=done)

    def opened(self, total: int) -> tuple[Any, Any]:
        """Start the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(stderr=True))
        bar.start()
        return bar, bar.add_task(self.title, total=total)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
