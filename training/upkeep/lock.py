"""One at a time: a lock that the kernel lets go of when its process ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import SkillpathError


class BusyError(SkillpathError):
    """Another process does this already; try again later (the exit code is sysexits' EX_TEMPFAIL)."""

    exit_code = 75


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock file while a block runs.

    Raises
    ------
    BusyError
        If another process holds it; nothing was done.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise BusyError(
                "Another training runs.", found=f"process {file.read().strip() or '?'}"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
