"""The shelf of verified bundles on disk: immutable folders, and one small pointer per question and place.

Layout below ``<var>/bundles/<question>/``: ``<payload digest>/payload/…`` and ``<payload digest>/<version>.signature.json``
(of a shadow ``<version>.shadow.signature.json``); ``current.json`` names the champion that answers and the one before it,
``canary.json`` and ``shadow.json`` who stands beside it; ``refused.json`` what was refused, and why. ``registry.json``
beside the questions says which versions the registry wanted when it last answered; its time is when that was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.models.aliases import CANARY, CHAMPION, SHADOW, signed_name
from serving.models.bundles import Statement

REMEMBERED = 20
POINTERS = {CHAMPION: "current.json", CANARY: "canary.json", SHADOW: "shadow.json"}
Wanted = Mapping[str, Mapping[str, str]]  # question → alias → version
SAFE = re.compile(r"[0-9A-Za-z_.-]{1,100}")


@dataclass(frozen=True)
class Place:
    """A bundle on the shelf: which version, the digest of its payload, the run it came from, and what it is signed for."""

    version: str
    digest: str
    run_id: str = ""
    alias: str = CHAMPION

    def is_of(self, version: str, run_id: str) -> bool:
        """Say whether it is that version; a new registry counts from 1 again, its runs have other ids."""
        return self.version == version and self.run_id in ("", run_id)


@dataclass(frozen=True)
class Pointer:
    """The bundle that has a place, and the one before it; of a canary, the share of the people it answers."""

    current: Place
    previous: Place | None = None
    share: float = 0.0


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
        """Return where a bundle's signature for its place lies."""
        purpose = ".shadow" if place.alias == SHADOW else ""
        return self.folder / question / place.digest / f"{place.version}{purpose}.signature.json"

    def stamp(self, question: str, alias: str = CHAMPION) -> tuple[int, int]:
        """Return what changes when the pointer does; zeros where there is none."""
        try:
            status = (self.folder / question / POINTERS[alias]).stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_mtime_ns, status.st_ino

    def pointer(self, question: str, alias: str = CHAMPION) -> Pointer | None:
        """Return which bundle has a place beside a question, or None."""
        said = read_json(self.folder / question / POINTERS[alias])
        if not isinstance(said, dict):
            return None
        previous = Place(**said["previous"]) if said.get("previous") else None
        return Pointer(Place(**said["current"]), previous, float(said.get("share", 0.0)))

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
        alias = SHADOW if signed.name == signed_name(question, SHADOW) else CHAMPION
        place = Place(signed.version, signed.payload_digest, alias=alias)
        target = self.payload(question, place)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        payload.rename(target)
        write_whole(self.signature(question, place), signature)
        return place

    def point(self, question: str, place: Place, share: float = 0.0) -> None:
        """Give a bundle its place from now on; who had it until now stays for a rollback."""
        before = self.pointer(question, place.alias)
        previous = before.current if before and before.current != place else before and before.previous
        said = {"current": asdict(place), "previous": asdict(previous) if previous else None, "share": share}
        write_whole(self.folder / question / POINTERS[place.alias], json.dumps(said).encode())

    def clear(self, question: str, alias: str) -> bool:
        """Take the place of a canary or shadow away; say whether anybody had it."""
        pointer = self.folder / question / POINTERS[alias]
        had = pointer.exists()
        pointer.unlink(missing_ok=True)
        return had

    def hold_back(self, question: str, place: Place) -> None:
        """Take a version up in this place no more until another one is promoted, or it is released."""
        write_whole(self.held_back(question, place.alias), json.dumps(asdict(place)).encode())

    def release(self, question: str, alias: str = CHAMPION) -> None:
        """Hold nothing back any more."""
        self.held_back(question, alias).unlink(missing_ok=True)

    def held_back(self, question: str, alias: str) -> Path:
        """Return the file that says which version is held back from a place."""
        name = "held_back.json" if alias == CHAMPION else f"held_back.{alias}.json"
        return self.folder / question / name

    def is_held_back(self, question: str, version: str, run_id: str, alias: str = CHAMPION) -> bool:
        """Say whether that very version was rolled back; another one is free to come."""
        said = read_json(self.held_back(question, alias))
        return isinstance(said, dict) and Place(**said).is_of(version, run_id)

    def refuse(self, question: str, version: str, reason: str, alias: str = CHAMPION) -> None:
        """Remember that a version was refused in a place, and why."""
        entry = {
            "version": version,
            "alias": alias,
            "reason": reason[:500],
            "at": datetime.now(UTC).isoformat(),
        }
        (self.folder / question).mkdir(parents=True, exist_ok=True)
        content = json.dumps([*self.refused_but(question, version, alias), entry][-REMEMBERED:]).encode()
        write_whole(self.folder / question / "refused.json", content)

    def accept(self, question: str, version: str, alias: str = CHAMPION) -> None:
        """Forget that a version was refused in a place, because now it holds."""
        if (self.folder / question / "refused.json").exists():
            content = json.dumps(self.refused_but(question, version, alias)).encode()
            write_whole(self.folder / question / "refused.json", content)

    def refused_but(self, question: str, version: str, alias: str) -> list[Mapping[str, Any]]:
        """Return what was refused, one version in one place aside."""
        return [each for each in self.refused(question)
                if (each["version"], each.get("alias", CHAMPION)) != (version, alias)]  # fmt: skip

    def refused(self, question: str) -> list[Mapping[str, Any]]:
        """Return the versions that were refused, oldest first."""
        said = read_json(self.folder / question / "refused.json")
        return said if isinstance(said, list) else []

    def note_registry(self, wanted: Wanted) -> None:
        """Remember that the registry answered just now, and what it wanted."""
        path = self.folder / "registry.json"
        if read_json(path) == wanted:
            os.utime(path)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(wanted).encode())

    def registry(self) -> tuple[float, Wanted]:
        """Return how many seconds ago the registry last answered, and what it wanted; NaN where it never did."""
        path = self.folder / "registry.json"
        said = read_json(path)
        if not isinstance(said, dict):
            return float("nan"), {}
        return max(0.0, time.time() - path.stat().st_mtime), said

    def standing_refused(self, question: str) -> list[Mapping[str, Any]]:
        """Return the refused versions that the registry's aliases point to still."""
        wanted = self.registry()[1].get(question, {})
        return [each for each in self.refused(question)
                if wanted.get(each.get("alias", CHAMPION)) == each["version"]]  # fmt: skip


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
