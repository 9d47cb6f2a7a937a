"""Whether the service runs: a lock that every way to the records shares, and that a restore must have alone."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from typing import IO

from features.errors import UnavailableError
from serving.settings import ServingSettings

RUNNING = ".running"


@contextlib.contextmanager
def running_or_not(settings: ServingSettings, *, is_alone: bool) -> Iterator[IO[str]]:
    """Hold the lock of a running service, shared; or alone, which is possible only while none runs.

    Raises
    ------
    UnavailableError
        If the service runs and this must be alone, or the other way round.
    """
    settings.var.mkdir(parents=True, exist_ok=True)
    with (settings.var / RUNNING).open("w") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "Stop the service first." if is_alone else "Wait until the restore has ended."
            raise UnavailableError("The records are in use.", hint=hint) from error
        yield lock
