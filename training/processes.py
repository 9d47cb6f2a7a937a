"""Which process something belongs to, and whether that process is gone."""

from __future__ import annotations

import os
import socket
from pathlib import Path

STARTED_AT = 19  # place of a process's start, in clock ticks since boot, after its name in /proc/PID/stat (proc(5), field 22)
DEAD = ("Z", "X")  # ended, and nobody has asked yet how


def this_process() -> str:
    """Return what names this process among all: host, number, and when it began, for numbers are given again."""
    return f"{socket.gethostname()} {os.getpid()} {start_of(os.getpid())}"


def has_ended(name: str) -> bool:
    """Say whether a process, as `this_process` names it, is gone; of another host nobody here can know, and it is not."""
    host, _, rest = name.partition(" ")
    number, _, began = rest.partition(" ")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    return start_of(int(number)) != began


def start_of(number: int) -> str:
    """Return when a process began, in the kernel's own count; empty where there is no such process."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass  # it is somebody else's
    try:
        told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "unknown"  # no /proc on this system: the number alone has to do
    return "" if told[0] in DEAD else told[STARTED_AT]
