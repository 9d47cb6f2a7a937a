"""Processes that are kept running: started again when they die, and replaced by ones that already answer."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

SHORT_LIFE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 5.0
Process = subprocess.Popen[bytes]
Start = Callable[[], Process]
Tell = Callable[[str], None]


@dataclass
class Kept:
    """A process that is started again when it dies."""

    name: str
    start: Start
    process: subprocess.Popen[bytes] | None = None
    started_at: float = field(default=float("-inf"))
    short_lives: int = 0

    def tend(self) -> int | None:
        """Start the process where it is not running; return the exit code where it has just died."""
        code = self.process.poll() if self.process else None
        if self.process is not None and code is None:
            return None
        now = time.monotonic()
        if self.process is not None:
            lived = now - self.started_at
            self.short_lives = self.short_lives + 1 if lived < SHORT_LIFE_SECONDS else 0
            self.process = None
        pause = min(LONGEST_PAUSE_SECONDS, 0.25 * 2**self.short_lives) if self.short_lives > 1 else 0.0
        if now - self.started_at >= pause:
            self.process, self.started_at = self.start(), now
        return code


class Succession:
    """Replaces workers one after the other; each goes on until its successor answers, so that no request waits for a start.

    Parameters
    ----------
    start : callable
        Starts a worker; returns it with the pipe end that says when it answers.
    tell : callable
        Called with a sentence when something a person wants to know happens.
    """

    def __init__(self, start: Callable[[], tuple[Process, int]], tell: Tell) -> None:
        self.start, self.tell = start, tell
        self.due: list[Kept] = []
        self.leaving: list[Process] = []
        self.coming: tuple[Kept, Process, int] | None = None

    def ask(self, workers: Iterable[Kept]) -> None:
        """Let these workers be replaced, in turn."""
        self.due = list(workers)

    def turn(self) -> None:
        """Start the next successor, or see whether the one that was started answers."""
        self.leaving = [process for process in self.leaving if process.poll() is None]
        if self.coming is None:
            if self.due:
                kept = self.due.pop(0)
                self.coming = (kept, *self.start())
            return
        kept, successor, ready = self.coming
        if not select.select([ready], [], [], 0.0)[0]:
            return
        answers = os.read(ready, 1)
        os.close(ready)
        self.coming = None
        if answers:
            self.hand_over(kept, successor)
        else:
            successor.wait()
            self.due.clear()
            self.tell(
                f"{kept.name} is not replaced: its successor ended with {successor.returncode}; it goes on."
            )

    def hand_over(self, kept: Kept, successor: Process) -> None:
        """Let a successor take the place of a worker, which drains and ends."""
        before, kept.process, kept.started_at = kept.process, successor, time.monotonic()
        if before is not None and before.poll() is None:
            before.terminate()
            self.leaving.append(before)
        if not self.due:
            self.tell("Every worker was replaced.")

    def processes(self) -> list[Process]:
        """Return those that come and those that leave."""
        return [*self.leaving, *([self.coming[1]] if self.coming else [])]
