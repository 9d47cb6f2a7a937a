"""A private PostgreSQL for measurements: as it comes, every commit flushed to the disk."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER = "skillpath"


@contextmanager
def cluster(folder: Path) -> Iterator[int]:
    """Run a private PostgreSQL as it comes, its data kept in a folder; give its port on loopback."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    owner = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder.mkdir(exist_ok=True)
    if owner:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]

    data = str(folder / "data")
    if not (folder / "data").exists():
        run("initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield port
    finally:
        run("pg_ctl", "-D", data, "-m", "fast", "stop")
