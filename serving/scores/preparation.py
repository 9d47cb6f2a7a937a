"""Before a new model answers, everybody who has kept scores under the old one gets them under the new one."""

from __future__ import annotations

import logging
import subprocess
import sys

import sqlalchemy as sa

from features.records.store import open_store
from serving.models.bundles import RefusedBundleError
from serving.models.shelf import Place, Shelf
from serving.scores.kept import KeptScores
from serving.settings import ServingSettings

log = logging.getLogger("skillpath.preparation")


class Preparation:
    """Completes kept scores, in a process of its own.

    Parameters
    ----------
    settings : ServingSettings
        Where the records and the shelf are.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self.settings = settings
        self.shelf = Shelf(settings.bundles_folder)

    def __call__(self, question: str, place: Place) -> None:
        """Return once the place's scores are complete; raise RefusedBundleError where they cannot be."""
        waiting = self.waiting(question, place)
        if not waiting:
            return
        log.info("scoring before the swap", extra={"question": question, "people": waiting})
        command = [sys.executable, "-m", "serving.scores.preparation", question, place.version, place.digest]
        done = subprocess.run(command, check=False)  # noqa: S603 - this very program
        if done.returncode:
            raise RefusedBundleError("Its scores could not be computed.", found=f"exit {done.returncode}")

    def waiting(self, question: str, place: Place) -> int:
        """Return how many people have scores under the model that answers, and none under the new one."""
        pointer = self.shelf.pointer(question)
        if pointer is None or pointer.current.digest == place.digest:
            return 0
        store = open_store(self.settings.url, upgrade=False)
        kept = KeptScores(store)
        try:
            return len(kept.people(question, pointer.current.digest) - kept.people(question, place.digest))
        except sa.exc.SQLAlchemyError as error:
            log.warning("kept scores cannot be read", extra={"why": type(error).__name__})
            return 0
        finally:
            store.close()


def main(arguments: list[str]) -> int:
    """Score, under the bundle named, everybody who has no scores under it."""
    from serving.models.answering import Models
    from serving.opening import build_house
    from serving.scores.batch import CHUNK, everybody
    from serving.scores.recompute import keep_scores
    from serving.settings import read_settings

    question, version, digest = arguments
    settings = read_settings()
    shelf_models = Models(settings)
    models = Models()
    models.hold(shelf_models.load(question, Place(version, digest)))
    house = build_house(settings, models=models)
    standing = house.kept.people(question, digest)
    people = [person for person in everybody(house.store) if person not in standing]
    for start in range(0, len(people), CHUNK):
        keep_scores(house, question, people[start : start + CHUNK])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
