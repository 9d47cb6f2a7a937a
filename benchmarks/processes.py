"""Run a command as a whole process and account for it: seconds, peak memory, what it printed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finished:
    """What a finished command took and said."""

    seconds: float
    peak_mib: float
    answer: Any


class CommandFailedError(Exception):
    """A command ended with an exit code other than 0."""


def skillpath(*arguments: str | Path, var: Path) -> Finished:
    """Run one skillpath command with ``--json`` and return its answer with its costs.

    Parameters
    ----------
    *arguments : str or Path
        As on the command line; ``--json`` is added.
    var : Path
        Folder for everything the command writes.

    Raises
    ------
    CommandFailedError
        If it exits with anything but 0; the message holds the end of what it wrote to stderr.
    """
    command = [sys.executable, "-m", "skillpath", *map(str, arguments), "--json"]
    environment = {**os.environ, "SKILLPATH_VAR": str(var), "SKILLPATH_PROGRESS": "false"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if process.returncode != 0:
            raise CommandFailedError(f"exit code {process.returncode}: {err.read().strip()[-800:]}")
        return Finished(seconds, usage.ru_maxrss / 1024, json.load(out))


@contextmanager
def on_core(which: Callable[[set[int]], int]) -> Iterator[None]:
    """Keep this process, and what it starts, on one core: service and generator do not wait for each other."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {which(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def machine(*packages: str) -> str:
    """Return the machine and the versions of packages, in a line."""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
