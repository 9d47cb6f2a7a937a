"""The shelf of verified bundles on disk: immutable folders, and one small pointer per question.

Layout below ``<var>/bundles/<question>/``: ``<payload digest>/payload/…`` and ``<payload digest>/<version>.signature.json``;
``current.json`` names the version that answers and the one before it; ``refused.json`` what was refused, and why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.models.bundles import Statement

REMEMBERED = 20
SAFE = re.compile(r"[0-9A-Za-z_.-]{1,100}")


@dataclass(frozen=True)
class Place:
    """A bundle on the shelf: which version, the digest of its payload, and the run it came from."""

    version: str
    digest: str
    run_id: str = ""

    def is_of(self, version: str, run_id: str) -> bool:
        """Say whether it is that version; a new registry counts from 1 again, its runs have other ids."""
        return self.version == version and self.run_id in ("", run_id)


@dataclass(frozen=True)
class Pointer:
    """The bundle that answers, and the one before it."""

    current: Place
    previous: Place | None = None


class Shelf:
    """The bundles of one host.

    Parameters
    ----------
    folder : Path
        ``<var>/bundles``; made when something is put there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def payload(self, question: str, place: Place) -> Path:
        """Return where a bundle's payload lies."""
        return self.folder / question / place.digest / "payload"

    def signature(self, question: str, place: Place) -> Path:
        """Return where a bundle's signature lies."""
        return self.folder / question / place.digest / f"{place.version}.signature.json"

    def stamp(self, question: str) -> tuple[int, int]:
        """Return what changes when the pointer does; zeros where there is none."""
        try:
            status = (self.folder / question / "current.json").stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_mtime_ns, status.st_ino

    def pointer(self, question: str) -> Pointer | None:
        """Return which bundle answers a question, or None."""
        said = read_json(self.folder / question / "current.json")
        if not isinstance(said, dict):
            return None
        previous = Place(**said["previous"]) if said.get("previous") else None
        return Pointer(Place(**said["current"]), previous)

    def questions(self) -> list[str]:
        """Return the questions that have a pointer."""
        return sorted(path.parent.name for path in self.folder.glob("*/current.json"))

    def has(self, question: str, place: Place) -> bool:
        """Say whether a bundle stands on the shelf."""
        return self.signature(question, place).is_file() and self.payload(question, place).is_dir()

    def put(self, question: str, signed: Statement, payload: Path, signature: bytes) -> Place:
        """Move a verified payload onto the shelf, whole or not at all."""
        if not SAFE.fullmatch(signed.version):
            raise ValueError(f"a version is a plain name, not {signed.version!r}")
        place = Place(signed.version, signed.payload_digest)
        target = self.payload(question, place)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        payload.rename(target)
        write_whole(self.signature(question, place), signature)
        return place

    def point(self, question: str, place: Place) -> None:
        """Let a bundle answer from now on; the one that answered until now stays for a rollback."""
        before = self.pointer(question)
        previous = before.current if before and before.current != place else before and before.previous
        said = {"current": asdict(place), "previous": asdict(previous) if previous else None}
        write_whole(self.folder / question / "current.json", json.dumps(said).encode())

    def hold_back(self, question: str, place: Place) -> None:
        """Take a version up no more until another one is promoted, or it is released."""
        write_whole(self.folder / question / "held_back.json", json.dumps(asdict(place)).encode())

    def release(self, question: str) -> None:
        """Hold nothing back any more."""
        (self.folder / question / "held_back.json").unlink(missing_ok=True)

    def is_held_back(self, question: str, version: str, run_id: str) -> bool:
        """Say whether that very version was rolled back; another one is free to come."""
        said = read_json(self.folder / question / "held_back.json")
        return isinstance(said, dict) and Place(**said).is_of(version, run_id)

    def refuse(self, question: str, version: str, reason: str) -> None:
        """Remember that a version was refused, and why."""
        rest = [entry for entry in self.refused(question) if entry["version"] != version]
        entry = {"version": version, "reason": reason[:500], "at": datetime.now(UTC).isoformat()}
        (self.folder / question).mkdir(parents=True, exist_ok=True)
        content = json.dumps([*rest, entry][-REMEMBERED:]).encode()
        write_whole(self.folder / question / "refused.json", content)

    def accept(self, question: str, version: str) -> None:
        """Forget that a version was refused, because now it holds."""
        rest = [entry for entry in self.refused(question) if entry["version"] != version]
        if (self.folder / question / "refused.json").exists():
            write_whole(self.folder / question / "refused.json", json.dumps(rest).encode())

    def refused(self, question: str) -> list[Mapping[str, Any]]:
        """Return the versions that were refused, oldest first."""
        said = read_json(self.folder / question / "refused.json")
        return said if isinstance(said, list) else []


def read_json(path: Path) -> object:
    """Return what a small file of ours says; None where it is missing or torn."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that a reader sees the old or the new one, never a torn one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
