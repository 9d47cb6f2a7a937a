"""The puller: fetches what the aliases point to, verifies and tries it, and moves the pointers.

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
from serving.models.aliases import ALIASES, CANARY, CHAMPION, WHY_NOT, may_stand
from serving.models.bundles import RefusedBundleError, Statement, require
from serving.models.registry import MlflowRegistry, Registry, Standing
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
        self.refused_at: dict[tuple[str, str, str], float] = {}
        self.is_away = False

    def turn(self) -> list[str]:
        """Look at every question once; return those of which a pointer moved.

        A registry that is away changes nothing: the last good bundles go on answering.
        """
        moved, wanted = [], {}
        for question in QUESTIONS:
            try:
                standing = {each.alias: each for each in self.registry.standing(question)}
                self.is_away = False
                wanted[question] = {alias: each.version for alias, each in standing.items()}
                if not standing:
                    continue  # it says nothing of this question: whoever stands goes on
                # a list, for each place is looked at: any() would stop at the first that moved
                has_moved = [self.look(question, alias, standing.get(alias)) for alias in ALIASES]
                moved += [question] if any(has_moved) else []
            except UnavailableError as error:
                if not self.is_away:
                    log.warning("the registry is away; the last good models go on", extra={"why": str(error)})
                self.is_away = True
                return moved
        if any(wanted.values()) or self.shelf.registry()[1]:
            self.shelf.note_registry(wanted)
        return moved

    def look(self, question: str, alias: str, standing: Standing | None) -> bool:
        """Bring one place in step; say whether its pointer moved. A champion never goes without another one."""
        if standing is None:
            return alias != CHAMPION and self.shelf.clear(question, alias)
        pointer = self.shelf.pointer(question, alias)
        if pointer and pointer.current.is_of(standing.version, standing.run_id):
            return self.deal_out(standing, pointer.current, pointer.share)
        if self.shelf.is_held_back(question, standing.version, standing.run_id, alias):
            return False
        key = (question, alias, standing.version)
        if time.monotonic() - self.refused_at.get(key, float("-inf")) < RETRY_SECONDS:
            return False
        told = {"question": question, "version": standing.version, "alias": alias}
        try:
            self.adopt(standing)
        except RefusedBundleError as error:
            self.refused_at[key] = time.monotonic()
            self.shelf.refuse(question, standing.version, str(error), alias)
            log.error("refused", extra={**told, "why": str(error)})
            return False
        log.info("model verified", extra=told)
        return True

    def deal_out(self, standing: Standing, place: Place, share: float) -> bool:
        """Take up a canary's new share; what is no share leaves the old one. Say whether it changed."""
        try:
            wanted = self.share_of(standing)
        except RefusedBundleError:
            return False
        if wanted == share:
            return False
        self.shelf.point(standing.name, place, wanted)
        return True

    @staticmethod
    def share_of(standing: Standing) -> float:
        """Return the share of the people that a canary answers; 0 for who is none."""
        if standing.alias != CANARY:
            return 0.0
        try:
            share = float(standing.share)
        except ValueError:
            share = float("nan")
        require(0 < share < 1, "The registry says no share of the people for the canary.", standing.share)
        return share

    def adopt(self, standing: Standing) -> None:
        """Fetch, verify, try, shelve and point to a version; raise RefusedBundleError where it does not hold."""
        why_not = f"This question has no {standing.alias}: {WHY_NOT.get(standing.alias)}."
        require(may_stand(standing.name, standing.alias), why_not)
        share = self.share_of(standing)
        signature = self.registry.signature(standing)
        signed = verify_statement(
            signature, self.settings.trusted_folder, standing.signed_name, standing.version
        )
        place = Place(signed.version, signed.payload_digest, standing.run_id, standing.alias)
        if self.stands(standing, place, signature):
            write_whole(self.shelf.signature(standing.name, place), signature)
        else:
            self.fetch(standing, signed, signature)
        before = self.shelf.pointer(standing.name)
        is_way_back = bool(before and before.previous and before.previous.digest == place.digest)
        if self.prepare is not None and standing.alias == CHAMPION and not is_way_back:
            self.prepare(standing.name, place)
        self.shelf.accept(standing.name, standing.version, standing.alias)
        self.shelf.point(standing.name, place, share)

    def stands(self, standing: Standing, place: Place, signature: bytes) -> bool:
        """Say whether the shelf holds that very payload, unharmed: it was tried when it came, for whatever place."""
        payload = self.shelf.payload(standing.name, place)
        if not payload.is_dir():
            return False
        asked = (standing.signed_name, standing.version)
        trusted, limit = self.settings.trusted_folder, self.settings.bundle_limit_bytes
        try:
            verify_bundle(payload, signature, trusted, asked, limit)
        except RefusedBundleError:
            return False  # harmed since: it is fetched anew, and verified again
        return True

    def fetch(self, standing: Standing, signed: Statement, signature: bytes) -> None:
        """Bring a bundle onto the shelf, verified before it is parsed and tried before it is shelved."""
        self.shelf.folder.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self.shelf.folder))
        try:
            limit = self.settings.bundle_limit_bytes
            payload = self.registry.payload(standing, incoming, limit)
            asked = (standing.signed_name, standing.version)
            verify_bundle(payload, signature, self.settings.trusted_folder, asked, limit)
            seconds, memory = self.settings.trial_seconds, self.settings.trial_memory_bytes
            why_not = try_bundle(payload, seconds=seconds, memory_bytes=memory)
            if why_not:
                raise RefusedBundleError(f"Its trial failed: {why_not}.")
            place = self.shelf.put(standing.name, signed, payload, signature)
            self.write_metrics(standing, place)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def write_metrics(self, standing: Standing, place: Place) -> None:
        """Lay what was found of a model beside it, for the list of models; it answers without it too."""
        try:
            found = json.dumps(dict(self.registry.metrics(standing)))
        except UnavailableError:
            return
        target = self.shelf.signature(standing.name, place).with_name(f"{place.version}.metrics.json")
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
