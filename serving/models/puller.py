"""The puller: fetches what the champion alias points to, verifies and tries it, and moves the pointer.

A process of its own beside the workers, so that neither the registry nor a damaged model can reach an answer.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from features.errors import SkillpathError, UnavailableError
from serving.http.logs import configure
from serving.models.bundles import RefusedBundleError, Statement
from serving.models.registry import Champion, MlflowRegistry, Registry
from serving.models.shelf import Place, Shelf, write_whole
from serving.models.trial import try_bundle
from serving.models.verification import verify_bundle, verify_statement
from serving.scores.preparation import Preparation
from serving.settings import QUESTIONS, ServingSettings, read_settings

log = logging.getLogger("skillpath.puller")

RETRY_SECONDS = 30.0  # a refused version is looked at again: its signature or its key may come later
ABANDONED_SECONDS = 3_600.0  # a fetch that has added nothing for so long was cut off
Prepare = Callable[[str, Place], None]


class Puller:
    """Keeps the shelf in step with the registry.

    Parameters
    ----------
    settings : ServingSettings
        Where the shelf and the trusted keys are, and what a bundle may cost.
    registry : Registry
        Asked for champions.
    prepare : callable, optional
        Called with (question, place) before the pointer moves: kept scores under the new model are completed.
    """

    def __init__(self, settings: ServingSettings, registry: Registry, prepare: Prepare | None = None) -> None:
        self.settings, self.registry, self.prepare = settings, registry, prepare
        self.shelf = Shelf(settings.bundles_folder)
        self.refused_at: dict[tuple[str, str], float] = {}
        self.is_away = False

    def turn(self) -> list[str]:
        """Look at every champion once; return the questions whose pointer moved.

        A registry that is away changes nothing: the last good bundles go on answering.
        """
        moved = []
        for question in QUESTIONS:
            try:
                moved += [question] if self.look(question) else []
                self.is_away = False
            except UnavailableError as error:
                if not self.is_away:
                    log.warning("the registry is away; the last good models go on", extra={"why": str(error)})
                self.is_away = True
                return moved
        return moved

    def look(self, question: str) -> bool:
        """Fetch a question's champion where it is another one than answers; say whether the pointer moved."""
        champion = self.registry.champion(question)
        pointer = self.shelf.pointer(question)
        if champion is None or (pointer and pointer.current.is_of(champion.version, champion.run_id)):
            return False
        if self.shelf.is_held_back(question, champion.version, champion.run_id):
            return False
        tried_at = self.refused_at.get((question, champion.version), float("-inf"))
        if time.monotonic() - tried_at < RETRY_SECONDS:
            return False
        try:
            self.adopt(champion)
        except RefusedBundleError as error:
            self.refused_at[question, champion.version] = time.monotonic()
            self.shelf.refuse(question, champion.version, str(error))
            log.error("refused", extra={"question": question, "version": champion.version, "why": str(error)})
            return False
        log.info("model verified", extra={"question": question, "version": champion.version})
        return True

    def adopt(self, champion: Champion) -> None:
        """Fetch, verify, try, shelve and point to a champion; raise RefusedBundleError where it does not hold."""
        signature = self.registry.signature(champion)
        trusted, limit = self.settings.trusted_folder, self.settings.bundle_limit_bytes
        signed = verify_statement(signature, trusted, champion.name, champion.version)
        place = Place(signed.version, signed.payload_digest, champion.run_id)
        if self.shelf.has(champion.name, place):
            asked = (champion.name, champion.version)
            verify_bundle(self.shelf.payload(champion.name, place), signature, trusted, asked, limit)
            write_whole(self.shelf.signature(champion.name, place), signature)
        else:
            self.fetch(champion, signed, signature)
        if self.prepare is not None:
            self.prepare(champion.name, place)
        self.shelf.accept(champion.name, champion.version)
        self.shelf.point(champion.name, place)

    def fetch(self, champion: Champion, signed: Statement, signature: bytes) -> None:
        """Bring a bundle onto the shelf, verified before it is parsed and tried before it is shelved."""
        self.shelf.folder.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self.shelf.folder))
        try:
            limit = self.settings.bundle_limit_bytes
            payload = self.registry.payload(champion, incoming, limit)
            asked = (champion.name, champion.version)
            verify_bundle(payload, signature, self.settings.trusted_folder, asked, limit)
            seconds, memory = self.settings.trial_seconds, self.settings.trial_memory_bytes
            why_not = try_bundle(payload, seconds=seconds, memory_bytes=memory)
            if why_not:
                raise RefusedBundleError(f"Its trial failed: {why_not}.")
            place = self.shelf.put(champion.name, signed, payload, signature)
            self.write_metrics(champion, place)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def write_metrics(self, champion: Champion, place: Place) -> None:
        """Lay what was found of a model beside it, for the list of models; it answers without it too."""
        try:
            found = json.dumps(dict(self.registry.metrics(champion)))
        except UnavailableError:
            return
        target = self.shelf.signature(champion.name, place).with_name(f"{place.version}.metrics.json")
        write_whole(target, found.encode())


def clean_incoming(shelf: Shelf) -> None:
    """Remove what a fetch that was cut off left behind; a young one may be another process's that still runs."""
    for left in shelf.folder.glob(".incoming-*"):
        with contextlib.suppress(FileNotFoundError):  # its own process was quicker
            if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def run(settings: ServingSettings, *, is_once: bool, parent_left: Callable[[], bool]) -> None:
    """Turn until the parent process has left, or once."""
    puller = Puller(settings, MlflowRegistry(settings.registry_uri), Preparation(settings))
    clean_incoming(puller.shelf)
    while True:
        try:
            puller.turn()
        except (SkillpathError, OSError):
            log.exception("a turn failed")
        if is_once:
            return
        ends = time.monotonic() + settings.pull_seconds
        while time.monotonic() < ends:
            if parent_left():
                return
            time.sleep(min(0.2, settings.pull_seconds))


def main(arguments: list[str]) -> int:
    """Turn for as long as the process named by its id is this one's parent; `--once` turns once."""
    settings = read_settings()
    configure(settings.log_level)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which then ends this process
    parent = int(arguments[0]) if arguments and arguments[0].isdigit() else 0
    run(settings, is_once="--once" in arguments, parent_left=lambda: parent not in (0, os.getppid()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
