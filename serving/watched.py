"""What the last `skillpath watch` saw, for the metrics port: numbers about models, written by training as small files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from serving.settings import QUESTIONS

FOLDER = "watch"
MOST_BYTES = 1024 * 1024


class LastWatch:
    """A Prometheus collector over the files of the last watch; one that cannot be read is left out.

    Parameters
    ----------
    folder : Path
        ``<var>/watch``; one file a question.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterator[Any]:
        """Yield the families: every number, the alarms, and how long ago each question was watched."""
        from prometheus_client.core import GaugeMetricFamily

        labels = ("question", "version")
        value = GaugeMetricFamily(
            "skillpath_watch", "A number of the last watch.", labels=[*labels, "number"]
        )
        alarms = GaugeMetricFamily("skillpath_watch_alarms", "Alarms of the last watch.", labels=labels)
        age = GaugeMetricFamily("skillpath_watch_age_seconds", "Since the last watch.", labels=labels)
        for question in QUESTIONS:
            said = read(self.folder / f"{question}.json")
            if said is None:
                continue
            version, numbers, seconds = said
            age.add_metric([question, version], seconds)
            for name, number in numbers.items():
                if name == "alarms":
                    alarms.add_metric([question, version], number)
                else:
                    value.add_metric([question, version, name], number)
        yield from (value, alarms, age)


def read(path: Path) -> tuple[str, dict[str, float], float] | None:
    """Return version, numbers and age in seconds of a file; None where there is none, or it is not as training writes it."""
    try:
        status = path.stat()
        if status.st_size > MOST_BYTES:
            return None
        said = json.loads(path.read_bytes())
        numbers = {str(name): float(each) for name, each in said["metrics"].items() if isfinite(each)}
        return str(said["version"]), numbers, max(0.0, time.time() - status.st_mtime)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
